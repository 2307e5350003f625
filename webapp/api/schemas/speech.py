"""Spoken queries: what is sent beside the sound, and the words that come back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from webapp.api.schemas.base import Language, Schema


class TranscriptionForm(Schema):
    """A form beside the file `sound`."""

    language: Language | None = Field(
        None, description="such as en or zh-Hans; none leaves it to the engine"
    )


class TranscriptionResponse(Schema):
    text: str = Field(description="what was understood; empty where no word was heard")
    confidence: float = Field(
        ge=0, le=1, description="the engine's own, not comparable between engines"
    )
    alternatives: list[str] = Field(description="other readings, better ones first")
    engine: Literal["pocketsphinx", "whisper"]
