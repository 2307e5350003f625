"""An index locked in memory, and the error where the limit does not allow that."""

from __future__ import annotations

import contextlib
import ctypes
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.config import EngineSettings
from search.errors import ConfigError
from search.types import Modality
from search.vectors.backends import make_builder, open_index
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.reader import FaissIndexReader
from search.vectors.index_types import IndexTypeSettings
from tests.search.vectors.reference import catalogue, clustered, make_space, stream

SPACE = make_space()
LISTS = IndexTypeSettings(exact_up_to=0)
PAGE = 4096
CAPABILITIES, CAP_IPC_LOCK = 0x20080522, 14
"""The interface's version, and the capability that overrides the limit; see capabilities(7)."""

LOCKED = re.compile(r"^[0-9a-f]+-\S+ .* (/\S+)\n(?:\w+:.*\n)*?Locked: +(\d+) kB$", re.MULTILINE)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    FaissIndexBuilder(tmp_path, SPACE, index_types=LISTS).build(stream(catalogue(400)), 1)
    return tmp_path


def locked(root: Path) -> dict[str, int]:
    """Return the locked KiB of each mapped file of the index."""
    smaps = Path("/proc/self/smaps").read_text("utf-8")
    return {
        Path(path).name: int(kib)
        for path, kib in LOCKED.findall(smaps)
        if path.startswith(str(root))
    }


def test_every_mapped_file_is_locked_until_it_is_unmapped(root: Path) -> None:
    index = FaissIndexReader(root, SPACE)
    assert index.count() and not any(locked(root).values())
    index = FaissIndexReader(root, SPACE, lock_memory=True)
    assert {"picture_vectors.f16.npy", "picture_index.faiss", "picture_view_ids.npy"} <= set(
        locked(root)
    )
    assert all(locked(root).values())
    del index
    assert not any(locked(root).values())


def test_the_setting_locks_the_index(tmp_path: Path) -> None:
    settings = EngineSettings(var_dir=tmp_path, index_lock_memory=True)
    make_builder(settings, SPACE).build(stream(catalogue(20)), 1)
    index = open_index(settings, SPACE)
    assert index.count() and all(locked(tmp_path).values())


def test_a_limit_that_is_too_low_is_named(root: Path) -> None:
    with (
        one_page_lockable(),
        pytest.raises(ConfigError, match="OMNISHELF_INDEX_LOCK_MEMORY") as refused,
    ):
        FaissIndexReader(root, SPACE, lock_memory=True)
    assert refused.value.value == PAGE and "ulimit" in refused.value.fix


def test_a_reader_keeps_its_generation_when_the_next_cannot_be_locked(root: Path) -> None:
    index = FaissIndexReader(root, SPACE, lock_memory=True)
    FaissIndexBuilder(root, SPACE, index_types=LISTS).build(stream(catalogue(500)), 2)
    before = index.count()
    with one_page_lockable():
        assert index.swap_if_published() is None
    assert index.count() == before and "cannot be locked" in str(index.status().fault)
    assert index.search(clustered(1, seed=5), Modality.PICTURE, 10)[0].view_ids.size == 10


@contextlib.contextmanager
def one_page_lockable() -> Iterator[None]:
    """Set the limit for this thread and those it starts."""
    libc, sets = ctypes.CDLL(None, use_errno=True), (ctypes.c_uint32 * 6)()
    header = (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
    assert libc.capget(header, sets) == 0
    usual, effective = resource.getrlimit(resource.RLIMIT_MEMLOCK), sets[0]
    sets[0] &= ~(1 << CAP_IPC_LOCK)
    assert libc.capset(header, sets) == 0
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (PAGE, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, usual)
        sets[0] = effective
        assert libc.capset(header, sets) == 0
