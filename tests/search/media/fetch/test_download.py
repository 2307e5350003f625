"""Fetching from a real server on this machine: the happy paths are allowed to reach it, the
others must not."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from search.config import EngineSettings
from search.errors import FetchFailed, FetchRejected, MediaTooLarge
from search.media.fetch.address_policy import Address, PublicAddresses
from search.media.fetch.download import FetchLimits, fetch_url
from tests.search.media.servers import BODY, DIGEST, Server, serving


class ThisMachine:
    """Also allows 127.0.0.1, where the test server is."""

    def allows(self, address: Address) -> bool:
        return address == ip_address("127.0.0.1") or PublicAddresses().allows(address)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def limits(server: Server) -> FetchLimits:
    return FetchLimits(
        max_bytes=100_000,
        total_s=5,
        connect_s=1,
        read_s=0.5,
        ports=frozenset({80, 443, server.port}),
    )


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Path]:
    """Folder of temporary files, which must be empty after every test."""
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_complete_and_removed_after_use(
    server: Server, limits: FetchLimits, empty: Path
) -> None:
    with fetch_url(server.url("file?a=1%20b"), limits, policy=ThisMachine(), folder=empty) as found:
        assert found.path.read_bytes() == BODY
        assert (found.size, found.sha256, found.content_type) == (len(BODY), DIGEST, "image/png")
    path, headers = server.seen[-1]
    assert path == "/file?a=1%20b"
    assert headers["Host"] == f"127.0.0.1:{server.port}"
    assert headers["Accept-Encoding"] == "identity"


def test_redirects_are_followed_up_to_the_limit(
    server: Server, limits: FetchLimits, empty: Path
) -> None:
    with fetch_url(server.url("loop?left=4"), limits, policy=ThisMachine(), folder=empty) as found:
        assert found.url == server.url("file")
    with pytest.raises(FetchRejected, match="redirects more than 5 times"):
        fetch_url(server.url("loop?left=5"), limits, policy=ThisMachine(), folder=empty)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "//127.0.0.1:22/",
        "http://user:secret@127.0.0.1/",
        "http://127.0.0.1:22/",
        "http://127.0.0.1:99999/",
        "http://[nonsense/",
    ],
)
def test_a_rejected_url_is_also_rejected_after_a_redirect(
    server: Server, limits: FetchLimits, empty: Path, url: str
) -> None:
    for start in (url, server.url(f"to?url={url}")):
        seen = len(server.seen)
        policy = ThisMachine() if start != url else PublicAddresses()
        with pytest.raises(FetchRejected) as rejected:
            fetch_url(start, limits, policy=policy, folder=empty)
        assert "secret" not in str(rejected.value)
        assert len(server.seen) - seen == (start != url)


def test_localhost_is_rejected_by_default(server: Server, limits: FetchLimits, empty: Path) -> None:
    seen = len(server.seen)
    for host in ("127.0.0.1", "localhost", "0x7f.1"):
        with pytest.raises(FetchRejected, match="public internet"):
            fetch_url(server.url("file", host), limits, folder=empty)
    assert len(server.seen) == seen


def test_a_name_is_looked_up_once_and_the_checked_address_is_used(
    server: Server, limits: FetchLimits, empty: Path
) -> None:
    """DNS rebinding: a second lookup could return another address, so there must be none."""
    answers = iter(["127.0.0.1"])
    with fetch_url(
        server.url("file", "shop.example"),
        limits,
        policy=ThisMachine(),
        folder=empty,
        resolver=lambda host, port: [next(answers)],
    ) as found:
        assert found.size == len(BODY)
    assert server.seen[-1][1]["Host"] == f"shop.example:{server.port}"


def test_every_redirect_is_looked_up_and_checked(
    server: Server, limits: FetchLimits, empty: Path
) -> None:
    answers = iter(["127.0.0.1", "10.0.0.1"])
    with pytest.raises(FetchRejected, match=r"public internet.*shop\.example"):
        fetch_url(
            server.url("loop?left=3", "shop.example"),
            limits,
            policy=ThisMachine(),
            folder=empty,
            resolver=lambda host, port: [next(answers)],
        )


def test_the_next_address_is_tried_if_one_does_not_answer(
    server: Server, limits: FetchLimits, empty: Path
) -> None:
    class Loopback:
        def allows(self, address: Address) -> bool:
            return address.is_loopback

    url = server.url("file", "shop.example")
    names = ["127.0.0.9", "127.0.0.1"]
    with fetch_url(
        url, limits, policy=Loopback(), folder=empty, resolver=lambda host, port: names
    ) as found:
        assert found.size == len(BODY)


@pytest.mark.parametrize("code", [204, 304, 400, 401, 403, 404, 410, 451])
def test_permanent_statuses_are_rejected(
    server: Server, limits: FetchLimits, empty: Path, code: int
) -> None:
    with pytest.raises(FetchRejected, match=str(code)):
        fetch_url(server.url(f"status?code={code}"), limits, policy=ThisMachine(), folder=empty)


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504])
def test_temporary_statuses_can_be_retried(
    server: Server, limits: FetchLimits, empty: Path, code: int
) -> None:
    with pytest.raises(FetchFailed, match=str(code)) as failed:
        fetch_url(server.url(f"status?code={code}"), limits, policy=ThisMachine(), folder=empty)
    assert not failed.value.permanent


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("status?code=200", FetchRejected, "empty"),
        ("huge", MediaTooLarge, "limit of 100000 bytes: got 1000000000000"),
        ("endless", MediaTooLarge, "limit of 100000 bytes: got 'more than"),
        ("gzip", FetchRejected, "encoded body: got 'gzip'"),
        ("short", FetchFailed, "connection"),
        ("silent", FetchFailed, "too long"),
        ("nonsense", FetchFailed, "connection"),
    ],
)
def test_misbehaving_hosts(
    server: Server, limits: FetchLimits, empty: Path, path: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        fetch_url(server.url(path), limits, policy=ThisMachine(), folder=empty)


def test_a_slow_body_ends_at_the_total_limit(
    server: Server, limits: FetchLimits, empty: Path
) -> None:
    with pytest.raises(FetchFailed, match="too long"):
        fetch_url(
            server.url("drip"), replace(limits, total_s=0.4), policy=ThisMachine(), folder=empty
        )


def test_a_closed_port_can_be_retried(limits: FetchLimits, empty: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(FetchFailed, match="connection"):
            fetch_url(
                f"http://127.0.0.1:{port}/",
                replace(limits, ports=frozenset({port})),
                policy=ThisMachine(),
                folder=empty,
            )


def test_proxies_of_the_environment_are_not_used(
    server: Server, limits: FetchLimits, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with fetch_url(server.url("file"), limits, policy=ThisMachine(), folder=empty) as found:
        assert found.size == len(BODY)


def test_an_untrusted_certificate_is_rejected(tmp_path: Path, limits: FetchLimits) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    where = [
        "-keyout",
        str(key),
        "-out",
        str(certificate),
        "-days",
        "1",
        "-subj",
        "/CN=shop.example",
    ]
    subprocess.run([*command, *where], check=True, capture_output=True)
    named: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _socket, name, _context: named.append(name)

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        with pytest.raises(FetchRejected, match="certificate"):
            fetch_url(
                f"https://shop.example:{port}/",
                replace(limits, ports=frozenset({port})),
                policy=ThisMachine(),
                resolver=lambda host, port: ["127.0.0.1"],
            )
        thread.join()
    assert named == ["shop.example"]


def test_limits_come_from_the_settings() -> None:
    limits = FetchLimits.from_settings(
        EngineSettings(clip_max_bytes=5000, picture_max_bytes=9000, fetch_timeout_s=3)
    )
    assert (limits.max_bytes, limits.total_s) == (9000, 3)


def test_an_over_long_url_is_rejected(limits: FetchLimits) -> None:
    with pytest.raises(FetchRejected, match="limit of 2048 characters"):
        fetch_url("http://shop.example/" + "a" * 2048, limits)
