"""Media fetched from the web."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from search.media.fetch.address_policy import Address
from search.media.fetch.download import FetchLimits
from tests.search.media.servers import BODY, DIGEST, serving
from webapp.importing.media_sources import UrlMedia


class ThisMachine:
    def allows(self, address: Address) -> bool:
        return address == ip_address("127.0.0.1")


def test_a_fetched_file_is_named_by_its_url_and_removed_after_use(tmp_path: Path) -> None:
    with serving() as server:
        limits = FetchLimits(max_bytes=100_000, total_s=5, ports=frozenset({server.port}))
        with UrlMedia(limits, policy=ThisMachine(), folder=tmp_path).open(
            server.url("file/red%20mug.png?x=1")
        ) as file:
            assert (file.name, file.size, file.sha256, file.temporary) == (
                "red mug.png",
                len(BODY),
                DIGEST,
                True,
            )
            assert file.path.parent == tmp_path
        assert list(tmp_path.iterdir()) == []
