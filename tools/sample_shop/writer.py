"""Writing the sample shop: `catalog.jsonl` and the media it names, ready for the ordinary
import.
"""

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

from tools.sample_shop import copy
from tools.sample_shop.assortment import designs
from tools.sample_shop.materials import STUFFS
from tools.sample_shop.model import measured
from tools.sample_shop.palette import backdrop_for
from tools.sample_shop.product_types import BY_KEY
from tools.sample_shop.render import photograph
from tools.sample_shop.sounds import SOUNDS, write_sound
from tools.sample_shop.spec import Spec
from tools.sample_shop.turntable import SIZE as CLIP_SIZE
from tools.sample_shop.turntable import write_turntable

SIZE = 384
QUALITY = 88
HEARD = {"bell": 3, "kettle": 2, "drum": 3, "xylophone": 3, "duck": 2, "clock": 2}
"""How many products of a kind come with their sound."""
TURNED = frozenset({"mug", "teapot", "plant", "chair", "sofa", "clock", "car", "duck"})
"""Kinds whose first product comes with a turntable video."""

Row = dict[str, Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Job:
    """What one worker draws: a product's pictures and clips under `out`."""

    spec: Spec
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

    The same seed, count and size give the same bytes, whatever `workers` is. `progress` is
    called with how many of the products are done and how many there are. `size` is the width and
    height of the pictures in pixels.
    """
    out.mkdir(parents=True, exist_ok=True)
    jobs = [
        _Job(spec, row, out, size)
        for spec, row in zip(*planned(seed, products, clips), strict=True)
    ]
    for job in jobs:
        (out / "media" / job.spec.kind).mkdir(parents=True, exist_ok=True)
    for done, _ in enumerate(_drawn(jobs, workers), start=1):
        if progress is not None:
            progress(done, products)
    catalog = out / "catalog.jsonl"
    catalog.write_text(
        "".join(json.dumps(job.row, ensure_ascii=False) + "\n" for job in jobs), encoding="utf-8"
    )
    return catalog


def _drawn(jobs: list[_Job], workers: int) -> Iterator[None]:
    if workers <= 1:
        yield from map(_draw, jobs)
        return
    # Spawned, not forked: the caller may hold threads, and locks copied in the middle of use hang a
    # child.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_draw, jobs, chunksize=2)


def _draw(job: _Job) -> None:
    model = measured(BY_KEY[job.spec.kind].build(job.spec))
    paper = backdrop_for(job.spec.colour, job.spec.number)
    media = job.out / "media"
    for view, name in zip(model.views, job.row["images"], strict=True):
        picture = Image.fromarray(photograph(model, view, paper, job.size))
        picture.save(media / name, quality=QUALITY, subsampling=0)
    for name in job.row["audio"]:
        write_sound(job.spec.kind, job.spec.number, media / name)
    for name in job.row["video"]:
        write_turntable(model, paper, media / name, size=min(job.size, CLIP_SIZE))


def planned(seed: int, products: int, clips: bool) -> tuple[list[Spec], list[Row]]:
    """What the shop will hold, before anything is drawn: the designs and their rows of the
    catalogue.
    """
    specs = designs(seed, products)
    rng = np.random.default_rng([seed, 99])
    counts: dict[str, int] = {}
    rows = []
    for spec, (english, chinese) in zip(specs, copy.titles(specs, seed), strict=True):
        counts[spec.kind] = place = counts.get(spec.kind, 0) + 1
        rows.append(_row(spec, place, english, chinese, clips, rng))
    return specs, rows


def _row(
    spec: Spec, place: int, english: str, chinese: str, clips: bool, rng: np.random.Generator
) -> Row:
    kind = BY_KEY[spec.kind]
    sku = f"{kind.prefix}-{place:04d}"
    stem = f"{spec.kind}/{sku.lower()}"
    return {
        "sku": sku,
        "title": english,
        "title_zh": chinese,
        "description": copy.description_en(spec),
        "description_zh": copy.description_zh(spec),
        "brand": copy.BRANDS[int(rng.integers(len(copy.BRANDS)))],
        "category": f"{kind.department[0]} > {kind.category[0]}",
        "category_zh": f"{kind.department[1]} > {kind.category[1]}",
        "price": _price(spec, rng),
        "currency": "EUR",
        "stock": 0 if rng.random() < 0.07 else int(rng.integers(1, 140)),
        "language": "en",
        "images": [f"{stem}-1.jpg", f"{stem}-2.jpg"],
        "audio": [f"{stem}.wav"]
        if clips and spec.kind in SOUNDS and place <= HEARD[spec.kind]
        else [],
        "video": [f"{stem}.mp4"] if clips and spec.kind in TURNED and place == 1 else [],
        "attributes": copy.attributes(spec),
    }


def _price(spec: Spec, rng: np.random.Generator) -> str:
    """Within the kind's range, dearer for larger sizes and better materials, with a shop's
    ending.
    """
    low, high = BY_KEY[spec.kind].price
    raw = float(rng.uniform(low, high)) * (1 + 0.18 * spec.size) * STUFFS[spec.stuff].factor
    ending = ("0.90", "0.50", "0.95")[int(rng.integers(3))]
    return f"{int(raw)}{ending[1:]}" if raw < 100 else f"{round(raw / 5) * 5 - 1}.00"
