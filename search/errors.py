"""The error tree.

Every error says what is wrong, which value, what to do, and whether a retry can help.

OmnishelfError
├── ConfigError                      a setting is missing or wrong
├── InputError                       the caller's data is wrong
│   ├── MediaError                   a media file cannot be used
│   │   ├── MediaTooLarge            over a limit of bytes, pixels, duration or time
│   │   ├── MediaUnreadable          empty, corrupt or truncated
│   │   └── MediaUnsupported         a format that is not accepted
│   ├── UnsupportedSpeechLanguage    the speech engine does not support this language
│   ├── FetchRejected                a URL that is not allowed, or that fails permanently
│   └── QueryError                   an invalid search request
│       └── InvalidCursor            a paging cursor that is forged, expired or of another query
├── SpeechDisabled                   spoken queries are off, or no speech engine is installed
├── EncoderError                     an encoder cannot be used
│   ├── UnknownPreset                there is no such preset
│   ├── WeightsMissing               the weights are neither on disk nor downloadable
│   ├── InvalidWeights               wrong checksum, format or dimension
│   ├── SelfTestFailed               known pairs do not match
│   └── ModalityUnsupported          the encoder has no tower for this modality
├── IndexingError                    the vector index reports an error
│   ├── InvalidVectors               wrong dimension, NaN, zero or not of unit length
│   ├── NoGeneration                 no generation is published yet
│   ├── CorruptGeneration            a file is missing or its checksum differs
│   └── BuildInProgress              another builder holds the lock (retry helps)
└── Unavailable                      a service or resource does not respond (retry helps)
    └── FetchFailed                  a remote host did not answer properly (retry helps)
"""

from __future__ import annotations

from typing import ClassVar


class OmnishelfError(Exception):
    """Base class of every error that the project raises itself.

    `problem` says what is wrong, `value` is the wrong value, and `fix` says what to do. `code` is
    what clients of the REST API read; `permanent` is False where a retry can help.
    """

    code: ClassVar[str] = "error"
    permanent: ClassVar[bool] = True

    def __init__(self, problem: str, *, value: object = None, fix: str = "") -> None:
        self.problem = problem
        self.value = value
        self.fix = fix
        super().__init__(self._message())

    def _message(self) -> str:
        parts = [self.problem]
        if self.value is not None:
            shown = repr(self.value)
            parts.append(f"got {shown if len(shown) <= 120 else shown[:117] + '...'}")
        text = ": ".join(parts)
        return f"{text}. {self.fix}" if self.fix else text


class ConfigError(OmnishelfError):
    """A setting is missing or wrong."""

    code = "config"


class InputError(OmnishelfError):
    """The caller's data is wrong."""

    code = "input"


class MediaError(InputError):
    """A media file cannot be used."""

    code = "media"


class MediaTooLarge(MediaError):
    """A file is over a limit of bytes, pixels, duration or decoding time."""

    code = "media_too_large"


class MediaUnreadable(MediaError):
    """A file is empty, corrupt or truncated."""

    code = "media_unreadable"


class MediaUnsupported(MediaError):
    """A file has a format or codec that is not accepted."""

    code = "media_unsupported"


class UnsupportedSpeechLanguage(InputError):
    """The speech engine does not support this language."""

    code = "speech_language"


class FetchRejected(InputError):
    """A URL is not allowed, or fails permanently."""

    code = "fetch_refused"


class QueryError(InputError):
    """A search request is invalid."""

    code = "query"


class InvalidCursor(QueryError):
    """A paging cursor is forged, expired or belongs to another query."""

    code = "bad_cursor"


class SpeechDisabled(OmnishelfError):
    """Spoken queries are off, or no speech engine is installed."""

    code = "speech_off"


class EncoderError(OmnishelfError):
    """An encoder cannot be used."""

    code = "encoder"


class UnknownPreset(EncoderError):
    """There is no such preset."""

    code = "unknown_preset"


class WeightsMissing(EncoderError):
    """Weights are neither on disk nor downloadable."""

    code = "weights_missing"


class InvalidWeights(EncoderError):
    """Weights have a wrong checksum, format or dimension."""

    code = "weights_refused"


class SelfTestFailed(EncoderError):
    """Known pairs do not match: the weights or their preprocessing are wrong."""

    code = "self_test_failed"


class ModalityUnsupported(EncoderError):
    """The encoder has no tower for this modality."""

    code = "modality_unsupported"


class IndexingError(OmnishelfError):
    """The vector index reports an error."""

    code = "indexing"


class InvalidVectors(IndexingError):
    """Vectors have a wrong dimension, or are NaN, zero or not of unit length."""

    code = "vectors_refused"


class NoGeneration(IndexingError):
    """No index generation is published yet."""

    code = "no_generation"


class CorruptGeneration(IndexingError):
    """A file of a generation is missing or its checksum differs."""

    code = "corrupt_generation"


class BuildInProgress(IndexingError):
    """Another builder holds the lock."""

    code = "build_in_progress"
    permanent = False


class Unavailable(OmnishelfError):
    """A service or resource does not respond."""

    code = "unavailable"
    permanent = False


class FetchFailed(Unavailable):
    """A remote host did not answer properly."""

    code = "fetch_failed"
