"""One open_clip checkpoint on disk, read tower by tower.

open_clip itself only builds whole models. Here a tower is built by open_clip's own functions and
gets its own tensors from the safetensors file, which is memory-mapped: what the other tower
weighs is neither read nor allocated.
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

from search.encoders.checkpoints import OPEN_CLIP_CONFIGURATION
from search.errors import InvalidWeights

Tokenizer = Callable[[list[str]], Tensor]
Transform = Callable[[Image.Image], Tensor]

OLD_TEXT_NAMES = (
    "text_projection",
    "positional_embedding",
    "token_embedding.",
    "transformer.",
    "ln_final.",
)
"""Where the first CLIP models keep their text tower: not under `text.`, but beside `visual.`."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The configuration of a checkpoint, and what can be built from it. All methods raise
    InvalidWeights.
    """

    folder: Path
    model: dict[str, Any]
    preprocessing: dict[str, Any]

    @property
    def dim(self) -> int:
        """Dimension of the space that both towers share."""
        return int(self.model["embed_dim"])

    @property
    def trained_without_capitals(self) -> bool:
        """SigLIP models, told by their sigmoid loss's bias, saw lower-case text alone (Zhai et
        al., 2023).
        """
        return "init_logit_bias" in self.model

    def picture_size(self) -> int | tuple[int, int]:
        """Input side, or height and width, in pixels."""
        size = CLIPVisionCfg(**self.model["vision_cfg"]).image_size
        return size if isinstance(size, int) else (int(size[0]), int(size[1]))

    def transform(self) -> Transform:
        """RGB picture → (3, height, width), resized and normalised as the checkpoint's
        configuration says.
        """
        with self._refusing():
            wanted = PreprocessCfg(**{**self.preprocessing, "size": self.picture_size()})
            made: Transform = image_transform_v2(wanted, is_train=False)
            return made

    def tokenizer(self) -> Tokenizer:
        """Texts → (n, context length): open_clip's own tokenizer with this checkpoint's files
        and settings.
        """
        with self._refusing():
            made: Tokenizer = open_clip.get_tokenizer(f"local-dir:{self.folder.resolve()}")
            return made

    def picture_tower(self) -> nn.Module:
        """(n, 3, height, width) → (n, dim), not normalised."""
        configuration = {**self.model["vision_cfg"], "timm_model_pretrained": False}
        return self._tower(_build_vision_tower, configuration, lambda name: _after(name, "visual."))

    def text_tower(self) -> nn.Module:
        """(n, context length) → (n, dim), not normalised."""
        configuration = {**self.model["text_cfg"], "hf_model_pretrained": False}
        return self._tower(_build_text_tower, configuration, _text_name)

    def _tower(
        self,
        build: Callable[..., nn.Module],
        configuration: dict[str, Any],
        own: Callable[[str], str | None],
    ) -> nn.Module:
        with self._refusing():
            tower = _empty(
                lambda: build(self.dim, configuration, bool(self.model.get("quick_gelu")))
            )
            tower.load_state_dict(self._tensors(own), assign=True)
            return tower

    def _tensors(self, own: Callable[[str], str | None]) -> dict[str, Tensor]:
        files = list(self.folder.glob("*.safetensors"))
        if len(files) != 1:
            raise ValueError(
                f"it should be exactly one safetensors file, not {[path.name for path in files]}"
            )
        with safe_open(files[0], framework="pt") as file:
            return {
                mine: file.get_tensor(name)
                for name in file.keys()  # noqa: SIM118 (a file handle, not a dict)
                if (mine := own(name)) is not None
            }

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, ValueError, KeyError, TypeError, OSError, SafetensorError) as error:
            raise InvalidWeights(
                f"open_clip cannot read the checkpoint: {error}",
                value=str(self.folder),
                fix="Fetch the checkpoint again.",
            ) from error


def read_checkpoint(folder: Path) -> Checkpoint:
    """The checkpoint of a folder. Raises InvalidWeights for a configuration that is not of an
    image-text model.
    """
    try:
        found = json.loads((folder / OPEN_CLIP_CONFIGURATION).read_bytes())
        checkpoint = Checkpoint(folder, found["model_cfg"], found.get("preprocess_cfg", {}))
        usable = {"embed_dim", "vision_cfg", "text_cfg"} <= checkpoint.model.keys()
    except (ValueError, KeyError, AttributeError) as error:
        raise InvalidWeights(
            f"{OPEN_CLIP_CONFIGURATION} cannot be read: {error}", value=str(folder)
        ) from error
    if not usable or "multimodal_cfg" in checkpoint.model:
        raise InvalidWeights(
            f"{OPEN_CLIP_CONFIGURATION} does not describe a model of one picture and one text tower",
            value=sorted(checkpoint.model),
            fix="CoCa and other generating models cannot be used here.",
        )
    return checkpoint


def _empty(build: Callable[[], nn.Module]) -> nn.Module:
    """The tower without weights where possible: random ones cost seconds. A buffer that no
    checkpoint stores, such as the mask of a causal text tower, has to be computed.
    """
    with torch.device("meta"):
        tower = build()
    stored = tower.state_dict().keys()
    return tower if all(name in stored for name, _ in tower.named_buffers()) else build()


def _after(name: str, prefix: str) -> str | None:
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def _text_name(name: str) -> str | None:
    return name if name.startswith(OLD_TEXT_NAMES) else _after(name, "text.")
