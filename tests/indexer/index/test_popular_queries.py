"""What shoppers clicked after tunes the index that is large enough to need it."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from indexer.index.popular_queries import embed_popular_queries
from search.config import engine_settings
from search.types import Modality, Space, TextRole
from tests.support.catalogue import add_product
from webapp.catalog.models import Embedding
from webapp.clicklog.models import ClickCount
from webapp.retrieval.models_runtime import active_model, active_space

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clicks() -> None:
    product = add_product("lamp", title="lamp", space=active_space().fingerprint)
    for query, day, count in (("desk lamp", 1, 2), ("desk lamp", 2, 2), ("red chair", 1, 3)):
        ClickCount.objects.create(
            query=query, product=product, day=datetime.date(2026, 5, day), count=count
        )
    for digest in "abc":
        Embedding.objects.create(
            space=active_space().fingerprint, modality="text", content_hash=digest, vector=b"\0\0"
        )


def limit_exact_search(monkeypatch: pytest.MonkeyPatch, views: int) -> None:
    settings = engine_settings().model_copy(update={"exact_up_to": views})
    monkeypatch.setattr("indexer.index.popular_queries.engine_settings", lambda: settings)


def test_the_most_clicked_queries_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_exact_search(monkeypatch, 2)

    questions = embed_popular_queries(active_space())

    expected = active_model().encoder().encode_texts(["desk lamp", "red chair"], TextRole.QUERY)
    assert list(questions) == [Modality.TEXT]
    np.testing.assert_allclose(questions[Modality.TEXT], expected, atol=1e-5)


def test_an_index_searched_exactly_needs_no_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_exact_search(monkeypatch, 3)

    assert embed_popular_queries(active_space()) == {}


def test_another_space_has_no_encoder_here(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_exact_search(monkeypatch, 0)
    own = active_space()

    assert embed_popular_queries(Space("other", "0" * 16, own.dim, own.modalities)) == {}
