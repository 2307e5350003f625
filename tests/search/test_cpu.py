from __future__ import annotations

import os
import threading

import pytest

from search.cpu import BACKGROUND_NICENESS, MAX_NICENESS, run_in_background


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_background_work_has_a_lower_priority_than_the_caller() -> None:
    before = niceness()
    inside, started_there = run_in_background(lambda: (niceness(), run_in_background(niceness)))
    assert inside == min(before + BACKGROUND_NICENESS, MAX_NICENESS)
    assert started_there == min(inside + BACKGROUND_NICENESS, MAX_NICENESS)
    assert niceness() == before


def test_errors_in_the_background_reach_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        run_in_background(lambda: 1 // 0)
