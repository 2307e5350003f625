from __future__ import annotations

import os
import threading

import pytest

from search.cpu import GIVEN_WAY, LEAST_PRIORITY, in_background


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_work_in_the_background_gives_way_and_the_caller_does_not() -> None:
    before = niceness()
    inside, started_there = in_background(lambda: (niceness(), in_background(niceness)))
    assert inside == min(before + GIVEN_WAY, LEAST_PRIORITY)
    assert started_there == min(inside + GIVEN_WAY, LEAST_PRIORITY)
    assert niceness() == before


def test_what_is_raised_in_the_background_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 // 0)
