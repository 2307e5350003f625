"""Encoder of a preset. Engines are imported when one of their presets is loaded, because each
costs seconds.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from search.config import EngineSettings
from search.encoders.checkpoints import checkpoint_digest, require_checkpoint
from search.encoders.compact.int8_space import int8_digest
from search.encoders.presets import Preset, load_preset, preset_names, tuned_space
from search.encoders.protocol import Encoder, TunableEncoder
from search.types import Space

__all__ = ["load_encoder", "preset_names", "space_of"]

ENGINES: Final = {
    "compact": "search.encoders.compact.engine",
    "open_clip": "search.encoders.open_clip.engine",
    "clap": "search.encoders.clap.engine",
    "sentence_transformers": "search.encoders.sentence_transformers.engine",
}

Load = Callable[[Preset, EngineSettings], Encoder]


def load_encoder(settings: EngineSettings, heads: Path | None = None) -> TunableEncoder:
    """The encoder that the settings choose, under tuned heads where a file of them is given.

    Raises UnknownPreset; WeightsMissing or InvalidWeights when its weights cannot be used;
    SelfTestFailed when its known pairs do not match; ConfigError when the device is not there.
    """
    # Imported here like the engines: it needs torch.
    from search.encoders.residual_heads import as_tunable

    encoder = as_tunable(load_engine(settings))
    return encoder.with_heads(heads) if heads else encoder


def load_engine(settings: EngineSettings) -> Encoder:
    """The encoder as its engine makes it, without heads that could be tuned. Raises as
    `load_encoder` does.
    """
    preset = load_preset(settings.preset)
    load = cast("Load", importlib.import_module(ENGINES[preset.engine]).load)
    return load(preset, settings)


def space_of(settings: EngineSettings, heads_digest: str = "") -> Space:
    """The space of the encoder that the settings choose, under the tuned heads of this checksum,
    without loading it.

    Raises UnknownPreset; WeightsMissing or InvalidWeights for a preset whose checkpoint is not
    on this disk.
    """
    preset = load_preset(settings.preset)
    return tuned_space(preset.space(_weights_digest(preset, settings)), heads_digest)


def _weights_digest(preset: Preset, settings: EngineSettings) -> str:
    if preset.engine == "compact":
        return int8_digest(settings)
    digest = checkpoint_digest(require_checkpoint(preset, settings))
    if not preset.base_preset:
        return digest
    beside = space_of(settings.model_copy(update={"preset": preset.base_preset}))
    return f"{digest} beside {beside.fingerprint}"
