"""An installation with two models on disk: `untaught` is in use, `taught` knows what colours
look like."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image, ImageDraw

from search.config import engine_settings
from search.encoders import registry
from search.encoders.presets import load_preset
from search.encoders.sanity_check import COLOURS
from search.evaluation.folder import EvaluationQuery, read_queries
from tests.search.encoders.tiny_open_clip import SIGLIP, tiny_preset, write_checkpoint
from tests.support.catalogue import add_product
from webapp.retrieval import models_runtime

SAID = {colour: f"a photo of a {colour} square" for colour in COLOURS}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `presets` and `weights`. `broken` was never trained, and says that it was."""
    root = tmp_path_factory.mktemp("models")
    (root / "presets").mkdir()
    text = cast("dict[str, object]", SIGLIP["text_cfg"])
    smaller = SIGLIP | {"text_cfg": text | {"width": 32}}
    for name, configuration in (
        ("taught", SIGLIP),
        ("untaught", SIGLIP),
        ("other", smaller),
        ("broken", SIGLIP),
    ):
        preset = tiny_preset(name=name, sanity_check=name == "broken")
        (root / "presets" / f"{name}.json").write_text(preset.model_dump_json())
        write_checkpoint(root / "weights" / name, configuration, trained=name == "taught")
    return root


@pytest.fixture(autouse=True)
def shop(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation of its own, whose configured preset is `untaught`."""
    monkeypatch.setattr(
        registry, "load_preset", functools.partial(load_preset, folder=models / "presets")
    )
    monkeypatch.setenv("OMNISHELF_WEIGHTS_DIR", str(models / "weights"))
    monkeypatch.setenv("OMNISHELF_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("OMNISHELF_PRESET", "untaught")
    monkeypatch.setattr(models_runtime, "_watcher", models_runtime.ActiveModelWatcher())
    _forget()
    yield
    models_runtime.wait_until_current()
    _forget()


def _forget() -> None:
    engine_settings.cache_clear()
    models_runtime.base_space.cache_clear()
    models_runtime._encoders.clear()


@pytest.fixture
def golden(tmp_path: Path) -> tuple[EvaluationQuery, ...]:
    """Every colour should find its squares."""
    lines = [
        {"text": said, "relevant": [f"{colour}-{n}" for n in range(4)]}
        for colour, said in SAID.items()
    ]
    path = tmp_path / "golden.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_queries(path)


def square(colour: str, seed: int) -> bytes:
    """A PNG of a square in one colour on grey, a little different for every seed."""
    rng = np.random.default_rng(seed)
    left, top = int(rng.integers(40, 56)), int(rng.integers(40, 56))
    side = int(rng.integers(150, 170))
    picture = Image.new("RGB", (256, 256), "grey")
    ImageDraw.Draw(picture).rectangle((left, top, left + side, top + side), fill=colour)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def add_square(sku: str, colour: str, seed: int) -> None:
    """A product that nothing but its picture tells about."""
    add_product(
        sku,
        title=sku,
        pictures=[square(colour, seed)],
        space=models_runtime.active_space().fingerprint,
    )


def fill_shop() -> None:
    """Four squares of each colour, encoded and indexed."""
    from indexer.encoding.run import encode_queued
    from indexer.index.compaction import build_generation

    for number, colour in enumerate(COLOURS):
        for n in range(4):
            add_square(f"{colour}-{n}", colour, 10 * number + n)
    encode_queued()
    build_generation()
