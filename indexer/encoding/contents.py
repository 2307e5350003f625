"""What is to be encoded: the text or picture that a job's content hash names."""

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
from webapp.catalog.models import Asset, AssetKind


@dataclass(frozen=True, slots=True)
class Content:
    """A job with what it encodes: a text, or the name of a stored file."""

    job: Job
    value: str


@dataclass(frozen=True, slots=True)
class EncodeError:
    """Why a content was not encoded. `permanent` means that trying again cannot help."""

    code: str
    message: str
    permanent: bool

    @classmethod
    def of(cls, error: BaseException) -> EncodeError:
        """Errors of the tree say themselves whether a retry can help; of anything else that is
        not known.
        """
        if isinstance(error, OmnishelfError):
            return cls(error.code, str(error), error.permanent)
        return cls("unexpected", f"{type(error).__name__}: {error}", permanent=False)


@dataclass(frozen=True, slots=True)
class ContentViews:
    """ContentViews of a content in one modality: unit vectors, and the features that they were
    projected from.

    Shapes: (dim,) and (width,) for a text or a picture. Of a clip, (n, dim) and (m, width),
    where `spans` holds the seconds of its parts; a vector more than those is that of the clip as
    a whole, and of a key frame there are several rows of features. `features` is None where they
    are stored already.
    """

    modality: Modality
    vectors: Vectors
    features: Features | None
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class EncodedContent:
    """A content's views. `note` tells what of a clip is left out, and why."""

    job: Job
    views: tuple[ContentViews, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class FailedContent:
    """A content that was not encoded, and why."""

    job: Job
    error: EncodeError


def load_contents(claim: Claim) -> tuple[list[Content], list[Job]]:
    """What the claimed jobs encode, and the jobs whose content no product uses any more. One
    query.
    """
    field = "text" if claim.modality == AssetKind.TEXT else "file"
    hashes = [job.content_hash for job in claim.jobs]
    owned = Asset.objects.filter(kind=claim.modality, content_hash__in=hashes).order_by()
    values = dict(owned.values_list("content_hash", field).distinct())
    contents = [
        Content(job, values[job.content_hash]) for job in claim.jobs if job.content_hash in values
    ]
    return contents, [job for job in claim.jobs if job.content_hash not in values]


def load_picture(content: Content, encoder: Encoder) -> Pixels | EncodeError:
    """Read, decode and preprocess a stored picture. Runs in a thread of the decoding pool; uses
    no database.
    """
    limits = PictureLimits.from_settings(engine_settings())
    try:
        picture = decode_picture(
            read_file(content.value, limits.max_bytes), limits, at_least=encoder.decode_size
        )
        return encoder.prepare_picture(picture)
    except (MediaError, ModalityUnsupported, Unavailable, MemoryError) as error:
        return EncodeError.of(error)


def check_vectors(vectors: Vectors, count: int, dim: int) -> None:
    """Raises ValueError unless these are `count` unit vectors: an index refuses anything else
    later on.
    """
    if vectors.shape != (count, dim):
        raise ValueError(f"the encoder returned shape {vectors.shape} instead of {(count, dim)}")
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
        raise ValueError("the encoder returned a vector that is not finite or not of unit length")
