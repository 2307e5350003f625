"""One pass over the queue: the model works on batches while the next is decoded and the one
before is stored.
"""

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

from indexer.encoding.claiming import (
    Claim,
    Job,
    claim_jobs,
    claim_poison_job,
    defer_jobs,
    next_modality,
    release_claims,
    renew_claims,
)
from indexer.encoding.clip_encoding import encode_clips, project_clips, with_projected
from indexer.encoding.clip_reading import start_decoding
from indexer.encoding.contents import Content, load_contents, load_picture
from indexer.encoding.encode import EncodedBatch, encode_pictures, encode_texts, with_stored
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
"""Batches held besides those in the model: one being stored, one being decoded. This bounds
memory."""

POLL_INTERVAL_S = 0.5
"""While a batch is in the model, for leases to renew and for a wish to stop."""

ENCODER_RETRY_DELAY_S = 30.0
"""How long the jobs of a batch wait after the encoder failed on all of it."""


THREAD_SWITCH_INTERVAL_S = 0.0005
"""How long another thread may keep the interpreter while a model's thread waits for it. Python's
own 5 ms would be lost again after each of the hundreds of operations of a batch."""


@dataclass(frozen=True, slots=True)
class _InFlight:
    claim: Claim
    orphans: list[Job]
    result: Future[EncodedBatch]
    claim_s: float
    feeds: Sequence[PieceQueue] = ()

    def close(self) -> None:
        """Let clips that are being decoded and encoded stop where they are."""
        for feed in self.feeds:
            feed.close()


@dataclass
class EncodeWorker:
    """Encodes until nothing is claimable, `stopping` is set or `should_yield` says so. All database
    work happens in the calling thread.
    """

    encoder: TunableEncoder
    worker: str
    stopping: threading.Event = field(default_factory=threading.Event)
    on_batch: Callable[[EncodeTotals], None] | None = None
    should_yield: Callable[[], bool] = lambda: False

    def run(self) -> EncodeTotals:
        """Raises Unavailable when the encoder fails on a whole batch. Whatever is raised, no job
        is lost: what was claimed goes back to the queue, or is taken back when its lease
        ends.
        """
        sys.setswitchinterval(THREAD_SWITCH_INTERVAL_S)
        totals = EncodeTotals()
        in_flight: deque[_InFlight] = deque()
        decoders = ThreadPoolExecutor(available_cores(), thread_name_prefix="decode")
        model = ThreadPoolExecutor(self.encoder.max_concurrent_calls, thread_name_prefix="model")
        self._renewed = time.monotonic()
        try:
            while self._top_up(in_flight, decoders, model):
                self._finish(in_flight, totals)
                in_flight.popleft()
                self._keep_leases(in_flight)
        finally:
            for batch in in_flight:
                batch.close()
            model.shutdown(cancel_futures=True)
            decoders.shutdown(cancel_futures=True)
            if in_flight:
                release_claims([batch.claim for batch in in_flight])
        return totals

    def _top_up(self, in_flight: deque[_InFlight], decoders: Executor, model: Executor) -> bool:
        """Claim until enough is in flight; when work has to stop, give back what the model has
        not begun.

        False when there is nothing more to finish.
        """
        while self.stopping.is_set() and in_flight and in_flight[-1].result.cancel():
            cancelled = in_flight.pop()
            cancelled.close()
            release_claims([cancelled.claim])
        most = self.encoder.max_concurrent_calls + PREFETCH_BATCHES
        while len(in_flight) < most and not self.stopping.is_set() and not self.should_yield():
            started = time.perf_counter()
            claim = self._claim()
            suspect = claim is None and not in_flight
            if suspect:
                claim = claim_poison_job(space=self.encoder.space.fingerprint, worker=self.worker)
            if claim is None:
                break
            in_flight.append(self._begin(claim, decoders, model, started))
            if suspect:
                # Should it kill the worker, it takes no other job with it.
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
        """Decoders work on clips in the order in which the model takes them, so that none waits
        for one behind it.
        """
        projected = project_clips(claim.modality, contents, self.encoder)
        unseen = [item for item in contents if item.job not in projected]
        feeds = start_decoding(claim.modality, unseen, self.encoder, decoders)
        encode = partial(encode_clips, claim.modality, unseen, feeds, self.encoder)
        result = model.submit(with_projected, encode, tuple(projected.values()))
        return _InFlight(claim, orphans, result, time.perf_counter() - started, feeds)

    def _finish(self, in_flight: deque[_InFlight], totals: EncodeTotals) -> None:
        batch = in_flight[0]
        waiting = time.perf_counter()
        try:
            result = self._result(in_flight)
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
        totals.add(batch.claim.modality, len(result.encoded), len(result.set_aside), timings)
        logger.info(
            "%s: %d encoded, %d set aside, %s",
            batch.claim.modality,
            len(result.encoded),
            len(result.set_aside),
            timings,
        )
        if self.on_batch:
            self.on_batch(totals)

    def _result(self, in_flight: deque[_InFlight]) -> EncodedBatch:
        """What became of the first batch. A long clip takes minutes: leases are renewed
        meanwhile, and it is left when work has to stop. Raises what encoding raises, and
        Cancelled.
        """
        while not wait([in_flight[0].result], POLL_INTERVAL_S).done:
            self._keep_leases(in_flight)
            if self.stopping.is_set():
                in_flight[0].close()
        return in_flight[0].result.result()

    def _keep_leases(self, in_flight: deque[_InFlight]) -> None:
        if in_flight and time.monotonic() - self._renewed > web_settings().job_lease_s / 4:
            renew_claims([batch.claim for batch in in_flight])
            self._renewed = time.monotonic()
