"""The network that hears: YAMNet's MobileNet over log-mel spectrograms, batch normalisation folded into convolutions.

Source: Howard et al., MobileNets (2017), table 1, and YAMNet's definition in the TensorFlow model garden
(research/audioset/yamnet). It is convolutional throughout, so a window may hold any number of frames.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

FEATURES = 1024
STRIDE = 32
"""Frames, and bands, that become one cell of the last map."""

_STEM = 32
_BLOCKS = (
    (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *((1, 512),) * 5, (2, FEATURES), (1, FEATURES),
)  # fmt: skip
"""Stride and channels of every separable convolution."""


class _Conv(nn.Conv2d):
    """A 3 × 3 convolution padded as TensorFlow pads ("same"): after the picture alone where the stride is 2."""

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int) -> None:
        super().__init__(inputs, outputs, 3, stride=stride, groups=groups, padding=2 - stride)

    def forward(self, maps: Tensor) -> Tensor:
        padded = functional.pad(maps, (0, 1, 0, 1)) if self.stride == (2, 2) else maps
        return functional.relu(super().forward(padded))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.depth = _Conv(inputs, inputs, stride, groups=inputs)
        self.point = nn.Conv2d(inputs, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.point(self.depth(maps)))


class SoundNetwork(nn.Module):
    """Log-mel spectrograms (n, frames, 64) → (n, 1024), the mean of the last map. `frames` is a multiple of 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Conv(1, _STEM, 2, groups=1)
        widths = [_STEM, *(channels for _, channels in _BLOCKS)]
        self.blocks = nn.Sequential(
            *(_Block(width, channels, stride) for width, (stride, channels) in zip(widths, _BLOCKS, strict=False))
        )

    def forward(self, spectrograms: Tensor) -> Tensor:
        found: Tensor = self.blocks(self.stem(spectrograms.unsqueeze(1))).mean((2, 3))
        return found


def flattened(network: SoundNetwork) -> dict[str, Tensor]:
    """The weights by name, every kernel as a matrix (outputs, inputs × height × width) that packs in 8 bits."""
    return {name: weight.flatten(1) if weight.ndim > 1 else weight for name, weight in network.state_dict().items()}


def network_of(weights: Mapping[str, Tensor]) -> SoundNetwork:
    """The network with weights that `flattened` named, ready to hear. Raises RuntimeError where they do not fit."""
    network = SoundNetwork()
    shaped = {name: weights[name].view(weight.shape) for name, weight in network.state_dict().items()}
    network.load_state_dict(shaped)
    return network.eval().requires_grad_(False)
