"""`serve`'s supervisor starts again what dies and stops everything when told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from indexer.processes import beat_process, web_process, worker_process

SCRIPT = """
import logging, sys
from indexer.processes import ProcessSpec
from indexer.supervisor import Supervisor
logging.basicConfig(level="INFO")
steady = ProcessSpec("steady", (sys.executable, "-c", "import time; time.sleep(600)"))
code = "import sys; open(sys.argv[1], 'a').write('.')"
frail = ProcessSpec("frail", (sys.executable, "-c", code, sys.argv[1]))
deaf = ProcessSpec("deaf", (sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"))
import indexer.supervisor
indexer.supervisor.STOP_TIMEOUT_S = 0.5
Supervisor([steady, frail, deaf][: int(sys.argv[2])]).run()
print("ended", flush=True)
"""


def supervise(file: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(file), str(count)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def wait_for_runs(file: Path, count: int) -> None:
    end = time.monotonic() + 30
    while not file.exists() or len(file.read_text()) < count:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_process_that_dies_is_started_again_ever_later(tmp_path: Path) -> None:
    supervisor = supervise(tmp_path / "runs", 2)
    wait_for_runs(tmp_path / "runs", 2)
    supervisor.send_signal(signal.SIGINT)
    output, _ = supervisor.communicate(timeout=10)
    assert "frail ended with code 0" in output and "started again in 1.0 s" in output
    assert "steady ended" not in output


def test_stopping_ends_every_process_even_a_deaf_one(tmp_path: Path) -> None:
    supervisor = supervise(tmp_path / "runs", 3)
    wait_for_runs(tmp_path / "runs", 1)
    time.sleep(0.3)
    children = psutil.Process(supervisor.pid).children()
    assert len(children) >= 2
    supervisor.terminate()
    output, _ = supervisor.communicate(timeout=10)
    assert supervisor.returncode == 0 and "ended" in output
    assert "deaf did not end in time" in output
    assert not [
        child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    ]


def test_processes_work_side_by_side_on_one_numeric_thread_and_the_operator_wins() -> None:
    assert web_process(host="::", port=1).environment["OMP_NUM_THREADS"] == "1"
    assert worker_process().environment["OMP_NUM_THREADS"] == "1"
    inherited = os.environ.get("PATH")
    assert beat_process().full_environment()["PATH"] == inherited
    os.environ["OMP_NUM_THREADS"] = "3"
    try:
        assert worker_process().full_environment()["OMP_NUM_THREADS"] == "3"
    finally:
        del os.environ["OMP_NUM_THREADS"]
