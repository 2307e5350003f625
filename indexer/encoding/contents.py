"""The contents that jobs encode, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexer.encoding.files import read_file
from indexer.encoding.jobs import Claim, Job
from search.config import engine_settings
from search.encoders.protocol import Encoder, Features, Pixels
from search.errors import MediaError, ModalityUnsupported, OmnishelfError, Unavailable
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
from search.types import Modality, Span, Vectors
from webapp.catalog.models import Asset


@dataclass(frozen=True, slots=True)
class Content:
    """A job with what it encodes: a text, or the name of a stored file."""

    job: Job
    value: str


@dataclass(frozen=True, slots=True)
class EncodeError:
    """Why a content was not encoded. A permanent error would come again at every attempt."""

    code: str
    message: str
    permanent: bool

    @classmethod
    def of(cls, error: BaseException) -> EncodeError:
        """Describe an exception. An unexpected one counts as not permanent."""
        if isinstance(error, OmnishelfError):
            return cls(error.code, str(error), error.permanent)
        return cls("unexpected", f"{type(error).__name__}: {error}", permanent=False)


@dataclass(frozen=True, slots=True)
class ContentViews:
    """Unit vectors of a content in one modality, and the features they were projected from.

    A text or a picture has (dim,) and (width,). A clip has (n, dim) and (m, width), and `spans`
    holds the seconds of its parts. One vector more than spans is that of the whole clip; a key
    frame has several rows of features. `features` is None when they are stored already.
    """

    modality: Modality
    vectors: Vectors
    features: Features | None
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class EncodedContent:
    """The views of a content. `note` says which part of a clip is missing, and why."""

    job: Job
    views: tuple[ContentViews, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class FailedContent:
    """A content that was not encoded, and why."""

    job: Job
    error: EncodeError


def load_contents(claim: Claim) -> tuple[list[Content], list[Job]]:
    """Return the contents of the claimed jobs, and the jobs whose content no product uses.

    One query.
    """
    column = "text" if claim.modality is Modality.TEXT else "file"
    hashes = [job.content_hash for job in claim.jobs]
    used = Asset.objects.filter(kind=claim.modality, content_hash__in=hashes).order_by()
    values = dict(used.values_list("content_hash", column).distinct())
    contents = [
        Content(job, values[job.content_hash]) for job in claim.jobs if job.content_hash in values
    ]
    return contents, [job for job in claim.jobs if job.content_hash not in values]


def load_picture(content: Content, encoder: Encoder) -> Pixels | EncodeError:
    """Read, decode and preprocess a stored picture, in a thread of the pool. Uses no database."""
    limits = PictureLimits.from_settings(engine_settings())
    try:
        picture = decode_picture(
            read_file(content.value, limits.max_bytes), limits, at_least=encoder.decode_size
        )
        pixels: Pixels = encoder.prepare_picture(picture)
    except (MediaError, ModalityUnsupported, Unavailable, MemoryError) as error:
        return EncodeError.of(error)
    return pixels


def check_vectors(vectors: Vectors, count: int, dim: int) -> None:
    """Raise ValueError unless these are `count` unit vectors: an index would refuse others."""
    if vectors.shape != (count, dim):
        raise ValueError(f"the encoder returned shape {vectors.shape} instead of {(count, dim)}")
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
        raise ValueError("the encoder returned a vector that is not finite or not of unit length")
