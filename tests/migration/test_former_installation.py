"""An installation made by an earlier release keeps its data and its answers after an upgrade.

README.md beside this file says how the installation was made.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import Installation

ARCHIVE = Path(__file__).with_name("former_installation.zip")
SCORE_TOLERANCE = 1e-3
ADMIN_LOGIN = {"username": "manager", "password": "a former password"}
RUNNING_TUNING = 2

SEARCH = """
import json
from django.test import Client
client, answers = Client(HTTP_HOST="localhost"), {{}}
for text in json.loads({queries!r}):
    body = {{"text": text, "limit": 50, "facets": False}}
    response = client.post("/api/v1/search", body, content_type="application/json")
    assert response.status_code == 200, response.content
    answers[text] = [[hit["sku"], hit["score"]] for hit in response.json()["hits"]]
print(json.dumps(answers))
"""

OPEN_PAGES = """
import json
from django.test import Client
client = Client(HTTP_HOST="localhost")
assert client.login(**json.loads({login!r}))
print(json.dumps({{path: client.get(path).status_code for path in json.loads({paths!r})}}))
"""


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The former installation, with the migrations of this release applied."""
    folder = tmp_path_factory.mktemp("former")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder / "var")
    with Installation(folder) as site:  # applies the migrations
        yield site


def search(site: Installation, *queries: str) -> dict[str, list[tuple[str, float]]]:
    """Return SKU and score of every result of each query, from the REST API."""
    printed: dict[str, Any] = json.loads(site.shell(SEARCH.format(queries=json.dumps(queries))))
    return {query: [(sku, score) for sku, score in hits] for query, hits in printed.items()}


def count_rows(site: Installation, table: str) -> int:
    [(count,)] = site.query(f"SELECT count(*) FROM {table}")
    return int(count)


@pytest.mark.slow
def test_queries_are_answered_as_before(upgraded: Installation) -> None:
    expected = json.loads((upgraded.var / "answers.json").read_text())
    answers = search(upgraded, *expected)
    assert len(answers) == 4
    for query, former in expected.items():
        assert [sku for sku, _ in answers[query]] == [sku for sku, _ in former], query
        scores = [score for _, score in answers[query]]
        assert scores == pytest.approx([score for _, score in former], abs=SCORE_TOLERANCE), query


@pytest.mark.slow
def test_no_row_is_lost(upgraded: Installation) -> None:
    tables = {
        "catalog_product": 10,
        "catalog_asset": 25,
        "catalog_category": 3,
        "catalog_attributevalue": 7,
        "catalog_embedding": 28,
        "catalog_cachedfeatures": 28,
        "catalog_indexjob": 28,
        "catalog_indexgeneration": 1,
        "catalog_clippreview": 1,
        "catalog_removedproduct": 1,
        "catalog_upload": 2,
        "catalog_uploadrow": 12,
        "catalog_tuning": 2,
        "catalog_modelchange": 1,
        "shop_clickcount": 1,
        "api_apikey": 1,
        "auth_user": 1,
    }
    assert {table: count_rows(upgraded, table) for table in tables} == tables
    assert upgraded.query(
        "SELECT previous_preset, preset, state, error, query_count FROM catalog_modelchange"
    ) == [("compact", "compact-clap", "failed", "weights are missing", 3)]
    assert upgraded.query("SELECT sku FROM catalog_uploadrow WHERE outcome = %s", "error") == [
        ("free",)
    ]
    assert upgraded.query("SELECT sku FROM catalog_product WHERE NOT visible") == [("blue-box",)]
    assert upgraded.query("SELECT query, count FROM shop_clickcount") == [("red toy", 5)]


@pytest.mark.slow
def test_permissions_on_renamed_models_are_renamed(upgraded: Installation) -> None:
    renamed = "SELECT codename FROM auth_permission WHERE codename LIKE %s ORDER BY codename"
    for model in ("modelchange", "cachedfeatures"):
        assert [name for (name,) in upgraded.query(renamed, f"%{model}")] == [
            f"{action}_{model}" for action in ("add", "change", "delete", "view")
        ]
    for model in ("spacechange", "towerfeatures"):
        assert upgraded.query(renamed, f"%{model}") == []


@pytest.mark.slow
def test_the_admin_shows_the_former_rows(upgraded: Installation) -> None:
    upgraded.manage("collectstatic", "--no-input", "--verbosity", "0")
    pages = ("upload/1", "upload/2", "tuning/2", "modelchange/1", "product/1")
    paths = [f"/admin/catalog/{page}/change/" for page in pages]
    paths += ["/admin/catalog/indexjob/", "/admin/catalog/indexgeneration/", "/admin/api/apikey/"]
    code = OPEN_PAGES.format(login=json.dumps(ADMIN_LOGIN), paths=json.dumps(paths))
    assert json.loads(upgraded.shell(code)) == dict.fromkeys(paths, 200)


@pytest.mark.slow
def test_work_goes_on(upgraded: Installation, tmp_path: Path) -> None:
    """Reconcile, import, encode and build an index; search finds the new product.

    Runs last: it changes the installation.
    """
    upgraded.shell("from indexer.tasks import reconcile; reconcile()")
    [(state, error)] = upgraded.query(
        "SELECT state, error FROM catalog_tuning WHERE id = %s", RUNNING_TUNING
    )
    assert state == "failed" and "interrupted" in error

    catalogue = tmp_path / "more.jsonl"
    catalogue.write_text(json.dumps({"sku": "kettle", "title": "Enamel kettle with a whistle"}))
    upgraded.manage("import_catalog", str(catalogue))
    upgraded.manage("encode")
    assert upgraded.query("SELECT count(*) FROM catalog_embedding") == [(29,)], (
        "only the new title is encoded"
    )
    assert search(upgraded, "enamel kettle")["enamel kettle"][0][0] == "kettle"

    upgraded.manage("index", "build")
    live = "SELECT number FROM catalog_indexgeneration WHERE state = %s"
    assert upgraded.query(live, "live") == [(2,)]
    assert search(upgraded, "enamel kettle")["enamel kettle"][0][0] == "kettle"
    status = json.loads(upgraded.manage("index", "status", "--json").stdout)
    assert status["changed"] == 0, "everything is in the generation"
