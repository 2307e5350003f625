"""A query picture or sound as a short signed token, so that paging and filtering need neither
upload nor session.

The token carries the question's embedding in 8-bit steps, whose cosine with the original stays
above 0.999, so no server has to remember anything.
"""

from __future__ import annotations

import base64
import binascii

import numpy as np
from django.core import signing

from search.errors import QueryError
from search.types import Modality, Space, Vectors


def write_token(vector: Vectors, space: Space, asked: Modality = Modality.PICTURE) -> str:
    """Unit vector (dim,) of a question asked in this modality → token."""
    steps = np.round(vector / np.abs(vector).max() * 127).astype(np.int8)
    packed = base64.urlsafe_b64encode(steps.tobytes()).decode().rstrip("=")
    return _signer(asked).sign(f"{space.fingerprint}.{packed}")


def read_token(token: str, space: Space, asked: Modality = Modality.PICTURE) -> Vectors:
    """Token → unit vector (dim,). Raises QueryError for a forged token or one of a former
    encoder.
    """
    again = f"Send the {NAMES[asked]} again."
    try:
        fingerprint, packed = _signer(asked).unsign(token).split(".", 1)
        steps = np.frombuffer(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), np.int8)
    except (signing.BadSignature, ValueError, binascii.Error) as error:
        raise QueryError(f"this {NAMES[asked]} token was not made here", fix=again) from error
    if fingerprint != space.fingerprint or len(steps) != space.dim:
        raise QueryError(f"this {NAMES[asked]} was encoded by a former encoder", fix=again)
    vector = steps.astype(np.float32)
    unit: Vectors = vector / np.linalg.norm(vector)
    return unit


NAMES = {Modality.PICTURE: "picture", Modality.AUDIO: "sound"}
"""What a question is called that has a token."""


def _signer(asked: Modality) -> signing.Signer:
    """A token of one kind is none of another."""
    return signing.Signer(salt=f"omnishelf.{NAMES[asked]}")
