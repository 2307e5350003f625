"""The encode worker: it decodes, encodes and stores batches of queued contents side by side."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial

from indexer.encoding.clip_encoding import encode_clips, project_clips, with_projected
from indexer.encoding.clip_reading import start_decoding
from indexer.encoding.contents import Content, load_contents, load_picture
from indexer.encoding.encode import EncodedBatch, encode_pictures, encode_texts, with_stored
from indexer.encoding.jobs import (
    Claim,
    Job,
    claim_jobs,
    claim_poison_job,
    defer_jobs,
    next_modality,
    release_claims,
    renew_claims,
)
from indexer.encoding.piece_queue import Cancelled, PieceQueue
from indexer.encoding.storage import store_batch
from indexer.encoding.totals import BatchTimings, EncodeTotals
from search.cpu import available_cores
from search.encoders.protocol import TunableEncoder
from search.errors import Unavailable
from search.modalities import MODALITIES
from search.types import Modality
from webapp.catalog.selectors.features import get_stored_features
from webapp.config import web_settings

logger = logging.getLogger(__name__)

PREFETCH_BATCHES = 2
"""Batches besides those in the model: one is stored, one is decoded. This bounds memory."""

POLL_INTERVAL_S = 0.5
"""While a batch is in the model: leases are renewed, and a request to stop is noticed."""

ENCODER_RETRY_DELAY_S = 30.0
"""How long the jobs of a batch wait after the encoder failed on all of it."""

THREAD_SWITCH_INTERVAL_S = 0.0005
"""How long another thread may hold the interpreter while the model's thread waits for it. With
Python's own 5 ms, a batch would lose that at each of its hundreds of operations."""


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A claimed batch on its way through the model."""

    claim: Claim
    orphans: list[Job]
    result: Future[EncodedBatch]
    claim_s: float
    queues: Sequence[PieceQueue] = ()

    def close(self) -> None:
        """Make the threads that decode and encode its clips stop."""
        for queue in self.queues:
            queue.close()


@dataclass
class EncodeWorker:
    """Encodes queued contents of one space until no job is claimable.

    For each batch:

    1. Claim the oldest queued jobs of one modality; their lease keeps other workers away. Poison
       jobs, which failed often or lost their workers, come last and alone.
    2. Load what they encode. Contents with stored features skip steps 3 and 4.
    3. Decode pictures and clips in a pool of threads.
    4. Encode in the model's thread: towers give features, heads project them into vectors. An
       input that the model cannot take is found by bisection, and only its job fails.
    5. Store vectors and features, end the jobs and mark the products as changed, in one
       transaction.

    While the model works on one batch, the next is decoded and the one before is stored. All
    database work happens in the calling thread. The worker also stops when `stopping` is set or
    `should_yield` returns True; `on_batch` is called after each batch.
    """

    encoder: TunableEncoder
    worker: str
    stopping: threading.Event = field(default_factory=threading.Event)
    on_batch: Callable[[EncodeTotals], object] | None = None
    should_yield: Callable[[], bool] = lambda: False

    def run(self) -> EncodeTotals:
        """Encode until there is nothing to do. Return what was done.

        Raises Unavailable when the encoder fails on a whole batch. No error loses a job: claimed
        jobs are queued again, or requeued when their lease expires.
        """
        sys.setswitchinterval(THREAD_SWITCH_INTERVAL_S)
        totals = EncodeTotals()
        in_flight: deque[_InFlight] = deque()
        decoders = ThreadPoolExecutor(available_cores(), thread_name_prefix="decode")
        model = ThreadPoolExecutor(self.encoder.max_concurrent_calls, thread_name_prefix="model")
        self._renewed_at = time.monotonic()
        try:
            while self._top_up(in_flight, decoders, model):
                self._finish(in_flight, totals)
                in_flight.popleft()
                self._renew_leases(in_flight)
        finally:
            for batch in in_flight:
                batch.close()
            model.shutdown(cancel_futures=True)
            decoders.shutdown(cancel_futures=True)
            if in_flight:
                release_claims([batch.claim for batch in in_flight])
        return totals

    def _top_up(self, in_flight: deque[_InFlight], decoders: Executor, model: Executor) -> bool:
        """Claim until enough is in flight. Return False when nothing is left to finish.

        When the worker has to stop, it releases what the model has not begun.
        """
        while self.stopping.is_set() and in_flight and in_flight[-1].result.cancel():
            cancelled = in_flight.pop()
            cancelled.close()
            release_claims([cancelled.claim])
        capacity = self.encoder.max_concurrent_calls + PREFETCH_BATCHES
        while len(in_flight) < capacity and not self.stopping.is_set() and not self.should_yield():
            started = time.perf_counter()
            claim = self._claim()
            is_poison = claim is None and not in_flight
            if is_poison:
                claim = claim_poison_job(space=self.encoder.space.fingerprint, worker=self.worker)
            if claim is None:
                break
            in_flight.append(self._begin(claim, decoders, model, started))
            if is_poison:
                # When it kills the worker, no other job is lost with it.
                break
        return bool(in_flight)

    def _claim(self) -> Claim | None:
        space = self.encoder.space.fingerprint
        modality = next_modality(space=space)
        if modality is None:
            return None
        limit = MODALITIES[modality].claim_size or self.encoder.picture_batch_size
        return claim_jobs(space=space, modality=modality, worker=self.worker, limit=limit)

    def _begin(
        self, claim: Claim, decoders: Executor, model: Executor, started: float
    ) -> _InFlight:
        """Start decoding and encoding a claim."""
        contents, orphans = load_contents(claim)
        if claim.modality in MODALITIES.clips:
            return self._begin_clips(claim, contents, orphans, decoders, model, started)
        known = get_stored_features(
            towers=self.encoder.tower_id,
            modality=claim.modality,
            hashes=[item.job.content_hash for item in contents],
        )
        stored = {
            item.job: known[item.job.content_hash]
            for item in contents
            if item.job.content_hash in known
        }
        unseen = [item for item in contents if item.job not in stored]
        if claim.modality == Modality.TEXT:
            encode = partial(encode_texts, unseen, self.encoder)
        else:
            loading = [decoders.submit(load_picture, content, self.encoder) for content in unseen]
            encode = partial(encode_pictures, unseen, loading, self.encoder)
        result = model.submit(with_stored, encode, claim.modality, stored, self.encoder)
        return _InFlight(claim, orphans, result, time.perf_counter() - started)

    def _begin_clips(
        self,
        claim: Claim,
        contents: Sequence[Content],
        orphans: list[Job],
        decoders: Executor,
        model: Executor,
        started: float,
    ) -> _InFlight:
        """Start decoding and encoding clips.

        Decoders take them in the order of the model, so that none waits for a clip behind it.
        """
        projected = project_clips(claim.modality, contents, self.encoder)
        unseen = [item for item in contents if item.job not in projected]
        queues = start_decoding(claim.modality, unseen, self.encoder, decoders)
        encode = partial(encode_clips, claim.modality, unseen, queues, self.encoder)
        result = model.submit(with_projected, encode, tuple(projected.values()))
        return _InFlight(claim, orphans, result, time.perf_counter() - started, queues)

    def _finish(self, in_flight: deque[_InFlight], totals: EncodeTotals) -> None:
        """Wait for the first batch and store it."""
        batch = in_flight[0]
        waiting = time.perf_counter()
        try:
            result = self._wait_for_result(in_flight)
        except Cancelled:
            release_claims([batch.claim])
            return
        except Unavailable as error:
            defer_jobs(
                batch.claim.rows(),
                error_code=error.code,
                error=str(error),
                seconds=ENCODER_RETRY_DELAY_S,
            )
            raise
        got = time.perf_counter()
        store_batch(batch.claim, result, batch.orphans, self.encoder)
        timings = BatchTimings(
            claim_s=batch.claim_s,
            decode_wait_s=result.decode_wait_s,
            encode_s=result.encode_s,
            model_wait_s=got - waiting,
            store_s=time.perf_counter() - got,
        )
        totals.add(batch.claim.modality, len(result.encoded), len(result.failed), timings)
        logger.info(
            "%s: %d encoded, %d failed, %s",
            batch.claim.modality,
            len(result.encoded),
            len(result.failed),
            timings,
        )
        if self.on_batch:
            self.on_batch(totals)

    def _wait_for_result(self, in_flight: deque[_InFlight]) -> EncodedBatch:
        """Wait for the first batch, renew leases meanwhile, and cancel it when work has to stop.

        A long clip takes minutes. Raises what encoding raises, and Cancelled.
        """
        while not wait([in_flight[0].result], POLL_INTERVAL_S).done:
            self._renew_leases(in_flight)
            if self.stopping.is_set():
                in_flight[0].close()
        return in_flight[0].result.result()

    def _renew_leases(self, in_flight: deque[_InFlight]) -> None:
        if in_flight and time.monotonic() - self._renewed_at > web_settings().job_lease_s / 4:
            renew_claims([batch.claim for batch in in_flight])
            self._renewed_at = time.monotonic()
