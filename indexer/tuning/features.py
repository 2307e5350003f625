"""Features for tuning: stored ones, and those of contents encoded before features were kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from django.db.models import Exists, OuterRef

from indexer.encoding.clip_encoding import encode_clips
from indexer.encoding.clip_reading import encodable_modalities, start_decoding
from indexer.encoding.contents import Content, load_picture
from indexer.encoding.encode import EncodedBatch, encode_pictures, encode_texts
from indexer.encoding.jobs import Job
from indexer.encoding.projection import get_tower_id
from indexer.encoding.storage import make_feature_rows
from indexer.model_release.progress import Progress
from search.cpu import available_cores
from search.encoders.protocol import Features, TunableEncoder
from search.modalities import MODALITIES
from search.types import Modality, TextRole
from webapp.catalog.models import Asset, CachedFeatures, IndexJob, JobState, Tuning, TuningStage
from webapp.catalog.selectors.features import FeatureRow, get_stored_features
from webapp.catalog.services.features import store_features

Item = TypeVar("Item")

TEXT_BATCH_SIZE = 256
ROW_BATCH_SIZE = 1_000


def compute_missing_features(
    encoder: TunableEncoder, *, busy_space: str, progress: Progress[Tuning]
) -> int:
    """Compute the features of contents in use that have none. Return how many pictures it decoded.

    Contents that wait to be encoded into `busy_space` are left to the worker; those that could
    not be encoded before are skipped.
    """
    decoded = 0
    for kind in Modality:
        missing = (
            _find_missing(encoder, kind, busy_space) if encodable_modalities(encoder, kind) else []
        )
        progress.begin(TuningStage.FEATURES, len(missing))
        size = MODALITIES[kind].claim_size or encoder.picture_batch_size
        for contents in _chunks(missing, size):
            rows = make_feature_rows(_encode(kind, contents, encoder).encoded, encoder)
            store_features(rows)
            decoded += len(rows) if kind is Modality.PICTURE else 0
            progress.advance(len(contents))
    return decoded


def _find_missing(
    encoder: TunableEncoder, kind: Modality, busy_space: str
) -> list[tuple[str, str]]:
    """Return (content hash, text or file name) of every usable content without features."""
    towers = get_tower_id(encoder, kind)
    same = {"modality": kind, "content_hash": OuterRef("content_hash")}
    waiting = IndexJob.objects.filter(
        space=busy_space, state__in=[JobState.QUEUED, JobState.CLAIMED], **same
    )
    stored = CachedFeatures.objects.filter(towers=towers, **same)
    assets = Asset.objects.filter(~Exists(stored), ~Exists(waiting), kind=kind, error="").order_by(
        "content_hash"
    )
    return list(
        assets.values_list("content_hash", "text" if kind is Modality.TEXT else "file").distinct()
    )


def _encode(
    kind: Modality, contents: Sequence[tuple[str, str]], encoder: TunableEncoder
) -> EncodedBatch:
    named = [Content(Job(0, digest, 0), value) for digest, value in contents]
    if kind is Modality.TEXT:
        return encode_texts(named, encoder)
    with ThreadPoolExecutor(available_cores(), thread_name_prefix="decode") as decoders:
        if kind in MODALITIES.clips:
            return encode_clips(
                kind, named, start_decoding(kind, named, encoder, decoders), encoder
            )
        loading = [decoders.submit(load_picture, content, encoder) for content in named]
        return encode_pictures(named, loading, encoder)


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def load_picture_features(hashes: Sequence[str], *, towers: str) -> dict[str, FeatureRow]:
    """Return stored features by content hash, without pictures that could not be decoded."""
    found: dict[str, FeatureRow] = {}
    for chunk in _chunks(hashes, ROW_BATCH_SIZE):
        found |= get_stored_features(towers=towers, modality=Modality.PICTURE, hashes=chunk)
    return found


def compute_text_features(
    texts: Sequence[str], encoder: TunableEncoder, progress: Progress[Tuning]
) -> Features:
    """Return the features of texts as queries, (n, width): shoppers use them so."""
    progress.begin(TuningStage.WORDS, len(texts))
    rows = []
    for chunk in _chunks(texts, TEXT_BATCH_SIZE):
        rows.append(encoder.text_features(chunk, TextRole.QUERY))
        progress.advance(len(chunk))
    return np.concatenate(rows)
