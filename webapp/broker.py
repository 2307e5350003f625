"""The embedded broker: kombu's filesystem transport, made safe for several processes.

In the original, a reader can take a message file that its writer has not filled yet, and the
message is lost. It also moves message files through the system's temporary folder, where a move
is not atomic if that is another file system. Here a file gets its name when it is complete, and a
reader takes it by a rename within the folder.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads

from search.files import write_atomically


class FolderChannel(filesystem.Channel):
    """A channel whose messages are files `<time>_<uuid>.<queue>.msg`.

    A name that starts with a dot is a message being written or being taken.
    """

    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]  # kombu names it so
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}.msg"
        write_atomically(Path(self.data_folder_out) / name, dumps(payload), durable=False)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        folder = Path(self.data_folder_in)
        for name in sorted(os.listdir(folder)):
            if name.startswith(".") or name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f".{name}.taken"
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:
                continue  # another worker took it
            payload: dict[str, Any] = loads(bytes_to_str(taken.read_bytes()))
            taken.unlink()
            return payload
        raise Empty

    def _queue_bind(
        self, exchange: str, routing_key: str | None, pattern: str | None, queue: str | None
    ) -> None:
        bound = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with self._table_lock():
            table = self.get_table(exchange)
            if bound not in table:
                path = Path(self._exchange_file(exchange))  # type: ignore[attr-defined]
                write_atomically(path, dumps([bound, *table]), durable=False)

    @contextmanager
    def _table_lock(self) -> Iterator[None]:
        self.control_folder.mkdir(parents=True, exist_ok=True)
        with (self.control_folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class FolderTransport(filesystem.Transport):
    """The transport of FolderChannel."""

    Channel = FolderChannel
