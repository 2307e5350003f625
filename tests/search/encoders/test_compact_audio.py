"""The audio branch of the compact encoder: fast tests on synthetic sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from search.config import EngineSettings
from search.encoders.compact import audio
from search.encoders.compact.audio import AudioHead, load_audio_head, save_audio_head
from search.encoders.compact.audio_tower import AUDIO_FORMAT, FEATURES, AudioTower, prepare_audio
from search.encoders.compact.engine import CompactEncoder, load
from search.encoders.compact.spectrogram import BANDS, RATE, count_samples, log_mel
from search.encoders.device import Runtime
from search.encoders.lazy import Lazy
from search.encoders.presets import AUDIO_HEAD, AUDIO_TOWER, Preset, load_preset
from search.encoders.protocol import AudioEncoder
from search.errors import InvalidWeights
from search.files import file_sha256
from search.media.audio import open_audio
from search.media.audio_windows import cut_audio_windows
from search.media.limits import ClipLimits
from search.types import Modality, TextRole, Waveform
from tools.sample_shop.sounds import write_sound

MAX_BYTES = 4_000_000
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
    assert log_mel(np.zeros(count_samples(3), np.float32)) == pytest.approx(np.log(0.001))


def test_sounds_become_unit_vectors_of_the_space(compact: CompactEncoder) -> None:
    assert isinstance(compact, AudioEncoder)
    assert compact.space.modalities >= {Modality.AUDIO, Modality.VIDEO}
    batch = [
        compact.prepare_audio(sound)
        for sound in (noise(AUDIO_FORMAT.window_s), tone(440, 0.2), noise(1.4))
    ]
    assert [len(patches) for patches in batch] == [2, 1, 2]
    vectors = compact.encode_audio(batch)
    assert vectors.shape == (3, compact.space.dim) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert compact.encode_audio([]).shape == (0, compact.space.dim)


def test_a_vector_depends_only_on_its_window(compact: CompactEncoder) -> None:
    batch = [compact.prepare_audio(noise(seconds)) for seconds in (1.9, 0.5, 1.9)]
    features = compact.audio_features(batch)
    assert features.shape == (3, FEATURES) and features.dtype == np.float16
    assert np.array_equal(compact.encode_audio(batch), compact.project_audio(features))
    assert np.allclose(
        compact.encode_audio(batch[1:2])[0], compact.encode_audio(batch)[1], atol=5e-3
    )


@pytest.mark.parametrize("samples", [0, 1, 399, 15_600, 15_601, 31_000, count_samples(192)])
def test_windows_of_any_length_are_prepared(samples: int) -> None:
    prepared = prepare_audio(np.full(samples, 0.1, np.float32))
    assert (
        prepared.shape == (1 if samples < count_samples(97) else 2, 96, BANDS)
        and np.isfinite(prepared).all()
    )


def test_texts_find_kinds_of_sounds_that_training_did_not_have(
    compact: CompactEncoder, tmp_path: Path
) -> None:
    vectors = []
    for kind in ("drum", "bell"):
        write_sound(kind, 1, tmp_path / f"{kind}.wav")
        reader = open_audio(tmp_path / f"{kind}.wav", LIMITS, RATE)
        windows = [
            compact.prepare_audio(window) for _, window in cut_audio_windows(reader, AUDIO_FORMAT)
        ]
        vectors.append(compact.encode_audio(windows))
    for number, words in enumerate(("someone plays the drums", "a bell rings")):
        query = compact.encode_texts([words], TextRole.QUERY)[0]
        assert int(np.argmax([(windows @ query).max() for windows in vectors])) == number, words


def test_the_audio_branch_is_small_and_loaded_only_for_sounds() -> None:
    assert audio.TOWER_FILE.stat().st_size + audio.HEAD_FILE.stat().st_size <= MAX_BYTES
    encoder = load(load_preset("compact"), EngineSettings(device="cpu"))
    encoder.encode_texts(["a dog barks"], TextRole.QUERY)
    parts: list[Lazy[Any]] = [encoder.audio.tower, encoder.audio.head, encoder.towers.pictures]
    assert [part.is_loaded for part in parts] == [False, False, False]
    encoder.encode_audio([encoder.prepare_audio(noise(1))])
    assert [part.is_loaded for part in parts] == [True, True, False]


def test_another_audio_tower_changes_the_space_but_not_the_picture_towers() -> None:
    preset, other_tower, other_head = (
        load_preset("compact"),
        with_checksums(sounds="x"),
        with_checksums(sound_head="x"),
    )
    assert preset.tower_id("f") == other_tower.tower_id("f") == other_head.tower_id("f")
    assert (
        preset.audio_tower_id("f")
        == other_head.audio_tower_id("f")
        != other_tower.audio_tower_id("f")
    )
    assert len({each.make_space().fingerprint for each in (preset, other_tower, other_head)}) == 3


@pytest.mark.parametrize("name", [AUDIO_TOWER, AUDIO_HEAD])
def test_weights_that_are_not_the_presets_are_refused(name: str) -> None:
    encoder = load(with_checksums(**{name: "0" * 64}), EngineSettings(device="cpu"))
    with pytest.raises(InvalidWeights, match="is not the one that the preset names"):
        encoder.encode_audio([encoder.prepare_audio(noise(1))])


def test_files_with_other_tensors_are_refused(tmp_path: Path) -> None:
    save_file({"words": torch.zeros(2, 384)}, tmp_path / "other.safetensors")
    with pytest.raises(InvalidWeights, match="holds no audio head"):
        load_audio_head(tmp_path / "other.safetensors")
    with pytest.raises(InvalidWeights, match="does not fit the audio network"):
        AudioTower(tmp_path / "other.safetensors", Runtime(torch.device("cpu"), torch.float32))


def test_a_head_is_stored_and_read_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    head = AudioHead(7, 3).eval()
    head.words.normal_()
    torch.nn.init.normal_(head.outer.weight)
    for path in (tmp_path / "a.safetensors", tmp_path / "b.safetensors"):
        save_audio_head(path, head)
    assert file_sha256(tmp_path / "a.safetensors") == file_sha256(tmp_path / "b.safetensors")
    features = torch.rand(4, FEATURES)
    with torch.no_grad():
        assert torch.allclose(
            load_audio_head(tmp_path / "a.safetensors")(features), head(features), atol=0.05
        )
