"""Load the encoder of a preset, or only find out its space.

Engines are imported when one of their presets is loaded, because each costs seconds.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from search.config import EngineSettings
from search.encoders.checkpoints import checkpoint_digest, require_checkpoint
from search.encoders.compact.int8 import int8_digest
from search.encoders.presets import Preset, derive_tuned_space, load_preset, preset_names
from search.encoders.protocol import Encoder, TunableEncoder
from search.types import Space

__all__ = ["load_encoder", "preset_names", "resolve_space"]

ENGINES: Final = {
    "compact": "search.encoders.compact.engine",
    "open_clip": "search.encoders.open_clip.engine",
    "clap": "search.encoders.clap.engine",
    "sentence_transformers": "search.encoders.sentence_transformers.engine",
}

Load = Callable[[Preset, EngineSettings], Encoder]


def load_encoder(settings: EngineSettings, heads: Path | None = None) -> TunableEncoder:
    """Return the encoder that the settings choose, with the tuned heads of a file if given.

    Raises UnknownPreset; WeightsMissing or InvalidWeights when its weights cannot be used;
    SelfTestFailed when its sanity check fails; ConfigError when the device is not available.
    """
    # Imported here like the engines: it needs torch.
    from search.encoders.residual_heads import as_tunable

    encoder = as_tunable(load_engine(settings))
    return encoder.with_heads(heads) if heads else encoder


def load_engine(settings: EngineSettings) -> Encoder:
    """Return the encoder as its engine makes it, perhaps not tunable.

    Raises as `load_encoder` does.
    """
    preset = load_preset(settings.preset)
    load = cast("Load", importlib.import_module(ENGINES[preset.engine]).load)
    return load(preset, settings)


def resolve_space(settings: EngineSettings, heads_digest: str = "") -> Space:
    """Return the space of the encoder that the settings choose, without loading the encoder.

    `heads_digest` is the checksum of tuned heads, if any. Raises UnknownPreset; WeightsMissing or
    InvalidWeights when the preset's checkpoint is not on this disk.
    """
    preset = load_preset(settings.preset)
    return derive_tuned_space(preset.make_space(_weights_digest(preset, settings)), heads_digest)


def _weights_digest(preset: Preset, settings: EngineSettings) -> str:
    if preset.engine == "compact":
        return int8_digest(settings)
    digest = checkpoint_digest(require_checkpoint(preset, settings))
    if not preset.base_preset:
        return digest
    base = resolve_space(settings.model_copy(update={"preset": preset.base_preset}))
    # Part of the fingerprint: the word "beside" must not change.
    return f"{digest} beside {base.fingerprint}"
