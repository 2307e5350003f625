"""Runs the processes of an installation side by side: starts again what dies, stops all
together.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from types import FrameType

from indexer.processes import ProcessSpec, beat_process, web_process, worker_process

logger = logging.getLogger(__name__)

MIN_DELAY_S = 0.5
MAX_DELAY_S = 30.0
STABLE_AFTER_S = 30.0
"""A process that ran so long starts the back-off anew when it dies."""

STOP_TIMEOUT_S = 15.0
"""Time to end politely; what claims are left are taken back at the next start."""

POLL_INTERVAL_S = 0.2


class Child:
    """One supervised process."""

    def __init__(self, spec: ProcessSpec) -> None:
        self._spec = spec
        self._delay = MIN_DELAY_S
        self.start()

    def start(self) -> None:
        self._started = time.monotonic()
        self._start_at: float | None = None
        # A group of its own: Ctrl-C in the terminal reaches the supervisor alone, which then stops
        # all in order.
        self.process = subprocess.Popen(
            self._spec.command, env=self._spec.full_environment(), start_new_session=True
        )

    def look_after(self) -> None:
        """Start the process again some time after it died, later each time."""
        if self.process.poll() is None:
            return
        if self._start_at is None:
            self._plan_restart()
        elif time.monotonic() >= self._start_at:
            self.start()

    def _plan_restart(self) -> None:
        ran = time.monotonic() - self._started
        self._delay = MIN_DELAY_S if ran > STABLE_AFTER_S else min(self._delay * 2, MAX_DELAY_S)
        self._start_at = time.monotonic() + self._delay
        logger.error(
            "%s ended with code %s after %.0f s and is started again in %.1f s",
            *(self._spec.name, self.process.returncode, ran, self._delay),
        )

    def stop(self, deadline: float) -> None:
        """Wait for a process that was told to end; kill it at the deadline (of
        `time.monotonic`).
        """
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            logger.warning("%s did not end in time and is killed", self._spec.name)
            self.process.kill()
            self.process.wait()


class Supervisor:
    """Keeps processes running until it is told to stop."""

    def __init__(self, specs: Sequence[ProcessSpec]) -> None:
        self._specs = specs
        self._stopping = threading.Event()

    def run(self) -> None:
        """Returns after SIGINT or SIGTERM, when every process has ended."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signalled)
        children = [Child(spec) for spec in self._specs]
        try:
            while not self._stopping.wait(POLL_INTERVAL_S):
                for child in children:
                    child.look_after()
        finally:
            deadline = time.monotonic() + STOP_TIMEOUT_S
            for child in children:
                child.process.terminate()
            for child in children:
                child.stop(deadline)

    def stop(self) -> None:
        """Make `run` stop every process and return. May be called from any thread."""
        self._stopping.set()

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self.stop()


def embedded_supervisor(*, host: str, port: int, web_workers: int = 1) -> Supervisor:
    """Everything an embedded installation runs."""
    return Supervisor(
        [
            web_process(host=host, port=port, workers=web_workers),
            # An import keeps its thread for long, and must not keep the encoder waiting for one.
            worker_process(name="importer", queues=("import",), threads=2),
            worker_process(name="indexer", queues=("encode", "index"), threads=3),
            beat_process(),
        ]
    )
