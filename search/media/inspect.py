"""Does this file open, and as what? What a dry run asks of every file, and an upload before it
accepts one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search.config import EngineSettings
from search.errors import MediaUnsupported
from search.media.clip import ClipLimits, probe_clip
from search.media.file_formats import accepted_format
from search.media.picture import PictureLimits, decode_picture, picture_info
from search.types import Modality

_SMALL = 64
"""Pixels of the shorter side that a trial decode keeps: every byte is read, few pixels are made."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Limits of every kind of file."""

    picture: PictureLimits
    clip: ClipLimits

    @classmethod
    def from_settings(cls, settings: EngineSettings) -> MediaLimits:
        return cls(PictureLimits.from_settings(settings), ClipLimits.from_settings(settings))

    @property
    def max_bytes(self) -> int:
        """The largest file of any kind."""
        return max(self.picture.max_bytes, self.clip.max_bytes)


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A file that opened. Width and height in pixels, 0 for audio; `seconds` is None for a
    picture.
    """

    kind: Modality
    format: str
    bytes: int
    width: int
    height: int
    seconds: float | None


def inspect_media(path: Path, limits: MediaLimits, wanted: Modality | None = None) -> MediaInfo:
    """Open the file: decode a picture, probe a clip. An animated GIF or WebP counts as a video
    where one is wanted.

    Raises MediaTooLarge, MediaUnreadable, or MediaUnsupported (also for a file of another kind
    than `wanted`).
    """
    found = accepted_format(path)
    if found.pillow and not (found.demuxer and wanted is Modality.VIDEO):
        info = _inspect_picture(path, limits.picture)
    else:
        info = _inspect_clip(path, limits.clip)
    if wanted is not None and info.kind is not wanted:
        raise MediaUnsupported(
            f"the file should be {wanted.value} but is {info.kind.value}",
            value=info.format,
            fix="Use the other column.",
        )
    return info


def _inspect_picture(path: Path, limits: PictureLimits) -> MediaInfo:
    info = picture_info(path, limits)
    decode_picture(path, limits, at_least=_SMALL)
    return MediaInfo(
        Modality.PICTURE, info.format, info.bytes, info.width, info.height, seconds=None
    )


def _inspect_clip(path: Path, limits: ClipLimits) -> MediaInfo:
    clip = probe_clip(path, limits)
    return MediaInfo(
        clip.kind, clip.container, path.stat().st_size, clip.width, clip.height, clip.seconds
    )
