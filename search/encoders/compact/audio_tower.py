"""The frozen audio tower: a MobileNet over log-mel spectrograms of a window's patches.

Source: Howard et al., MobileNets (2017), table 1, and YAMNet's definition in the TensorFlow model
garden (research/audioset/yamnet), with batch normalisation folded into convolutions. The network
is convolutional throughout, so it takes any number of frames. The width of each block follows from
the weights: the bundled network is thinner than YAMNet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from search.encoders.compact.spectrogram import RATE, count_samples, log_mel
from search.encoders.device import Runtime
from search.encoders.weights import read_safetensors, unpack_weights
from search.errors import InvalidWeights
from search.types import AudioFormat, Waveform

FEATURES = 1024
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""Stride of each block."""

PATCH = 96
"""Frames of one patch, as in training: the network pads at its ends, so longer patches differ."""

AUDIO_FORMAT = AudioFormat(RATE, window_s=count_samples(2 * PATCH) / RATE, hop_s=0.96)
"""Two patches, and about one window per second: see docs/adr/0011-sound-tower.md."""

FEATURES_ID = (
    f"SoundFormat(rate={AUDIO_FORMAT.rate}, window_s={AUDIO_FORMAT.window_s}, "
    f"hop_s={AUDIO_FORMAT.hop_s}){FEATURES}"
)
"""Names the features in fingerprints of stored rows, so its wording must never change."""

BATCH_SIZE = 16

Patches = npt.NDArray[np.float32]
"""(1 or 2, PATCH, BANDS): one patch from the window's start, and one up to the end of a longer
window."""


class _Conv(nn.Conv2d):
    """A 3 × 3 convolution padded as in TensorFlow ("same"): only at the end for stride 2."""

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int) -> None:
        super().__init__(inputs, outputs, 3, stride=stride, groups=groups, padding=2 - stride)

    def forward(self, maps: Tensor) -> Tensor:
        padded = functional.pad(maps, (0, 1, 0, 1)) if self.stride == (2, 2) else maps
        return functional.relu(super().forward(padded))


class SeparableConv(nn.Module):
    """A depthwise convolution followed by a pointwise one."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.depth = _Conv(inputs, inputs, stride, groups=inputs)
        self.point = nn.Conv2d(inputs, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.point(self.depth(maps)))


class AudioNetwork(nn.Module):
    """Log-mel spectrograms (n, frames, 64) → mean of the last map, (n, 1024).

    `frames` is a multiple of 32.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        """Build the network with the output channels of the stem and of each block."""
        super().__init__()
        self.stem = _Conv(1, channels[0], 2, groups=1)
        blocks = zip(channels, channels[1:], STRIDES, strict=False)
        self.blocks = nn.Sequential(
            *(SeparableConv(inputs, outputs, stride) for inputs, outputs, stride in blocks)
        )

    def forward(self, spectrograms: Tensor) -> Tensor:
        features: Tensor = self.blocks(self.stem(spectrograms.unsqueeze(1))).mean((2, 3))
        return features


def flatten_weights(network: AudioNetwork) -> dict[str, Tensor]:
    """Return the weights with each kernel as a matrix, which can be packed in 8 bits.

    A matrix is (outputs, inputs × height × width).
    """
    return {
        name: weight.flatten(1) if weight.ndim > 1 else weight
        for name, weight in network.state_dict().items()
    }


def build_network(weights: Mapping[str, Tensor]) -> AudioNetwork:
    """Return the frozen network with weights from `flatten_weights`.

    Raises KeyError and RuntimeError when they do not fit.
    """
    network = AudioNetwork(read_channels(weights))
    shaped = {
        name: weights[name].view(weight.shape) for name, weight in network.state_dict().items()
    }
    network.load_state_dict(shaped)
    return network.eval().requires_grad_(False)


def read_channels(weights: Mapping[str, Tensor]) -> list[int]:
    """Return the output channels of the stem and of each block.

    Raises KeyError when one is missing, RuntimeError when the last is not FEATURES.
    """
    blocks = [len(weights[f"blocks.{number}.point.bias"]) for number in range(len(STRIDES))]
    channels = [len(weights["stem.bias"]), *blocks]
    if channels[-1] != FEATURES:
        raise RuntimeError(f"it gives {channels[-1]} features, not {FEATURES}")
    return channels


def prepare_audio(window: Waveform) -> Patches:
    """Cut a window into patches; one shorter than a patch is padded with silence."""
    missing = count_samples(PATCH) - len(window)
    padded = np.pad(window, (0, max(0, missing))).astype(np.float32, copy=False)
    frames = log_mel(padded)[: 2 * PATCH]
    starts = [0] if len(frames) == PATCH else [0, len(frames) - PATCH]
    return np.stack([frames[start : start + PATCH] for start in starts])


class AudioTower:
    """Prepared windows → mean of their patches' features, (n, FEATURES) float32 on the CPU."""

    def __init__(self, path: Path, runtime: Runtime) -> None:
        """Read the network. Raises InvalidWeights when the file does not fit."""
        try:
            network = build_network(unpack_weights(read_safetensors(path)))
        except (KeyError, RuntimeError) as error:
            raise InvalidWeights(
                f"{path.name} does not fit the audio network: {error}",
                fix="Train anew, or restore the file.",
            ) from error
        self._runtime = runtime
        self._network = runtime.place(network.to(memory_format=torch.channels_last))

    @torch.inference_mode()
    def features(self, batch: Sequence[Patches]) -> Tensor:
        """Encode at least one window."""
        patches = self._runtime.stack([patch for window in batch for patch in window])
        parts = [self._network(part) for part in torch.split(patches, 2 * BATCH_SIZE)]
        features = torch.cat(parts).float().cpu()
        counts = [len(window) for window in batch]
        return torch.stack([window.mean(0) for window in torch.split(features, counts)])
