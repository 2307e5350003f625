"""Render the preview of one clip: key frames, waveform, subtitles. Uses no database."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from search.errors import MediaError
from search.media.audio import open_audio
from search.media.audio_preview import RATE, AudioPreview
from search.media.keyframes import read_key_frames
from search.media.limits import ClipLimits
from search.media.subtitles import read_subtitles
from search.types import Modality, Span
from webapp.catalog.services.previews import SPECTROGRAM, SUBTITLES, frame_filename

DECODE_SIDE = 270
"""Shorter side of a decoded key frame, in pixels."""

MAX_SIDE = 480
WEBP_QUALITY = 78

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ClipPreviewFiles:
    """The preview of a clip and its files by name."""

    duration_s: float = 0.0
    frames: list[Span] = field(default_factory=list)
    peaks: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)


def render_preview(kind: Modality, path: Path, limits: ClipLimits) -> ClipPreviewFiles:
    """Render what can be read of a clip. A broken part is left out."""
    preview = ClipPreviewFiles()
    for render in RENDERERS[kind]:
        try:
            render(preview, path, limits)
        except MediaError as error:
            logger.info("%s failed for %s: %s", render.__name__, path.name, error)
    return preview


def _render_frames(preview: ClipPreviewFiles, path: Path, limits: ClipLimits) -> None:
    """Render the key frames that are encoded, larger."""
    seen = read_key_frames(path, limits, side=DECODE_SIDE)
    preview.duration_s = seen.seconds
    for number, shown in enumerate(seen.frames):
        picture = shown.picture
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        preview.frames.append(shown.span)
        preview.files[frame_filename(number)] = _encode_webp(picture)


def _render_audio(preview: ClipPreviewFiles, path: Path, limits: ClipLimits) -> None:
    audio: AudioPreview | None = None
    with closing(open_audio(path, limits, RATE)) as reader:
        for piece in reader:
            # The waveform has the length of the player: that of the longest track.
            audio = audio or AudioPreview(preview.duration_s or reader.seconds)
            audio.feed(piece)
    if audio is None:
        return
    preview.duration_s = preview.duration_s or reader.seconds
    preview.peaks = audio.peaks()
    if picture := audio.spectrogram():
        preview.files[SPECTROGRAM] = _encode_webp(picture)


def _render_subtitles(preview: ClipPreviewFiles, path: Path, limits: ClipLimits) -> None:
    if subtitles := read_subtitles(path, limits):
        preview.files[SUBTITLES] = make_webvtt(subtitles).encode()


RENDERERS: dict[Modality, tuple[Callable[[ClipPreviewFiles, Path, ClipLimits], None], ...]] = {
    Modality.AUDIO: (_render_audio,),
    Modality.VIDEO: (_render_frames, _render_audio, _render_subtitles),
}


def make_webvtt(subtitles: Iterable[tuple[Span, str]]) -> str:
    """Return subtitles in WebVTT (https://www.w3.org/TR/webvtt1/)."""
    cues = [
        f"{_format_time(span.start)} --> {_format_time(span.end)}\n{_format_cue(text)}\n"
        for span, text in subtitles
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _format_time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _format_cue(text: str) -> str:
    """Remove blank lines, which would end the cue, and escape markup."""
    lines = (line.strip() for line in text.splitlines())
    plain = "\n".join(line for line in lines if line)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _encode_webp(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=WEBP_QUALITY, method=4)
    return out.getvalue()
