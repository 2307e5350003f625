"""A killed import is resumed; nothing is applied twice or lost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from indexer.processes import ProcessSpec
from tests.support.installation import Installation
from tests.support.paths import ROOT
from tests.webapp.importing.catalogues import MediaFolder, csv_bytes

ROWS = 600


@pytest.mark.slow
def test_a_killed_import_is_resumed_from_its_checkpoint(
    tmp_path: Path, folder: MediaFolder
) -> None:
    for number in range(20):
        folder.picture(f"{number}.png", (number * 10, 0, 0))
    rows = [
        {"sku": f"S{n}", "title": f"Product {n}", "images": f"{n % 20}.png"} for n in range(ROWS)
    ]
    folder.add("catalogue.csv", csv_bytes(rows))
    importer = ProcessSpec(
        "import",
        (
            sys.executable,
            str(ROOT / "manage.py"),
            "import_catalog",
            str(folder.path / "catalogue.csv"),
        ),
    )
    with Installation(tmp_path, job_lease_s="1") as installation:
        process = installation.start(importer)

        def handled() -> int:
            return sum(row[0] for row in installation.query("SELECT next_row FROM catalog_upload"))

        installation.wait_for(lambda: handled() >= 100, what="the first batch")
        installation.kill(process)
        reached = handled()
        assert 100 <= reached < ROWS, "killed too late to prove anything"
        installation.wait_for(
            lambda: (
                installation.shell(
                    "from webapp.importing.service import run_upload;"
                    "print(run_upload(upload_id=1).state)"
                ).strip()
                == "done"
            ),
            what="the import to be resumed",
        )
        counts = installation.query(
            "SELECT next_row, total_rows, created_count, error_count FROM catalog_upload"
        )
        assert counts == [(ROWS, ROWS, ROWS, 0)]
        assert installation.query(
            "SELECT COUNT(*), COUNT(DISTINCT sku) FROM catalog_uploadrow"
        ) == [(ROWS, ROWS)]
        assert installation.query("SELECT COUNT(*) FROM catalog_product") == [(ROWS,)]
        assert installation.query("SELECT COUNT(*) FROM catalog_asset WHERE kind = 'picture'") == [
            (ROWS,)
        ]
        jobs = installation.query(
            "SELECT modality, COUNT(*) FROM catalog_indexjob GROUP BY modality ORDER BY modality"
        )
        assert jobs == [("picture", 20), ("text", ROWS)]
