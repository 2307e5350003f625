"""An HTTP server on this machine that misbehaves on request."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from search.files import sha256_hex

BODY = bytes(range(256)) * 40
DIGEST = sha256_hex(BODY)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.seen.append((self.path, dict(self.headers)))
        parts = urlsplit(self.path)
        # A client that gives up breaks the pipe; that is what several tests are about.
        with suppress(BrokenPipeError, ConnectionResetError):
            getattr(self, "_" + parts.path.strip("/").partition("/")[0])(parse_qs(parts.query))

    def _head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def _file(self, query: dict[str, list[str]]) -> None:
        self._head(200, Content_Length=len(BODY), Content_Type="image/png; charset=x")
        self.wfile.write(BODY)

    def _status(self, query: dict[str, list[str]]) -> None:
        self._head(int(query["code"][0]), Content_Length=0)

    def _to(self, query: dict[str, list[str]]) -> None:
        self._head(302, Location=query["url"][0], Content_Length=0)

    def _loop(self, query: dict[str, list[str]]) -> None:
        left = int(query["left"][0])
        self._head(307, Location=f"/loop?left={left - 1}" if left else "/file", Content_Length=0)

    def _huge(self, query: dict[str, list[str]]) -> None:
        self._head(200, Content_Length=10**12)

    def _endless(self, query: dict[str, list[str]]) -> None:
        self._head(200, Transfer_Encoding="chunked")
        while True:
            self.wfile.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    def _gzip(self, query: dict[str, list[str]]) -> None:
        body = gzip.compress(b"\0" * 10**6)
        self._head(200, Content_Length=len(body), Content_Encoding="gzip")
        self.wfile.write(body)

    def _short(self, query: dict[str, list[str]]) -> None:
        self._head(200, Content_Length=1000)
        self.wfile.write(b"x" * 10)
        self.close_connection = True

    def _drip(self, query: dict[str, list[str]]) -> None:
        self._head(200, Content_Length=1000)
        for _ in range(1000):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def _silent(self, query: dict[str, list[str]]) -> None:
        time.sleep(1)

    def _nonsense(self, query: dict[str, list[str]]) -> None:
        self.wfile.write(b"this is not HTTP\r\n\r\n")
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{path}"


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
