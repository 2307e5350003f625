"""Media of a query: uploaded files, their embeddings, and the tokens that stand for them.

A token is a signed, short text that carries the query's embedding in 8-bit steps; the cosine with
the original stays above 0.999. So paging and filtering need neither the upload nor a session.
"""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core import signing
from django.core.files.uploadedfile import UploadedFile

from search.config import engine_settings
from search.encoders.query_encoder import QueryEncoder
from search.errors import QueryError
from search.media.audio import open_audio
from search.media.audio_windows import cut_audio_windows
from search.media.keyframes import read_key_frames
from search.media.limits import ClipLimits
from search.types import Modality, Space, Vectors

DECODE_TIME_LIMIT_S = 10.0
"""A user waits for the results."""

TOKEN_NAMES = {Modality.PICTURE: "picture", Modality.AUDIO: "sound"}
"""What the media of a query are called, by modality of the token."""


@contextmanager
def uploaded_path(file: UploadedFile[Any] | None) -> Iterator[Path | None]:
    """Keep an uploaded file on disk within the block, under the path given; None for None."""
    if file is None:
        yield None
        return
    with tempfile.NamedTemporaryFile(prefix="query-", dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        for chunk in file.chunks():
            copy.write(chunk)
        copy.flush()
        yield Path(copy.name)


def embed_clip_sound(path: Path, encoder: QueryEncoder) -> Vectors:
    """Embed the sound of an audio or video file → unit vector (dim,).

    Raises ModalityUnsupported where the encoder does not support audio, MediaError for a clip
    that is over the limits or unreadable, QueryError for a silent one.
    """
    format = encoder.audio_format
    with closing(open_audio(path, query_limits(), format.rate)) as reader:
        windows = [window for _, window in cut_audio_windows(reader, format)]
    if not windows:
        raise QueryError("this clip is silent", fix="Record it again, louder.")
    return encoder.embed_audio(windows)


def embed_clip_frames(path: Path, encoder: QueryEncoder) -> Vectors:
    """Embed the key frames of a video → unit vector (dim,).

    Raises MediaError, and the errors of the encoder.
    """
    clip = read_key_frames(path, query_limits(), side=encoder.decode_size)
    return encoder.embed_frames([frame.picture for frame in clip.frames])


def query_limits() -> ClipLimits:
    """Return the limits of a clip that is a query."""
    settings = engine_settings()
    return replace(
        ClipLimits.from_settings(settings),
        max_seconds=settings.query_clip_max_seconds,
        time_limit_s=DECODE_TIME_LIMIT_S,
    )


def write_token(vector: Vectors, space: Space, modality: Modality = Modality.PICTURE) -> str:
    """Return the token of a query's unit vector (dim,)."""
    steps = np.round(vector / np.abs(vector).max() * 127).astype(np.int8)
    packed = base64.urlsafe_b64encode(steps.tobytes()).decode().rstrip("=")
    return _signer(modality).sign(f"{space.fingerprint}.{packed}")


def read_token(token: str, space: Space, modality: Modality = Modality.PICTURE) -> Vectors:
    """Return the unit vector (dim,) of a token.

    Raises QueryError for a forged token, and for one of another model.
    """
    name = TOKEN_NAMES[modality]
    fix = f"Send the {name} again."
    try:
        fingerprint, packed = _signer(modality).unsign(token).split(".", 1)
        steps = np.frombuffer(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), np.int8)
    except (signing.BadSignature, ValueError, binascii.Error) as error:
        raise QueryError(f"this {name} token is forged", fix=fix) from error
    if fingerprint != space.fingerprint or len(steps) != space.dim:
        raise QueryError(f"this {name} token comes from an older model", fix=fix)
    vector = steps.astype(np.float32)
    unit: Vectors = vector / np.linalg.norm(vector)
    return unit


def _signer(modality: Modality) -> signing.Signer:
    """Return a signer per modality: a picture token is not valid as a sound token."""
    return signing.Signer(salt=f"omnishelf.{TOKEN_NAMES[modality]}")
