"""Makes the sound side of the compact encoder: `python -m tools.training.sound --data FOLDER`.

The tower learns to hear as YAMNet does (`sound_distil.py`), from sounds of ESC-10, folds 1 to 3,
and from made ones. The head says the names of YAMNet's classes in the words of this encoder's
own texts, and learns a correction from the labels of those folds.
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
from search.encoders.compact.audio import HEAD, TOWER
from search.encoders.compact.engine import load
from search.encoders.compact.sound_head import SoundHead, load_sound_head, save_sound_head
from search.encoders.compact.sound_network import flattened, network_of
from search.encoders.compact.sound_tower import FORMAT
from search.encoders.packing import packed
from search.encoders.presets import EARS, FOLDER, SOUND_HEAD, load_preset
from search.files import file_sha256, write_atomically
from search.tuning.audioset import KEPT_CLASSES, list_class_texts, phrase_label
from search.tuning.checkpoints import CheckpointSettings
from search.types import TextRole, Vectors
from tools.training.audio_augment import PatchSource
from tools.training.sound_distil import Distillation, Listener, agreement, distil, listener
from tools.training.sound_examples import Clip, Heard, hear, read_clips
from tools.training.sound_fit import SoundRecipe, Words, fit
from tools.training.sound_teacher import Teacher
from tools.training.sound_validation import validate

COPIES = 5
JUDGED = 1000
PRESET = "compact"


def main(argv: Sequence[str] | None = None) -> None:
    """Write tower, head and their checksums; with --validate write nothing and say how good
    recipes are.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.training.sound", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with the folders models and esc10"
    )
    parser.add_argument(
        "--validate", action="store_true", help="judge heads on folds and labels left out in turn"
    )
    parser.add_argument(
        "--checkpoint", type=Path, help="folder that a killed training goes on from"
    )
    asked = parser.parse_args(argv)
    clips = read_clips(asked.data / "esc10", FORMAT.rate)
    if asked.validate:
        Learning(clips, load_sound_head(HEAD).classifier).compare()
        return
    student = _tower(Teacher(asked.data / "models" / "yamnet.tflite"), clips, asked.checkpoint)
    learning = Learning(clips, student.classifier)
    save_sound_head(HEAD, learning.head(range(len(clips)), learning.labels, SoundRecipe()))
    _record(SOUND_HEAD, HEAD)
    size = TOWER.stat().st_size + HEAD.stat().st_size
    sys.stdout.write(f"{TOWER.name} and {HEAD.name}: {size:,} bytes\n")


def _tower(teacher: Teacher, clips: Sequence[Clip], checkpoint: Path | None) -> Listener:
    """Write the tower, and give it with its classifier."""
    weight, bias = teacher.classifier()
    told = listener(
        network_of(teacher.network()), weight[list(KEPT_CLASSES)], bias[list(KEPT_CLASSES)]
    )
    recipe = Distillation()
    waves = [clip.wave for clip in clips]
    student = distil(
        told,
        PatchSource(waves, recipe.seed),
        recipe,
        CheckpointSettings(checkpoint) if checkpoint else None,
    )
    alike = agreement(told, student, PatchSource(waves, recipe.seed + 1).draw(JUDGED))
    sys.stdout.write(
        ", ".join(f"{name} {value:.3f}" for name, value in alike.items()) + " as the teacher\n"
    )
    save_file(packed(flattened(student.network)), TOWER)
    _record(EARS, TOWER)
    return student


class Learning:
    """The data of one training: sounds as the tower hears them, and words as the text side
    embeds them.
    """

    def __init__(self, clips: Sequence[Clip], classifier: nn.Linear) -> None:
        self._encoder = load(load_preset(PRESET), engine_settings())
        self._clips = clips
        self._words = Words(
            classifier.weight, classifier.bias, torch.from_numpy(self._embed(list_class_texts()))
        )
        self._heard: Heard = hear(clips, self._encoder, COPIES, SoundRecipe().seed)
        self.labels = sorted({clip.label for clip in clips})

    def head(self, clips: Sequence[int], labels: Sequence[str], recipe: SoundRecipe) -> SoundHead:
        """A head learned from these clips, which all have one of these labels."""
        rows = self._heard.of([number for number in clips if self._clips[number].label in labels])
        owners = [self._clips[owner].label for owner in self._heard.clips[rows].tolist()]
        numbers = torch.tensor([labels.index(label) for label in owners])
        return fit(self._words, self._heard.features[rows], numbers, self._texts(labels), recipe)

    def compare(self) -> None:
        """Print what recipes reach on what was left out."""
        recipes = [SoundRecipe(steps=0)]
        recipes += [
            SoundRecipe(anchor=anchor, among=among)
            for anchor in (2.0, 4.0)
            for among in (0.0, 0.25, 0.5)
        ]
        for recipe in recipes:
            found = validate(
                self._clips, self._heard, partial(self.head, recipe=recipe), self._embed
            )
            shown = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
            sys.stdout.write(
                f"steps {recipe.steps}, anchor {recipe.anchor:g}, among {recipe.among:g}: {shown}\n"
            )

    def _texts(self, labels: Sequence[str]) -> Tensor:
        return torch.stack([torch.from_numpy(self._embed(phrase_label(label))) for label in labels])

    def _embed(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_texts(texts, TextRole.QUERY)


def _record(name: str, file: Path) -> None:
    """Write a file's checksum into the preset."""
    path = FOLDER / f"{PRESET}.json"
    preset = json.loads(path.read_text("utf-8"))
    preset["checksums"][name] = file_sha256(file)
    write_atomically(path, json.dumps(preset, indent=2) + "\n")


if __name__ == "__main__":
    main()
