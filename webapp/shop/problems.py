"""What went wrong, in words for a shopper, with what to do about it."""

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

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Problem:
    """Shown in place of results. `status` is that of the response; `again` offers to try the
    same once more.
    """

    title: Words
    advice: Words
    status: int
    details: tuple[str, ...] = ()
    again: bool = False


_BY_ERROR: tuple[tuple[type[OmnishelfError], Problem], ...] = (
    (
        MediaTooLarge,
        Problem(
            _("This picture is too large"),
            _("Save it smaller, or crop it, and send it again."),
            413,
        ),
    ),
    (
        MediaUnsupported,
        Problem(
            _("This file is not a picture we can read"),
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
        Problem(
            _("This page of the results is no longer there"), _("Go back to the first page."), 400
        ),
    ),
    (
        QueryError,
        Problem(
            _("This search does not work"), _("Change the words or filters and search again."), 400
        ),
    ),
)
_STALE_PICTURE = Problem(_("Your picture or sound is no longer there"), _("Send it again."), 400)
_RECORDING: tuple[tuple[type[OmnishelfError], Problem], ...] = (
    (MediaTooLarge, Problem(_("This recording is too long"), _("Say it in fewer words."), 413)),
    (
        MediaUnsupported,
        Problem(
            _("This file is not a sound we can read"), _("Choose a WAV, MP3 or OGG file."), 415
        ),
    ),
    (
        MediaError,
        Problem(
            _("This recording cannot be read"), _("Record it once more, or type your words."), 422
        ),
    ),
    (SpeechDisabled, Problem(_("Spoken queries are switched off"), _("Type your words."), 404)),
)
_SOUND: tuple[tuple[type[OmnishelfError], Problem], ...] = (
    (MediaTooLarge, Problem(_("This sound is too long"), _("Send a shorter piece of it."), 413)),
    *_RECORDING[1:2],
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
        Problem(_("There is nothing to hear in it"), _("Record it again, closer or louder."), 400),
    ),
    (
        ModalityUnsupported,
        Problem(_("This shop cannot search by sounds"), _("Describe it in words."), 400),
    ),
)
_SPEECH_AWAY = Problem(
    _("Nobody can listen at the moment"), _("Try again in a few seconds, or type your words."), 503
)
_AWAY = Problem(
    _("Search is resting for a moment"), _("Try again in a few seconds."), 503, again=True
)


def problem_of(error: OmnishelfError, *, with_picture: bool = False) -> Problem:
    """The words for an error. `with_picture`: the request named an earlier query picture or
    sound by its token.
    """
    if with_picture and type(error) is QueryError:
        return _STALE_PICTURE
    return next((problem for kind, problem in _BY_ERROR if isinstance(error, kind)), _AWAY)


def recording_problem_of(error: OmnishelfError) -> Problem:
    """The words for an error that a spoken query met."""
    return next((problem for kind, problem in _RECORDING if isinstance(error, kind)), _SPEECH_AWAY)


def sound_problem_of(error: OmnishelfError) -> Problem:
    """The words for an error that a query sound met."""
    return next((problem for kind, problem in _SOUND if isinstance(error, kind)), _AWAY)


def problem_of_form(error: ValidationError) -> Problem:
    """The words for an address or form that does not validate."""
    return Problem(
        _("This search does not work"),
        _("Correct this and search again:"),
        400,
        details=tuple(error.messages),
    )
