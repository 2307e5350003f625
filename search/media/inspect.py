"""Checks that a media file opens within the limits, and tells what it is.

An upload checks every file before it accepts it; a dry run does the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search.errors import MediaUnsupported
from search.media.file_formats import detect_format
from search.media.limits import ClipLimits, MediaLimits, PictureLimits
from search.media.picture import decode_picture, read_picture_info
from search.media.sandbox.runner import detect_clip_format, run_in_sandbox
from search.types import Modality

_TRIAL_SIDE = 64
"""Pixels of the shorter side of a trial decode: it reads every byte but makes few pixels."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """Properties of a file that opens.

    Width and height are in pixels, 0 for audio; `seconds` is None for a picture.
    """

    kind: Modality
    format: str
    bytes: int
    width: int
    height: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """Properties of an audio or video file: play time, frame size (0 for audio), codecs."""

    kind: Modality
    seconds: float
    width: int
    height: int
    container: str
    codecs: tuple[str, ...]


def inspect_media(path: Path, limits: MediaLimits, wanted: Modality | None = None) -> MediaInfo:
    """Open the file: decode a picture, probe a clip.

    An animated GIF or WebP counts as a video where a video is wanted. Raises MediaTooLarge,
    MediaUnreadable, or MediaUnsupported (also for a file of another kind than `wanted`).
    """
    found = detect_format(path)
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


def probe_clip(path: Path, limits: ClipLimits) -> ClipInfo:
    """Open the clip and decode the first frame of its video and of its audio.

    Costs one short process, about 0.15 s. A cover picture inside an audio file does not make it
    a video. A file without a play time in its header is read to the end. Raises MediaTooLarge
    (bytes, seconds, frame size, or time and memory of the process), MediaUnreadable (empty or
    corrupt) and MediaUnsupported (format not accepted, playlists among them, or codec unknown to
    FFmpeg); an OSError of reading the file passes through.
    """
    container = detect_clip_format(path, limits).name
    [fields] = [message.header for message in run_in_sandbox("probe", path, limits)]
    kind = Modality.VIDEO if fields["width"] else Modality.AUDIO
    return ClipInfo(
        kind,
        fields["seconds"],
        fields["width"],
        fields["height"],
        container,
        tuple(fields["codecs"]),
    )


def _inspect_picture(path: Path, limits: PictureLimits) -> MediaInfo:
    info = read_picture_info(path, limits)
    decode_picture(path, limits, at_least=_TRIAL_SIDE)
    return MediaInfo(
        Modality.PICTURE, info.format, info.bytes, info.width, info.height, seconds=None
    )


def _inspect_clip(path: Path, limits: ClipLimits) -> MediaInfo:
    clip = probe_clip(path, limits)
    return MediaInfo(
        clip.kind, clip.container, path.stat().st_size, clip.width, clip.height, clip.seconds
    )
