from __future__ import annotations

import socket
import time
from ipaddress import ip_address

import pytest

from search.errors import FetchFailed, FetchRejected
from search.media.fetch.address_policy import PublicAddresses, resolve_addresses

PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:5ef5::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::",
    "3fff::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "5f00::1",
    "4000::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_non_public_addresses_are_rejected(address: str) -> None:
    assert not PublicAddresses().allows(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert PublicAddresses().allows(ip_address(address))


def test_a_host_with_one_private_address_is_rejected() -> None:
    with pytest.raises(FetchRejected, match="not on the public internet"):
        resolve_addresses(
            "shop.example",
            80,
            PublicAddresses(),
            timeout_s=1,
            resolver=lambda host, port: ["1.1.1.1", "10.0.0.1"],
        )


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "::1"]
)
def test_every_spelling_of_localhost_is_rejected(host: str) -> None:
    with pytest.raises(FetchRejected):
        resolve_addresses(host, 80, PublicAddresses(), timeout_s=5)


def test_a_scope_id_does_not_hide_a_link_local_address() -> None:
    with pytest.raises(FetchRejected):
        resolve_addresses(
            "x.example",
            80,
            PublicAddresses(),
            timeout_s=1,
            resolver=lambda host, port: ["fe80::1%eth0"],
        )


@pytest.mark.parametrize(
    ("code", "error"), [(socket.EAI_NONAME, FetchRejected), (socket.EAI_AGAIN, FetchFailed)]
)
def test_a_name_that_does_not_exist_is_final_and_a_failed_lookup_is_not(
    code: int, error: type[Exception]
) -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise socket.gaierror(code, "lookup failed")

    with pytest.raises(error):
        resolve_addresses("x.example", 80, PublicAddresses(), timeout_s=1, resolver=resolver)


def test_a_slow_lookup_times_out() -> None:
    def resolver(host: str, port: int) -> list[str]:
        time.sleep(0.3)
        return ["1.1.1.1"]

    with pytest.raises(FetchFailed, match="took too long"):
        resolve_addresses("x.example", 80, PublicAddresses(), timeout_s=0.05, resolver=resolver)
