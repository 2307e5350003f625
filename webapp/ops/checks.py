"""Is everything there that an answer needs? One check each; a fault is one sentence without
secrets.
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
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return _fault("the database does not answer", error)
    return ""


def check_broker() -> str:
    try:
        with app.connection_for_write(connect_timeout=BROKER_TIMEOUT_S) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_S)
    except (OperationalError, OSError) as error:
        return _fault("the broker does not answer", error)
    return ""


def check_storage() -> str:
    try:
        name = default_storage.save(f"probes/{uuid.uuid4().hex}", ContentFile(b"probe"))
        default_storage.delete(name)
    except OSError as error:
        return _fault("the media store cannot be written", error)
    return ""


def check_index() -> str:
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


def readiness() -> dict[str, str]:
    """The fault of each check, '' where all is well."""
    return {name: check() for name, check in CHECKS.items()}


def _fault(sentence: str, error: Exception) -> str:
    logger.warning("%s: %s", sentence, error)
    return f"{sentence} ({type(error).__name__})"
