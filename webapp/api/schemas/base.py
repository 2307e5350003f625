"""Types that the shapes share. Every text refuses NUL, which no database column holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

NO_NUL = r"^[^\u0000]*$"

Sku = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL)]
Name = Annotated[str, StringConstraints(max_length=120, pattern=NO_NUL)]
FilledName = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=NO_NUL)]
Slug = Annotated[str, StringConstraints(max_length=160, pattern=r"^[-a-zA-Z0-9_]*$")]
Cursor = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[-A-Za-z0-9_:.]*$")]
Language = Annotated[
    str,
    StringConstraints(min_length=2, max_length=16, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"),
]
AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=NO_NUL)]
AttributeText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
PageSize = Annotated[int, Field(ge=1, le=100)]

PRICE_TEXT = {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$", "examples": ["12.50"]}

Price = Annotated[
    Decimal,
    Field(ge=0, max_digits=12, decimal_places=2),
    WithJsonSchema(
        {
            "anyOf": [
                PRICE_TEXT,
                {"type": "integer", "minimum": 0, "maximum": 9_999_999_999},
                {"type": "number", "minimum": 0},
            ]
        }
    ),
]
"""A price as it comes in: text keeps every cent, a JSON number is taken as it is written."""

PriceAnswer = Annotated[str, WithJsonSchema(PRICE_TEXT)]

ModalityName = Literal["text", "picture", "audio", "video"]
Url = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class Shape(BaseModel):
    """A document whose unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldProblem(Shape):
    field: str = Field(description="path of the field, such as filters.price_min")
    reason: str


class ProblemDetails(Shape):
    """An error (RFC 9457)."""

    type: str = Field(description="urn:omnishelf:problem:<code>")
    title: str
    status: int
    code: str = Field(description="stable, for programs")
    detail: str = Field(description="what was wrong, for people")
    errors: list[FieldProblem] = Field(
        default_factory=list, description="by field, where fields were wrong"
    )
