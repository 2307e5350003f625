"""An open_clip checkpoint on disk, read tower by tower.

open_clip itself builds only whole models. Here each tower is built by open_clip's own functions
and gets its tensors from the memory-mapped safetensors file, so that the weights of the other
tower are neither read nor allocated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.model import CLIPVisionCfg, _build_text_tower, _build_vision_tower
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from search.encoders.checkpoints import OPEN_CLIP_CONFIG
from search.errors import InvalidWeights

Tokenizer = Callable[[list[str]], Tensor]
Transform = Callable[[Image.Image], Tensor]

LEGACY_TEXT_PREFIXES = (
    "text_projection",
    "positional_embedding",
    "token_embedding.",
    "transformer.",
    "ln_final.",
)
"""Names of the text tower in the first CLIP models, which have no prefix `text.`."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The configuration of a checkpoint. All methods raise InvalidWeights."""

    folder: Path
    model: dict[str, Any]
    preprocessing: dict[str, Any]

    @property
    def dim(self) -> int:
        """Dimension of the space that both towers share."""
        return int(self.model["embed_dim"])

    @property
    def is_lower_case_only(self) -> bool:
        """Whether the model was trained on lower-case text, as SigLIP was (Zhai et al., 2023).

        SigLIP is recognised by the bias of its sigmoid loss.
        """
        return "init_logit_bias" in self.model

    def picture_size(self) -> int | tuple[int, int]:
        """Return the input side, or height and width, in pixels."""
        size = CLIPVisionCfg(**self.model["vision_cfg"]).image_size
        return size if isinstance(size, int) else (int(size[0]), int(size[1]))

    def transform(self) -> Transform:
        """Return the checkpoint's preprocessing: RGB picture → (3, height, width)."""
        with self._loading_errors():
            config = PreprocessCfg(**{**self.preprocessing, "size": self.picture_size()})
            transform: Transform = image_transform_v2(config, is_train=False)
            return transform

    def tokenizer(self) -> Tokenizer:
        """Return open_clip's tokenizer of this checkpoint: texts → (n, context length)."""
        with self._loading_errors():
            tokenizer: Tokenizer = open_clip.get_tokenizer(f"local-dir:{self.folder.resolve()}")
            return tokenizer

    def picture_tower(self) -> nn.Module:
        """Build the picture tower: (n, 3, height, width) → (n, dim), not normalised."""
        config = {**self.model["vision_cfg"], "timm_model_pretrained": False}
        return self._build_tower(
            _build_vision_tower, config, lambda name: _strip_prefix(name, "visual.")
        )

    def text_tower(self) -> nn.Module:
        """Build the text tower: (n, context length) → (n, dim), not normalised."""
        config = {**self.model["text_cfg"], "hf_model_pretrained": False}
        return self._build_tower(_build_text_tower, config, _map_text_name)

    def _build_tower(
        self,
        build: Callable[..., nn.Module],
        config: dict[str, Any],
        map_name: Callable[[str], str | None],
    ) -> nn.Module:
        with self._loading_errors():
            tower = _build_empty(
                lambda: build(self.dim, config, bool(self.model.get("quick_gelu")))
            )
            tower.load_state_dict(self._read_tensors(map_name), assign=True)
            return tower

    def _read_tensors(self, map_name: Callable[[str], str | None]) -> dict[str, Tensor]:
        files = list(self.folder.glob("*.safetensors"))
        if len(files) != 1:
            raise ValueError(
                f"exactly one safetensors file is expected, not {[path.name for path in files]}"
            )
        with safe_open(files[0], framework="pt") as file:
            return {
                own: file.get_tensor(name)
                for name in file.keys()  # noqa: SIM118 (a file handle, not a dict)
                if (own := map_name(name)) is not None
            }

    @contextmanager
    def _loading_errors(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, ValueError, KeyError, TypeError, OSError, SafetensorError) as error:
            raise InvalidWeights(
                f"open_clip cannot read the checkpoint: {error}",
                value=str(self.folder),
                fix="Download the checkpoint again.",
            ) from error


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint's configuration.

    Raises InvalidWeights for a configuration that is not of an image-text model.
    """
    try:
        config = json.loads((folder / OPEN_CLIP_CONFIG).read_bytes())
        checkpoint = Checkpoint(folder, config["model_cfg"], config.get("preprocess_cfg", {}))
        is_usable = {"embed_dim", "vision_cfg", "text_cfg"} <= checkpoint.model.keys()
    except (ValueError, KeyError, AttributeError) as error:
        raise InvalidWeights(
            f"{OPEN_CLIP_CONFIG} cannot be read: {error}", value=str(folder)
        ) from error
    if not is_usable or "multimodal_cfg" in checkpoint.model:
        raise InvalidWeights(
            f"{OPEN_CLIP_CONFIG} does not describe a model of one picture and one text tower",
            value=sorted(checkpoint.model),
            fix="CoCa and other generating models cannot be used here.",
        )
    return checkpoint


def _build_empty(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a tower without weights if possible, because random weights cost seconds.

    A buffer that no checkpoint stores, such as the mask of a causal text tower, must be computed.
    """
    with torch.device("meta"):
        tower = build()
    stored = tower.state_dict().keys()
    return tower if all(name in stored for name, _ in tower.named_buffers()) else build()


def _strip_prefix(name: str, prefix: str) -> str | None:
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def _map_text_name(name: str) -> str | None:
    return name if name.startswith(LEGACY_TEXT_PREFIXES) else _strip_prefix(name, "text.")
