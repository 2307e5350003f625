"""References to media files in a row: relative paths and http(s) URLs."""

from __future__ import annotations

import posixpath
import re

from search.errors import InputError

MAX_LENGTH = 2000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PATH_FIX = "Use a path relative to the catalogue file, with forward slashes, or an http(s) URL."


def is_url(reference: str) -> bool:
    return reference.lower().startswith(("http://", "https://"))


def check_media_path(reference: str) -> str:
    """Return a URL as it is, or a relative path in its shortest form.

    `a/./b` becomes `a/b`; a leading `..` stays. Raises InputError for absolute paths, drive
    letters, other schemes, backslashes and control characters.
    """
    if not reference or len(reference) > MAX_LENGTH:
        raise InputError(
            f"a media reference has 1 to {MAX_LENGTH} characters", value=len(reference)
        )
    if _CONTROL.search(reference):
        raise InputError(
            "a media reference contains a control character", value=reference, fix=_PATH_FIX
        )
    if is_url(reference):
        return reference
    if reference.startswith(("/", "~")) or "\\" in reference or _SCHEME.match(reference):
        raise InputError(
            "a media reference must be a relative path", value=reference, fix=_PATH_FIX
        )
    return posixpath.normpath(reference)
