"""Network connections of one fetch: only to allowed addresses, within one total time limit."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable

import httpcore

from search.media.fetch.address_policy import AddressPolicy, Resolver, resolve_addresses

_MAX_ADDRESSES = 4
"""Addresses of one host that are tried before giving up."""


class Deadline:
    """A point in time that no network operation of a fetch may pass."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def clip(self, timeout: float | None) -> float:
        """Return `timeout`, at most the time left.

        Raises httpcore.ReadTimeout when no time is left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the total time limit has passed")
        return left if timeout is None else min(timeout, left)


class PinnedBackend(httpcore.NetworkBackend):
    """Resolves a host, checks every address, and connects to the checked addresses.

    There is no second lookup that could give another answer.
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
        timeout_s = self._deadline.clip(timeout)
        addresses = resolve_addresses(
            host, port, self._policy, timeout_s=timeout_s, resolver=self._resolver
        )
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses[:_MAX_ADDRESSES]:
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
    """A stream whose every operation ends at the deadline, also when a host sends slowly."""

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
