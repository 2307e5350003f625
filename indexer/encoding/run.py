"""Run encode workers: at most one at a time in a process, the space in use first."""

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
"""Set when the process has to end: a worker then releases what the model has not begun."""

Show = Callable[[EncodeTotals], object]

_encode_lock = threading.Lock()
_work_requested = threading.Event()
_cached_models: dict[PendingSpace, ActiveModel] = {}
"""Models of pending spaces. Contents arrive one by one, and a model takes seconds to load."""


def has_pending_work() -> bool:
    """Return whether the space in use or a pending space has claimable jobs."""
    return _has_active_work() or any(
        _has_claimable_jobs(space.fingerprint) for space in pending_spaces()
    )


def encode_queued(on_batch: Show | None = None) -> list[EncodeTotals]:
    """Encode what is queued: the space in use first, then pending spaces.

    While another thread of this process encodes, that thread is only asked to look again. Returns
    the totals of each worker. Raises what EncodeWorker.run and load_encoder raise for the space in
    use.
    """
    _work_requested.set()
    totals: list[EncodeTotals] = []
    # Checking again after the lock is released covers requests made just before a worker ends.
    while (
        _work_requested.is_set() and not stopping.is_set() and _encode_lock.acquire(blocking=False)
    ):
        try:
            _work_requested.clear()
            if _has_active_work():
                totals.append(_make_worker(active_model(), on_batch).run())
            totals += _encode_pending_spaces(on_batch)
        finally:
            _encode_lock.release()
    return totals


def encode_space(model: ActiveModel, on_batch: Show | None = None, *, alone: bool = False) -> None:
    """Encode what is queued in a pending space; the space in use goes first.

    With `alone`, the space in use, which may be unusable, is left to others. Raises what
    EncodeWorker.run and load_encoder raise.
    """
    with _encode_lock:
        if alone:
            _make_worker(model, on_batch).run()
            return
        while not stopping.is_set():
            if _has_active_work():
                _make_worker(active_model(), on_batch).run()
            elif _has_claimable_jobs(model.space.fingerprint):
                _encode_pending_space(model, on_batch)
            else:
                return


def _encode_pending_spaces(on_batch: Show | None) -> Iterator[EncodeTotals]:
    """Run a worker for each pending space, and yield its totals."""
    pending = pending_spaces()
    for finished in _cached_models.keys() - set(pending):
        del _cached_models[finished]
    for space in pending:
        if _has_active_work():
            # The next pass begins with the space in use.
            _work_requested.set()
            return
        if not _has_claimable_jobs(space.fingerprint):
            continue
        try:
            if space not in _cached_models:
                _cached_models[space] = ActiveModel(space.preset, space.heads_digest)
            yield _encode_pending_space(_cached_models[space], on_batch)
        except EncoderError as error:
            # Another process may have its weights; the space in use is not affected.
            logger.warning("nothing is encoded into the space of %s here: %s", space.preset, error)


def _encode_pending_space(model: ActiveModel, on_batch: Show | None) -> EncodeTotals:
    totals = _make_worker(model, on_batch, should_yield=_has_active_work).run()
    if _has_active_work():
        _work_requested.set()
    return totals


def _make_worker(
    model: ActiveModel, on_batch: Show | None, should_yield: Callable[[], bool] = lambda: False
) -> EncodeWorker:
    return EncodeWorker(model.encoder(), this_process(), stopping, on_batch, should_yield)


def _has_active_work() -> bool:
    return _has_claimable_jobs(active_space().fingerprint)


def _has_claimable_jobs(space: str) -> bool:
    return IndexJob.objects.claimable(space).exists()
