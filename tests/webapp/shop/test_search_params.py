"""Search parameters: parsed from URLs and written as URLs."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from webapp.retrieval.filters import SearchFilters
from webapp.retrieval.search_query import Sort
from webapp.shop.search_params import SearchParams, parse_search_params

words = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=12
)
prices = st.decimals(min_value=0, max_value=99_999, places=2)
filters = st.builds(
    SearchFilters,
    category=st.sampled_from(["", "mugs", "tall-lamps"]),
    brands=st.lists(words, max_size=3, unique=True).map(tuple),
    price_min=st.none() | prices,
    price_max=st.none() | prices.map(lambda price: price + 100_000),
    in_stock=st.booleans(),
    attributes=st.dictionaries(
        words, st.lists(words, min_size=1, max_size=2, unique=True).map(tuple), max_size=2
    ),
)
wishes = st.builds(
    SearchParams,
    text=st.just("") | words,
    like=st.just("") | words,
    filters=filters,
    sort=st.sampled_from(list(Sort)),
)


def read_url(url: str) -> SearchParams:
    parts = urlsplit(url)
    category = parts.path.split("/")[2] if parts.path.startswith("/c/") else ""
    return parse_search_params(QueryDict(parts.query), category=category)


@given(wishes)
def test_a_url_holds_all_parameters(params: SearchParams) -> None:
    assert read_url(params.url()) == params


def test_removing_a_value_keeps_the_others() -> None:
    params = parse_search_params(
        QueryDict("q=mug&brand=A&brand=B&attr:colour=red&attr:colour=blue&cursor=x")
    )
    assert params.without_value("brand", "A").filters.brands == ("B",)
    assert params.without_value("attr:colour", "red").filters.attributes == {"colour": ("blue",)}
    assert params.without_value("brand", "A").cursor == ""
    assert params.without_filters().url() == "/search?q=mug"


def test_a_category_has_its_own_url() -> None:
    assert parse_search_params(QueryDict("category=mugs&sort=price")).url() == "/c/mugs/?sort=price"
    assert parse_qs(urlsplit(parse_search_params(QueryDict("category=mugs&q=red")).url()).query)[
        "category"
    ] == ["mugs"]


@pytest.mark.parametrize(
    "query",
    [
        "price_min=cheap",
        "price_min=-1",
        "price_min=9&price_max=2",
        "sort=magic",
        "category=%2F",
        "q=" + "a" * 1001,
    ],
)
def test_invalid_urls_are_rejected(query: str) -> None:
    with pytest.raises(ValidationError):
        parse_search_params(QueryDict(query))


def test_unknown_parameters_are_ignored() -> None:
    assert parse_search_params(QueryDict("q=mug&utm_source=letter&attr:=x&brand=")) == SearchParams(
        text="mug"
    )
