"""Spoken queries and their transcriptions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from webapp.api.schemas.base import Convert, Language, ResponseSchema, Schema, Source


class TranscriptionForm(Schema):
    """A form that is sent with the file `sound`."""

    language: Language | None = Field(
        None, description="such as en or zh-Hans; without it the engine chooses"
    )


class TranscriptionResponse(ResponseSchema):
    """A transcription, written in the context of the engine's name."""

    text: str = Field(description="recognised text; empty if no word was recognised")
    confidence: Annotated[float, Convert(lambda confidence: round(confidence, 4))] = Field(
        ge=0, le=1, description="of the engine; engines are not comparable"
    )
    alternatives: list[str] = Field(description="other readings, best first")
    engine: Annotated[
        Literal["pocketsphinx", "whisper"], Source(lambda _transcript, engine: engine)
    ]
