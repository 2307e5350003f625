"""Makes the previews that clips lack, one after another."""

from __future__ import annotations

import datetime
import random
import threading
from collections.abc import Callable

from django.db.models import Exists, OuterRef, QuerySet

from indexer.encoding.files import local_file
from indexer.encoding.run import stopping
from indexer.previews.render import ClipPreviewFiles, render_preview
from search.config import engine_settings
from search.errors import MediaTooLarge
from search.media.limits import ClipLimits
from search.modalities import MODALITIES
from search.types import Modality
from webapp.catalog.models import Asset, ClipPreview
from webapp.catalog.services.previews import store_preview
from webapp.leases.leased import lease_fields

LEASE = datetime.timedelta(hours=1)
"""Far longer than the longest clip takes."""

CANDIDATE_COUNT = 50
"""Parallel workers choose at random among so many, so that they seldom collide."""

_making = threading.Lock()


def find_clips_without_preview() -> QuerySet[Asset]:
    """Return clips without a preview row, newest first. The row is also the claim on a clip."""
    known = ClipPreview.objects.filter(content_hash=OuterRef("content_hash"))
    return Asset.objects.filter(~Exists(known), kind__in=MODALITIES.clips).order_by("-pk")


def release_abandoned_previews() -> int:
    """Delete the claims of dead and silent workers. Return how many."""
    return ClipPreview.objects.filter(made_at__isnull=True).abandoned().delete()[0]


def make_missing_previews(on_made: Callable[[], object] | None = None) -> int:
    """Make previews until none is missing or the process has to end. Return how many.

    Does nothing while another thread of the process does it. Raises Unavailable when the media
    store fails; the clip is tried again when its claim is released.
    """
    if not _making.acquire(blocking=False):
        return 0
    made = 0
    try:
        while not stopping.is_set() and (
            clips := list(find_clips_without_preview()[:CANDIDATE_COUNT])
        ):
            clip = random.choice(clips)  # noqa: S311 (no secret)
            claim, won = ClipPreview.objects.get_or_create(
                content_hash=clip.content_hash, defaults=lease_fields(LEASE)
            )
            if won:
                preview = _render(clip)
                store_preview(
                    claim,
                    preview.files,
                    duration_s=preview.duration_s,
                    frames=preview.frames,
                    peaks=preview.peaks,
                )
                made += 1
                if on_made:
                    on_made()
    finally:
        _making.release()
    return made


def _render(clip: Asset) -> ClipPreviewFiles:
    limits = ClipLimits.from_settings(engine_settings())
    try:
        with local_file(str(clip.file.name), limits.max_bytes) as path:
            return render_preview(Modality(clip.kind), path, limits)
    except MediaTooLarge:
        return ClipPreviewFiles()
