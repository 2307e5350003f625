"""From a catalogue to tuned heads: load features, make pairs, train from the heads in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from indexer.model_release.progress import Progress
from indexer.tuning.dataset import CaptionedPicture, TuningDataset
from indexer.tuning.evaluate import HoldoutEval, make_holdout_eval
from indexer.tuning.features import compute_text_features, load_picture_features
from search.encoders.protocol import Features, TunableEncoder
from search.encoders.tuned_heads import save_tuned_heads
from search.tuning.fit import FitResult, Recipe, fit
from search.tuning.pairs import Pairs
from search.types import Ids
from webapp.catalog.models import Tuning, TuningStage

MAX_BATCH_SIZE = 1024
MIN_BATCH_SIZE = 64
BATCHES_PER_EPOCH = 8
"""Small catalogues get smaller batches, so that an epoch has more than one step."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Pictures and texts of a dataset as features of frozen towers.

    `pictures` is (pictures, width), `word_features` (texts, width), in the order of `words`.
    """

    dataset: TuningDataset
    pictures: Features
    words: tuple[str, ...]
    word_features: Features

    def make_holdout_eval(self) -> HoldoutEval:
        """Return the evaluation on the held-out pictures."""
        rows = self.dataset.held_out
        return make_holdout_eval(
            _select(self.dataset, rows), self.pictures[rows], self.words, self.word_features
        )

    def pairs(self) -> Pairs:
        """Return the training pictures with every text that is true of each."""
        rows = self.dataset.training
        column = {text: place for place, text in enumerate(self.words)}
        texts = [
            [column[text] for text in picture.texts] for picture in _select(self.dataset, rows)
        ]
        starts = np.cumsum([0, *map(len, texts)])
        places = np.concatenate(texts)
        truth = csr_matrix(
            (np.ones(len(places), np.float32), places, starts), (len(rows), len(self.words))
        )
        return Pairs.from_arrays(
            self.pictures[rows], self.word_features, truth, self.dataset.groups[rows]
        )


def load_training_data(
    dataset: TuningDataset, encoder: TunableEncoder, progress: Progress[Tuning]
) -> TrainingData:
    """Load stored features of the pictures, and compute those of the texts.

    Pictures that wait to be encoded are left out. Raises InputError when too few remain.
    """
    stored = load_picture_features(
        [picture.content_hash for picture in dataset.pictures], towers=encoder.tower_id
    )
    usable = dataset.select(stored)
    pictures = np.stack([stored[picture.content_hash] for picture in usable.pictures])
    words = tuple(dict.fromkeys(text for picture in usable.pictures for text in picture.texts))
    return TrainingData(usable, pictures, words, compute_text_features(words, encoder, progress))


def train_heads(
    data: TrainingData, start: TunableEncoder, progress: Progress[Tuning], checkpoint: Path
) -> FitResult:
    """Train heads that begin as those of `start`.

    A killed training resumes from `checkpoint` when nothing has changed.
    """
    recipe = make_tuning_recipe(len(data.dataset.training))
    progress.begin(TuningStage.TRAINING, recipe.epochs)
    return fit(
        data.pairs(),
        recipe,
        start=start.projection_heads,
        checkpoint=checkpoint,
        on_epoch=progress.advance,
    )


def make_tuning_recipe(pictures: int) -> Recipe:
    """Return the recipe of the bundled encoder, with batches that fit a catalogue.

    More of it than usual is held for early stopping.
    """
    batch = min(MAX_BATCH_SIZE, max(MIN_BATCH_SIZE, pictures // BATCHES_PER_EPOCH))
    return Recipe(batch=batch, validation_share=0.1)


def save_heads(fitted: FitResult, encoder: TunableEncoder, folder: Path) -> Path:
    """Write the heads with the record of their training. Return the file."""
    notes: dict[str, Any] = {"training": fitted.record}
    return save_tuned_heads(
        folder, fitted.heads, tower_id=encoder.tower_id, dim=encoder.space.dim, notes=notes
    )


def _select(dataset: TuningDataset, rows: Ids) -> Sequence[CaptionedPicture]:
    return [dataset.pictures[row] for row in rows]
