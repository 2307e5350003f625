"""Connections for one fetch: to checked addresses only, and within one total time limit."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable

import httpcore

from search.media.fetch.address_policy import AddressPolicy, Resolver, checked_addresses

_TRIED = 4
"""Addresses of one host that are tried before giving up."""


class Deadline:
    """A point in time that no network operation of a fetch may pass."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def clip(self, timeout: float | None) -> float:
        """`timeout`, or what is left where that is less. Raises httpcore.ReadTimeout when
        nothing is left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the total time limit has passed")
        return left if timeout is None else min(timeout, left)


class PinnedBackend(httpcore.NetworkBackend):
    """Resolves a host, checks every address, and dials what was checked: no second lookup can
    change the answer.
    """

    def __init__(self, policy: AddressPolicy, resolver: Resolver, deadline: Deadline) -> None:
        self._policy = policy
        self._resolver = resolver
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        waited = self._deadline.clip(timeout)
        found = checked_addresses(
            host, port, self._policy, timeout_s=waited, resolver=self._resolver
        )
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in found[:_TRIED]:
            try:
                stream = self._sockets.connect_tcp(
                    str(address), port, self._deadline.clip(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure or httpcore.ConnectError(f"no address for {host}")


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every operation ends at the deadline, so a host that sends a byte now and
    then gains nothing.
    """

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.clip(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.clip(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.clip(timeout))
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
