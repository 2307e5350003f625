"""How good a sound head gets on what it has not learned from: a fold left out, and labels left
out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np
import torch

from search.encoders.compact.sound_head import SoundHead
from search.evaluation.metrics import average_precision
from search.evaluation.results import evaluate_ranking
from search.tuning.audioset import PHRASES
from search.types import Vectors
from tools.training.sound_examples import FOLDS, Clip, Heard

Learn = Callable[[Sequence[int], Sequence[str]], SoundHead]
"""Clips and labels to learn from → a head."""

Embed = Callable[[Sequence[str]], Vectors]

PARTS = 5
"""Into how many groups labels are cut to be left out in turn."""


def validate(clips: Sequence[Clip], heard: Heard, learn: Learn, embed: Embed) -> dict[str, float]:
    """Mean average precision on left-out folds: by words, by sounds, and by words whose label
    was left out as well.
    """
    labels = sorted({clip.label for clip in clips})
    asked = dict(zip(labels, embed([PHRASES[0].format(label) for label in labels]), strict=True))
    words, sounds, unseen = [], [], []
    for fold in FOLDS:
        told = [number for number, clip in enumerate(clips) if clip.fold != fold]
        held = _Held(clips, heard, fold)
        held.listen(learn(told, labels))
        words += [held.by_words(asked[label], label) for label in labels]
        sounds += held.by_sounds()
    for number in range(PARTS):
        left_out = labels[number::PARTS]
        fold = FOLDS[number % len(FOLDS)]
        known = [label for label in labels if label not in left_out]
        told = [row for row, clip in enumerate(clips) if clip.fold != fold and clip.label in known]
        held = _Held(clips, heard, fold)
        held.listen(learn(told, known))
        unseen += [held.by_words(asked[label], label) for label in left_out]
    return {"words": fmean(words), "sounds": fmean(sounds), "words unseen": fmean(unseen)}


class _Held:
    """The clips of one fold. A clip scores as its best window does; a clip asks by the mean of
    its windows.
    """

    def __init__(self, clips: Sequence[Clip], heard: Heard, fold: int) -> None:
        self._clips = [
            (str(number), clip) for number, clip in enumerate(clips) if clip.fold == fold
        ]
        self._rows = [heard.of([int(name)], original=True) for name, _ in self._clips]
        self._heard = heard
        self._vectors: list[Vectors] = []

    @torch.no_grad()
    def listen(self, head: SoundHead) -> None:
        self._vectors = [head(self._heard.features[rows]).numpy() for rows in self._rows]

    def by_words(self, asked: Vectors, label: str) -> float:
        return self._precision(
            asked, [name for name, clip in self._clips if clip.label == label], ""
        )

    def by_sounds(self) -> list[float]:
        found = []
        for (name, clip), vectors in zip(self._clips, self._vectors, strict=True):
            alike = [
                it
                for it, other in self._clips
                if other.label == clip.label and other.source != clip.source
            ]
            if alike and len(vectors):
                found.append(self._precision(vectors.mean(0), alike, name))
        return found

    def _precision(self, asked: Vectors, relevant: Sequence[str], itself: str) -> float:
        scores = [float((vectors @ asked).max(initial=-1.0)) for vectors in self._vectors]
        ranking = [self._clips[row][0] for row in np.argsort(scores)[::-1]]
        judged = evaluate_ranking(ranking, relevant, exclude=[itself])
        return average_precision(judged.ranks, judged.relevant)
