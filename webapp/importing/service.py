"""Uploads: create, run, cancel."""

from __future__ import annotations

import errno
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.contrib.auth.models import User
from django.core.files.base import File
from django.db import transaction
from django.db.models.functions import Now

from search.errors import InputError, OmnishelfError, Unavailable
from webapp.catalog.models import Upload, UploadState
from webapp.catalog.models.upload import UploadSource
from webapp.celery import IMPORT_UPLOAD, notify_worker
from webapp.config import web_settings
from webapp.importing.lease import Claim, ClaimLost
from webapp.importing.readers import open_rows
from webapp.importing.run import ImportRun


def create_upload(
    *,
    file: File[Any],
    source: UploadSource,
    media_zip: File[Any] | None = None,
    media_dir: str = "",
    dry_run: bool = False,
    remove_absent: bool = False,
    created_by: User | None = None,
) -> Upload:
    """Store the files, then the row, and notify a worker on commit.

    No worker is notified for an upload of the terminal, which runs it itself. `media_dir` names a
    folder or zip on this machine. Raises InputError for a file that is empty, too large, or not a
    catalogue.
    """
    suffix = _check_catalogue(file)
    if media_zip is not None:
        _check_zip(media_zip)
    upload = Upload(
        filename=Path(file.name or "catalogue").name[-255:],
        source=source,
        media_dir=media_dir,
        dry_run=dry_run,
        remove_absent=remove_absent,
        created_by=created_by,
    )
    try:
        _store_files(upload, file, media_zip, suffix)
        upload.save()
    except BaseException:
        _delete_files(upload)
        raise
    if source != UploadSource.TERMINAL:
        transaction.on_commit(lambda: notify_worker(IMPORT_UPLOAD, upload.pk))
    return upload


def run_upload(*, upload_id: int, on_progress: Callable[[Upload], None] | None = None) -> Upload:
    """Import from the checkpoint to the end.

    Does nothing if the upload is finished or another worker has it. A permanent error, such as a
    damaged file, ends the upload as failed. Any other error leaves the upload to be resumed, and
    is raised: Unavailable when the disk is full, the error itself otherwise.
    """
    if claim := Claim.take(upload_id):
        _run_claimed(claim, on_progress)
    return Upload.objects.get(pk=upload_id)


def _run_claimed(claim: Claim, on_progress: Callable[[Upload], None] | None) -> None:
    with suppress(ClaimLost):
        try:
            ImportRun(claim, Upload.objects.get(pk=claim.upload_id), on_progress).run()
            claim.finish(UploadState.DONE)
        except ClaimLost:
            raise
        except OmnishelfError as error:
            if error.permanent:
                claim.finish(UploadState.FAILED, error=str(error))
                return
            claim.record_interruption(error)
            raise
        except Exception as error:
            claim.record_interruption(error)
            if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise Unavailable(
                    "the disk is full", fix="Free some space; the import then resumes."
                ) from error
            raise
        except BaseException:
            claim.release()
            raise


def cancel_upload(*, upload: Upload) -> Upload:
    """Stop an upload unless it is finished. Rows already applied stay."""
    running = Upload.objects.filter(
        pk=upload.pk, state__in=[UploadState.RECEIVED, UploadState.RUNNING]
    )
    running.release(state=UploadState.CANCELLED, finished_at=Now())
    upload.refresh_from_db()
    return upload


def _check_catalogue(file: File[Any]) -> str:
    """Return the suffix for the stored file, from its content. Raises InputError."""
    _check_size(file, "the catalogue file")
    with open_rows(_rewind(file)) as rows:
        suffix = f".{rows.kind}"
    file.seek(0)
    return suffix


def _check_zip(file: File[Any]) -> None:
    _check_size(file, "the zip with media")
    if not zipfile.is_zipfile(_rewind(file)):
        raise InputError(
            "the media file is not a zip archive",
            value=file.name,
            fix="Pack the media folder as a .zip.",
        )
    file.seek(0)


def _check_size(file: File[Any], what: str) -> None:
    max_bytes = web_settings().upload_max_bytes
    if file.size > max_bytes:
        raise InputError(f"{what} is over the limit of {max_bytes} bytes", value=file.size)
    if file.size == 0:
        raise InputError(f"{what} is empty", value=file.name)


def _rewind(file: File[Any]) -> BinaryIO:
    file.seek(0)
    return cast(BinaryIO, file.file)


def _store_files(upload: Upload, file: File[Any], media_zip: File[Any] | None, suffix: str) -> None:
    # Names chosen by the uploader stay out of the store.
    upload.file.save(f"{upload.public_id}{suffix}", file, save=False)
    if media_zip is not None:
        upload.media_zip.save(f"{upload.public_id}.zip", media_zip, save=False)


def _delete_files(upload: Upload) -> None:
    for stored in (upload.file, upload.media_zip):
        if stored:
            stored.delete(save=False)
