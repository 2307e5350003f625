"""What is drawn of one clip. Uses no database."""

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

SIDE = 270
"""Shorter side of a key frame's picture, in pixels."""

LONGER_SIDE = 480
QUALITY = 78

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ClipPreviewFiles:
    """What there is to show of a clip, and the files that hold it."""

    seconds: float = 0.0
    frames: list[Span] = field(default_factory=list)
    peaks: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)


def render_preview(kind: Modality, path: Path, limits: ClipLimits) -> ClipPreviewFiles:
    """Everything that can be read of a clip: what is faulty in it leaves out no more than
    itself.
    """
    drawing = ClipPreviewFiles()
    for draw in _PARTS[kind]:
        try:
            draw(drawing, path, limits)
        except MediaError as error:
            logger.info("no %s of %s: %s", draw.__name__, path.name, error)
    return drawing


def _draw_frames(drawing: ClipPreviewFiles, path: Path, limits: ClipLimits) -> None:
    """The key frames that were encoded, found in the same way, larger."""
    seen = read_key_frames(path, limits, side=SIDE)
    drawing.seconds = seen.seconds
    for number, shown in enumerate(seen.frames):
        picture = shown.picture
        picture.thumbnail((LONGER_SIDE, LONGER_SIDE))
        drawing.frames.append(shown.span)
        drawing.files[frame_filename(number)] = _webp(picture)


def _draw_sound(drawing: ClipPreviewFiles, path: Path, limits: ClipLimits) -> None:
    preview: AudioPreview | None = None
    with closing(open_audio(path, limits, RATE)) as reader:
        for piece in reader:
            # The waveform is drawn along the player, which counts to the end of what is longest in
            # the clip.
            preview = preview or AudioPreview(drawing.seconds or reader.seconds)
            preview.feed(piece)
    if preview is None:
        return
    drawing.seconds = drawing.seconds or reader.seconds
    drawing.peaks = preview.peaks()
    if picture := preview.spectrogram():
        drawing.files[SPECTROGRAM] = _webp(picture)


def _write_subtitles(drawing: ClipPreviewFiles, path: Path, limits: ClipLimits) -> None:
    if said := read_subtitles(path, limits):
        drawing.files[SUBTITLES] = web_vtt(said).encode()


_PARTS: dict[Modality, tuple[Callable[[ClipPreviewFiles, Path, ClipLimits], None], ...]] = {
    Modality.AUDIO: (_draw_sound,),
    Modality.VIDEO: (_draw_frames, _draw_sound, _write_subtitles),
}


def web_vtt(said: Iterable[tuple[Span, str]]) -> str:
    """Subtitles as browsers read them (https://www.w3.org/TR/webvtt1/)."""
    cues = [
        f"{_time(span.start)} --> {_time(span.end)}\n{_cue_text(text)}\n" for span, text in said
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _cue_text(text: str) -> str:
    """Without blank lines, which would end the cue, and without what would be markup."""
    lines = (line.strip() for line in text.splitlines())
    plain = "\n".join(line for line in lines if line)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _webp(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue()
