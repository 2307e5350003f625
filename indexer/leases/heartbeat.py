"""A sign of life while one step takes long: a build gives none, and other hosts know a process
only by its lease.
"""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connections
from django.db.models import QuerySet
from django.utils import timezone

logger = logging.getLogger(__name__)

BEATS_PER_LEASE = 4


@contextmanager
def heartbeat(rows: QuerySet, lease: datetime.timedelta) -> Iterator[None]:
    """Renew the lease of these rows, as long as they are still among the query's, until the
    block ends.
    """
    ended = threading.Event()

    def beat() -> None:
        try:
            while not ended.wait(lease.total_seconds() / BEATS_PER_LEASE):
                try:
                    rows.all().update(lease_expires_at=timezone.now() + lease)
                except DatabaseError as error:
                    logger.warning("the lease was not renewed, which is tried again: %s", error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
