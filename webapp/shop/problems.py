"""Problems as a shopper reads them: what is wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from search.errors import (
    InvalidCursor,
    MediaError,
    MediaTooLarge,
    MediaUnsupported,
    ModalityUnsupported,
    OmnishelfError,
    QueryError,
    SpeechDisabled,
)

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Problem:
    """A message in place of results.

    `status` is the HTTP status; `can_retry` offers a link that sends the same request again.
    """

    title: Text
    advice: Text
    status: int
    details: tuple[str, ...] = ()
    can_retry: bool = False


ProblemTable = tuple[tuple[type[OmnishelfError], Problem], ...]
"""The first class that an error is an instance of decides."""

_UNSUPPORTED_SOUND = Problem(
    _("This file is not a supported sound"), _("Choose a WAV, MP3 or OGG file."), 415
)
_SEARCH: ProblemTable = (
    (
        MediaTooLarge,
        Problem(_("This picture is too large"), _("Reduce or crop it, then send it again."), 413),
    ),
    (
        MediaUnsupported,
        Problem(
            _("This file is not a supported picture"),
            _("Choose a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF picture."),
            415,
        ),
    ),
    (
        MediaError,
        Problem(
            _("This picture cannot be read"),
            _("It is damaged or empty. Choose or take another one."),
            422,
        ),
    ),
    (
        InvalidCursor,
        Problem(_("This page of results has expired"), _("Go back to the first page."), 400),
    ),
    (
        QueryError,
        Problem(
            _("This search does not work"), _("Change the words or filters and search again."), 400
        ),
    ),
)
_EXPIRED_MEDIA = Problem(_("Your picture or sound has expired"), _("Send it again."), 400)
_RECORDING: ProblemTable = (
    (MediaTooLarge, Problem(_("This recording is too long"), _("Say it in fewer words."), 413)),
    (MediaUnsupported, _UNSUPPORTED_SOUND),
    (
        MediaError,
        Problem(_("This recording cannot be read"), _("Record it again, or type your words."), 422),
    ),
    (SpeechDisabled, Problem(_("Voice search is switched off"), _("Type your words."), 404)),
)
_SOUND: ProblemTable = (
    (MediaTooLarge, Problem(_("This sound is too long"), _("Send a shorter part of it."), 413)),
    (MediaUnsupported, _UNSUPPORTED_SOUND),
    (
        MediaError,
        Problem(
            _("This sound cannot be read"),
            _("It is damaged or empty. Record or choose another one."),
            422,
        ),
    ),
    (
        QueryError,
        Problem(
            _("This recording is silent"),
            _("Record it again, louder or closer to the microphone."),
            400,
        ),
    ),
    (
        ModalityUnsupported,
        Problem(_("This shop cannot search by sounds"), _("Describe it in words."), 400),
    ),
)
_VOICE_UNAVAILABLE = Problem(
    _("Voice search is not available right now"),
    _("Try again in a few seconds, or type your words."),
    503,
)
_UNAVAILABLE = Problem(
    _("Search is not available right now"),
    _("Try again in a few seconds."),
    503,
    can_retry=True,
)


def search_problem(error: OmnishelfError, *, has_token: bool = False) -> Problem:
    """Return the problem of a search; `has_token` if its URL names an earlier picture or sound."""
    if has_token and type(error) is QueryError:
        return _EXPIRED_MEDIA
    return _find(_SEARCH, error, _UNAVAILABLE)


def recording_problem(error: OmnishelfError) -> Problem:
    """Return the problem of a recording to be transcribed."""
    return _find(_RECORDING, error, _VOICE_UNAVAILABLE)


def sound_problem(error: OmnishelfError) -> Problem:
    """Return the problem of a sound to search with."""
    return _find(_SOUND, error, _UNAVAILABLE)


def form_problem(error: ValidationError) -> Problem:
    """Return the problem of a URL or form with invalid fields."""
    return Problem(
        _("This search does not work"),
        _("Correct this and search again:"),
        400,
        details=tuple(error.messages),
    )


def _find(table: ProblemTable, error: OmnishelfError, default: Problem) -> Problem:
    return next((problem for kind, problem in table if isinstance(error, kind)), default)
