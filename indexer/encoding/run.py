"""At most one drain in a process, with the encoder of the space in use, loaded when there is
something to encode.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from indexer.encoding.totals import EncodeTotals
from indexer.encoding.worker import EncodeWorker
from search.errors import EncoderError
from webapp.catalog.models import IndexJob
from webapp.catalog.selectors.spaces import PendingSpace, pending_spaces
from webapp.leases.process_id import this_process
from webapp.retrieval.models_runtime import ActiveModel, active_model, active_space

logger = logging.getLogger(__name__)

stopping = threading.Event()
"""Set when the process is asked to end: a drain gives back what the model has not begun."""

Show = Callable[[EncodeTotals], None]

_draining = threading.Lock()
_asked = threading.Event()
_held: dict[PendingSpace, ActiveModel] = {}
"""Models of spaces that are being made, held until they are not: contents arrive one by one,
models load in seconds."""


def has_pending_work() -> bool:
    """Is there anything to claim in the active space, or in one that is being made beside it?"""
    return _has_active_work() or any(_claimable(beside.fingerprint) for beside in pending_spaces())


def encode_queued(on_batch: Show | None = None) -> list[EncodeTotals]:
    """EncodeWorker the queue, the active space first. While another thread of this process does, it is
    only told to look again before it ends.

    Returns the totals of each pass over the queue. Raises what EncodeWorker.run and load_encoder raise
    for the active space.
    """
    _asked.set()
    passes: list[EncodeTotals] = []
    # Asking again after the lock is free closes the gap between a drain's last look and its end.
    while _asked.is_set() and not stopping.is_set() and _draining.acquire(blocking=False):
        try:
            _asked.clear()
            if _has_active_work():
                passes.append(
                    EncodeWorker(active_model().encoder(), this_process(), stopping, on_batch).run()
                )
            passes += _encode_pending_spaces(on_batch)
        finally:
            _draining.release()
    return passes


def encode_space(made: ActiveModel, on_batch: Show | None = None, *, alone: bool = False) -> None:
    """EncodeWorker the queue of a space that is being made; whenever something waits in the active
    space, that goes first.

    `alone`: leave the active space, which may be unusable, to others. Raises what EncodeWorker.run and
    load_encoder raise.
    """
    with _draining:
        if alone:
            EncodeWorker(made.encoder(), this_process(), stopping, on_batch).run()
            return
        while not stopping.is_set():
            if _has_active_work():
                EncodeWorker(active_model().encoder(), this_process(), stopping, on_batch).run()
            elif _claimable(made.space.fingerprint):
                _encode_pending_space(made, on_batch)
            else:
                return


def _encode_pending_spaces(on_batch: Show | None) -> Iterator[EncodeTotals]:
    """A pass over each space that is being made."""
    wanted = pending_spaces()
    for gone in _held.keys() - set(wanted):
        del _held[gone]
    for beside in wanted:
        if _has_active_work():
            # There will be another pass, and the space in use goes first in it.
            _asked.set()
            return
        if _claimable(beside.fingerprint):
            try:
                if beside not in _held:
                    _held[beside] = ActiveModel(beside.preset, beside.heads_digest)
                yield _encode_pending_space(_held[beside], on_batch)
            except EncoderError as error:
                # Another worker may have its weights; the space in use does not suffer.
                logger.warning(
                    "nothing is encoded into the space of %s here: %s", beside.preset, error
                )


def _encode_pending_space(made: ActiveModel, on_batch: Show | None) -> EncodeTotals:
    totals = EncodeWorker(
        made.encoder(), this_process(), stopping, on_batch, _has_active_work
    ).run()
    if _has_active_work():
        _asked.set()
    return totals


def _has_active_work() -> bool:
    return _claimable(active_space().fingerprint)


def _claimable(space: str) -> bool:
    return IndexJob.objects.claimable(space).exists()
