"""Encode clips: pieces are encoded as they arrive and become the views of the clip."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from indexer.encoding.clip_reading import encodable_modalities
from indexer.encoding.contents import (
    Content,
    ContentViews,
    EncodedContent,
    EncodeError,
    FailedContent,
)
from indexer.encoding.encode import EncodedBatch, Row, encode_inputs, make_rows
from indexer.encoding.jobs import Job
from indexer.encoding.piece_queue import Piece, PieceError, PieceQueue
from indexer.encoding.projection import get_tower_id, prepend_whole_clip, project
from search.encoders.protocol import Features, TunableEncoder, require_audio
from search.media.frame_views import VIEWS_PER_FRAME
from search.modalities import MODALITIES
from search.types import Modality, Span, TextRole
from webapp.catalog.selectors.features import ClipFeatures, get_clip_features

SUBTITLE_BATCH_SIZE = 256


@dataclass
class _Track:
    """What is encoded so far of one modality of a clip."""

    rows: list[Row] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)


def encode_clips(
    kind: Modality,
    contents: Sequence[Content],
    queues: Sequence[PieceQueue],
    encoder: TunableEncoder,
) -> EncodedBatch:
    """Encode one clip after another, each while it is being decoded.

    Raises Unavailable when the encoder fails on every piece of a batch, Cancelled when a queue is
    closed.
    """
    started = time.perf_counter()
    outcomes = [
        _encode_clip(kind, content.job, queue, encoder)
        for content, queue in zip(contents, queues, strict=True)
    ]
    waited = sum(queue.waited_s for queue in queues)
    return EncodedBatch(
        encoded=tuple(outcome for outcome in outcomes if isinstance(outcome, EncodedContent)),
        failed=tuple(outcome for outcome in outcomes if isinstance(outcome, FailedContent)),
        decode_wait_s=waited,
        encode_s=time.perf_counter() - started - waited,
    )


def _encode_clip(
    kind: Modality, job: Job, queue: PieceQueue, encoder: TunableEncoder
) -> EncodedContent | FailedContent:
    tracks = {modality: _Track() for modality in encodable_modalities(encoder, kind)}
    errors: dict[Modality, EncodeError] = {}
    batch: list[Piece] = []
    for piece in queue:
        if isinstance(piece, PieceError):
            errors[piece.modality] = piece.error
            continue
        if batch and (
            piece.modality is not batch[0].modality
            or len(batch) == _get_batch_size(encoder, piece.modality)
        ):
            _encode_pieces(batch, tracks, errors, encoder)
            batch = []
        batch.append(piece)
    if batch:
        _encode_pieces(batch, tracks, errors, encoder)
    if error := _find_fatal_error(kind, tracks, errors):
        return FailedContent(job, error)
    note = "; ".join(
        f"{MODALITIES[modality].track_label}: {error.message}" for modality, error in errors.items()
    )
    return EncodedContent(job, _make_views(kind, tracks, encoder), note)


def _get_batch_size(encoder: TunableEncoder, modality: Modality) -> int:
    if modality is Modality.AUDIO:
        return require_audio(encoder).audio_batch_size
    if modality is Modality.TEXT:
        return SUBTITLE_BATCH_SIZE
    return max(1, encoder.picture_batch_size // VIEWS_PER_FRAME)


def _encode_pieces(
    batch: Sequence[Piece],
    tracks: Mapping[Modality, _Track],
    errors: dict[Modality, EncodeError],
    encoder: TunableEncoder,
) -> None:
    modality = batch[0].modality
    encode = partial(_encode_rows, encoder=encoder, modality=modality)
    rows = encode_inputs(encode, [piece.content for piece in batch])
    for piece, row in zip(batch, rows, strict=True):
        if isinstance(row, EncodeError):
            errors[modality] = row
        else:
            tracks[modality].rows.append(row)
            tracks[modality].spans.append(piece.span)


def _encode_rows(
    inputs: Sequence[Any], *, encoder: TunableEncoder, modality: Modality
) -> list[Row]:
    features = _compute_features(inputs, encoder, modality)
    vectors = project(encoder, modality, features)
    by_input = features.reshape(len(inputs), -1, features.shape[1])
    return make_rows(by_input, vectors, len(inputs), encoder)


def _compute_features(
    inputs: Sequence[Any], encoder: TunableEncoder, modality: Modality
) -> Features:
    if modality is Modality.TEXT:
        return encoder.text_features(inputs, TextRole.DOCUMENT)
    if modality is Modality.AUDIO:
        return require_audio(encoder).audio_features(inputs)
    return encoder.picture_features([view for views in inputs for view in views])


def _find_fatal_error(
    kind: Modality, tracks: Mapping[Modality, _Track], errors: Mapping[Modality, EncodeError]
) -> EncodeError | None:
    """Return the error that makes the whole clip fail, if any.

    That is one that may pass and left a modality empty; otherwise any, when the clip has neither
    frames nor sound. Other errors become a note.
    """
    for modality, error in errors.items():
        if not error.permanent and not tracks[modality].rows:
            return error
    if any(track.rows for modality, track in tracks.items() if modality is not Modality.TEXT):
        return None
    return errors.get(kind) or next(iter(errors.values()), None)


def _make_views(
    kind: Modality, tracks: Mapping[Modality, _Track], encoder: TunableEncoder
) -> tuple[ContentViews, ...]:
    """Return one row per modality, also an empty one.

    An encoder without audio gives an empty row for a sound.
    """
    empty = np.zeros((0, encoder.space.dim), np.float32)
    views = []
    for modality, track in tracks.items():
        if track.rows:
            vectors = prepend_whole_clip(modality, np.stack([row[1] for row in track.rows]))
            features = np.concatenate([row[0] for row in track.rows])
        else:
            vectors, features = empty, np.zeros((0, 0), np.float16)
        views.append(ContentViews(modality, vectors, features, tuple(track.spans)))
    if kind not in tracks:
        views.append(ContentViews(kind, empty, None))
    return tuple(views)


def project_clips(
    kind: Modality, contents: Sequence[Content], encoder: TunableEncoder
) -> dict[Job, EncodedContent]:
    """Project the clips whose features are all stored. At most one query."""
    modalities = encodable_modalities(encoder, kind)
    if not modalities or not contents:
        return {}
    stored = get_clip_features(
        towers={get_tower_id(encoder, modality) for modality in modalities},
        hashes=[content.job.content_hash for content in contents],
    )
    projected = {}
    for content in contents:
        features = stored.get(content.job.content_hash, {})
        if all(modality in features for modality in modalities):
            views = (_project(modality, features[modality], encoder) for modality in modalities)
            projected[content.job] = EncodedContent(content.job, tuple(views))
    return projected


def _project(modality: Modality, stored: ClipFeatures, encoder: TunableEncoder) -> ContentViews:
    vectors = project(encoder, modality, stored.features)
    return ContentViews(modality, prepend_whole_clip(modality, vectors), None, stored.spans)


def with_projected(
    encode: Callable[[], EncodedBatch], projected: tuple[EncodedContent, ...]
) -> EncodedBatch:
    """Encode a batch and add the clips that needed neither decoding nor a tower."""
    batch = encode()
    return replace(batch, encoded=(*batch.encoded, *projected))
