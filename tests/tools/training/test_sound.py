"""Training of the sound branch: on synthetic features, and against the teacher if available."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from search.encoders.compact import audio
from search.encoders.compact.audio import AudioHead, load_audio_head
from search.encoders.compact.audio_tower import FEATURES, build_network
from search.encoders.compact.spectrogram import log_mel
from search.encoders.weights import read_safetensors, unpack_weights
from search.tuning.audioset import CLASS_NAMES, KEPT_CLASSES, list_class_texts
from tests.support.paths import DATA
from tools.training.audio_augment import PatchSource
from tools.training.sound_distil import build_classifier, measure_agreement
from tools.training.sound_examples import (
    FOLDS,
    LabelledClip,
    WindowFeatures,
    augment_clip,
    read_clips,
)
from tools.training.sound_head import ClassVocabulary, SoundHeadRecipe, fit_sound_head
from tools.training.sound_validation import validate

LABELS = ("bark", "rain", "siren")
RECIPE = SoundHeadRecipe(hidden=8, steps=40, per_label=8, anchor_weight=0.5)


def made_up() -> tuple[ClassVocabulary, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Three kinds of features that the classes' names do not tell apart, and texts for them."""
    torch.manual_seed(1)
    labels = torch.arange(3).repeat_interleave(30)
    features = torch.rand(90, FEATURES) * 0.2
    features[torch.arange(90), labels] += 3
    words = ClassVocabulary(torch.randn(5, FEATURES) * 0.01, torch.zeros(5), torch.randn(5, 384))
    return words, features, labels, torch.nn.functional.normalize(torch.randn(3, 1, 384), dim=-1)


def test_labels_are_learned_and_the_same_seed_gives_the_same_head() -> None:
    words, features, labels, texts = made_up()
    head, again = (fit_sound_head(words, features, labels, texts, RECIPE) for _ in range(2))
    assert torch.equal(head(features), again(features))
    before = words.new_head(RECIPE.hidden).eval()
    with torch.no_grad():
        right = [
            float(((one(features) @ texts[:, 0].T).argmax(1) == labels).float().mean())
            for one in (before, head)
        ]
    assert right[0] < 0.7 < 0.95 < right[1]
    assert torch.equal(head.classifier.weight, words.weight), (
        "the classifier of the class names is not trained"
    )


def test_cross_validation_uses_left_out_folds_and_other_sources() -> None:
    words, features, labels, texts = made_up()
    clips = [
        LabelledClip(np.zeros(1, np.float32), LABELS[label], 1 + row % 3, f"source {row // 2}")
        for row, label in enumerate(labels.tolist())
    ]
    windows = WindowFeatures(features, torch.arange(90), torch.ones(90, dtype=torch.bool))
    trained_folds: list[set[int]] = []

    def train(rows: Sequence[int], known: Sequence[str]) -> AudioHead:
        trained_folds.append({clips[row].fold for row in rows})
        assert all(clips[row].label in known for row in rows)
        numbers = torch.tensor([known.index(clips[row].label) for row in rows])
        return fit_sound_head(
            words,
            features[list(rows)],
            numbers,
            texts[[LABELS.index(label) for label in known]],
            RECIPE,
        )

    found = validate(clips, windows, train, lambda labels: texts[: len(labels), 0].numpy())
    assert found["words"] > 0.9 and found["sounds"] > 0.8
    assert all(len(folds) == 2 for folds in trained_folds)


def test_augmented_copies_stay_in_range_and_differ() -> None:
    rng = np.random.default_rng(0)
    clips = [LabelledClip(rng.standard_normal(1600).astype(np.float32), "bark", 1, "a")] * 2
    copies = [augment_clip(clips, 0, rng) for _ in range(6)]
    assert all(
        copy.dtype == np.float32 and np.abs(copy).max() <= 1 and 1300 < len(copy) < 2000
        for copy in copies
    )
    assert len({len(copy) for copy in copies}) > 1


def test_the_shipped_head_has_a_row_for_every_kept_class() -> None:
    assert len(CLASS_NAMES) == 521 and len(list_class_texts()) == len(KEPT_CLASSES)
    assert load_audio_head(audio.HEAD_FILE).words.shape == (len(KEPT_CLASSES), 384)


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the development data")
def test_only_training_folds_are_read(tmp_path: Path) -> None:
    rows = map(json.loads, (DATA / "esc10" / "items.jsonl").read_text("utf-8").splitlines())
    some = [
        row | {"path": str(DATA / "esc10" / row["path"])} for row in rows if row["take"] == "A"
    ][::20]
    (tmp_path / "items.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in some), encoding="utf-8"
    )
    clips = read_clips(tmp_path, 16_000)
    assert 4 in {row["fold"] for row in some}
    assert {clip.fold for clip in clips} <= set(FOLDS) and len(clips) == sum(
        row["fold"] in FOLDS for row in some
    )


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the development data")
def test_the_shipped_tower_agrees_with_its_teacher_without_being_a_copy() -> None:
    teacher = pytest.importorskip("tools.training.sound_teacher").YamnetTeacher(
        DATA / "models" / "yamnet.tflite"
    )
    stored, theirs = unpack_weights(read_safetensors(audio.TOWER_FILE)), teacher.network()
    assert sum(weight.numel() for weight in stored.values()) < 0.9 * sum(
        weight.numel() for weight in theirs.values()
    )
    same = [name for name, weight in stored.items() if weight.shape == theirs[name].shape]
    assert not any(
        torch.allclose(stored[name], theirs[name].half().float(), rtol=1e-3) for name in same
    )
    weight, bias = teacher.classifier()
    expected = build_classifier(
        build_network(theirs), weight[list(KEPT_CLASSES)], bias[list(KEPT_CLASSES)]
    )
    head = load_audio_head(audio.HEAD_FILE).classifier
    student = build_classifier(build_network(stored), head.weight, head.bias)
    patches = PatchSource(
        [np.random.default_rng(5).standard_normal(80_000).astype(np.float32) * 0.1], 5
    ).draw(64)
    assert measure_agreement(expected, student, patches)["cosine"] > 0.9


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the development data")
def test_our_network_with_the_teachers_weights_gives_its_predictions() -> None:
    teacher = pytest.importorskip("tools.training.sound_teacher").YamnetTeacher(
        DATA / "models" / "yamnet.tflite"
    )
    network, (weight, bias) = build_network(teacher.network()), teacher.classifier()
    clip = np.random.default_rng(0).standard_normal(15_600).astype(np.float32) * 0.1
    with torch.no_grad():
        means = network(torch.from_numpy(log_mel(clip))[None])
        ours = torch.nn.functional.linear(means, weight, bias).sigmoid()[0].numpy()
    theirs = teacher.scores(clip)
    # The TFLite file rounds what flows between its layers to 8 bits; ours does not.
    assert np.corrcoef(np.log(ours), np.log(theirs))[0, 1] > 0.97
