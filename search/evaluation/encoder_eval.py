"""Evaluate an encoder alone, by exact cosine similarity: no index, no shop, no database.

`python -m search.evaluation.encoder_eval FOLDER...` prints the metrics of the preset in the
settings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from search.config import engine_settings
from search.encoders.protocol import Encoder, require_audio
from search.errors import InputError
from search.evaluation.folder import EvaluationFolder, EvaluationQuery, read_folder
from search.evaluation.results import EvaluatedQuery, evaluate_ranking, summarise
from search.files import file_sha256
from search.media.audio import open_audio
from search.media.audio_windows import cut_audio_windows
from search.media.frame_views import clip_and_frame_vectors, crop_frame_views
from search.media.keyframes import read_key_frames
from search.media.limits import ClipLimits, PictureLimits
from search.media.picture import decode_picture
from search.types import TextRole, Vectors

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _View:
    """A vector (dim,) of a product's media file with this checksum."""

    sku: str
    digest: str
    vector: Vector


def evaluate_encoder(folder: EvaluationFolder, encoder: Encoder) -> list[EvaluatedQuery]:
    """Rank the products of a folder for each of its queries.

    1. Encode every picture, sound and video of the catalogue into views. The soundtrack of a
       video is not used.
    2. Encode every query; the vector of a sound is the mean of its windows.
    3. Rank products by their best view, and leave out products with the query's own file.

    Raises MediaError for an unreadable file, InputError for a query that measures nothing or
    cannot be encoded, ModalityUnsupported for sounds without an audio tower, and what the
    encoder raises.
    """
    views = [
        *_views(folder.pictures(), ([row] for row in _encode_catalogue_pictures(folder, encoder))),
        *_views(folder.sounds(), encode_sounds([path for _, path in folder.sounds()], encoder)),
        *_views(folder.videos(), (encode_video(path, encoder) for _, path in folder.videos())),
    ]
    skus = [view.sku for view in views]
    vectors = (
        np.stack([view.vector for view in views])
        if views
        else np.zeros((0, encoder.space.dim), np.float32)
    )
    evaluated = []
    for query, vector in _encode_queries(folder.queries, encoder):
        digest = file_sha256(query.file) if query.file else ""
        same_file = {view.sku for view in views if view.digest == digest}
        ranking = _rank_products(skus, vectors @ vector)
        result = evaluate_ranking(ranking, query.relevant, exclude=same_file)
        evaluated.append(EvaluatedQuery(query, result))
    return evaluated


def _encode_catalogue_pictures(folder: EvaluationFolder, encoder: Encoder) -> Vectors:
    return encode_pictures([path for _, path in folder.pictures()], encoder)


def _views(
    files: Sequence[tuple[str, Path]], vectors: Iterable[Iterable[Vector]]
) -> Iterable[_View]:
    for (sku, path), rows in zip(files, vectors, strict=True):
        digest = file_sha256(path)
        for vector in rows:
            yield _View(sku, digest, vector)


def encode_pictures(files: Sequence[Path], encoder: Encoder) -> Vectors:
    """Encode picture files: (n, dim) unit vectors, in batches that suit the encoder."""
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
    """Encode a video: (1 + key frames, dim) unit vectors, the whole clip first."""
    clip = read_key_frames(file, ClipLimits.from_settings(engine_settings()), encoder.decode_size)
    views = [view for frame in clip.frames for view in crop_frame_views(frame.picture)]
    size, vectors = encoder.picture_batch_size, []
    for start in range(0, len(views), size):
        batch = [encoder.prepare_picture(view) for view in views[start : start + size]]
        vectors.append(encoder.encode_pictures(batch))
    return clip_and_frame_vectors(np.concatenate(vectors))


def encode_sounds(files: Sequence[Path], encoder: Encoder) -> list[Vectors]:
    """Encode each sound file into the unit vectors of its windows, (windows, dim).

    Raises ModalityUnsupported without an audio tower.
    """
    if not files:
        return []
    audio = require_audio(encoder)
    limits = ClipLimits.from_settings(engine_settings())
    vectors = []
    for file in files:
        windows = cut_audio_windows(
            open_audio(file, limits, audio.audio_format.rate), audio.audio_format
        )
        parts = [np.zeros((0, encoder.space.dim), np.float32)]
        while batch := [
            audio.prepare_audio(window) for _, window in islice(windows, audio.audio_batch_size)
        ]:
            parts.append(audio.encode_audio(batch))
        vectors.append(np.concatenate(parts))
    return vectors


def _encode_queries(
    queries: Sequence[EvaluationQuery], encoder: Encoder
) -> list[tuple[EvaluationQuery, Vector]]:
    """Pair each query with its vector (dim,).

    Raises InputError for a query by video and for a query sound that is silent.
    """
    if by_video := next((query for query in queries if query.video), None):
        raise InputError("encoder evaluation does not support video queries", value=by_video.id)
    by_text = [query for query in queries if query.file is None]
    by_picture = [(query, query.picture) for query in queries if query.picture is not None]
    by_sound = [(query, query.sound) for query in queries if query.sound is not None]
    texts = encoder.encode_texts([query.text for query in by_text], TextRole.QUERY)
    pictures = encode_pictures([picture for _, picture in by_picture], encoder)
    sounds = encode_sounds([sound for _, sound in by_sound], encoder)
    for (query, _), windows in zip(by_sound, sounds, strict=True):
        if not len(windows):
            raise InputError("the sound of a query is silent", value=query.id)
    return [
        *zip(by_text, texts, strict=True),
        *zip((query for query, _ in by_picture), pictures, strict=True),
        *((query, windows.mean(0)) for (query, _), windows in zip(by_sound, sounds, strict=True)),
    ]


def _rank_products(skus: Sequence[str], scores: Vector) -> list[str]:
    """Return SKUs by their best view, best first; ties keep the catalogue's order."""
    return list(dict.fromkeys(skus[row] for row in np.argsort(-scores, kind="stable")))


def main(folders: Sequence[str]) -> None:
    """Print one line of metrics per folder."""
    # Imported here because it imports an engine; callers of the functions above have done so.
    from search.encoders.registry import load_encoder

    encoder = load_encoder(engine_settings())
    for folder in folders:
        evaluated = evaluate_encoder(read_folder(Path(folder)), encoder)
        figures = summarise([each.result for each in evaluated])
        shown = ", ".join(
            f"{name} {figures[name]:.3f}" for name in ("mAP", "hit@1", "hit@5", "P@10")
        )
        sys.stdout.write(f"{Path(folder).name}: {shown}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
