"""The towers of a preset, and the spaces that its own and its tuned heads make."""

from __future__ import annotations

from dataclasses import dataclass

from search.encoders.protocol import TunableEncoder
from webapp.catalog.selectors.spaces import get_active_heads
from webapp.retrieval.models_runtime import base_encoder, heads_path


@dataclass(frozen=True, slots=True)
class PresetTowers:
    """A preset under its own heads; its towers are loaded when something has to be seen or read."""

    own: TunableEncoder

    @classmethod
    def of(cls, preset: str) -> PresetTowers:
        """Shared with whatever else in this process uses the preset. Raises EncoderError."""
        return cls(base_encoder(preset))

    def under(self, heads_digest: str) -> TunableEncoder:
        """The encoder under tuned heads; '' for its own. Raises WeightsMissing and
        InvalidWeights.
        """
        return self.own.with_heads(heads_path(heads_digest)) if heads_digest else self.own

    def live(self) -> TunableEncoder:
        """The encoder in use."""
        return self.under(get_active_heads(self.own.space.fingerprint)[0])
