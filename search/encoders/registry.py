"""Encoder of a preset. Engines are imported when one of their presets is loaded, because each costs seconds."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Final, cast

from search.config import EngineSettings
from search.encoders.base import Encoder
from search.encoders.checkpoints import checkpoint_digest, require_checkpoint
from search.encoders.presets import Preset, load_preset, preset_names
from search.types import Space

__all__ = ["load_encoder", "preset_names", "space_of"]

ENGINES: Final = {"compact": "search.encoders.compact.engine", "open_clip": "search.encoders.open_clip.engine"}

Load = Callable[[Preset, EngineSettings], Encoder]


def load_encoder(settings: EngineSettings) -> Encoder:
    """The encoder that the settings choose.

    Raises UnknownPreset; WeightsMissing or WeightsRefused when its weights cannot be used; SelfTestFailed when its
    known pairs do not match; ConfigError when the device is not there.
    """
    preset = load_preset(settings.preset)
    load = cast("Load", importlib.import_module(ENGINES[preset.engine]).load)
    return load(preset, settings)


def space_of(settings: EngineSettings) -> Space:
    """The space of the encoder that the settings choose, without loading it.

    Raises UnknownPreset; WeightsMissing or WeightsRefused for a preset whose checkpoint is not on this disk.
    """
    preset = load_preset(settings.preset)
    if preset.engine == "compact":
        return preset.space()
    return preset.space(checkpoint_digest(require_checkpoint(preset, settings)))
