"""The model's part of clips: pieces are encoded as they come, and what was found of a clip
becomes its views.
"""

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
from indexer.encoding.encode import EncodedBatch, Row, encode_inputs, rows_of
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
class _Found:
    """What was encoded of one modality of a clip so far."""

    rows: list[Row] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)


def encode_clips(
    kind: Modality,
    contents: Sequence[Content],
    feeds: Sequence[PieceQueue],
    encoder: TunableEncoder,
) -> EncodedBatch:
    """One clip after another, each while it is being decoded. Raises Unavailable when the
    encoder fails on every piece of a batch, Cancelled when a feed is closed.
    """
    started = time.perf_counter()
    outcomes = [
        _encode_clip(kind, content.job, feed, encoder)
        for content, feed in zip(contents, feeds, strict=True)
    ]
    return EncodedBatch(
        encoded=tuple(outcome for outcome in outcomes if isinstance(outcome, EncodedContent)),
        failed=tuple(outcome for outcome in outcomes if isinstance(outcome, FailedContent)),
        decode_wait_s=sum(feed.waited_s for feed in feeds),
        encode_s=time.perf_counter() - started - sum(feed.waited_s for feed in feeds),
    )


def _encode_clip(
    kind: Modality, job: Job, feed: PieceQueue, encoder: TunableEncoder
) -> EncodedContent | FailedContent:
    found = {modality: _Found() for modality in encodable_modalities(encoder, kind)}
    troubles: dict[Modality, EncodeError] = {}
    batch: list[Piece] = []
    for piece in feed:
        if isinstance(piece, PieceError):
            troubles[piece.modality] = piece.error
            continue
        if batch and (
            piece.modality is not batch[0].modality
            or len(batch) == _at_once(encoder, piece.modality)
        ):
            _encode_pieces(batch, found, troubles, encoder)
            batch = []
        batch.append(piece)
    if batch:
        _encode_pieces(batch, found, troubles, encoder)
    if fault := _spoilt(kind, found, troubles):
        return FailedContent(job, fault)
    note = "; ".join(
        f"{MODALITIES[modality].track_label}: {fault.message}"
        for modality, fault in troubles.items()
    )
    return EncodedContent(job, _views(kind, found, encoder), note)


def _at_once(encoder: TunableEncoder, modality: Modality) -> int:
    if modality is Modality.AUDIO:
        return require_audio(encoder).audio_batch_size
    return (
        SUBTITLE_BATCH_SIZE
        if modality is Modality.TEXT
        else max(1, encoder.picture_batch_size // VIEWS_PER_FRAME)
    )


def _encode_pieces(
    batch: Sequence[Piece],
    found: Mapping[Modality, _Found],
    troubles: dict[Modality, EncodeError],
    encoder: TunableEncoder,
) -> None:
    modality = batch[0].modality
    encode = partial(_rows, encoder=encoder, modality=modality)
    for piece, row in zip(
        batch, encode_inputs(encode, [piece.content for piece in batch]), strict=True
    ):
        if isinstance(row, EncodeError):
            troubles[modality] = row
        else:
            found[modality].rows.append(row)
            found[modality].spans.append(piece.span)


def _rows(inputs: Sequence[Any], *, encoder: TunableEncoder, modality: Modality) -> list[Row]:
    features = _features(inputs, encoder, modality)
    vectors = project(encoder, modality, features)
    return rows_of(
        features.reshape(len(inputs), -1, features.shape[1]), vectors, len(inputs), encoder
    )


def _features(inputs: Sequence[Any], encoder: TunableEncoder, modality: Modality) -> Features:
    if modality is Modality.TEXT:
        return encoder.text_features(inputs, TextRole.DOCUMENT)
    if modality is Modality.AUDIO:
        return require_audio(encoder).audio_features(inputs)
    return encoder.picture_features([view for views in inputs for view in views])


def _spoilt(
    kind: Modality, found: Mapping[Modality, _Found], troubles: Mapping[Modality, EncodeError]
) -> EncodeError | None:
    """Why a clip is set aside: nothing in it can be seen or heard, or what went wrong may pass."""
    passing = [
        fault
        for modality, fault in troubles.items()
        if not fault.permanent and not found[modality].rows
    ]
    if passing:
        return passing[0]
    shown = any(found[modality].rows for modality in found if modality is not Modality.TEXT)
    return None if shown else troubles.get(kind) or next(iter(troubles.values()), None)


def _views(
    kind: Modality, found: Mapping[Modality, _Found], encoder: TunableEncoder
) -> tuple[ContentViews, ...]:
    """A row for each modality, also where there is nothing of it; one of its kind also when the
    encoder is deaf.
    """
    nothing = np.zeros((0, encoder.space.dim), np.float32)
    views = [
        ContentViews(
            modality,
            prepend_whole_clip(modality, np.stack([row[1] for row in one.rows]))
            if one.rows
            else nothing,
            np.concatenate([row[0] for row in one.rows])
            if one.rows
            else np.zeros((0, 0), np.float16),
            tuple(one.spans),
        )
        for modality, one in found.items()
    ]
    return tuple(views) if kind in found else (*views, ContentViews(kind, nothing, None))


def project_clips(
    kind: Modality, contents: Sequence[Content], encoder: TunableEncoder
) -> dict[Job, EncodedContent]:
    """Of these clips those of which everything that towers see and hear is stored. At most one
    query.
    """
    wanted = encodable_modalities(encoder, kind)
    if not wanted or not contents:
        return {}
    towers = {get_tower_id(encoder, modality) for modality in wanted}
    stored = get_clip_features(
        towers=towers, hashes=[content.job.content_hash for content in contents]
    )
    return {
        content.job: EncodedContent(
            content.job, tuple(_projected(modality, seen[modality], encoder) for modality in wanted)
        )
        for content in contents
        if (seen := stored.get(content.job.content_hash))
        and all(modality in seen for modality in wanted)
    }


def _projected(modality: Modality, seen: ClipFeatures, encoder: TunableEncoder) -> ContentViews:
    return ContentViews(
        modality,
        prepend_whole_clip(modality, project(encoder, modality, seen.features)),
        None,
        seen.spans,
    )


def with_projected(
    encode: Callable[[], EncodedBatch], projected: tuple[EncodedContent, ...]
) -> EncodedBatch:
    """A batch with the clips that needed neither decoding nor a tower."""
    batch = encode()
    return replace(batch, encoded=(*batch.encoded, *projected))
