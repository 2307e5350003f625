"""A process is dead only when this host knows it to be."""

from __future__ import annotations

import os
import subprocess
import sys

from webapp.leases.process_id import host_name, is_dead, this_process


def test_this_process_lives() -> None:
    assert not is_dead(this_process())
    assert not is_dead(f"{host_name()}:{os.getpid()}"), "without a start time the pid decides"


def test_a_process_that_ended_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    owner = f"{host_name()}:{child.pid}:1"
    child.wait()
    assert is_dead(owner)
    assert is_dead(f"{host_name()}:{child.pid}")


def test_a_later_process_with_the_same_pid_is_another_one() -> None:
    host, pid, started = this_process().split(":")
    assert is_dead(f"{host}:{pid}:{int(started) - 100}")


def test_nothing_is_known_of_other_hosts_and_strange_names() -> None:
    assert not is_dead("elsewhere:1:1")
    assert not is_dead("")
    assert not is_dead(f"{host_name()}:unknown")
