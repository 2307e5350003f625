"""From a catalogue to tuned heads: features gathered, pairs made, heads trained from those in
use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from indexer.tuning.dataset import CaptionedPicture, Catalogue
from indexer.tuning.evaluate import HoldoutEval, make_holdout_eval
from indexer.tuning.features import picture_features, text_features
from indexer.tuning.progress import TuningProgress
from search.encoders.protocol import Features, TunableEncoder
from search.encoders.tuned_heads import save_tuned_heads
from search.tuning.fit import FitResult, Recipe, fit
from search.tuning.pairs import Pairs
from search.types import Ids
from webapp.catalog.models import TuningStage

MAX_BATCH_SIZE = 1024
MIN_BATCH_SIZE = 64
BATCHES_PER_EPOCH = 8
"""Wished for: small catalogues get smaller batches, so that an epoch is more than one step."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A catalogue's pictures and words as features of frozen towers. `rows` are places in
    `catalogue.pictures`.
    """

    catalogue: Catalogue
    pictures: Features
    words: tuple[str, ...]
    word_features: Features

    def trial(self) -> HoldoutEval:
        """The held-out pictures and their words."""
        rows = self.catalogue.held_out
        return make_holdout_eval(
            _picked(self.catalogue, rows), self.pictures[rows], self.words, self.word_features
        )

    def pairs(self) -> Pairs:
        """The pictures to learn from, with every text that is true of each."""
        rows = self.catalogue.training
        column = {text: place for place, text in enumerate(self.words)}
        texts = [
            [column[text] for text in picture.texts] for picture in _picked(self.catalogue, rows)
        ]
        starts = np.cumsum([0, *map(len, texts)])
        places = np.concatenate(texts)
        truth = csr_matrix(
            (np.ones(len(places), np.float32), places, starts), (len(rows), len(self.words))
        )
        return Pairs.from_arrays(
            self.pictures[rows], self.word_features, truth, self.catalogue.groups[rows]
        )


def gather(catalogue: Catalogue, encoder: TunableEncoder, progress: TuningProgress) -> TrainingData:
    """Stored features of the pictures, fresh ones of the words. Pictures that wait to be encoded
    are left out.

    Raises InputError when too few are left.
    """
    found = picture_features(
        [picture.content_hash for picture in catalogue.pictures], towers=encoder.tower_id
    )
    seen = catalogue.only(found)
    pictures = np.stack([found[picture.content_hash] for picture in seen.pictures])
    words = tuple(dict.fromkeys(text for picture in seen.pictures for text in picture.texts))
    return TrainingData(seen, pictures, words, text_features(words, encoder, progress))


def learn(
    material: TrainingData, start: TunableEncoder, progress: TuningProgress, checkpoint: Path
) -> FitResult:
    """Heads that go on from those of `start`. A killed training goes on from `checkpoint` when
    nothing has changed.
    """
    recipe = tuning_recipe(len(material.catalogue.training))
    progress.begin(TuningStage.TRAINING, recipe.epochs)
    return fit(
        material.pairs(),
        recipe,
        start=start.projection_heads,
        checkpoint=checkpoint,
        on_epoch=progress.advance,
    )


def tuning_recipe(pictures: int) -> Recipe:
    """The bundled encoder's recipe, with batches that fit the catalogue and more of it held for
    early stopping.
    """
    batch = min(MAX_BATCH_SIZE, max(MIN_BATCH_SIZE, pictures // BATCHES_PER_EPOCH))
    return Recipe(batch=batch, validation_share=0.1)


def keep(fitted: FitResult, encoder: TunableEncoder, folder: Path) -> Path:
    """Write the heads with the record of their training. Returns the file."""
    notes: dict[str, Any] = {"training": fitted.record}
    return save_tuned_heads(
        folder, fitted.heads, tower_id=encoder.tower_id, dim=encoder.space.dim, notes=notes
    )


def _picked(catalogue: Catalogue, rows: Ids) -> Sequence[CaptionedPicture]:
    return [catalogue.pictures[row] for row in rows]
