"""Videos are found by the encoder alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.config import EngineSettings
from search.encoders.registry import load_encoder
from search.evaluation.encoder_eval import encode_video, evaluate_encoder
from search.evaluation.folder import read_folder
from search.evaluation.results import summarise
from tests.support.films import plain, write_film
from tests.support.paths import DATA

FOLDER = DATA / "eval" / "video-by-words"


def test_a_video_is_found_by_the_colour_it_shows(tmp_path: Path) -> None:
    encoder = load_encoder(EngineSettings(threads=1))
    for name, colour in (("red", (220, 10, 10)), ("blue", (10, 10, 220))):
        shots = [(at / 2, plain(colour if at >= 4 else (240, 240, 240))) for at in range(8)]
        write_film(tmp_path / f"{name}.mp4", shots)
        Image.fromarray(plain(colour)).save(tmp_path / f"{name}.png")
    rows = [f"{name},{name},,,{name}.mp4" for name in ("red", "blue")]
    (tmp_path / "catalog.csv").write_text("\n".join(["sku,title,images,audio,video", *rows]))
    queries = [{"id": name, "image": f"{name}.png", "relevant": [name]} for name in ("red", "blue")]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    assert encode_video(tmp_path / "red.mp4", encoder).shape == (3, encoder.space.dim)
    found = summarise([each.result for each in evaluate_encoder(read_folder(tmp_path), encoder)])
    assert found["hit@1"] == 1.0


@pytest.mark.data
@pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the development data")
def test_real_clips_are_found_by_words() -> None:
    encoder = load_encoder(EngineSettings(threads=1))
    found = summarise([each.result for each in evaluate_encoder(read_folder(FOLDER), encoder)])
    assert found["hit@1"] >= 0.55
    assert found["hit@5"] >= 0.85
    assert np.isfinite(found["mAP"])
