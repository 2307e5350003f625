"""Making the sound tower: sounds to imitate on, a thinner network, and learning that a kill does
not change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search.encoders.compact.audio_tower import (
    FEATURES,
    PATCH,
    STRIDES,
    AudioNetwork,
    build_network,
    flatten_weights,
    read_channels,
)
from search.encoders.compact.spectrogram import BANDS
from search.tuning.checkpoints import CheckpointSettings, CheckpointStore
from tools.training.audio_augment import PatchSource
from tools.training.audio_pruning import prune_channels
from tools.training.sound_distil import (
    DistillationRecipe,
    SoundClassifier,
    build_classifier,
    distil,
    measure_agreement,
)

WIDTH, LAST = 12, len(STRIDES) - 2
RECIPE = DistillationRecipe(
    channels={6: 4, LAST: 4},
    pruning_patches=64,
    patches=96,
    epochs=3,
    batch_size=16,
    learning_rate=2e-3,
    class_weight=1.0,
)


@pytest.fixture(scope="module")
def waves() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [(rng.standard_normal(40_000) * 0.2).astype(np.float32), np.zeros(1000, np.float32)]


@pytest.fixture
def teacher(waves: list[np.ndarray]) -> SoundClassifier:
    torch.manual_seed(2)
    network = AudioNetwork([WIDTH] * len(STRIDES) + [FEATURES])
    _spread(network, PatchSource(waves, 4).draw(64))
    return build_classifier(network, torch.randn(7, FEATURES) * 0.1, torch.zeros(7))


@torch.no_grad()
def _spread(network: AudioNetwork, patches: torch.Tensor) -> None:
    """Scale every block to mean 0 and deviation 1, or random weights would let no signal pass."""
    maps = network.stem(patches.unsqueeze(1))
    for layer in network.blocks:
        block: Any = layer
        outputs = block.point(block.depth(maps))
        mean, deviation = outputs.mean((0, 2, 3)), outputs.std((0, 2, 3))
        block.point.bias -= mean
        block.point.bias /= deviation
        block.point.weight /= deviation[:, None, None, None]
        maps = block(maps)


def test_patches_are_finite_and_depend_on_the_seed(waves: list[np.ndarray]) -> None:
    drawn, again, other = (
        PatchSource(waves, 1).draw(60),
        PatchSource(waves, 1).draw(60),
        PatchSource(waves, 2).draw(60),
    )
    assert drawn.shape == (60, PATCH, BANDS) and drawn.dtype == torch.float32
    assert torch.equal(drawn, again) and not torch.equal(drawn, other)
    assert torch.isfinite(drawn).all() and len({float(patch.mean()) for patch in drawn}) > 30, (
        "half of the recordings are silent"
    )


def test_pruning_idle_channels_keeps_the_output(
    teacher: SoundClassifier, waves: list[np.ndarray]
) -> None:
    weights = flatten_weights(teacher.network)
    idle = [1, 4, 9]
    weights[f"blocks.{LAST}.point.weight"][idle] = 0
    weights[f"blocks.{LAST}.point.bias"][idle] = 0
    network, patches = build_network(weights), PatchSource(waves, 1).draw(64)
    thin = prune_channels(network, {LAST: WIDTH - len(idle)}, patches)
    assert read_channels(flatten_weights(thin))[LAST + 1] == WIDTH - len(idle)
    with torch.no_grad():
        assert torch.nn.functional.cosine_similarity(thin(patches), network(patches)).min() > 0.999


def test_the_student_approaches_its_teacher_on_new_sounds(
    teacher: SoundClassifier, waves: list[np.ndarray]
) -> None:
    fresh = PatchSource(waves, 9).draw(64)
    before, after = (
        measure_agreement(teacher, distil(teacher, PatchSource(waves, 0), recipe, None), fresh)
        for recipe in (
            replace(RECIPE, learning_rate=0.0),
            replace(RECIPE, epochs=12, learning_rate=1e-2),
        )
    )
    assert before["cosine"] + 0.02 < after["cosine"] <= 1.0001, "more than chance"
    assert read_channels(flatten_weights(teacher.network))[LAST + 1] == WIDTH, (
        "the teacher is not changed"
    )


def test_a_resumed_training_ends_with_the_same_weights(
    teacher: SoundClassifier,
    waves: list[np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = distil(teacher, PatchSource(waves, 0), RECIPE, None)
    kept, checkpoints = CheckpointStore.save_if_due, CheckpointSettings(tmp_path, every_seconds=0)

    def killed(self: CheckpointStore, state: dict[str, object]) -> None:
        kept(self, state)
        if state["epoch"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(CheckpointStore, "save_if_due", killed)
    with pytest.raises(KeyboardInterrupt):
        distil(teacher, PatchSource(waves, 0), RECIPE, checkpoints)
    monkeypatch.undo()
    resumed = distil(teacher, PatchSource(waves, 0), RECIPE, checkpoints)
    assert all(
        torch.equal(mine, theirs)
        for mine, theirs in zip(resumed.parameters(), whole.parameters(), strict=True)
    )
    assert not list(tmp_path.iterdir()), "a finished training leaves no checkpoint"


def test_a_tower_of_another_width_is_refused(teacher: SoundClassifier) -> None:
    weights = flatten_weights(teacher.network)
    weights["blocks.12.point.bias"] = weights["blocks.12.point.bias"][:5]
    with pytest.raises(RuntimeError, match="5 features, not 1024"):
        build_network(weights)
