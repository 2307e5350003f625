"""Builders that are killed, refused or out of disk, while readers search."""

from __future__ import annotations

import errno
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.errors import BuildInProgress, InvalidVectors, Unavailable
from search.types import Modality, ViewBatch
from search.vectors import layout
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.generations import FaissGenerations
from search.vectors.faiss.reader import FaissIndexReader
from tests.search.vectors.reference import batch, catalogue, clustered, make_space, stream, unit
from tests.support.paths import ROOT

SPACE = make_space()

PRELUDE = """
import sys, time, resource
from pathlib import Path
from search.errors import Unavailable
from search.vectors import layout
from search.vectors.faiss.builder import FaissIndexBuilder
from tests.search.vectors.reference import catalogue, make_space, stream
from tests.support.paths import ROOT
builder = FaissIndexBuilder(Path(sys.argv[1]), make_space())
"""

STUCK = """
def views():
    yield from stream(catalogue(50))
    print("streaming", flush=True)
    time.sleep(60)
builder.build(views(), seq=9)
"""

BUSY = """
print("building", flush=True)
for seq in range(2, 10_000):
    builder.build(stream(catalogue(30)), seq)
"""

TIGHT = """
for limit in (500, 3_000, 20_000, 33_000, 70_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        builder.build(stream(catalogue(1_000)), seq=9)
        print("published")
    except Unavailable as error:
        print(error.permanent, error)
"""


def start(script: str, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, str(root)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill(process: subprocess.Popen[str]) -> None:
    with process:
        process.kill()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    FaissIndexBuilder(tmp_path, SPACE).build(stream(catalogue(20)), 1)
    return tmp_path


def home(root: Path) -> set[str]:
    return {path.name for path in (root / SPACE.fingerprint).iterdir()}


def test_a_killed_builder_leaves_the_live_generation_and_no_lock(root: Path) -> None:
    process = start(STUCK, root)
    assert process.stdout is not None
    assert process.stdout.readline() == "streaming\n"
    with pytest.raises(BuildInProgress) as refused:
        FaissIndexBuilder(root, SPACE).build([], seq=2)
    assert not refused.value.permanent
    assert FaissGenerations(root, SPACE).rollback(to=1).number == 1, (
        "a running build does not block a rollback"
    )
    kill(process)
    assert "building" in home(root)
    assert FaissGenerations(root, SPACE).verify().number == 1
    assert FaissIndexBuilder(root, SPACE).build(stream(catalogue(21)), 2).number == 2
    assert "building" not in home(root)
    assert FaissIndexReader(root, SPACE).count() == 42


def test_a_build_killed_at_any_moment_leaves_an_intact_live_generation(root: Path) -> None:
    moments = random.Random(7)
    for _ in range(4):
        process = start(BUSY, root)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.25))
        kill(process)
        status = FaissIndexReader(root, SPACE).status()
        assert status.fault is None
        assert status.generation == FaissGenerations(root, SPACE).verify().number
    assert FaissIndexBuilder(root, SPACE).build(stream(catalogue(20)), 3).number > 1
    assert len(FaissGenerations(root, SPACE).list_all()) <= 3


def test_a_full_disk_is_reported_and_leaves_the_live_generation(root: Path) -> None:
    """A limit on file sizes replaces the full disk: the kernel refuses the same write."""
    before = FaissGenerations(root, SPACE).verify()
    with start(TIGHT, root) as process:
        answer, _ = process.communicate(timeout=60)
    lines = answer.splitlines()
    assert lines[-1] == "published"
    assert len(lines) == 5
    assert all("False the disk is full" in line for line in lines[:-1])
    assert FaissGenerations(root, SPACE).verify(1) == before
    assert FaissGenerations(root, SPACE).get_live().number == 2
    assert "building" not in home(root)


def test_a_failing_stream_leaves_nothing_behind(root: Path) -> None:
    def broken() -> Iterator[ViewBatch]:
        yield from stream(catalogue(3))
        raise ConnectionError("database gone")

    with pytest.raises(ConnectionError):
        FaissIndexBuilder(root, SPACE).build(broken(), 2)
    with pytest.raises(InvalidVectors):
        FaissIndexBuilder(root, SPACE).build(
            [batch(Modality.TEXT, 1, [1], unit(clustered(1, dim=5)))], 2
        )
    assert "building" not in home(root)
    assert FaissGenerations(root, SPACE).verify().number == 1


def test_other_disk_errors_are_not_called_a_full_disk(root: Path) -> None:
    def broken() -> Iterator[ViewBatch]:
        yield from stream(catalogue(1))
        raise PermissionError("no")

    with pytest.raises(PermissionError):
        FaissIndexBuilder(root, SPACE).build(broken(), 2)


def test_two_builders_in_one_process(root: Path) -> None:
    def nested() -> Iterator[ViewBatch]:
        with pytest.raises(BuildInProgress):
            FaissIndexBuilder(root, SPACE).build([], 3)
        other = make_space(fingerprint="0the7")
        FaissIndexBuilder(root, other).build([], 3)
        yield from stream(catalogue(4))

    assert FaissIndexBuilder(root, SPACE).build(nested(), 2).number == 2


def test_a_full_disk_while_the_pointer_moves(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new folder is in place, the pointer is not: readers keep the old one."""

    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full_disk:
        full_disk.setattr(layout, "write_atomically", fail)
        with pytest.raises(Unavailable, match="disk is full"):
            FaissIndexBuilder(root, SPACE).build(stream(catalogue(5)), 2)
    assert FaissGenerations(root, SPACE).verify().number == 1
    manifest = FaissIndexBuilder(root, SPACE).build(stream(catalogue(5)), 2)
    assert (manifest.number, manifest.previous) == (3, 1)
    assert [info.number for info in FaissGenerations(root, SPACE).list_all()] == [3, 1]


def test_searches_go_on_during_builds_and_swaps(root: Path) -> None:
    """Every generation holds the same product 0: every answer must be complete and in order."""
    index = FaissIndexReader(root, SPACE)
    views = catalogue(40)
    query = views[0][0].vectors[0]
    FaissIndexBuilder(root, SPACE).build(stream(views), 2)
    index.swap_if_published()
    faults: list[str] = []
    searches = [0] * 3
    stop = threading.Event()

    def search(worker: int) -> None:
        while not stop.is_set():
            found = index.search(query, Modality.PICTURE, 200)[0]
            searches[worker] += 1
            expected = {80, 200}
            if (
                len(found.scores) not in expected
                or found.view_ids[0] != 0
                or (found.scores[1:] > found.scores[:-1]).any()
            ):
                faults.append(f"{len(found.scores)} rows, first {found.view_ids[:1]}")

    threads = [threading.Thread(target=search, args=(worker,)) for worker in range(3)]
    for thread in threads:
        thread.start()
    extra = {
        **views,
        **{
            100 + at: (batch(Modality.PICTURE, 100 + at, [9_000 + at], clustered(1)),)
            for at in range(120)
        },
    }
    for seq in range(3, 9):
        FaissIndexBuilder(root, SPACE).build(stream(extra if seq % 2 else views), seq)
        assert index.swap_if_published() == seq
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert min(searches) > 5
