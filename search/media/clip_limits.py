"""What a clip may hold, and what the process that reads it may spend."""

from __future__ import annotations

from dataclasses import dataclass

from search.config import EngineSettings


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """Largest file (bytes), play time (seconds) and frame (pixels); what the child process may
    spend.

    A child that reads a whole clip gets `time_per_second` more for each second of play time.
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
