"""Outcomes of rows: created, updated, unchanged, error."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.webapp.importing.catalogues import MediaFolder, counts, outcomes, reasons, run
from webapp.catalog.models import (
    Asset,
    AttributeValue,
    Category,
    IndexJob,
    Product,
    UploadRow,
    UploadState,
)
from webapp.catalog.selectors.embeddings import get_index_sequence

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

MUG = {
    "sku": "MUG-1",
    "title": "Red mug",
    "description": "Stoneware.",
    "brand": "Kiln",
    "category": "Kitchen > Mugs",
    "price": "9.50",
    "currency": "EUR",
    "stock": "4",
    "attr:colour": "red",
    "title_zh": "红杯",
    "images": "mug.png",
}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "xlsx"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_row_becomes_a_product_with_assets_and_jobs(
    folder: MediaFolder, kind: str, zipped: bool
) -> None:
    folder.picture("mug.png")
    where = {"media_zip": folder.zipped()} if zipped else {"media": folder}
    upload = run([MUG], kind=kind, **where)
    assert (upload.state, upload.error) == (UploadState.DONE, "")
    assert counts(upload) == (1, 0, 0, 0)
    assert (upload.next_row, upload.total_rows) == (1, 1)
    product = Product.objects.get(sku="MUG-1")
    assert (product.price, product.currency, product.stock) == (Decimal("9.50"), "EUR", 4)
    assert product.attributes == {"colour": "red"}
    assert product.translations == {"zh": {"title": "红杯"}}
    assert [node.name for node in Category.objects.get_ancestors(product.category)] == ["Kitchen"]
    assert list(AttributeValue.objects.values_list("name", "value")) == [("colour", "red")]
    kinds = sorted(product.assets.values_list("kind", "role"))
    assert kinds == [("picture", ""), ("text", "description"), ("text", "title")]
    picture = product.assets.get(kind="picture")
    assert (picture.width, picture.height, picture.source) == (40, 30, "mug.png")
    assert picture.file.name and picture.file.storage.exists(picture.file.name)
    assert sorted(IndexJob.objects.values_list("modality", flat=True)) == [
        "picture",
        "text",
        "text",
    ]
    assert product.index_seq == get_index_sequence() > 0


def test_the_same_file_twice_changes_nothing(folder: MediaFolder) -> None:
    folder.picture("mug.png")
    run([MUG], media=folder)
    before = (
        list(Product.objects.values()),
        list(Asset.objects.values()),
        list(IndexJob.objects.values()),
    )
    seq = get_index_sequence()
    upload = run([MUG], media=folder)
    assert counts(upload) == (0, 0, 1, 0)
    assert (
        list(Product.objects.values()),
        list(Asset.objects.values()),
        list(IndexJob.objects.values()),
    ) == before
    assert get_index_sequence() == seq


def test_absent_columns_stay_and_empty_cells_clear(folder: MediaFolder) -> None:
    folder.picture("mug.png")
    run([MUG], media=folder)
    picture = Asset.objects.get(kind="picture").pk
    upload = run(
        [{"sku": "MUG-1", "description": "", "brand": "Oven", "category": "", "attr:size": "L"}]
    )
    assert counts(upload) == (0, 1, 0, 0)
    product = Product.objects.get()
    assert (product.title, product.description, product.brand, product.category) == (
        "Red mug",
        "",
        "Oven",
        None,
    )
    assert product.attributes == {"colour": "red", "size": "L"}
    assert product.price == Decimal("9.50")
    assert sorted(product.assets.values_list("kind", "role")) == [
        ("picture", ""),
        ("text", "title"),
    ]
    assert product.assets.get(kind="picture").pk == picture


def test_a_price_change_writes_the_price_only(folder: MediaFolder) -> None:
    folder.picture("mug.png")
    run([MUG], media=folder)
    product, seq = Product.objects.get(), get_index_sequence()
    assert counts(run([{"sku": "MUG-1", "price": "8"}])) == (0, 1, 0, 0)
    changed = Product.objects.get()
    assert (changed.price, changed.currency, changed.title) == (Decimal("8.00"), "EUR", "Red mug")
    assert changed.updated_at > product.updated_at
    assert get_index_sequence() == seq


def test_hiding_a_product_raises_the_index_sequence() -> None:
    run([{"sku": "A", "title": "Alpha"}])
    seq = get_index_sequence()
    run([{"sku": "A", "visible": "no"}])
    product = Product.objects.get()
    assert not product.visible
    assert product.index_seq == get_index_sequence() == seq + 1


def test_a_bad_row_is_skipped_and_the_rest_is_applied() -> None:
    rows = [
        {"sku": "A", "title": "Alpha", "price": "1", "currency": "EUR"},
        {"sku": "B", "title": "Beta", "price": "cheap", "currency": "EUR"},
        {"sku": "", "title": "Nameless", "price": "", "currency": ""},
        {"sku": "C", "title": "Gamma", "price": "3", "currency": ""},
        {"sku": "D", "title": "", "price": "", "currency": ""},
    ]
    upload = run(rows)
    assert upload.state == UploadState.DONE
    assert counts(upload) == (1, 0, 0, 4)
    assert list(Product.objects.values_list("sku", flat=True)) == ["A"]
    messages = {(number, field) for number, _, field, _ in reasons(upload)}
    assert messages == {(3, "price"), (4, "sku"), (5, "currency"), (6, "title")}
    assert any("cheap" in reason for *_, reason in reasons(upload))
    assert (UploadRow.objects.get(number=3).raw or {})["fields"]["title"] == "Beta"
    assert UploadRow.objects.get(number=2).raw is None


def test_of_a_repeated_sku_the_first_row_is_applied() -> None:
    upload = run(
        [
            {"sku": "A", "title": "First"},
            {"sku": "B", "title": "Beta"},
            {"sku": "A", "title": "Second"},
        ]
    )
    assert counts(upload) == (2, 0, 0, 1)
    assert Product.objects.get(sku="A").title == "First"
    ((number, _, field, reason),) = reasons(upload)
    assert (number, field) == (4, "sku")
    assert "row 2" in reason


def test_a_repeated_sku_is_found_across_batches() -> None:
    rows = [{"sku": f"S{number}", "title": f"Product {number}"} for number in range(150)]
    upload = run([*rows, {"sku": "S3", "title": "Again"}])
    assert counts(upload) == (150, 0, 0, 1)
    assert "row 5 " in reasons(upload)[0][3]


def test_categories_are_shared_and_named_in_other_languages() -> None:
    rows = [
        {"sku": "A", "title": "Alpha", "category": "Shoes > Boots", "category_zh": "鞋 > 靴子"},
        {"sku": "B", "title": "Beta", "category": "Shoes > Sneakers", "category_zh": ""},
        {"sku": "C", "title": "Gamma", "category": "Hiking > Boots", "category_zh": ""},
    ]
    run(rows)
    names = {node.slug: node.names for node in Category.objects.all()}
    assert names == {
        "shoes": {"zh": "鞋"},
        "hiking": {},
        "boots": {},
        "shoes-boots": {"zh": "靴子"},
        "sneakers": {},
    }
    category = Product.objects.get(sku="A").category
    assert category is not None and category.slug == "shoes-boots"
    assert Category.objects.filter(depth=1).count() == 2
    assert Category.objects.find_problems() == ([], [], [], [], [])


def test_only_a_dry_run_writes_nothing(folder: MediaFolder, media_root: Path) -> None:
    folder.picture("mug.png")
    folder.add("broken.png", b"\x89PNG\r\n\x1a\n broken")
    rows = [
        {**MUG},
        {**MUG, "sku": "MUG-2", "images": "broken.png"},
        {**MUG, "sku": "MUG-3", "price": "x"},
    ]
    upload = run(rows, media=folder, dry_run=True)
    assert upload.state == UploadState.DONE
    assert counts(upload) == (2, 0, 0, 1)
    assert upload.warning_count == 1
    assert outcomes(upload) == {"MUG-1": "created", "MUG-2": "created", "MUG-3": "error"}
    for model in (Product, Asset, IndexJob, Category):
        assert not model.objects.exists()
    assert get_index_sequence() == 0
    assert not (media_root / "assets").exists()
    run(rows, media=folder)
    again = run(
        [{"sku": "MUG-1", "title": "Blue mug"}, {"sku": "MUG-2"}], kind="jsonl", dry_run=True
    )
    assert outcomes(again) == {"MUG-1": "updated", "MUG-2": "unchanged"}
    assert Product.objects.get(sku="MUG-1").title == "Red mug"
