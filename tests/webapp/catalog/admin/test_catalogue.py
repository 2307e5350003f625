"""Products, assets, jobs and generations in the admin."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from search.config import engine_settings
from search.types import Modality, ViewBatch
from search.vectors.backends import make_builder
from tests.webapp.importing.catalogues import MediaFolder, picture_bytes, run
from webapp.catalog.models import Asset, IndexJob, JobState, Product, RemovedProduct, UploadRow
from webapp.catalog.selectors.embeddings import get_index_sequence
from webapp.retrieval.models_runtime import active_space

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root", "fresh_index")]

LISTS = [
    "category",
    "product",
    "asset",
    "embedding",
    "indexjob",
    "upload",
    "uploadrow",
    "indexgeneration",
]


@pytest.fixture
def product(folder: MediaFolder) -> Product:
    folder.picture("a.png")
    run(
        [
            {
                "sku": "A",
                "title": "Alpha",
                "category": "Things",
                "attr:colour": "red",
                "images": "a.png",
            }
        ],
        media=folder,
    )
    return Product.objects.get()


def form(product: Product, **changes: Any) -> dict[str, Any]:
    picture = product.assets.get(kind="picture")
    return {
        "sku": product.sku,
        "title": product.title,
        "category": product.category_id,
        "language": "en",
        "translations": "{}",
        "attributes": "{}",
        "visible": "on",
        "assets-TOTAL_FORMS": "2",
        "assets-INITIAL_FORMS": "1",
        "assets-0-id": picture.pk,
        "assets-0-product": product.pk,
        "assets-0-position": "0",
        "assets-1-product": product.pk,
        "assets-1-position": "0",
    } | changes


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.usefixtures("product")
def test_every_list_opens(admin_client: Client, name: str) -> None:
    assert admin_client.get(reverse(f"admin:catalog_{name}_changelist")).status_code == 200


def test_every_record_opens(admin_client: Client, product: Product) -> None:
    for record in (
        product,
        product.category,
        product.assets.first(),
        IndexJob.objects.first(),
        UploadRow.objects.get(),
    ):
        assert record is not None
        url = reverse(f"admin:catalog_{record._meta.model_name}_change", args=[record.pk])
        assert admin_client.get(url).status_code == 200, url


def test_a_changed_title_is_queued_and_raises_the_index_sequence(
    admin_client: Client, product: Product
) -> None:
    seq = get_index_sequence()
    url = reverse("admin:catalog_product_change", args=[product.pk])
    new = SimpleUploadedFile("b.png", picture_bytes((0, 99, 0)))
    answer = admin_client.post(
        url, form(product, title="Omega", **{"assets-1-upload": new, "assets-1-position": "1"})
    )
    assert answer.status_code == 302, answer.context and answer.context["errors"]
    assert list(product.assets.filter(kind="text").values_list("text", flat=True)) == ["Omega"]
    added = product.assets.get(kind="picture", position=1)
    assert (added.source, added.width) == ("b.png", 40)
    assert IndexJob.objects.filter(content_hash=added.content_hash, state=JobState.QUEUED).exists()
    product.refresh_from_db()
    assert product.index_seq == get_index_sequence() == seq + 1
    assert not product.attribute_values.exists()


@pytest.mark.parametrize(
    ("content", "expected"), [(b"no picture", "format"), (picture_bytes((200, 30, 30)), "already")]
)
def test_an_unusable_or_repeated_file_is_refused(
    admin_client: Client, product: Product, content: bytes, expected: str
) -> None:
    url = reverse("admin:catalog_product_change", args=[product.pk])
    answer = admin_client.post(
        url, form(product, **{"assets-1-upload": SimpleUploadedFile("b.png", content)})
    )
    assert answer.status_code == 200
    assert expected in str(answer.context["errors"])
    assert Asset.objects.filter(kind="picture").count() == 1


def test_deleting_leaves_a_trace_for_index_readers(admin_client: Client, product: Product) -> None:
    listing = reverse("admin:catalog_product_changelist")
    chosen = {"action": "delete_selected", "_selected_action": [product.pk], "post": "yes"}
    admin_client.post(listing, chosen)
    assert not Product.objects.exists()
    assert RemovedProduct.objects.get().index_seq == get_index_sequence()


def test_a_failed_job_can_be_retried(admin_client: Client, product: Product) -> None:
    IndexJob.objects.update(state=JobState.FAILED, error="poison", attempts=3)
    done, again = IndexJob.objects.all()
    IndexJob.objects.filter(pk=done.pk).update(state=JobState.DONE)
    listing = reverse("admin:catalog_indexjob_changelist")
    admin_client.post(listing, {"action": "retry", "_selected_action": [done.pk, again.pk]})
    assert list(IndexJob.objects.order_by("pk").values_list("state", "attempts")) == [
        ("done", 3),
        ("queued", 0),
    ]


def test_the_state_of_the_index_is_shown(admin_client: Client, product: Product) -> None:
    content = admin_client.get(reverse("admin:catalog_indexgeneration_changelist")).content.decode()
    assert "products changed since" in content
    assert "being encoded" in content


def test_the_device_of_each_segment_is_shown(admin_client: Client, product: Product) -> None:
    space = active_space()
    (asset,) = product.assets.filter(kind="picture")
    views = ViewBatch(
        Modality.PICTURE,
        np.array([asset.pk]),
        np.array([product.pk]),
        np.eye(1, space.dim, dtype=np.float32),
    )
    make_builder(engine_settings(), space).build([views], get_index_sequence())
    content = admin_client.get(reverse("admin:catalog_indexgeneration_changelist")).content.decode()
    (row,) = re.findall(r'<th scope="row">picture</th>(.*?)</tr>', content, re.DOTALL)
    cells = [cell.strip() for cell in re.findall(r"<td>(.*?)</td>", row, re.DOTALL)]
    assert cells[1:3] == ["CPU", "1"]
    assert cells[4:] == ["1.000", "0.000"]


def test_a_product_form_normalises_and_refuses_as_an_upload_does(
    admin_client: Client, product: Product
) -> None:
    url = reverse("admin:catalog_product_change", args=[product.pk])
    wrong = form(product, sku="a\u200eb", currency="AAA", attributes="[1]", title="x" * 301)
    errors = admin_client.post(url, wrong).context["adminform"].form.errors
    assert set(errors) == {"sku", "currency", "attributes", "title"}
    assert "ISO 4217" in str(errors["currency"])
    right = form(
        product, title=" Cafe\u0301  mug ", price="2", currency="eur", attributes='{"a": " b "}'
    )
    assert admin_client.post(url, right).status_code == 302
    product.refresh_from_db()
    assert (product.title, product.currency, product.attributes) == (
        "Caf\u00e9 mug",
        "EUR",
        {"a": "b"},
    )
    assert list(product.attribute_values.values_list("name", "value")) == [("a", "b")]
