"""A query picture as a short signed token, so that paging and filtering need neither upload nor session.

The token carries the picture's embedding in 8-bit steps, whose cosine with the original stays above 0.999, so no server
has to remember anything.
"""

from __future__ import annotations

import base64
import binascii

import numpy as np
from django.core import signing

from search.errors import QueryError
from search.types import Space, Vectors

SALT = "omnishelf.picture"


def token_write(vector: Vectors, space: Space) -> str:
    """Unit vector (dim,) → token."""
    steps = np.round(vector / np.abs(vector).max() * 127).astype(np.int8)
    packed = base64.urlsafe_b64encode(steps.tobytes()).decode().rstrip("=")
    return signing.Signer(salt=SALT).sign(f"{space.fingerprint}.{packed}")


def token_read(token: str, space: Space) -> Vectors:
    """Token → unit vector (dim,). Raises QueryError for a forged token or one of a former encoder."""
    try:
        fingerprint, packed = signing.Signer(salt=SALT).unsign(token).split(".", 1)
        steps = np.frombuffer(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), np.int8)
    except (signing.BadSignature, ValueError, binascii.Error) as error:
        raise QueryError("this picture token was not made here", fix="Send the picture again.") from error
    if fingerprint != space.fingerprint or len(steps) != space.dim:
        raise QueryError("this picture was encoded by a former encoder", fix="Send the picture again.")
    vector = steps.astype(np.float32)
    unit: Vectors = vector / np.linalg.norm(vector)
    return unit
