"""Which questions decide: those of a file, else clicked queries, else titles; never a product
that nobody can find."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.encoding.run import encode_queued
from indexer.model_change import golden_set as module
from indexer.model_change.compare import compare
from indexer.model_change.golden_set import load_golden_set
from search.encoders.sanity_check import COLOURS
from search.errors import InputError
from search.evaluation.folder import read_queries
from tests.indexer.model_change.conftest import square
from tests.support.catalogue import add_product
from webapp.catalog.models import GoldenSetSource, Product
from webapp.clicklog.services import add_clicks
from webapp.retrieval.models_runtime import ActiveModel

pytestmark = pytest.mark.django_db(transaction=True)


def product(sku: str, title: str = "", *, pictures: int = 1) -> int:
    content = [square("red", hash(sku) % 1000 + n) for n in range(pictures)]
    return add_product(sku, title=title or sku, pictures=content, space="space").pk


def test_questions_of_a_file_name_visible_products(tmp_path: Path) -> None:
    mug, hidden = product("mug"), product("hidden")
    Product.objects.filter(pk=hidden).update(visible=False)
    (tmp_path / "mug.png").write_bytes(square("red", hash("mug") % 1000))
    lines = [
        {"text": "a mug", "relevant": ["mug", "hidden"]},
        {"text": "not here", "relevant": ["hidden", "gone"]},
        {"image": "mug.png", "relevant": ["mug"]},
    ]
    (tmp_path / "golden_set.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = load_golden_set(read_queries(tmp_path / "golden_set.jsonl"))
    assert found.source == GoldenSetSource.FILE and found.skipped == 2, (
        "a picture that finds itself proves nothing"
    )
    (question,) = found.queries
    assert (question.text, question.relevant) == ("a mug", frozenset({mug}))


@pytest.mark.parametrize(
    "content",
    ["", "{}\n", '{"text": "x"}\n', "[1]\n", '{"text": "x", "image": "y", "relevant": []}'],
)
def test_a_malformed_golden_set_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "golden_set.jsonl").write_text(content)
    with pytest.raises(InputError, match=r"golden set|malformed|must have exactly one"):
        read_queries(tmp_path / "golden_set.jsonl")
    with pytest.raises(InputError, match="cannot be read"):
        read_queries(tmp_path / "missing.jsonl")


def test_enough_clicked_queries_ask_for_what_was_clicked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_CLICKED_QUERIES", 2)
    mug, bowl = product("mug"), product("bowl")
    add_clicks(
        {
            ("for tea", mug): 2,
            ("for soup", bowl): 5,
            ("a slip", mug): 1,
            ("both", mug): 2,
            ("both", bowl): 2,
        }
    )
    found = load_golden_set(())
    assert found.source == GoldenSetSource.CLICKS
    asked = {question.text: question.relevant for question in found.queries}
    assert asked == {"for tea": {mug}, "for soup": {bowl}, "both": {mug, bowl}}
    Product.objects.filter(pk=bowl).update(visible=False)
    assert {question.text for question in load_golden_set(()).queries} == {"for tea", "both"}


def test_titles_ask_for_pictures_when_clicks_are_few() -> None:
    mugs = {product("m1", "Red mug"), product("m2", "Red mug")}
    product("text", "Red mug", pictures=0)
    product("bowl")
    add_clicks({("for tea", min(mugs)): 2})
    found = load_golden_set(())
    assert found.source == GoldenSetSource.CATALOGUE
    assert [(question.text, question.relevant) for question in found.queries] == [
        ("Red mug", frozenset(mugs))
    ]


def test_a_title_does_not_find_its_own_words() -> None:
    """Else every model would be perfect."""
    model = ActiveModel("untaught")
    titles = [
        f"a photo of a {colour} {thing}" for colour in COLOURS for thing in ("sofa", "mug", "car")
    ]
    for seed, title in enumerate(titles):
        add_product(
            f"p{seed}",
            title=title,
            pictures=[square("blue", seed)],
            space=model.space.fingerprint,
        )
    encode_queued()
    found = load_golden_set(())
    asked = compare(found, model, model, lambda: None)
    assert len(found.queries) == len(titles) and asked.gain.value == 0 and asked.overlap == 1
    with_words = compare(replace(found, source=GoldenSetSource.CLICKS), model, model, lambda: None)
    assert with_words.before["mAP"] > asked.before["mAP"] + 0.2
