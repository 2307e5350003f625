from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.config import EngineSettings
from search.encoders.compact.engine import load
from search.encoders.presets import FOLDER, load_preset
from search.tuning.provenance import read_record
from tools.training.compact import main

COLOURS = {
    "red": (200, 30, 40),
    "blue": (30, 60, 200),
    "green": (40, 160, 60),
    "white": (240, 240, 240),
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of twelve pictures in four colours, one of which an evaluation uses."""
    folder = tmp_path / "data" / "paper"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (folder / "items.jsonl").open("w") as rows:
        for number, (name, colour) in enumerate([*COLOURS.items()] * 3):
            noise = rng.integers(-20, 20, (48, 48, 3))
            Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(
                folder / f"{number}.png"
            )
            rows.write(
                json.dumps(
                    {"path": f"{number}.png", "texts": [f"{name} paper"], "group": number % 6}
                )
                + "\n"
            )
    evaluation = tmp_path / "data" / "eval" / "sheets"
    evaluation.mkdir(parents=True)
    (evaluation / "catalog.csv").write_text("sku,title,images\n1,sheet,../../paper/0.png\n")
    (evaluation / "queries.jsonl").write_text("")
    return tmp_path / "data"


def test_the_command_writes_heads_with_their_record_and_their_checksum(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = tmp_path / "presets" / "compact.json"
    preset.parent.mkdir()
    shutil.copy(FOLDER / "compact.json", preset)
    command = [
        "--data",
        str(data),
        "--extra",
        str(data / "paper"),
        "--cache",
        str(tmp_path / "cache"),
        "--checkpoint",
        str(tmp_path / "checkpoint"),
        "--preset",
        str(preset),
        "--epochs",
        "2",
        "--text-variations",
        "2",
        "--views",
        "whole",
        "centre",
    ]
    main([*command, "--out", str(tmp_path / "first.safetensors")])
    assert "11 pictures to train on" in capsys.readouterr().out
    record = read_record(tmp_path / "first.safetensors")
    assert record["folders"]["paper"]["pictures"] == 11 and record["pairs"]["groups"] == 6
    assert record["views"] == ["whole", "centre"] and record["pairs"]["views"] == 2
    assert record["text_variations"]["copies"] == 2 and record["pairs"]["texts"] > 4
    assert record["towers"].keys() == {"pictures", "texts"} and record["recipe"]["epochs"] == 2
    encoder = load(
        load_preset("compact", preset.parent),
        EngineSettings(device="cpu"),
        tmp_path / "first.safetensors",
    )
    assert encoder.projection_heads[0].classes is not None and record["class_texts"]
    assert encoder.space.fingerprint != load_preset("compact").make_space().fingerprint
    main([*command, "--out", str(tmp_path / "second.safetensors")])
    assert (tmp_path / "second.safetensors").read_bytes() == (
        tmp_path / "first.safetensors"
    ).read_bytes()
