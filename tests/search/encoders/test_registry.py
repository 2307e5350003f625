from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from search.config import EngineSettings
from search.encoders.presets import load_preset, preset_names
from search.encoders.registry import load_encoder, space_of
from search.errors import ConfigError, UnknownPreset, WeightsMissing
from search.types import Modality


def test_every_preset_reads_and_names_itself() -> None:
    names = preset_names()
    assert "compact" in names and len(names) >= 8
    for name in names:
        preset = load_preset(name)
        assert preset.name == name
        assert preset.modalities >= {Modality.TEXT, Modality.PICTURE}
        assert preset.checksums or preset.hub, (
            f"{name} says neither what is shipped nor where weights are fetched"
        )


def test_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(UnknownPreset, match=r"Known presets: .*compact"):
        load_encoder(EngineSettings(preset="../compact"))


def test_wrong_preset_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"name": "mine", "engine": "compact", "surprise": 1}')
    with pytest.raises(ConfigError, match="surprise"):
        load_preset("mine", tmp_path)


def test_space_is_known_without_loading_and_is_the_encoders() -> None:
    settings = EngineSettings(device="cpu")
    space = space_of(settings)
    assert space == load_encoder(settings).space
    assert space.preset == "compact" and space.dim == 384
    assert len(space.fingerprint) == 16 and int(space.fingerprint, 16)


def test_fingerprint_follows_weights_and_revision() -> None:
    preset = load_preset("compact")
    others = [
        preset.model_copy(update={"revision": preset.revision + 1}),
        preset.model_copy(update={"checksums": preset.checksums | {"heads": "0" * 64}}),
    ]
    assert len({preset.space().fingerprint, *(other.space().fingerprint for other in others)}) == 3


def test_space_costs_no_torch() -> None:
    code = (
        "import sys; from search.config import EngineSettings; from search.encoders.registry import space_of;"
        "space_of(EngineSettings()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("preset", [name for name in preset_names() if name != "compact"])
def test_missing_weights_say_how_to_fetch_them(preset: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing) as caught:
        load_encoder(EngineSettings(preset=preset, weights_dir=tmp_path))
    assert f"hf download {load_preset(preset).hub} " in caught.value.fix
    assert f"--local-dir {tmp_path / preset}" in caught.value.fix
