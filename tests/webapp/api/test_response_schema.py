"""Response schemas write what they describe, from the sources that their fields name."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from webapp.api.schemas.base import (
    ITSELF,
    Convert,
    PriceText,
    ResponseSchema,
    Score,
    Seconds,
    Source,
    Timestamp,
)


class MakerResponse(ResponseSchema):
    name: str
    greeting: Annotated[str, Source(lambda maker, greeting: f"{greeting} {maker.name}")]


class SizeResponse(ResponseSchema):
    wide: Annotated[int, Source("width")]
    high: Annotated[int, Source("height")]


class MugResponse(ResponseSchema):
    sku: str
    maker_name: Annotated[str, Source("maker.name")] = Field(description="who made it")
    size: Annotated[SizeResponse, ITSELF]
    maker: MakerResponse | None
    earlier_makers: list[MakerResponse]
    tags: Annotated[list[str], Convert(sorted)]
    price: PriceText | None
    made: Annotated[Timestamp | None, Source("made_at")]
    score: Score
    length: Annotated[Seconds, Source("clip.length")]


class PaintedMugResponse(MugResponse):
    colour: str


def mug(**changes: Any) -> SimpleNamespace:
    maker = SimpleNamespace(name="Ann")
    fields = {
        "sku": "A",
        "width": 2,
        "height": 3,
        "maker": maker,
        "earlier_makers": [SimpleNamespace(name="Bo")],
        "tags": {"b", "a"},
        "price": Decimal("12.5"),
        "made_at": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        "score": 0.12345678,
        "clip": SimpleNamespace(length=1.23456),
        "colour": "red",
    }
    return SimpleNamespace(**fields | changes)


def test_fields_are_read_from_their_sources_and_converted() -> None:
    assert MugResponse.write(mug(), "Hello") == {
        "sku": "A",
        "maker_name": "Ann",
        "size": {"wide": 2, "high": 3},
        "maker": {"name": "Ann", "greeting": "Hello Ann"},
        "earlier_makers": [{"name": "Bo", "greeting": "Hello Bo"}],
        "tags": ["a", "b"],
        "price": "12.50",
        "made": "2026-01-02T00:00:00+00:00",
        "score": 0.123457,
        "length": 1.235,
    }


def test_none_stays_none() -> None:
    source = mug(price=None, made_at=None, earlier_makers=[])
    document = MugResponse.write(source, "Hello")
    assert (document["price"], document["made"], document["earlier_makers"]) == (None, None, [])


def test_an_optional_document_can_be_none() -> None:
    class Owned(ResponseSchema):
        maker: MakerResponse | None

    assert Owned.write(SimpleNamespace(maker=None)) == {"maker": None}


def test_a_subclass_writes_inherited_fields_first() -> None:
    assert list(PaintedMugResponse.write(mug(), "Hello")) == [*MugResponse.model_fields, "colour"]


def test_a_missing_attribute_is_an_error() -> None:
    with pytest.raises(AttributeError, match="width"):
        SizeResponse.write(SimpleNamespace(height=1))


def test_the_document_conforms_to_the_schema() -> None:
    schema = PaintedMugResponse.model_json_schema(mode="serialization")
    document = PaintedMugResponse.write(mug(price=None), "Hello")
    Draft202012Validator(schema).validate(document)
    assert set(schema["required"]) == set(document)
