"""manage.py import_catalog"""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.webapp.importing.catalogues import MediaFolder, csv_bytes
from webapp.catalog.models import Product, Upload, UploadState

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalogue(tmp_path: Path, settings: Settings) -> Path:
    """A catalogue beside its media; the second row fails, the third is warned of."""
    settings.MEDIA_ROOT = tmp_path / "store"
    folder = MediaFolder(tmp_path / "catalogue")
    folder.picture("a.png")
    rows = [
        {"sku": "A", "title": "Alpha", "price": "", "images": "a.png"},
        {"sku": "B", "title": "Beta", "price": "much", "images": ""},
        {"sku": "C", "title": "Gamma", "price": "", "images": "missing.png"},
    ]
    folder.add("catalogue.csv", csv_bytes(rows))
    return folder.path / "catalogue.csv"


def test_a_failed_row_is_printed_written_and_in_the_exit_status(
    catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = tmp_path / "failed.csv"
    with pytest.raises(SystemExit) as ended:
        call_command("import_catalog", str(catalogue), "--failed-rows", str(failed))
    assert ended.value.code == 1
    told = capsys.readouterr().out
    assert "much" in told
    assert "missing.png" in told
    assert set(Product.objects.values_list("sku", flat=True)) == {"A", "C"}
    assert Product.objects.get(sku="A").assets.filter(kind="picture").exists()
    mended = failed.read_text("utf-8-sig").replace("much", "", 1)
    failed.write_text(mended)
    call_command("import_catalog", str(failed))
    assert Product.objects.filter(sku="B").exists()


def test_a_dry_run_changes_nothing(catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("import_catalog", str(catalogue), "--dry-run")
    assert "dry run" in capsys.readouterr().out
    assert not Product.objects.exists()


def test_what_is_no_catalogue_is_refused(catalogue: Path) -> None:
    with pytest.raises(CommandError, match=r"neither text nor|not UTF-8"):
        call_command("import_catalog", str(catalogue.with_name("a.png")))
    with pytest.raises(CommandError, match="not found"):
        call_command("import_catalog", str(catalogue), "--media", "/nowhere")
    assert not Upload.objects.exists()


def test_a_corrupt_zip_fails_the_upload(catalogue: Path) -> None:
    catalogue.with_name("media.zip").write_bytes(b"no zip")
    with pytest.raises(CommandError):
        call_command(
            "import_catalog", str(catalogue), "--media", str(catalogue.with_name("media.zip"))
        )
    assert Upload.objects.get().state == UploadState.FAILED
