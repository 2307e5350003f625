"""The network that hears: a MobileNet over log-mel spectrograms, batch normalisation folded into
convolutions.

Source: Howard et al., MobileNets (2017), table 1, and YAMNet's definition in the TensorFlow
model garden (research/audioset/yamnet). It is convolutional throughout, so a window may hold any
number of frames. How wide each block is, its weights say: the bundled network is thinner than
YAMNet's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional

FEATURES = 1024
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""Of every block, which is a separable convolution."""


class _Conv(nn.Conv2d):
    """A 3 × 3 convolution padded as TensorFlow pads ("same"): after the picture alone where the
    stride is 2.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int) -> None:
        super().__init__(inputs, outputs, 3, stride=stride, groups=groups, padding=2 - stride)

    def forward(self, maps: Tensor) -> Tensor:
        padded = functional.pad(maps, (0, 1, 0, 1)) if self.stride == (2, 2) else maps
        return functional.relu(super().forward(padded))


class Block(nn.Module):
    """A separable convolution: every channel by itself, then all of them at every place."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.depth = _Conv(inputs, inputs, stride, groups=inputs)
        self.point = nn.Conv2d(inputs, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.point(self.depth(maps)))


class SoundNetwork(nn.Module):
    """Log-mel spectrograms (n, frames, 64) → (n, 1024), the mean of the last map. `frames` is a
    multiple of 32.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        """`channels` that the stem and each block give; FEATURES is the last of them."""
        super().__init__()
        self.stem = _Conv(1, channels[0], 2, groups=1)
        blocks = zip(channels, channels[1:], STRIDES, strict=False)
        self.blocks = nn.Sequential(
            *(Block(width, wanted, stride) for width, wanted, stride in blocks)
        )

    def forward(self, spectrograms: Tensor) -> Tensor:
        found: Tensor = self.blocks(self.stem(spectrograms.unsqueeze(1))).mean((2, 3))
        return found


def flattened(network: SoundNetwork) -> dict[str, Tensor]:
    """The weights by name, every kernel as a matrix (outputs, inputs × height × width) that
    packs in 8 bits.
    """
    return {
        name: weight.flatten(1) if weight.ndim > 1 else weight
        for name, weight in network.state_dict().items()
    }


def network_of(weights: Mapping[str, Tensor]) -> SoundNetwork:
    """The network with weights that `flattened` named, ready to hear. Raises KeyError and
    RuntimeError where they do not fit.
    """
    network = SoundNetwork(channels_of(weights))
    shaped = {
        name: weights[name].view(weight.shape) for name, weight in network.state_dict().items()
    }
    network.load_state_dict(shaped)
    return network.eval().requires_grad_(False)


def channels_of(weights: Mapping[str, Tensor]) -> list[int]:
    """How many channels the stem and each block give. Raises KeyError where one is missing, and
    RuntimeError where the last gives another number than FEATURES.
    """
    blocks = [len(weights[f"blocks.{number}.point.bias"]) for number in range(len(STRIDES))]
    found = [len(weights["stem.bias"]), *blocks]
    if found[-1] != FEATURES:
        raise RuntimeError(f"it gives {found[-1]} features, not {FEATURES}")
    return found
