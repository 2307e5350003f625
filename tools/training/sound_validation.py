"""Cross-validate a sound head: leave out a fold, or a fold and some labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np
import torch

from search.encoders.compact.audio import AudioHead
from search.evaluation.metrics import average_precision
from search.evaluation.results import evaluate_ranking
from search.tuning.audioset import PHRASES
from search.types import Vectors
from tools.training.sound_examples import FOLDS, LabelledClip, WindowFeatures

TrainHead = Callable[[Sequence[int], Sequence[str]], AudioHead]
"""(clip numbers, labels) → a head trained on them."""

Embed = Callable[[Sequence[str]], Vectors]

LABEL_GROUPS = 5
"""Number of groups of labels that are left out in turn."""


def validate(
    clips: Sequence[LabelledClip], features: WindowFeatures, train: TrainHead, embed: Embed
) -> dict[str, float]:
    """Return the mean average precision on folds that were left out of the training.

    `words`: queries are the label texts. `sounds`: queries are the clips. `words unseen`: queries
    are the texts of labels that were left out too.
    """
    labels = sorted({clip.label for clip in clips})
    queries = dict(zip(labels, embed([PHRASES[0].format(label) for label in labels]), strict=True))
    words, sounds, unseen = [], [], []
    for fold in FOLDS:
        trained = [number for number, clip in enumerate(clips) if clip.fold != fold]
        held_out = _HeldOutFold(clips, features, fold)
        held_out.encode(train(trained, labels))
        words += [held_out.evaluate_text(queries[label], label) for label in labels]
        sounds += held_out.evaluate_clips()
    for number in range(LABEL_GROUPS):
        left_out = labels[number::LABEL_GROUPS]
        fold = FOLDS[number % len(FOLDS)]
        known = [label for label in labels if label not in left_out]
        trained = [
            row for row, clip in enumerate(clips) if clip.fold != fold and clip.label in known
        ]
        held_out = _HeldOutFold(clips, features, fold)
        held_out.encode(train(trained, known))
        unseen += [held_out.evaluate_text(queries[label], label) for label in left_out]
    return {"words": fmean(words), "sounds": fmean(sounds), "words unseen": fmean(unseen)}


class _HeldOutFold:
    """The clips of one fold.

    The score of a clip is that of its best window; a query clip is the mean of its windows.
    """

    def __init__(self, clips: Sequence[LabelledClip], features: WindowFeatures, fold: int) -> None:
        self._clips = [
            (str(number), clip) for number, clip in enumerate(clips) if clip.fold == fold
        ]
        self._rows = [features.rows_of([int(name)], original=True) for name, _ in self._clips]
        self._features = features
        self._vectors: list[Vectors] = []

    @torch.no_grad()
    def encode(self, head: AudioHead) -> None:
        """Encode the clips with a head: all evaluations that follow use these vectors."""
        self._vectors = [head(self._features.features[rows]).numpy() for rows in self._rows]

    def evaluate_text(self, query: Vectors, label: str) -> float:
        relevant = [name for name, clip in self._clips if clip.label == label]
        return self._average_precision(query, relevant, "")

    def evaluate_clips(self) -> list[float]:
        precisions = []
        for (name, clip), vectors in zip(self._clips, self._vectors, strict=True):
            relevant = [
                other_name
                for other_name, other in self._clips
                if other.label == clip.label and other.source != clip.source
            ]
            if relevant and len(vectors):
                precisions.append(self._average_precision(vectors.mean(0), relevant, name))
        return precisions

    def _average_precision(self, query: Vectors, relevant: Sequence[str], itself: str) -> float:
        scores = [float((vectors @ query).max(initial=-1.0)) for vectors in self._vectors]
        ranking = [self._clips[row][0] for row in np.argsort(scores)[::-1]]
        result = evaluate_ranking(ranking, relevant, exclude=[itself])
        return average_precision(result.ranks, result.relevant)
