"""Write the sample shop: `catalog.jsonl` and its media files, in the import format."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tools.sample_shop import texts
from tools.sample_shop.assortment import choose_designs
from tools.sample_shop.design import Bilingual, ProductDesign
from tools.sample_shop.materials import MATERIALS
from tools.sample_shop.model import add_point_cloud
from tools.sample_shop.palette import choose_backdrop
from tools.sample_shop.product_types import PRODUCT_TYPES_BY_KEY
from tools.sample_shop.render import render_photo
from tools.sample_shop.sounds import SOUNDS, write_sound
from tools.sample_shop.turntable import SIZE as CLIP_SIZE
from tools.sample_shop.turntable import write_turntable

SIZE = 384
QUALITY = 88
SOUNDS_PER_TYPE = {"bell": 3, "kettle": 2, "drum": 3, "xylophone": 3, "duck": 2, "clock": 2}
"""Number of products of a type that have a sound."""
TYPES_WITH_VIDEO = frozenset({"mug", "teapot", "plant", "chair", "sofa", "clock", "car", "duck"})
"""Types whose first product has a turntable video."""

Row = dict[str, Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Job:
    """The unit of work of a process: pictures and clips of one product, under `out`."""

    design: ProductDesign
    row: Row
    out: Path
    size: int


def write_sample_shop(
    out: Path,
    *,
    seed: int = 7,
    products: int = 320,
    clips: bool = True,
    progress: Progress | None = None,
    workers: int = 2,
    size: int = SIZE,
) -> Path:
    """Draw a shop into `out` and return the path of its `catalog.jsonl`.

    The bytes depend on `seed`, `products`, `clips` and `size` alone, not on `workers`. `progress`
    is called with the number of finished products and of all products. `size` is the width and
    height of the pictures in pixels.
    """
    out.mkdir(parents=True, exist_ok=True)
    jobs = [
        _Job(design, row, out, size)
        for design, row in zip(*plan_sample_shop(seed, products, clips), strict=True)
    ]
    for job in jobs:
        (out / "media" / job.design.type_key).mkdir(parents=True, exist_ok=True)
    for done, _ in enumerate(_draw_all(jobs, workers), start=1):
        if progress is not None:
            progress(done, products)
    catalog = out / "catalog.jsonl"
    catalog.write_text(
        "".join(json.dumps(job.row, ensure_ascii=False) + "\n" for job in jobs), encoding="utf-8"
    )
    return catalog


def _draw_all(jobs: list[_Job], workers: int) -> Iterator[None]:
    if workers <= 1:
        yield from map(_draw_product, jobs)
        return
    # Spawn, not fork: a forked child would hang on a lock that a thread of the caller holds.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_draw_product, jobs, chunksize=2)


def _draw_product(job: _Job) -> None:
    model = add_point_cloud(PRODUCT_TYPES_BY_KEY[job.design.type_key].build(job.design))
    paper = choose_backdrop(job.design.colour, job.design.number)
    media = job.out / "media"
    for view, name in zip(model.views, job.row["images"], strict=True):
        picture = Image.fromarray(render_photo(model, view, paper, job.size))
        picture.save(media / name, quality=QUALITY, subsampling=0)
    for name in job.row["audio"]:
        write_sound(job.design.type_key, job.design.number, media / name)
    for name in job.row["video"]:
        write_turntable(model, paper, media / name, size=min(job.size, CLIP_SIZE))


def plan_sample_shop(
    seed: int, products: int, clips: bool
) -> tuple[list[ProductDesign], list[Row]]:
    """Return the designs of a shop and their catalogue rows; draw nothing."""
    designs = choose_designs(seed, products)
    rng = np.random.default_rng([seed, 99])
    counts: dict[str, int] = {}
    rows = []
    for design, (english, chinese) in zip(designs, texts.make_titles(designs, seed), strict=True):
        counts[design.type_key] = place = counts.get(design.type_key, 0) + 1
        rows.append(_make_row(design, place, (english, chinese), clips, rng))
    return designs, rows


def _make_row(
    design: ProductDesign,
    place: int,
    title: Bilingual,
    clips: bool,
    rng: np.random.Generator,
) -> Row:
    product_type = PRODUCT_TYPES_BY_KEY[design.type_key]
    sku = f"{product_type.prefix}-{place:04d}"
    stem = f"{design.type_key}/{sku.lower()}"
    return {
        "sku": sku,
        "title": title[0],
        "title_zh": title[1],
        "description": texts.describe_in_english(design),
        "description_zh": texts.describe_in_chinese(design),
        "brand": texts.BRANDS[int(rng.integers(len(texts.BRANDS)))],
        "category": f"{product_type.department[0]} > {product_type.category[0]}",
        "category_zh": f"{product_type.department[1]} > {product_type.category[1]}",
        "price": _choose_price(design, rng),
        "currency": "EUR",
        "stock": 0 if rng.random() < 0.07 else int(rng.integers(1, 140)),
        "language": "en",
        "images": [f"{stem}-1.jpg", f"{stem}-2.jpg"],
        "audio": [f"{stem}.wav"]
        if clips and design.type_key in SOUNDS and place <= SOUNDS_PER_TYPE[design.type_key]
        else [],
        "video": [f"{stem}.mp4"]
        if clips and design.type_key in TYPES_WITH_VIDEO and place == 1
        else [],
        "attributes": texts.product_attributes(design),
    }


def _choose_price(design: ProductDesign, rng: np.random.Generator) -> str:
    """Draw a price from the type's range; it rises with the size and the material."""
    low, high = PRODUCT_TYPES_BY_KEY[design.type_key].price
    raw = (
        float(rng.uniform(low, high)) * (1 + 0.18 * design.size) * MATERIALS[design.material].factor
    )
    ending = ("0.90", "0.50", "0.95")[int(rng.integers(3))]
    return f"{int(raw)}{ending[1:]}" if raw < 100 else f"{round(raw / 5) * 5 - 1}.00"
