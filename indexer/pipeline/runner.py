"""At most one drain in a process, with the encoder of the space in use, loaded when there is something to encode."""

from __future__ import annotations

import threading
from collections.abc import Callable

from indexer.identity import this_process
from indexer.pipeline.drain import Drain
from indexer.pipeline.totals import DrainTotals
from webapp.catalog.models import IndexJob
from webapp.retrieval.runtime import active_space, serving

stopping = threading.Event()
"""Set when the process is asked to end: a drain gives back what the model has not begun."""

_draining = threading.Lock()
_asked = threading.Event()


def work_waiting() -> bool:
    """Is there anything to claim in the active space?"""
    return IndexJob.objects.claimable(active_space().fingerprint).exists()


def encode_queued(on_batch: Callable[[DrainTotals], None] | None = None) -> list[DrainTotals]:
    """Drain the queue. While another thread of this process does, it is only told to look again before it ends.

    Returns the totals of each pass over the queue. Raises what Drain.run and load_encoder raise.
    """
    _asked.set()
    passes = []
    # Asking again after the lock is free closes the gap between a drain's last look and its end.
    while _asked.is_set() and not stopping.is_set() and _draining.acquire(blocking=False):
        try:
            _asked.clear()
            if work_waiting():
                passes.append(Drain(serving().encoder(), this_process(), stopping, on_batch).run())
        finally:
            _draining.release()
    return passes
