"""Train the sound branch of the compact encoder: `python -m tools.training.sound --data FOLDER`.

The tower is distilled from YAMNet (`sound_distil.py`), on clips of ESC-10, folds 1 to 3, and on
synthesised sounds. The head maps YAMNet's classes to the text vectors of their names, and learns a
correction from the labels of those folds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from search.config import engine_settings
from search.encoders.compact.audio import (
    HEAD_FILE,
    TOWER_FILE,
    AudioHead,
    load_audio_head,
    save_audio_head,
)
from search.encoders.compact.audio_tower import AUDIO_FORMAT, build_network, flatten_weights
from search.encoders.compact.engine import load
from search.encoders.presets import AUDIO_HEAD, AUDIO_TOWER, FOLDER, load_preset
from search.encoders.weights import pack_weights
from search.files import file_sha256, write_atomically
from search.tuning.audioset import KEPT_CLASSES, list_class_texts, phrase_label
from search.tuning.checkpoints import CheckpointSettings
from search.types import TextRole, Vectors
from tools.training.audio_augment import PatchSource
from tools.training.sound_distil import (
    DistillationRecipe,
    SoundClassifier,
    build_classifier,
    distil,
    measure_agreement,
)
from tools.training.sound_examples import LabelledClip, encode_clips, read_clips
from tools.training.sound_head import ClassVocabulary, SoundHeadRecipe, fit_sound_head
from tools.training.sound_teacher import YamnetTeacher
from tools.training.sound_validation import validate

AUGMENTED_COPIES = 5
EVALUATION_PATCHES = 1000
PRESET = "compact"


def main(argv: Sequence[str] | None = None) -> None:
    """Write tower, head and their checksums; with --validate only compare recipes."""
    parser = argparse.ArgumentParser(prog="python -m tools.training.sound", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with the folders models and esc10"
    )
    parser.add_argument(
        "--validate", action="store_true", help="cross-validate recipes of the head; write nothing"
    )
    parser.add_argument(
        "--checkpoint", type=Path, help="folder from which a killed training resumes"
    )
    options = parser.parse_args(argv)
    clips = read_clips(options.data / "esc10", AUDIO_FORMAT.rate)
    if options.validate:
        HeadTraining(clips, load_audio_head(HEAD_FILE).classifier).compare_recipes()
        return
    teacher = YamnetTeacher(options.data / "models" / "yamnet.tflite")
    student = _train_tower(teacher, clips, options.checkpoint)
    training = HeadTraining(clips, student.classifier)
    save_audio_head(HEAD_FILE, training.fit(range(len(clips)), training.labels, SoundHeadRecipe()))
    _write_checksum(AUDIO_HEAD, HEAD_FILE)
    size = TOWER_FILE.stat().st_size + HEAD_FILE.stat().st_size
    sys.stdout.write(f"{TOWER_FILE.name} and {HEAD_FILE.name}: {size:,} bytes\n")


def _train_tower(
    yamnet: YamnetTeacher, clips: Sequence[LabelledClip], checkpoint: Path | None
) -> SoundClassifier:
    """Write the tower, and return it with its classifier."""
    weight, bias = yamnet.classifier()
    kept = list(KEPT_CLASSES)
    teacher = build_classifier(build_network(yamnet.network()), weight[kept], bias[kept])
    recipe = DistillationRecipe()
    waves = [clip.wave for clip in clips]
    checkpoints = CheckpointSettings(checkpoint) if checkpoint else None
    student = distil(teacher, PatchSource(waves, recipe.seed), recipe, checkpoints)
    patches = PatchSource(waves, recipe.seed + 1).draw(EVALUATION_PATCHES)
    figures = measure_agreement(teacher, student, patches)
    shown = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
    sys.stdout.write(f"agreement with the teacher: {shown}\n")
    save_file(pack_weights(flatten_weights(student.network)), TOWER_FILE)
    _write_checksum(AUDIO_TOWER, TOWER_FILE)
    return student


class HeadTraining:
    """Training data of the sound head: features of the clips and vectors of the class names."""

    def __init__(self, clips: Sequence[LabelledClip], classifier: nn.Linear) -> None:
        self._encoder = load(load_preset(PRESET), engine_settings())
        self._clips = clips
        self._vocabulary = ClassVocabulary(
            classifier.weight, classifier.bias, torch.from_numpy(self._embed(list_class_texts()))
        )
        seed = SoundHeadRecipe().seed
        self._features = encode_clips(clips, self._encoder, AUGMENTED_COPIES, seed)
        self.labels = sorted({clip.label for clip in clips})

    def fit(
        self, clips: Sequence[int], labels: Sequence[str], recipe: SoundHeadRecipe
    ) -> AudioHead:
        """Train a head on those of the clips that have one of these labels."""
        rows = self._features.rows_of(
            [number for number in clips if self._clips[number].label in labels]
        )
        owners = [self._clips[owner].label for owner in self._features.clips[rows].tolist()]
        numbers = torch.tensor([labels.index(label) for label in owners])
        texts = self._embed_phrases(labels)
        features = self._features.features[rows]
        return fit_sound_head(self._vocabulary, features, numbers, texts, recipe)

    def compare_recipes(self) -> None:
        """Print the cross-validated figures of several recipes."""
        recipes = [SoundHeadRecipe(steps=0)]
        recipes += [
            SoundHeadRecipe(anchor_weight=anchor, sound_pair_weight=pairs)
            for anchor in (2.0, 4.0)
            for pairs in (0.0, 0.25, 0.5)
        ]
        for recipe in recipes:
            figures = validate(
                self._clips, self._features, partial(self.fit, recipe=recipe), self._embed
            )
            shown = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
            sys.stdout.write(
                f"steps {recipe.steps}, anchor weight {recipe.anchor_weight:g}, "
                f"sound pair weight {recipe.sound_pair_weight:g}: {shown}\n"
            )

    def _embed_phrases(self, labels: Sequence[str]) -> Tensor:
        return torch.stack([torch.from_numpy(self._embed(phrase_label(label))) for label in labels])

    def _embed(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_texts(texts, TextRole.QUERY)


def _write_checksum(name: str, file: Path) -> None:
    """Write the checksum of a file into the preset."""
    path = FOLDER / f"{PRESET}.json"
    preset = json.loads(path.read_text("utf-8"))
    preset["checksums"][name] = file_sha256(file)
    write_atomically(path, json.dumps(preset, indent=2) + "\n")


if __name__ == "__main__":
    main()
