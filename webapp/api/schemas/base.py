"""Base classes and types of all schemas.

A `Schema` validates a request, a `ResponseSchema` writes an answer; the OpenAPI document is made
of both. Every text refuses NUL, which no database column holds.
"""

from __future__ import annotations

import datetime as dt
import inspect
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, StringConstraints, WithJsonSchema

NO_NUL = r"^[^\u0000]*$"

Sku = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL)]
Language = Annotated[
    str,
    StringConstraints(min_length=2, max_length=16, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"),
]

PRICE_TEXT = {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$", "examples": ["12.50"]}

ModalityName = Literal["text", "picture", "audio", "video"]

Writer = Callable[[Any, Any], dict[str, Any]]
"""Returns the JSON document of an object, in the context of an answer."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a response field comes from, if not from the attribute of the same name.

    `read` is an attribute path such as `product.sku`, or a function of the object that is written
    and of the context that the view passes to `ResponseSchema.write`.
    """

    read: str | Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Convert:
    """How a value is written in JSON. None stays None."""

    function: Callable[[Any], Any]


ITSELF = Source(lambda written, _context: written)
"""The field describes the object that is written, not an attribute of it."""


def price_text(price: Decimal) -> str:
    """Return a price with two decimals; text keeps every cent."""
    return f"{price:.2f}"


PriceText = Annotated[str, Convert(price_text), WithJsonSchema(PRICE_TEXT)]
Text = Annotated[str, Convert(str)]
"""A translatable text, in the language of the request."""
Url = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
Timestamp = Annotated[
    str,
    Convert(dt.datetime.isoformat),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Seconds = Annotated[float, Convert(lambda value: round(value, 3))]
"""A time within a clip, rounded to milliseconds."""
Score = Annotated[float, Convert(lambda value: round(float(value), 6))]
"""A score that may be a number of NumPy."""


class Schema(BaseModel):
    """A document that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ResponseSchema(Schema):
    """A schema that writes answers.

    A field declares its name, type, description and source once: the OpenAPI document and the
    answers are made of it. Answers are plain dicts, and no field is validated, because an object
    for each row of an answer costs more time than the search.
    """

    _write: ClassVar[Writer]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._write = _compile_writer(cls)

    @classmethod
    def write(cls, written: Any, context: Any = None) -> dict[str, Any]:
        """Return the JSON document of an object. `context` is passed to functions of a Source."""
        return cls._write(written, context)


def _compile_writer(schema: type[ResponseSchema]) -> Writer:
    """Return a function that writes an object and its context as the fields of `schema` say.

    It is compiled from a dict display, as `dataclasses` compiles `__init__`: that takes half the
    time of a loop over the fields.
    """
    names: dict[str, Any] = {}
    entries = []
    for name, field in schema.model_fields.items():
        source = next((item.read for item in field.metadata if isinstance(item, Source)), name)
        if callable(source):
            value = f"{_bind(source, names)}(written, context)"
        else:
            value = f"written.{source}"
        entries.append(f"{name!r}: {_expression(value, field.annotation, field.metadata, names)}")
    writer: Writer = eval(  # noqa: S307 (the text is made of the schema's own fields)
        f"lambda written, context: {{{', '.join(entries)}}}", names
    )
    return writer


def _expression(value: str, annotation: Any, metadata: Sequence[Any], names: dict[str, Any]) -> str:
    """Return the Python expression that converts `value`, itself an expression, to its JSON form.

    Functions that it calls are added to `names`.
    """
    for item in metadata:
        if isinstance(item, Convert):
            return f"{_bind(item.function, names)}({value})"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _expression(value, arguments[0], arguments[1:], names)
    if inspect.isclass(annotation) and issubclass(annotation, ResponseSchema):
        return f"{_bind(annotation._write, names)}({value}, context)"
    if origin is list:
        item = _expression("item", arguments[0], (), names)
        return value if item == "item" else f"[{item} for item in {value}]"
    if origin in {Union, types.UnionType}:
        given = _expression("given", arguments[0], (), names)
        return value if given == "given" else f"None if (given := {value}) is None else {given}"
    return value


def _bind(function: Callable[..., Any], names: dict[str, Any]) -> str:
    name = f"function_{len(names)}"
    names[name] = function
    return name
