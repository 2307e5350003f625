"""Tuned heads: stored under their checksum, refused when they are not what name and record say,
and a space apart."""

from __future__ import annotations

import copy
import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from search.config import EngineSettings
from search.encoders.compact.engine import CompactEncoder
from search.encoders.open_clip.engine import load
from search.encoders.protocol import TunableEncoder
from search.encoders.registry import load_encoder, resolve_space
from search.encoders.residual_heads import as_tunable
from search.encoders.tuned_heads import Heads, save_tuned_heads
from search.errors import InvalidWeights, WeightsMissing
from search.types import TextRole
from tests.search.encoders.test_open_clip import settings_of
from tests.search.encoders.tiny_open_clip import tiny_preset, write_checkpoint
from tests.support.encoders import ColourEncoder

TEXTS = ["a red mug", "a blue chair"]


def moved(heads: Heads) -> Heads:
    """Copies of heads that give other vectors."""
    torch.manual_seed(0)
    picture, text = copy.deepcopy(heads[0]), copy.deepcopy(heads[1])
    for head in (picture, text):
        for weights in head.parameters():
            weights.add_(0.05 * torch.randn_like(weights))
    return picture, text


def stored(encoder: TunableEncoder, folder: Path) -> Path:
    return save_tuned_heads(
        folder,
        moved(encoder.projection_heads),
        tower_id=encoder.tower_id,
        dim=encoder.space.dim,
        notes={"pairs": 300},
    )


def prepared(encoder: TunableEncoder) -> list[np.ndarray]:
    return [
        encoder.prepare_picture(Image.new("RGB", (32, 32), colour)) for colour in ("red", "blue")
    ]


@pytest.fixture(params=["compact", "residual", "open_clip"])
def encoder(
    request: pytest.FixtureRequest, compact: CompactEncoder, tmp_path: Path
) -> TunableEncoder:
    if request.param == "compact":
        return compact
    if request.param == "residual":
        return as_tunable(ColourEncoder())
    write_checkpoint(tmp_path / "weights" / "tiny")
    return as_tunable(load(tiny_preset(), settings_of(tmp_path / "weights")))


def test_encoding_is_features_then_projection(encoder: TunableEncoder) -> None:
    pictures = prepared(encoder)
    features = encoder.picture_features(pictures)
    assert features.dtype == np.float16
    assert np.array_equal(encoder.encode_pictures(pictures), encoder.project_pictures(features))
    words = encoder.text_features(TEXTS, TextRole.QUERY)
    assert np.array_equal(encoder.encode_texts(TEXTS, TextRole.QUERY), encoder.project_texts(words))


def test_new_residual_heads_are_deterministic_and_keep_the_random_state() -> None:
    torch.manual_seed(1)
    first, drawn = as_tunable(ColourEncoder()).projection_heads, torch.rand(3)
    second = as_tunable(ColourEncoder()).projection_heads
    assert torch.equal(
        first[0].state_dict()["inner.weight"], second[0].state_dict()["inner.weight"]
    )
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(3))


def test_residual_heads_start_at_the_identity() -> None:
    plain = ColourEncoder()
    expected = plain.encode_texts(TEXTS, TextRole.QUERY)
    assert np.allclose(as_tunable(plain).encode_texts(TEXTS, TextRole.QUERY), expected, atol=1e-3)
    assert as_tunable(plain).space == plain.space


def test_tuned_heads_share_the_towers_and_have_their_own_space(
    encoder: TunableEncoder, tmp_path: Path
) -> None:
    before = encoder.encode_texts(TEXTS, TextRole.QUERY)
    path = stored(encoder, tmp_path)
    tuned = encoder.with_heads(path)
    assert (
        tuned.tower_id == encoder.tower_id and tuned.space.fingerprint != encoder.space.fingerprint
    )
    words = tuned.text_features(TEXTS, TextRole.QUERY)
    assert np.array_equal(words, encoder.text_features(TEXTS, TextRole.QUERY)), (
        "features do not depend on heads"
    )
    vectors = tuned.project_texts(words)
    assert vectors.shape == before.shape and np.allclose(
        np.linalg.norm(vectors, axis=1), 1, atol=1e-5
    )
    assert not np.allclose(vectors, before, atol=1e-2)
    assert np.array_equal(encoder.encode_texts(TEXTS, TextRole.QUERY), before), (
        "the former encoder is as it was"
    )
    assert stored(encoder, tmp_path) == path, "the same heads, the same file"


def test_damaged_and_foreign_heads_are_refused(encoder: TunableEncoder, tmp_path: Path) -> None:
    path = stored(encoder, tmp_path)
    with pytest.raises(WeightsMissing):
        encoder.with_heads(tmp_path / f"{'0' * 64}.safetensors")
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(InvalidWeights, match="SHA-256"):
        encoder.with_heads(path)
    foreign = save_tuned_heads(
        tmp_path, encoder.projection_heads, tower_id="others", dim=encoder.space.dim, notes={}
    )
    with pytest.raises(InvalidWeights, match="other towers"):
        encoder.with_heads(foreign)
    narrow = save_tuned_heads(
        tmp_path, encoder.projection_heads, tower_id=encoder.tower_id, dim=7, notes={}
    )
    with pytest.raises(InvalidWeights, match="other towers"):
        encoder.with_heads(narrow)


def test_a_pickle_is_refused(encoder: TunableEncoder, tmp_path: Path) -> None:
    content = pickle.dumps({"weights": [1.0]})
    path = tmp_path / f"{hashlib.sha256(content).hexdigest()}.safetensors"
    path.write_bytes(content)
    with pytest.raises(InvalidWeights, match="never a pickle"):
        encoder.with_heads(path)


def test_the_space_of_tuned_heads_is_resolved_without_loading(
    compact: CompactEncoder, tmp_path: Path
) -> None:
    settings, path = EngineSettings(device="cpu"), stored(compact, tmp_path)
    assert resolve_space(settings, path.stem) == load_encoder(settings, path).space
