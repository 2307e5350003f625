"""The demo goes from nothing to a searchable shop with its pictures, and stops when told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.installation import Installation, free_port


@pytest.mark.e2e
@pytest.mark.slow
def test_the_demo_loads_every_picture_of_the_sample_shop(tmp_path: Path) -> None:
    with Installation(tmp_path) as site:
        done = site.manage(
            "demo", "--products", "6", "--port", str(free_port()), "--exit-when-ready"
        )
        assert "6 products are searchable" in done.stdout
        pictures = site.query(
            "SELECT count(*) FROM catalog_embedding WHERE modality = %s", "picture"
        )
        assert pictures == [(12,)]
        assert site.query("SELECT warning_count, error_count FROM catalog_upload") == [(0, 0)]
