"""An evaluation of the encoder alone: exact cosines of queries, pictures, sounds and videos,
with no index, no shop and no database. `python -m search.evaluation.encoder_eval FOLDER...`
prints what the preset of the settings reaches.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from search.config import engine_settings
from search.encoders.digests import file_digest
from search.encoders.protocol import AudioEncoder, Encoder
from search.errors import InputError, ModalityUnsupported
from search.evaluation.folder import EvaluationFolder, EvaluationQuery, read_folder
from search.evaluation.per_query import Answer
from search.evaluation.summary import judge, summarise
from search.media.audio_windows import sound_windows
from search.media.clip_frames import clip_frames
from search.media.clip_limits import ClipLimits
from search.media.frame_views import clip_vectors, frame_views
from search.media.picture import PictureLimits, decode_picture
from search.media.sound import open_sound
from search.types import Modality, TextRole, Vectors


def answer_directly(folder: EvaluationFolder, encoder: Encoder) -> list[Answer]:
    """Every query's answer; a product scores as the best view of its media does, and a product
    that shows the very file that asks is left out. A sound asks by the mean of its windows. Of
    videos the pictures count alone.

    Raises MediaError for a file that cannot be read, InputError for a query that measures nothing,
    ModalityUnsupported for sounds where the encoder is deaf, and what the encoder raises.
    """
    views = [
        *_seen(folder.pictures(), encoder),
        *_heard(folder.sounds(), encoder),
        *_filmed(folder.videos(), encoder),
    ]
    skus = [view.sku for view in views]
    shown = (
        np.stack([view.vector for view in views])
        if views
        else np.zeros((0, encoder.space.dim), np.float32)
    )
    answers = []
    for query, vector in _embedded(folder.queries, encoder):
        own = file_digest(query.file) if query.file else ""
        itself = {view.sku for view in views if view.digest == own}
        answers.append(
            Answer(query, judge(_ranking(skus, shown @ vector), query.relevant, without=itself))
        )
    return answers


@dataclass(frozen=True, slots=True)
class _View:
    """A vector (dim,) of a product's file with this checksum."""

    sku: str
    digest: str
    vector: npt.NDArray[np.float32]


def _seen(pictures: Sequence[tuple[str, Path]], encoder: Encoder) -> list[_View]:
    vectors = encode_pictures([path for _, path in pictures], encoder)
    return [
        _View(sku, file_digest(path), vector)
        for (sku, path), vector in zip(pictures, vectors, strict=True)
    ]


def _heard(sounds: Sequence[tuple[str, Path]], encoder: Encoder) -> list[_View]:
    found = zip(sounds, encode_audio([path for _, path in sounds], encoder), strict=True)
    return [
        _View(sku, file_digest(path), vector)
        for (sku, path), windows in found
        for vector in windows
    ]


def _filmed(videos: Sequence[tuple[str, Path]], encoder: Encoder) -> list[_View]:
    return [
        _View(sku, file_digest(path), vector)
        for sku, path in videos
        for vector in encode_video(path, encoder)
    ]


def encode_pictures(files: Sequence[Path], encoder: Encoder) -> Vectors:
    """Picture files → (n, dim) unit vectors, one batch of the encoder after another."""
    size, limits = encoder.picture_batch_size, PictureLimits.from_settings(engine_settings())
    vectors = [np.zeros((0, encoder.space.dim), np.float32)]
    for start in range(0, len(files), size):
        batch = [
            decode_picture(file, limits, at_least=encoder.decode_size)
            for file in files[start : start + size]
        ]
        vectors.append(
            encoder.encode_pictures([encoder.prepare_picture(picture) for picture in batch])
        )
    return np.concatenate(vectors)


def encode_video(file: Path, encoder: Encoder) -> Vectors:
    """A video file → (1 + key frames, dim) unit vectors: the clip as a whole, then each key
    frame.
    """
    found = clip_frames(file, ClipLimits.from_settings(engine_settings()), encoder.decode_size)
    views = [view for shown in found.frames for view in frame_views(shown.picture)]
    size, vectors = encoder.picture_batch_size, []
    for start in range(0, len(views), size):
        batch = [encoder.prepare_picture(view) for view in views[start : start + size]]
        vectors.append(encoder.encode_pictures(batch))
    return clip_vectors(np.concatenate(vectors))


def encode_audio(files: Sequence[Path], encoder: Encoder) -> list[Vectors]:
    """Sound files → the unit vectors (windows, dim) of each. Raises ModalityUnsupported where
    the encoder is deaf.
    """
    if files and Modality.AUDIO not in encoder.space.modalities:
        raise ModalityUnsupported(f"preset {encoder.space.preset} does not hear")
    ears, limits = cast("AudioEncoder", encoder), ClipLimits.from_settings(engine_settings())
    found = []
    for file in files:
        windows = sound_windows(open_sound(file, limits, ears.audio_format.rate), ears.audio_format)
        vectors = [np.zeros((0, encoder.space.dim), np.float32)]
        while batch := [
            ears.prepare_audio(window) for _, window in islice(windows, ears.audio_batch_size)
        ]:
            vectors.append(ears.encode_audio(batch))
        found.append(np.concatenate(vectors))
    return found


def _embedded(
    queries: Sequence[EvaluationQuery], encoder: Encoder
) -> list[tuple[EvaluationQuery, npt.NDArray[np.float32]]]:
    """Raises InputError for a query by video, or by a file in which nothing is heard."""
    worded = [query for query in queries if query.file is None]
    shown = [(query, query.picture) for query in queries if query.picture is not None]
    heard = [(query, query.sound) for query in queries if query.sound is not None]
    if moving := next((query for query in queries if query.video), None):
        raise InputError("the encoder alone is not asked by videos", value=moving.id)
    texts = encoder.encode_texts([query.text for query in worded], TextRole.QUERY)
    pictures = encode_pictures([picture for _, picture in shown], encoder)
    sounds = encode_audio([sound for _, sound in heard], encoder)
    if silent := [
        query.id for (query, _), windows in zip(heard, sounds, strict=True) if not len(windows)
    ]:
        raise InputError("nothing is heard in the sound of a query", value=silent[0])
    return [
        *zip(worded, texts, strict=True),
        *zip((query for query, _ in shown), pictures, strict=True),
        *((query, windows.mean(0)) for (query, _), windows in zip(heard, sounds, strict=True)),
    ]


def _ranking(skus: Sequence[str], scores: npt.NDArray[np.float32]) -> list[str]:
    """Skus by their best view, best first; ties keep the catalogue's order."""
    return list(dict.fromkeys(skus[row] for row in np.argsort(-scores, kind="stable")))


def main(folders: Sequence[str]) -> None:
    """Print one row a folder."""
    # Imported here: it imports an engine, which whoever calls the functions above has done already.
    from search.encoders.registry import load_encoder

    encoder = load_encoder(engine_settings())
    for folder in folders:
        figures = summarise(
            [answer.judged for answer in answer_directly(read_folder(Path(folder)), encoder)]
        )
        shown = ", ".join(
            f"{name} {figures[name]:.3f}" for name in ("mAP", "hit@1", "hit@5", "P@10")
        )
        sys.stdout.write(f"{Path(folder).name}: {shown}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
