"""CLAP beside the bundled encoder: the real loading code on a tiny checkpoint, and a connector
learned from texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from search.config import EngineSettings
from search.encoders.clap.connector import FILE, Connector, fit_connector
from search.encoders.clap.engine import ClapEncoder
from search.encoders.compact.engine import CompactEncoder
from search.encoders.protocol import AudioEncoder
from search.encoders.registry import load_encoder, load_engine, resolve_space
from search.encoders.residual_heads import AudioResidualEncoder
from search.encoders.tuned_heads import save_tuned_heads
from search.errors import InvalidWeights, WeightsMissing
from search.tuning.connector import default_texts, train_connector
from search.types import Modality, TextRole
from tests.search.encoders.tiny_clap import WIDTH, write_clap

RNG = np.random.default_rng(0)
PRESET = "compact-clap"
TEXTS = [
    "a red mug",
    "photo of a green mug",
    "blue mug",
    "a photo",
    "document of a query",
    "red",
    "green",
    "blue",
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> EngineSettings:
    folder = tmp_path_factory.mktemp("weights")
    write_clap(folder / PRESET)
    return EngineSettings(device="cpu", weights_dir=folder, preset=PRESET, precision="fp32")


@pytest.fixture(scope="module")
def encoder(settings: EngineSettings) -> ClapEncoder:
    with pytest.raises(
        WeightsMissing, match=f"python -m search.tuning.connector --preset {PRESET}"
    ):
        load_engine(settings)
    train_connector(PRESET, TEXTS, settings)
    found = load_engine(settings)
    assert isinstance(found, ClapEncoder)
    return found


def windows(encoder: AudioEncoder, *seconds: float) -> list[Any]:
    rate = encoder.audio_format.rate
    return [
        encoder.prepare_audio(RNG.standard_normal(round(s * rate)).astype(np.float32) * 0.1)
        for s in seconds
    ]


def test_sounds_are_mapped_into_the_space_of_the_base_preset(
    encoder: ClapEncoder, compact: CompactEncoder
) -> None:
    assert isinstance(encoder, AudioEncoder)
    assert encoder.space.dim == compact.space.dim and Modality.AUDIO in encoder.space.modalities
    assert (encoder.audio_format.rate, encoder.audio_format.window_s) == (8000, 2.0)
    batch = windows(encoder, 2.0, 0.5, 1.3)
    features, vectors = encoder.audio_features(batch), encoder.encode_audio(batch)
    assert features.shape == (3, WIDTH) and features.dtype == np.float16
    assert vectors.shape == (3, 384) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors, encoder.project_audio(features))
    assert np.allclose(encoder.encode_audio(batch[1:2])[0], vectors[1], atol=5e-3)
    assert encoder.encode_audio([]).shape == (0, 384)


def test_everything_else_is_the_other_encoders(
    encoder: ClapEncoder, compact: CompactEncoder
) -> None:
    picture = Image.new("RGB", (64, 64), "red")
    for ours, theirs in (
        [each.encode_texts(TEXTS, TextRole.QUERY) for each in (encoder, compact)],
        [each.encode_pictures([each.prepare_picture(picture)]) for each in (encoder, compact)],
    ):
        assert (ours * theirs).sum(axis=1).min() > 0.98, (
            "but for the precision of a fixture that others share"
        )


def test_the_space_is_known_without_loading_and_follows_the_connector(
    encoder: ClapEncoder, settings: EngineSettings, compact: CompactEncoder
) -> None:
    before = resolve_space(settings)
    assert before == encoder.space and before.fingerprint != compact.space.fingerprint
    train_connector(PRESET, TEXTS[:4], settings)
    other = load_engine(settings)
    assert resolve_space(settings).fingerprint != before.fingerprint
    assert isinstance(other, ClapEncoder) and other.audio_tower_id == encoder.audio_tower_id, (
        "CLAP encodes the same"
    )
    train_connector(PRESET, TEXTS, settings)
    assert resolve_space(settings) == before


def test_under_tuned_heads_sounds_stay_where_they_are(
    encoder: ClapEncoder, settings: EngineSettings, tmp_path: Path
) -> None:
    loaded = load_encoder(settings)
    assert isinstance(loaded, AudioResidualEncoder) and isinstance(loaded, AudioEncoder)
    file = save_tuned_heads(
        tmp_path, loaded.projection_heads, tower_id=loaded.tower_id, dim=384, notes={}
    )
    tuned = loaded.with_heads(file)
    assert isinstance(tuned, AudioEncoder) and tuned.space.fingerprint != loaded.space.fingerprint
    batch = windows(encoder, 1.0)
    assert np.array_equal(tuned.encode_audio(batch), encoder.encode_audio(batch))
    assert (tuned.audio_tower_id, tuned.audio_format) == (
        encoder.audio_tower_id,
        encoder.audio_format,
    )


def test_a_connector_learned_from_texts_carries_what_lies_near_them() -> None:
    """Two spaces that are a rotation of each other, and sounds that lie beside the texts they
    belong to."""
    rotation = np.linalg.qr(RNG.standard_normal((40, 40)))[0][:, :24]
    texts = RNG.standard_normal((400, 24)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    ours = (texts @ rotation.T).astype(np.float32)
    connector = fit_connector(texts, ours)
    sounds = texts[:50] + RNG.standard_normal((50, 24)).astype(np.float32) * 0.05
    assert ((connector(sounds) @ ours.T).argmax(1) == np.arange(50)).mean() > 0.95


def test_a_connector_of_another_space_is_refused(
    settings: EngineSettings, encoder: ClapEncoder
) -> None:
    assert settings.weights_dir is not None
    path = settings.weights_dir / PRESET / FILE
    kept = path.read_bytes()
    Connector(np.zeros((8, WIDTH), np.float32), np.zeros(8, np.float32)).save(path)
    with pytest.raises(InvalidWeights, match="not a connector into a space of 384"):
        load_engine(settings)
    path.write_bytes(kept)


def test_the_usual_texts_name_every_class_in_every_phrase() -> None:
    assert len(default_texts()) == 521 * 6 and "the sound of chainsaw" in default_texts()
