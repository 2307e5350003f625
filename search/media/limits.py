"""Limits of media files: what an upload may hold, and what reading it may cost."""

from __future__ import annotations

from dataclasses import dataclass

from search.config import EngineSettings


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """Maximum file size in bytes, area in pixels, and ratio of the longer side to the shorter."""

    max_bytes: int
    max_pixels: int
    max_aspect: float = 50.0

    @classmethod
    def from_settings(cls, settings: EngineSettings) -> PictureLimits:
        return cls(max_bytes=settings.picture_max_bytes, max_pixels=settings.picture_max_pixels)


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """Limits of an audio or video file, and of the process that decodes it.

    The file: size in bytes, play time in seconds, pixels of a frame. The process: seconds,
    plus `time_per_second` for each second of play time, and bytes of memory.
    """

    max_bytes: int
    max_seconds: float
    max_pixels: int = 4096 * 4096
    time_limit_s: float = 30.0
    time_per_second: float = 0.5
    memory_bytes: int = 1024**3

    @classmethod
    def from_settings(cls, settings: EngineSettings) -> ClipLimits:
        return cls(
            max_bytes=settings.clip_max_bytes,
            max_seconds=settings.clip_max_seconds,
            max_pixels=settings.clip_max_pixels,
            time_per_second=settings.clip_time_per_second,
        )


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
        """The size limit of a file whose kind is not known yet."""
        return max(self.picture.max_bytes, self.clip.max_bytes)
