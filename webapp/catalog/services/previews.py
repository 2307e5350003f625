"""Preview files of clips in the media store."""

from __future__ import annotations

from collections.abc import Mapping

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from search.types import Span
from webapp.catalog.models import ClipPreview
from webapp.catalog.models.spans import spans_pack
from webapp.catalog.selectors.clips import Preview, get_previews
from webapp.celery import MAKE_PREVIEWS, notify_worker

SPECTROGRAM = "spectrogram.webp"
SUBTITLES = "subtitles.vtt"


def frame_filename(number: int) -> str:
    """Return the file name of a key frame, counted from 0."""
    return f"frame-{number}.webp"


def preview_path(content_hash: str, file: str) -> str:
    """Return the name in the store: 'previews/ab/abcdef…/frame-0.webp'."""
    return f"previews/{content_hash[:2]}/{content_hash}/{file}"


def store_preview(
    claim: ClipPreview,
    files: Mapping[str, bytes],
    *,
    duration_s: float,
    frames: list[Span],
    peaks: bytes,
) -> None:
    """Store the preview of a clip: first its files, then its row."""
    for file, content in files.items():
        name = preview_path(claim.content_hash, file)
        # A store may keep an existing file and save the new one under another name.
        default_storage.delete(name)
        default_storage.save(name, ContentFile(content))
    ClipPreview.objects.filter(pk=claim.pk).release(
        made_at=timezone.now(),
        duration_s=duration_s,
        spans=spans_pack(frames),
        peaks=peaks,
        subtitled=SUBTITLES in files,
    )


def discard_preview(content_hash: str, file: str) -> None:
    """Have a preview made again if the missing `file` belongs to it."""
    preview = get_previews([content_hash]).get(content_hash)
    if preview is None or file not in _files(preview):
        return
    if ClipPreview.objects.filter(content_hash=content_hash, made_at__isnull=False).delete()[0]:
        notify_worker(MAKE_PREVIEWS)


def _files(preview: Preview) -> set[str]:
    frames = {frame_filename(number) for number in range(len(preview.frames))}
    spectrogram = {SPECTROGRAM} if preview.peaks else set()
    subtitles = {SUBTITLES} if preview.subtitled else set()
    return frames | spectrogram | subtitles
