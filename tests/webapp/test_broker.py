"""The embedded broker delivers every message once, to any number of processes."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.queues import Queue as Results
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from webapp.broker import FolderTransport

EXCHANGE = Exchange("encode", type="direct")
QUEUE = Queue("encode", EXCHANGE, routing_key="encode")
MESSAGES = 200
WRITERS = 2
READERS = 2


def connect(folder: Path) -> Connection:
    options = {
        "data_folder_in": f"{folder}/b",
        "data_folder_out": f"{folder}/b",
        "control_folder": f"{folder}/c",
    }
    return Connection(transport=FolderTransport, transport_options=options)


def write(folder: Path, writer: int) -> None:
    with connect(folder) as connection:
        producer = connection.Producer()
        for number in range(MESSAGES):
            producer.publish(
                {"writer": writer, "number": number, "padding": "x" * 4000},
                exchange=EXCHANGE, routing_key="encode", declare=[QUEUE],
            )  # fmt: skip


def read(folder: Path, results: Results[list[tuple[int, int]]]) -> None:
    """Read as fast as possible, so that some messages are read while they are being written."""
    received = []
    with connect(folder) as connection:
        queue = QUEUE(connection.channel())
        queue.declare()
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 1:
            if message := queue.get(no_ack=True):
                received.append((message.payload["writer"], message.payload["number"]))
                quiet_since = time.monotonic()
    results.put(received)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    return tmp_path


def test_every_message_arrives_once(folder: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    results: Results[list[tuple[int, int]]] = spawn.Queue()
    readers = [spawn.Process(target=read, args=(folder, results)) for _ in range(READERS)]
    writers = [spawn.Process(target=write, args=(folder, number)) for number in range(WRITERS)]
    for process in writers + readers:
        process.start()
    received = [message for _ in readers for message in results.get(timeout=60)]
    for process in writers + readers:
        process.join(10)
    with connect(folder) as connection:
        queue = QUEUE(connection.channel())
        while message := queue.get(no_ack=True):
            received.append((message.payload["writer"], message.payload["number"]))
    assert sorted(received) == [
        (writer, number) for writer in range(WRITERS) for number in range(MESSAGES)
    ]
    assert list((folder / "b").iterdir()) == [], "no file is left"


def test_a_partly_written_message_is_ignored(folder: Path) -> None:
    with connect(folder) as connection:
        channel: Any = connection.channel()
        (folder / "b" / ".half.part").write_text("{")
        (folder / "b" / ".1_2.encode.msg.taken").write_text("{}")
        with pytest.raises(Empty):
            channel._get("encode")
        assert channel._size("encode") == 0


def test_each_queue_gives_its_oldest_message_first(folder: Path) -> None:
    with connect(folder) as connection:
        channel: Any = connection.channel()
        for number in range(3):
            channel._put("encode", {"number": number})
        channel._put("import", {"number": 9})
        assert [channel._get("encode")["number"] for _ in range(3)] == [0, 1, 2]
        assert channel._get("import")["number"] == 9
