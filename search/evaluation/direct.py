"""An evaluation of the encoder alone: exact cosines of queries and pictures, with no index, no shop and no database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from search.config import engine_settings
from search.encoders.base import Encoder
from search.encoders.digests import file_digest
from search.evaluation.answers import Answer
from search.evaluation.folder import EvaluationFolder, EvaluationQuery
from search.evaluation.summary import judge
from search.media.picture import PictureLimits, decode_picture
from search.types import TextRole, Vectors


def answer_directly(folder: EvaluationFolder, encoder: Encoder) -> list[Answer]:
    """Every query's answer; a product scores as the best of its pictures does, and a product that shows the very file
    that asks is left out.

    Raises MediaError for a picture that cannot be read, InputError for a query that measures nothing, and what the
    encoder raises.
    """
    pictures = folder.pictures()
    skus = [sku for sku, _ in pictures]
    digests = [file_digest(path) for _, path in pictures]
    shown = encode_pictures([path for _, path in pictures], encoder)
    answers = []
    for query, vector in _embedded(folder.queries, encoder):
        own = file_digest(query.picture) if query.picture else ""
        itself = [sku for sku, digest in zip(skus, digests, strict=True) if digest == own]
        answers.append(Answer(query, judge(_ranking(skus, shown @ vector), query.relevant, without=itself)))
    return answers


def encode_pictures(files: Sequence[Path], encoder: Encoder) -> Vectors:
    """Picture files → (n, dim) unit vectors, one batch of the encoder after another."""
    size, limits = encoder.picture_batch_size, PictureLimits.from_settings(engine_settings())
    vectors = [np.zeros((0, encoder.space.dim), np.float32)]
    for start in range(0, len(files), size):
        batch = [decode_picture(file, limits, at_least=encoder.decode_size) for file in files[start : start + size]]
        vectors.append(encoder.encode_pictures([encoder.prepare_picture(picture) for picture in batch]))
    return np.concatenate(vectors)


def _embedded(
    queries: Sequence[EvaluationQuery], encoder: Encoder
) -> list[tuple[EvaluationQuery, npt.NDArray[np.float32]]]:
    worded = [query for query in queries if query.picture is None]
    shown = [(query, query.picture) for query in queries if query.picture is not None]
    texts = encoder.encode_texts([query.text for query in worded], TextRole.QUERY)
    pictures = encode_pictures([picture for _, picture in shown], encoder)
    return [*zip(worded, texts, strict=True), *zip((query for query, _ in shown), pictures, strict=True)]


def _ranking(skus: Sequence[str], scores: npt.NDArray[np.float32]) -> list[str]:
    """Skus by their best picture, best first; ties keep the catalogue's order."""
    return list(dict.fromkeys(skus[row] for row in np.argsort(-scores, kind="stable")))
