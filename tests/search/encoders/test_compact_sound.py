"""The sound side of the bundled encoder: fast tests on drawn sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from search.config import EngineSettings
from search.encoders.compact import audio, sound_tower
from search.encoders.compact.engine import CompactEncoder, load
from search.encoders.compact.sound_head import SoundHead, load_sound_head, save_sound_head
from search.encoders.compact.sound_network import FEATURES
from search.encoders.compact.sound_tower import FORMAT, SoundTower
from search.encoders.compact.spectrogram import BANDS, RATE, log_mel, samples_of
from search.encoders.device import Runtime
from search.encoders.presets import EARS, SOUND_HEAD, Preset, load_preset
from search.encoders.protocol import AudioEncoder, Waveform
from search.errors import InvalidWeights
from search.files import file_sha256
from search.media.audio import open_audio
from search.media.audio_windows import cut_audio_windows
from search.media.limits import ClipLimits
from search.types import Modality, TextRole
from tools.sample_shop.sounds import write_sound

LARGEST = 4_000_000
LIMITS = ClipLimits(max_bytes=1_000_000, max_seconds=10)
RNG = np.random.default_rng(0)


def tone(hertz: float, seconds: float) -> Waveform:
    return (np.sin(np.arange(round(seconds * RATE)) * 2 * np.pi * hertz / RATE) * 0.3).astype(
        np.float32
    )


def noise(seconds: float) -> Waveform:
    return (RNG.standard_normal(round(seconds * RATE)) * 0.1).astype(np.float32)


def with_checksums(**checksums: str) -> Preset:
    preset = load_preset("compact")
    return preset.model_copy(update={"checksums": preset.checksums | checksums})


def test_spectrogram_has_the_published_shape_and_bands() -> None:
    found = log_mel(tone(1000, 0.975))
    assert found.shape == (96, BANDS) and found.dtype == np.float32
    # 1127 ln(1 + f / 700) puts 1000 Hz 0.308 of the way from 125 to 7500 Hz: band 19 of 64, counted
    # from 0.
    assert set(found.argmax(axis=1).tolist()) == {19}
    assert log_mel(np.zeros(samples_of(3), np.float32)) == pytest.approx(np.log(0.001))


def test_sounds_become_unit_vectors_of_the_space(compact: CompactEncoder) -> None:
    assert isinstance(compact, AudioEncoder)
    assert compact.space.modalities >= {Modality.AUDIO, Modality.VIDEO}
    batch = [
        compact.prepare_audio(sound)
        for sound in (noise(FORMAT.window_s), tone(440, 0.2), noise(1.4))
    ]
    assert [len(patches) for patches in batch] == [2, 1, 2]
    vectors = compact.encode_audio(batch)
    assert vectors.shape == (3, compact.space.dim) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert compact.encode_audio([]).shape == (0, compact.space.dim)


def test_a_vector_depends_on_its_window_alone(compact: CompactEncoder) -> None:
    batch = [compact.prepare_audio(noise(seconds)) for seconds in (1.9, 0.5, 1.9)]
    features = compact.audio_features(batch)
    assert features.shape == (3, FEATURES) and features.dtype == np.float16
    assert np.array_equal(compact.encode_audio(batch), compact.project_audio(features))
    assert np.allclose(
        compact.encode_audio(batch[1:2])[0], compact.encode_audio(batch)[1], atol=5e-3
    )


@pytest.mark.parametrize(
    "samples", [0, 1, 399, 15_600, 15_601, 31_000, sound_tower.samples_of(192)]
)
def test_windows_of_any_length_are_prepared(samples: int) -> None:
    prepared = sound_tower.prepare(np.full(samples, 0.1, np.float32))
    assert (
        prepared.shape == (1 if samples < samples_of(97) else 2, 96, BANDS)
        and np.isfinite(prepared).all()
    )


def test_words_for_sounds_that_no_training_showed_find_them(
    compact: CompactEncoder, tmp_path: Path
) -> None:
    heard = []
    for kind in ("drum", "bell"):
        write_sound(kind, 1, tmp_path / f"{kind}.wav")
        reader = open_audio(tmp_path / f"{kind}.wav", LIMITS, RATE)
        windows = [compact.prepare_audio(window) for _, window in cut_audio_windows(reader, FORMAT)]
        heard.append(compact.encode_audio(windows))
    for number, words in enumerate(("someone plays the drums", "a bell rings")):
        asked = compact.encode_texts([words], TextRole.QUERY)[0]
        assert int(np.argmax([(windows @ asked).max() for windows in heard])) == number, words


def test_the_sound_side_is_small_and_loaded_only_to_hear() -> None:
    assert audio.TOWER.stat().st_size + audio.HEAD.stat().st_size <= LARGEST
    encoder = load(load_preset("compact"), EngineSettings(device="cpu"))
    encoder.encode_texts(["a dog barks"], TextRole.QUERY)
    assert not encoder.audio.tower.loaded and not encoder.audio.head.loaded
    encoder.encode_audio([encoder.prepare_audio(noise(1))])
    assert encoder.audio.tower.loaded and not encoder.towers.pictures.loaded


def test_other_ears_leave_stored_pictures_valid_and_make_another_space() -> None:
    preset, ears, head = (
        load_preset("compact"),
        with_checksums(sounds="x"),
        with_checksums(sound_head="x"),
    )
    assert preset.tower_id("f") == ears.tower_id("f") == head.tower_id("f")
    assert preset.audio_tower_id("f") == head.audio_tower_id("f") != ears.audio_tower_id("f")
    assert len({each.space().fingerprint for each in (preset, ears, head)}) == 3


@pytest.mark.parametrize("name", [EARS, SOUND_HEAD])
def test_weights_that_are_not_the_presets_are_refused(name: str) -> None:
    encoder = load(with_checksums(**{name: "0" * 64}), EngineSettings(device="cpu"))
    with pytest.raises(InvalidWeights, match="is not the one that the preset names"):
        encoder.encode_audio([encoder.prepare_audio(noise(1))])


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    save_file({"words": torch.zeros(2, 384)}, tmp_path / "other.safetensors")
    with pytest.raises(InvalidWeights, match="holds no sound head"):
        load_sound_head(tmp_path / "other.safetensors")
    with pytest.raises(InvalidWeights, match="does not fit the sound network"):
        SoundTower(tmp_path / "other.safetensors", Runtime(torch.device("cpu"), torch.float32))


def test_a_head_is_stored_and_read_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    head = SoundHead(7, 3).eval()
    head.words.normal_()
    torch.nn.init.normal_(head.outer.weight)
    for path in (tmp_path / "a.safetensors", tmp_path / "b.safetensors"):
        save_sound_head(path, head)
    assert file_sha256(tmp_path / "a.safetensors") == file_sha256(tmp_path / "b.safetensors")
    features = torch.rand(4, FEATURES)
    with torch.no_grad():
        assert torch.allclose(
            load_sound_head(tmp_path / "a.safetensors")(features), head(features), atol=0.05
        )
