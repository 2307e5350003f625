"""The file as a whole: refused, damaged, cancelled, resumed, with absent products removed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from search.errors import InputError
from tests.webapp.importing.catalogues import MediaFolder, accept, counts, outcomes, run, xlsx_bytes
from webapp.catalog.models import Asset, Product, RemovedProduct, Upload, UploadRow, UploadState
from webapp.catalog.selectors.embeddings import get_index_sequence
from webapp.importing.failed_rows import write_failed_rows
from webapp.importing.service import cancel_upload, run_upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

ROWS = [{"sku": f"S{number:03}", "title": f"Product {number}"} for number in range(250)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"sku,titel\nA,Alpha\n", "Did you mean title"),
        (b"title,price\nAlpha,1\n", "sku is missing"),
        (b"\0\1\2\3", "neither text nor a spreadsheet"),
        (b'[{"sku": "A"}]', "JSON array"),
        (b"PK\x03\x04 no spreadsheet", "spreadsheet|XLSX|Excel"),
    ],
)
def test_a_file_that_is_not_a_catalogue_is_refused_and_not_stored(
    content: bytes, expected: str, media_root: Path
) -> None:
    with pytest.raises(InputError, match=expected):
        accept(content)
    assert not Upload.objects.exists()
    assert not list(media_root.rglob("*.*"))


def test_media_that_are_not_a_zip_are_refused() -> None:
    with pytest.raises(InputError, match="not a zip"):
        accept(ROWS, media_zip=b"not a zip")


def test_a_catalogue_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from webapp.config import web_settings

    monkeypatch.setenv("OMNISHELF_UPLOAD_MAX_BYTES", "1024")
    web_settings.cache_clear()
    try:
        with pytest.raises(InputError, match="limit of 1024 bytes"):
            accept(ROWS)
    finally:
        web_settings.cache_clear()


def cut_short(workbook: bytes) -> bytes:
    """The workbook with the second half of its sheet missing."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as whole, zipfile.ZipFile(out, "w") as cut:
        for name in whole.namelist():
            part = whole.read(name)
            cut.writestr(name, part[: len(part) // 2] if name.endswith("sheet1.xml") else part)
    return out.getvalue()


def test_rows_before_a_damaged_part_are_imported() -> None:
    run([{"sku": "OLD", "title": "Old"}])
    upload = run(cut_short(xlsx_bytes(ROWS)), kind="xlsx", remove_absent=True)
    assert (upload.state, upload.total_rows) == (UploadState.FAILED, None)
    assert upload.error
    assert 100 < upload.next_row < 150
    assert upload.next_row == upload.created_count == Product.objects.count() - 1
    assert Product.objects.filter(sku="OLD").exists()


def test_remove_absent_removes_products_that_no_row_names() -> None:
    run(ROWS[:30])
    seq = get_index_sequence()
    upload = run([*ROWS[:10], {"sku": "S011", "title": "x" * 400}], remove_absent=True)
    assert (upload.state, upload.removed_count) == (UploadState.DONE, 19)
    assert set(Product.objects.values_list("sku", flat=True)) == {
        f"S{number:03}" for number in [*range(10), 11]
    }
    assert RemovedProduct.objects.count() == 19
    assert get_index_sequence() > seq
    assert Asset.objects.count() == 11


def test_remove_absent_is_counted_by_a_dry_run() -> None:
    run(ROWS[:30])
    upload = run(ROWS[:10], remove_absent=True, dry_run=True)
    assert upload.removed_count == 20
    assert Product.objects.count() == 30


def test_remove_absent_removes_nothing_if_a_row_has_no_sku() -> None:
    run(ROWS[:30])
    upload = run([*ROWS[:10], {"sku": "", "title": "Nameless"}], remove_absent=True)
    assert (upload.removed_count, Product.objects.count()) == (0, 30)
    assert "12" in upload.notes[0]["reason"]


def test_remove_absent_never_empties_the_catalogue() -> None:
    run(ROWS[:3])
    upload = run(b"sku,title\n", remove_absent=True)
    assert (upload.state, Product.objects.count()) == (UploadState.DONE, 3)
    assert "no rows" in upload.notes[0]["reason"]


def test_a_cancelled_upload_keeps_its_applied_rows() -> None:
    upload = accept(ROWS, remove_absent=True)

    def cancel(shown: Upload) -> None:
        cancel_upload(upload=shown)

    run_upload(upload_id=upload.pk, on_progress=cancel)
    upload.refresh_from_db()
    assert upload.state == UploadState.CANCELLED
    assert upload.next_row == upload.created_count == Product.objects.count() == 100
    assert run_upload(upload_id=upload.pk).state == UploadState.CANCELLED
    assert Product.objects.count() == 100


def test_a_finished_upload_is_not_run_again() -> None:
    upload = run(ROWS[:5])
    Product.objects.all().delete()
    assert run_upload(upload_id=upload.pk).state == UploadState.DONE
    assert not Product.objects.exists()


def test_an_upload_claimed_by_another_worker_is_not_run() -> None:
    from webapp.importing.lease import Claim

    upload = accept(ROWS[:5])
    claim = Claim.take(upload.pk)
    assert claim is not None
    assert Claim.take(upload.pk) is None
    assert run_upload(upload_id=upload.pk).state == UploadState.RUNNING
    assert not Product.objects.exists()
    claim.release()
    assert run_upload(upload_id=upload.pk).state == UploadState.DONE


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
def test_failed_rows_can_be_fixed_and_uploaded_again(folder: MediaFolder, kind: str) -> None:
    rows = [
        {"sku": "A", "title": "Alpha", "price": "1.5", "currency": "EUR", "attr:colour": "red"},
        {
            "sku": "B",
            "title": "+Beta",
            "price": "much",
            "currency": "EUR",
            "attr:colour": "blue, light",
        },
    ]
    upload = run(rows, kind=kind)
    out = io.BytesIO()
    name = write_failed_rows(upload=upload, out=out)
    assert name == f"catalogue-failed.{'jsonl' if kind == 'jsonl' else 'csv'}"
    assert b"much" in out.getvalue()
    assert b"Alpha" not in out.getvalue()
    fixed = out.getvalue().replace(b"much", b"2.5", 1)
    again = run(fixed)
    assert outcomes(again) == {"B": "created"}
    product = Product.objects.get(sku="B")
    assert (product.title, product.attributes) == ("+Beta", {"colour": "blue, light"})


def test_an_upload_resumes_after_an_error_outside_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload = accept(ROWS)

    class Outage(Exception):
        pass

    def fail(shown: Upload) -> None:
        raise Outage("the power went")

    with pytest.raises(Outage):
        run_upload(upload_id=upload.pk, on_progress=fail)
    upload.refresh_from_db()
    assert (upload.state, upload.next_row) == (UploadState.RECEIVED, 100)
    assert "the power went" in upload.error
    upload = run_upload(upload_id=upload.pk)
    assert (upload.state, upload.error, upload.next_row) == (UploadState.DONE, "", 250)
    assert counts(upload) == (250, 0, 0, 0)
    assert UploadRow.objects.filter(upload=upload).count() == 250


def test_an_upload_fails_after_repeated_errors_at_the_same_row() -> None:
    upload = accept(ROWS[:5], media_dir="")
    Path(upload.file.path).unlink()
    for _ in range(4):
        with pytest.raises(FileNotFoundError):
            run_upload(upload_id=upload.pk)
    with pytest.raises(FileNotFoundError):
        run_upload(upload_id=upload.pk)
    upload.refresh_from_db()
    assert upload.state == UploadState.FAILED
    assert "failed after 5 interruptions" in upload.error
