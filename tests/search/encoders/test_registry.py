from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from search.config import EngineSettings
from search.encoders.compact.audio_tower import FEATURES_ID
from search.encoders.compact.pooling import FEATURES
from search.encoders.presets import derive_tuned_space, load_preset, preset_names
from search.encoders.registry import load_encoder, resolve_space
from search.errors import ConfigError, UnknownPreset, WeightsMissing
from search.types import Modality


def test_every_preset_file_is_valid() -> None:
    names = preset_names()
    assert "compact" in names and len(names) >= 8
    for name in names:
        preset = load_preset(name)
        assert preset.name == name
        assert preset.modalities >= {Modality.TEXT, Modality.PICTURE}
        assert preset.checksums or preset.hub, (
            f"{name} says neither what is shipped nor where weights are fetched"
        )


def test_unknown_preset_is_refused_with_the_known_names() -> None:
    with pytest.raises(UnknownPreset, match=r"Known presets: .*compact"):
        load_encoder(EngineSettings(preset="../compact"))


def test_wrong_preset_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"name": "mine", "engine": "compact", "surprise": 1}')
    with pytest.raises(ConfigError, match="surprise"):
        load_preset("mine", tmp_path)


def test_the_resolved_space_is_that_of_the_encoder() -> None:
    settings = EngineSettings(device="cpu")
    space = resolve_space(settings)
    assert space == load_encoder(settings).space
    assert space.preset == "compact" and space.dim == 384
    assert len(space.fingerprint) == 16 and int(space.fingerprint, 16)


def test_fingerprint_follows_weights_and_revision() -> None:
    preset = load_preset("compact")
    others = [
        preset.model_copy(update={"revision": preset.revision + 1}),
        preset.model_copy(update={"checksums": preset.checksums | {"heads": "0" * 64}}),
    ]
    fingerprints = {each.make_space().fingerprint for each in (preset, *others)}
    assert len(fingerprints) == 3


def test_fingerprints_do_not_change_between_versions() -> None:
    """Installations have stored vectors and features under these names."""
    names = ("pictures", "texts", "heads", "sounds", "sound_head")
    preset = load_preset("compact").model_copy(update={"checksums": {name: name for name in names}})
    space = preset.make_space()
    assert space.fingerprint == "f2a4b420a19e5374"
    assert derive_tuned_space(space, "tuned").fingerprint == "edd38d56152a1b4d"
    assert preset.tower_id(f"{FEATURES}") == "5d57818f7762f1af"
    assert preset.audio_tower_id(FEATURES_ID) == "b41f84abc8c8fbc6"


def test_resolving_a_space_does_not_import_torch() -> None:
    code = (
        "import sys; from search.config import EngineSettings;"
        "from search.encoders.registry import resolve_space;"
        "resolve_space(EngineSettings()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("preset", [name for name in preset_names() if name != "compact"])
def test_missing_weights_are_reported_with_the_download_command(
    preset: str, tmp_path: Path
) -> None:
    with pytest.raises(WeightsMissing) as caught:
        load_encoder(EngineSettings(preset=preset, weights_dir=tmp_path))
    assert f"hf download {load_preset(preset).hub} " in caught.value.fix
    assert f"--local-dir {tmp_path / preset}" in caught.value.fix
