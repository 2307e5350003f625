"""A clip that asks, with its sound or its pictures: decoded within limits of its own and
embedded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from search.config import engine_settings
from search.encoders.query_encoder import QueryEncoder
from search.errors import QueryError
from search.media.audio import open_audio
from search.media.audio_windows import cut_audio_windows
from search.media.keyframes import read_key_frames
from search.media.limits import ClipLimits
from search.types import Vectors

TIME_LIMIT_S = 10.0
"""Somebody waits for the answer."""


def embed_clip_sound(path: Path, encoder: QueryEncoder) -> Vectors:
    """The sound of an audio or video file → unit vector (dim,).

    Raises ModalityUnsupported where the encoder does not hear, MediaError for a clip that is
    over the limits or cannot be read, QueryError for a silent one.
    """
    format = encoder.audio_format
    with closing(open_audio(path, query_limits(), format.rate)) as reader:
        windows = [window for _, window in cut_audio_windows(reader, format)]
    if not windows:
        raise QueryError("there is no sound to hear in this clip", fix="Record it again, louder.")
    return encoder.embed_audio(windows)


def embed_clip_frames(path: Path, encoder: QueryEncoder) -> Vectors:
    """The key frames of a video → unit vector (dim,). Raises MediaError, and what the encoder
    raises.
    """
    seen = read_key_frames(path, query_limits(), side=encoder.decode_size)
    return encoder.embed_frames([frame.picture for frame in seen.frames])


def query_limits() -> ClipLimits:
    """Of a clip that asks."""
    settings = engine_settings()
    longest = settings.query_clip_max_seconds
    return replace(
        ClipLimits.from_settings(settings), max_seconds=longest, time_limit_s=TIME_LIMIT_S
    )


@contextmanager
def uploaded_path(file: UploadedFile | None) -> Iterator[Path | None]:
    """An uploaded file by its path, for as long as needed; None for none."""
    if file is None:
        yield None
        return
    with tempfile.NamedTemporaryFile(prefix="query-", dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        for piece in file.chunks():
            copy.write(piece)
        copy.flush()
        yield Path(copy.name)
