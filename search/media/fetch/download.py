"""Fetches one media URL into a temporary file, trusting neither the URL nor the host behind it."""

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

MAX_URL = 2048
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_RETRYABLE = (408, 425, 429)
_NETWORK = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.RemoteProtocolError)
_HEADERS = [
    (b"User-Agent", b"Omnishelf"),
    (b"Accept", b"image/*, audio/*, video/*, */*;q=0.1"),
    # A compressed body could grow without bound; media files are compressed already.
    (b"Accept-Encoding", b"identity"),
]


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bytes of the body, seconds in total and per step, redirects followed, ports that may be
    called.
    """

    max_bytes: int
    total_s: float
    connect_s: float = 5.0
    read_s: float = 10.0
    redirects: int = 5
    ports: frozenset[int] = frozenset({80, 443})

    @classmethod
    def from_settings(cls, settings: EngineSettings) -> FetchLimits:
        largest = max(settings.picture_max_bytes, settings.clip_max_bytes)
        return cls(max_bytes=largest, total_s=settings.fetch_timeout_s)


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A fetched body in a temporary file; `with` removes it. `url` is where the redirects ended."""

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
    """GET `url` into a temporary file in `folder` (default: the system's).

    Only http and https, no credentials, only allowed ports; every address of the host must
    satisfy `policy` (default: public addresses) and the connection goes to the checked address;
    redirects are followed by hand and each is checked the same way. No proxy is used. Raises
    FetchRejected where a retry cannot help (bad URL, address, 4xx, redirects, encoded body, bad
    certificate), MediaTooLarge over the byte limit, FetchFailed where it can (5xx, 408, 425,
    429, time-outs, broken connections).
    """
    backend = PinnedBackend(policy or PublicAddresses(), resolver, Deadline(limits.total_s))
    target = checked_url(url, limits.ports)
    # A fresh pool for every fetch: the backend carries this fetch's deadline, and a connection kept
    # alive would skip the check.
    with httpcore.ConnectionPool(network_backend=backend, max_keepalive_connections=0) as pool:
        for _ in range(limits.redirects + 1):
            try:
                found = _get(pool, target, limits, folder)
            except _NETWORK as error:
                raise _network_error(error, target) from error
            except httpcore.LocalProtocolError as error:
                raise FetchRejected("the URL is not valid", value=str(target)) from error
            if isinstance(found, FetchedFile):
                return found
            target = checked_url(found, limits.ports)
    raise FetchRejected(
        f"the URL redirects more than {limits.redirects} times", value=url, fix="Use the final URL."
    )


def checked_url(url: str, ports: frozenset[int]) -> httpx.URL:
    """`url` parsed.

    Raises FetchRejected for another scheme than http(s), credentials, a missing host or a port
    not allowed.
    """
    if len(url) > MAX_URL:
        raise FetchRejected(f"the URL is over the limit of {MAX_URL} characters", value=len(url))
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
    """The file, or the URL that a redirect leads to."""
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
        told = httpx.Headers(response.headers)
        if response.status in _REDIRECTS and "location" in told:
            return _redirected(url, told["location"])
        _check(response.status, told, url, limits)
        path, size, digest = _save(response.iter_stream(), limits, folder)
    return FetchedFile(
        path, size, digest, str(url), told.get("content-type", "").partition(";")[0].strip().lower()
    )


def _redirected(url: httpx.URL, location: str) -> str:
    try:
        return str(url.join(location))
    except httpx.InvalidURL as error:
        raise FetchRejected("the URL redirects to one that is not valid", value=location) from error


def _check(status: int, headers: httpx.Headers, url: httpx.URL, limits: FetchLimits) -> None:
    if status >= 500 or status in _RETRYABLE:
        raise FetchFailed(f"the host answered {status}", value=str(url), fix="It may answer later.")
    if status != 200:
        raise FetchRejected(f"the host answered {status}", value=str(url), fix="Correct the URL.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchRejected("the host sent an encoded body", value=headers["content-encoding"])
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limits.max_bytes:
        raise _too_large(limits, int(length))


def _save(
    parts: Iterator[bytes], limits: FetchLimits, folder: Path | None
) -> tuple[Path, int, str]:
    return save_temporary(_limit(parts, limits), prefix="fetched-", folder=folder)


def _limit(parts: Iterator[bytes], limits: FetchLimits) -> Iterator[bytes]:
    """Pass on the parts. Raises MediaTooLarge over the limit, and FetchRejected for an empty file."""
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
    # The pool cuts the chain of causes, the context remains.
    if isinstance(error.__cause__ or error.__context__, ssl.SSLCertVerificationError):
        return FetchRejected("the host's certificate is not valid", value=url.host)
    if isinstance(error, httpcore.TimeoutException):
        return FetchFailed("the host took too long to answer", value=url.host)
    return FetchFailed(f"the connection to the host failed ({error})", value=url.host)
