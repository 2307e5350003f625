"""Checks of the services that requests need.

A check returns a fault, one sentence without secrets, or an empty text.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from kombu.exceptions import OperationalError

from search.errors import OmnishelfError
from webapp.celery import app
from webapp.retrieval.models_runtime import index_status

logger = logging.getLogger(__name__)

BROKER_TIMEOUT_S = 2


def check_database() -> str:
    """Check that the database answers a query."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return _fault("the database does not answer", error)
    return ""


def check_broker() -> str:
    """Check that a connection to the broker can be opened."""
    try:
        with app.connection_for_write(connect_timeout=BROKER_TIMEOUT_S) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_S)
    except (OperationalError, OSError) as error:
        return _fault("the broker does not answer", error)
    return ""


def check_storage() -> str:
    """Check that the media store accepts a file."""
    try:
        name = default_storage.save(f"probes/{uuid.uuid4().hex}", ContentFile(b"probe"))
        default_storage.delete(name)
    except OSError as error:
        return _fault("the media store cannot be written", error)
    return ""


def check_index() -> str:
    """Check that the index is open and its live generation in use."""
    try:
        status = index_status()
    except (OmnishelfError, DatabaseError) as error:
        return _fault("the index cannot be opened", error)
    return status.fault or ""


CHECKS: Mapping[str, Callable[[], str]] = {
    "database": check_database,
    "broker": check_broker,
    "storage": check_storage,
    "index": check_index,
}


def check_readiness() -> dict[str, str]:
    """Return the fault of each check by its name; empty if there is none."""
    return {name: check() for name, check in CHECKS.items()}


def _fault(sentence: str, error: Exception) -> str:
    """Log the error and return the sentence with the class of the error, never its message."""
    logger.warning("%s: %s", sentence, error)
    return f"{sentence} ({type(error).__name__})"
