"""Runs the processes of an installation, restarts those that die, and stops all together."""

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
"""A process that ran so long restarts with the minimum delay."""

STOP_TIMEOUT_S = 15.0
"""Time for a clean end. Claims that remain are released at the next start."""

POLL_INTERVAL_S = 0.2


class Child:
    """One supervised process."""

    def __init__(self, spec: ProcessSpec) -> None:
        self._spec = spec
        self._delay = MIN_DELAY_S
        self.start()

    def start(self) -> None:
        """Start the process."""
        self._started = time.monotonic()
        self._start_at: float | None = None
        # A process group of its own: Ctrl-C reaches only the supervisor, which stops all in order.
        self.process = subprocess.Popen(
            self._spec.command, env=self._spec.full_environment(), start_new_session=True
        )

    def restart_if_dead(self) -> None:
        """Restart the process some time after it died, with a growing delay."""
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
        """Wait for the terminated process; kill it at the deadline, in `time.monotonic`."""
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            logger.warning("%s did not end in time and is killed", self._spec.name)
            self.process.kill()
            self.process.wait()


class Supervisor:
    """Keeps processes running until it is stopped."""

    def __init__(self, specs: Sequence[ProcessSpec]) -> None:
        self._specs = specs
        self._stopping = threading.Event()

    def run(self) -> None:
        """Run until SIGINT, SIGTERM or `stop`; return when every process has ended."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signalled)
        children = [Child(spec) for spec in self._specs]
        try:
            while not self._stopping.wait(POLL_INTERVAL_S):
                for child in children:
                    child.restart_if_dead()
        finally:
            deadline = time.monotonic() + STOP_TIMEOUT_S
            for child in children:
                child.process.terminate()
            for child in children:
                child.stop(deadline)

    def stop(self) -> None:
        """Make `run` stop every process and return. Safe from any thread."""
        self._stopping.set()

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self.stop()


def embedded_supervisor(*, host: str, port: int, web_workers: int = 1) -> Supervisor:
    """Return the supervisor of an embedded installation."""
    return Supervisor(
        [
            web_process(host=host, port=port, workers=web_workers),
            # A long import must not take the thread that the encoder needs.
            worker_process(name="importer", queues=("import",), threads=2),
            worker_process(name="indexer", queues=("encode", "index"), threads=3),
            beat_process(),
        ]
    )
