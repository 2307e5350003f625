"""At most one drain in a process, with the encoder of the space in use, loaded when there is
something to encode.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from indexer.encoding.totals import DrainTotals
from indexer.encoding.worker import Drain
from indexer.leases.process_id import this_process
from search.errors import EncoderError
from webapp.catalog.models import IndexJob
from webapp.catalog.selectors.spaces import PendingSpace, pending_spaces
from webapp.retrieval.models_runtime import ActiveModel, active_model, active_space

logger = logging.getLogger(__name__)

stopping = threading.Event()
"""Set when the process is asked to end: a drain gives back what the model has not begun."""

Show = Callable[[DrainTotals], None]

_draining = threading.Lock()
_asked = threading.Event()
_held: dict[PendingSpace, ActiveModel] = {}
"""Models of spaces that are being made, held until they are not: contents arrive one by one,
models load in seconds."""


def work_waiting() -> bool:
    """Is there anything to claim in the active space, or in one that is being made beside it?"""
    return _active_waits() or any(_claimable(beside.fingerprint) for beside in pending_spaces())


def encode_queued(on_batch: Show | None = None) -> list[DrainTotals]:
    """Drain the queue, the active space first. While another thread of this process does, it is
    only told to look again before it ends.

    Returns the totals of each pass over the queue. Raises what Drain.run and load_encoder raise
    for the active space.
    """
    _asked.set()
    passes: list[DrainTotals] = []
    # Asking again after the lock is free closes the gap between a drain's last look and its end.
    while _asked.is_set() and not stopping.is_set() and _draining.acquire(blocking=False):
        try:
            _asked.clear()
            if _active_waits():
                passes.append(
                    Drain(active_model().encoder(), this_process(), stopping, on_batch).run()
                )
            passes += _encode_beside(on_batch)
        finally:
            _draining.release()
    return passes


def encode_into(made: ActiveModel, on_batch: Show | None = None, *, alone: bool = False) -> None:
    """Drain the queue of a space that is being made; whenever something waits in the active
    space, that goes first.

    `alone`: leave the active space, which may be unusable, to others. Raises what Drain.run and
    load_encoder raise.
    """
    with _draining:
        if alone:
            Drain(made.encoder(), this_process(), stopping, on_batch).run()
            return
        while not stopping.is_set():
            if _active_waits():
                Drain(active_model().encoder(), this_process(), stopping, on_batch).run()
            elif _claimable(made.space.fingerprint):
                _drain_beside(made, on_batch)
            else:
                return


def _encode_beside(on_batch: Show | None) -> Iterator[DrainTotals]:
    """A pass over each space that is being made."""
    wanted = pending_spaces()
    for gone in _held.keys() - set(wanted):
        del _held[gone]
    for beside in wanted:
        if _active_waits():
            # There will be another pass, and the space in use goes first in it.
            _asked.set()
            return
        if _claimable(beside.fingerprint):
            try:
                if beside not in _held:
                    _held[beside] = ActiveModel(beside.preset, beside.heads_digest)
                yield _drain_beside(_held[beside], on_batch)
            except EncoderError as error:
                # Another worker may have its weights; the space in use does not suffer.
                logger.warning(
                    "nothing is encoded into the space of %s here: %s", beside.preset, error
                )


def _drain_beside(made: ActiveModel, on_batch: Show | None) -> DrainTotals:
    totals = Drain(made.encoder(), this_process(), stopping, on_batch, _active_waits).run()
    if _active_waits():
        _asked.set()
    return totals


def _active_waits() -> bool:
    return _claimable(active_space().fingerprint)


def _claimable(space: str) -> bool:
    return IndexJob.objects.claimable(space).exists()
