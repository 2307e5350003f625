"""The network addresses that a media URL may lead to.

A server that fetches URLs of strangers must not be turned against its own network (server-side
request forgery, OWASP SSRF Prevention Cheat Sheet). A name is resolved once, every address must
be allowed, and the connection goes to these addresses.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LookupTimeout
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Protocol

from search.errors import FetchFailed, FetchRejected

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""Host name and port → numeric addresses; raises socket.gaierror."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_SPECIAL = (
    # Not public, although older tables of the standard library say so, or able to embed a private
    # IPv4 address.
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
    IPv4Network("198.18.0.0/15"),
    IPv4Network("240.0.0.0/4"),
    IPv6Network("2001::/23"),  # protocol assignments, Teredo (RFC 4380) among them
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),  # 6to4, RFC 3056
    IPv6Network("3fff::/20"),  # documentation, RFC 9637
)
# A name lookup has no time limit of its own, so it runs in a thread that the caller waits for.
_lookups = ThreadPoolExecutor(max_workers=8, thread_name_prefix="name-lookup")


class AddressPolicy(Protocol):
    """Decides whether a connection to an address is allowed."""

    def allows(self, address: Address) -> bool: ...


class PublicAddresses:
    """Allows only addresses of the public internet.

    IPv6 is limited to global unicast without the ranges that embed an IPv4 address, which also
    excludes IPv4-mapped (::ffff:0:0/96) and NAT64 (64:ff9b::/96, RFC 6052) addresses.
    """

    def allows(self, address: Address) -> bool:
        if address.version == 6 and address not in _GLOBAL_UNICAST:
            return False
        if any(address.version == network.version and address in network for network in _SPECIAL):
            return False
        return address.is_global and not address.is_multicast and not address.is_reserved


def system_resolver(host: str, port: int) -> list[str]:
    """Return the system's addresses of `host`, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve_addresses(
    host: str,
    port: int,
    policy: AddressPolicy,
    *,
    timeout_s: float,
    resolver: Resolver = system_resolver,
) -> list[Address]:
    """Return the addresses of `host`, all of them allowed.

    Raises FetchRejected if one is not allowed or the name does not exist, and FetchFailed if the
    lookup fails.
    """
    try:
        names = _lookups.submit(resolver, host, port).result(timeout_s)
        # Scope ids (fe80::1%eth0) belong to link-local addresses; the policy needs the address.
        found = [ip_address(name.partition("%")[0]) for name in names]
    except LookupTimeout as error:
        raise FetchFailed("looking up the host name took too long", value=host) from error
    except UnicodeError as error:
        raise FetchRejected("the host name is not valid", value=host) from error
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            raise FetchRejected(
                "the host name does not exist", value=host, fix="Correct the URL."
            ) from error
        raise FetchFailed("the host name could not be looked up", value=host) from error
    if not found:
        raise FetchRejected("the host name has no address", value=host)
    if not all(policy.allows(address) for address in found):
        raise FetchRejected(
            "the host is not on the public internet",
            value=host,
            fix="Use a public URL, or upload the file itself.",
        )
    return found
