from __future__ import annotations

import os
import threading

import pytest

from search.cpu import BACKGROUND_NICENESS, MAX_NICENESS, run_in_background


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_work_in_the_background_gives_way_and_the_caller_does_not() -> None:
    before = niceness()
    inside, started_there = run_in_background(lambda: (niceness(), run_in_background(niceness)))
    assert inside == min(before + BACKGROUND_NICENESS, MAX_NICENESS)
    assert started_there == min(inside + BACKGROUND_NICENESS, MAX_NICENESS)
    assert niceness() == before


def test_what_is_raised_in_the_background_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        run_in_background(lambda: 1 // 0)
