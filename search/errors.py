"""The error tree. Every error says what was wrong, which value, what to do, and whether a retry
can help.

OmnishelfError
├── ConfigError                  a setting is missing or wrong
├── InputError                   the caller's data is wrong
│   ├── MediaError               a file cannot be used
│   │   ├── MediaTooLarge        over a byte, pixel, duration or time limit
│   │   ├── MediaUnreadable      corrupt or truncated
│   │   └── MediaUnsupported     a format that is not accepted
│   ├── SpeechLanguage           a language that the speech engine does not understand
│   ├── FetchRefused             a URL that must not or cannot be fetched, for good
│   └── QueryError               a search request that makes no sense
│       └── BadCursor            a paging cursor that is forged, stale or of another query
├── SpeechOff                    spoken queries are switched off, or no engine is here
├── EncoderError                 an encoder cannot be used
│   ├── UnknownPreset            no such preset
│   ├── WeightsMissing           weights are neither here nor reachable
│   ├── WeightsRefused           wrong checksum, format or dimension
│   ├── SelfTestFailed           known pairs do not match
│   └── ModalityUnsupported      this encoder has no tower for that modality
├── IndexingError                the vector index refused
│   ├── VectorsRefused           wrong dimension, NaN, zero or not of unit length
│   ├── NoGeneration             nothing has been published yet
│   ├── CorruptGeneration        a file is missing or its checksum differs
│   └── BuildInProgress          another builder holds the lock (retry helps)
└── Unavailable                  a service or resource is away (retry helps)
    └── FetchFailed              a remote host did not answer properly (retry helps)
"""

from __future__ import annotations

from typing import ClassVar


class OmnishelfError(Exception):
    """Root of every error raised on purpose.

    `problem` says what was wrong, `value` which value, `fix` what to do. `permanent` is False
    where a retry can help.
    """

    code: ClassVar[str] = "error"
    permanent: ClassVar[bool] = True

    def __init__(self, problem: str, *, value: object = None, fix: str = "") -> None:
        self.problem = problem
        self.value = value
        self.fix = fix
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        parts = [self.problem]
        if self.value is not None:
            shown = repr(self.value)
            parts.append(f"got {shown if len(shown) <= 120 else shown[:117] + '...'}")
        text = ": ".join(parts)
        return f"{text}. {self.fix}" if self.fix else text


class ConfigError(OmnishelfError):
    code = "config"


class InputError(OmnishelfError):
    code = "input"


class MediaError(InputError):
    code = "media"


class MediaTooLarge(MediaError):
    code = "media_too_large"


class MediaUnreadable(MediaError):
    code = "media_unreadable"


class MediaUnsupported(MediaError):
    code = "media_unsupported"


class SpeechLanguage(InputError):
    code = "speech_language"


class FetchRefused(InputError):
    code = "fetch_refused"


class QueryError(InputError):
    code = "query"


class BadCursor(QueryError):
    code = "bad_cursor"


class SpeechOff(OmnishelfError):
    code = "speech_off"


class EncoderError(OmnishelfError):
    code = "encoder"


class UnknownPreset(EncoderError):
    code = "unknown_preset"


class WeightsMissing(EncoderError):
    code = "weights_missing"


class WeightsRefused(EncoderError):
    code = "weights_refused"


class SelfTestFailed(EncoderError):
    code = "self_test_failed"


class ModalityUnsupported(EncoderError):
    code = "modality_unsupported"


class IndexingError(OmnishelfError):
    code = "indexing"


class VectorsRefused(IndexingError):
    code = "vectors_refused"


class NoGeneration(IndexingError):
    code = "no_generation"


class CorruptGeneration(IndexingError):
    code = "corrupt_generation"


class BuildInProgress(IndexingError):
    code = "build_in_progress"
    permanent = False


class Unavailable(OmnishelfError):
    code = "unavailable"
    permanent = False


class FetchFailed(Unavailable):
    code = "fetch_failed"
