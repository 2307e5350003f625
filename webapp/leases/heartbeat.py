"""Renews a lease from a background thread during a long step."""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connections

from webapp.leases.leased import LeasedQuerySet

logger = logging.getLogger(__name__)

BEATS_PER_LEASE = 4


@contextmanager
def heartbeat(rows: LeasedQuerySet[Any], lease: datetime.timedelta) -> Iterator[None]:
    """Renew the lease of the rows that the query still finds, until the block ends.

    A step such as an index build reports nothing for minutes, and other hosts know a process
    only by its lease.
    """
    ended = threading.Event()

    def beat() -> None:
        try:
            while not ended.wait(lease.total_seconds() / BEATS_PER_LEASE):
                try:
                    rows.all().renew(lease)
                except DatabaseError as error:
                    logger.warning("the lease was not renewed and is tried again: %s", error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
