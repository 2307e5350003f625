"""Downloads one media URL to a temporary file; trusts neither the URL nor its host."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpcore
import httpx

from search.config import EngineSettings
from search.errors import FetchFailed, FetchRejected, MediaTooLarge, OmnishelfError
from search.files import save_temporary
from search.media.fetch.address_policy import (
    AddressPolicy,
    PublicAddresses,
    Resolver,
    system_resolver,
)
from search.media.fetch.transport import Deadline, PinnedBackend

MAX_URL_CHARACTERS = 2048
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_RETRYABLE = (408, 425, 429)
_NETWORK = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.RemoteProtocolError)
_HEADERS = [
    (b"User-Agent", b"Omnishelf"),
    (b"Accept", b"image/*, audio/*, video/*, */*;q=0.1"),
    # A compressed body could expand without bound; media files are compressed already.
    (b"Accept-Encoding", b"identity"),
]


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Limits of body size in bytes, seconds in total and per step, redirects, and ports."""

    max_bytes: int
    total_s: float
    connect_s: float = 5.0
    read_s: float = 10.0
    max_redirects: int = 5
    ports: frozenset[int] = frozenset({80, 443})

    @classmethod
    def from_settings(cls, settings: EngineSettings) -> FetchLimits:
        largest = max(settings.picture_max_bytes, settings.clip_max_bytes)
        return cls(max_bytes=largest, total_s=settings.fetch_timeout_s)


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A downloaded temporary file; `with` removes it. `url` is the last URL after redirects."""

    path: Path
    size: int
    sha256: str
    url: str
    content_type: str

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.remove()


def fetch_url(
    url: str,
    limits: FetchLimits,
    *,
    policy: AddressPolicy | None = None,
    folder: Path | None = None,
    resolver: Resolver = system_resolver,
) -> FetchedFile:
    """Download `url` to a temporary file in `folder` (default: the system's).

    Only http and https, no credentials, and only allowed ports. Every address of the host must
    satisfy `policy` (default: public addresses), and the connection goes to a checked address.
    Every redirect is checked the same way. No proxy is used.

    Raises FetchRejected if a retry cannot help (invalid URL, address, 4xx, redirects, encoded
    body, invalid certificate), MediaTooLarge over the byte limit, FetchFailed if it can (5xx,
    408, 425, 429, time-outs, broken connections).
    """
    backend = PinnedBackend(policy or PublicAddresses(), resolver, Deadline(limits.total_s))
    target = validate_url(url, limits.ports)
    # A new pool for every fetch: the backend holds the deadline of this fetch, and a reused
    # connection would skip the check of its address.
    with httpcore.ConnectionPool(network_backend=backend, max_keepalive_connections=0) as pool:
        for _ in range(limits.max_redirects + 1):
            try:
                found = _get(pool, target, limits, folder)
            except _NETWORK as error:
                raise _network_error(error, target) from error
            except httpcore.LocalProtocolError as error:
                raise FetchRejected("the URL is not valid", value=str(target)) from error
            if isinstance(found, FetchedFile):
                return found
            target = validate_url(found, limits.ports)
    raise FetchRejected(
        f"the URL redirects more than {limits.max_redirects} times",
        value=url,
        fix="Use the final URL.",
    )


def validate_url(url: str, ports: frozenset[int]) -> httpx.URL:
    """Return the parsed URL.

    Raises FetchRejected for a scheme other than http(s), credentials, a missing host or a port
    that is not allowed.
    """
    if len(url) > MAX_URL_CHARACTERS:
        raise FetchRejected(
            f"the URL is over the limit of {MAX_URL_CHARACTERS} characters", value=len(url)
        )
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise FetchRejected(f"the URL is not valid ({error})", value=url) from error
    if parsed.scheme not in _PORTS or not parsed.host:
        raise FetchRejected("only http and https URLs are fetched", value=url)
    if parsed.userinfo:
        raise FetchRejected("a URL with a user name or password is not fetched", value=parsed.host)
    if (parsed.port or _PORTS[parsed.scheme]) not in ports:
        raise FetchRejected(f"only ports {sorted(ports)} are called", value=parsed.port)
    return parsed


def _get(
    pool: httpcore.ConnectionPool, url: httpx.URL, limits: FetchLimits, folder: Path | None
) -> FetchedFile | str:
    """Return the file, or the URL of a redirect."""
    timeouts = {
        "connect": limits.connect_s,
        "read": limits.read_s,
        "write": limits.read_s,
        "pool": limits.connect_s,
    }
    target = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
    headers = [(b"Host", url.netloc), *_HEADERS]
    with pool.stream("GET", target, headers=headers, extensions={"timeout": timeouts}) as response:
        received = httpx.Headers(response.headers)
        if response.status in _REDIRECTS and "location" in received:
            return _join_url(url, received["location"])
        _check_response(response.status, received, url, limits)
        body = _limit(response.iter_stream(), limits)
        path, size, digest = save_temporary(body, prefix="fetched-", folder=folder)
    content_type = received.get("content-type", "").partition(";")[0].strip().lower()
    return FetchedFile(path, size, digest, str(url), content_type)


def _join_url(url: httpx.URL, location: str) -> str:
    try:
        return str(url.join(location))
    except httpx.InvalidURL as error:
        raise FetchRejected("the URL redirects to one that is not valid", value=location) from error


def _check_response(
    status: int, headers: httpx.Headers, url: httpx.URL, limits: FetchLimits
) -> None:
    if status >= 500 or status in _RETRYABLE:
        raise FetchFailed(f"the host answered {status}", value=str(url), fix="It may answer later.")
    if status != 200:
        raise FetchRejected(f"the host answered {status}", value=str(url), fix="Correct the URL.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchRejected("the host sent an encoded body", value=headers["content-encoding"])
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limits.max_bytes:
        raise _too_large(limits, int(length))


def _limit(parts: Iterator[bytes], limits: FetchLimits) -> Iterator[bytes]:
    """Pass on the parts; raise MediaTooLarge over the limit, FetchRejected for an empty body."""
    size = 0
    for part in parts:
        size += len(part)
        if size > limits.max_bytes:
            raise _too_large(limits, f"more than {limits.max_bytes}")
        yield part
    if not size:
        raise FetchRejected("the host sent an empty file")


def _too_large(limits: FetchLimits, size: int | str) -> MediaTooLarge:
    return MediaTooLarge(f"the file is over the limit of {limits.max_bytes} bytes", value=size)


def _network_error(error: Exception, url: httpx.URL) -> OmnishelfError:
    # The pool suppresses the cause; the context remains.
    if isinstance(error.__cause__ or error.__context__, ssl.SSLCertVerificationError):
        return FetchRejected("the host's certificate is not valid", value=url.host)
    if isinstance(error, httpcore.TimeoutException):
        return FetchFailed("the host took too long to answer", value=url.host)
    return FetchFailed(f"the connection to the host failed ({error})", value=url.host)
