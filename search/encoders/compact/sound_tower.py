"""The frozen sound tower: a window's spectrogram, cut into patches as the network was trained
on, to one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from search.encoders.compact.sound_network import network_of
from search.encoders.compact.spectrogram import RATE, log_mel, samples_of
from search.encoders.device import Runtime
from search.encoders.packing import unpacked
from search.encoders.protocol import AudioFormat, Waveform
from search.encoders.weights import read_safetensors
from search.errors import InvalidWeights

PATCH = 96
"""Frames of one patch. Longer ones are not what the network knows: it pads at their ends."""

FORMAT = AudioFormat(RATE, window_s=samples_of(2 * PATCH) / RATE, hop_s=0.96)
"""Two patches, and about one window for each second: docs/adr/0011-sound-tower.md says why."""

AT_ONCE = 16

Patches = npt.NDArray[np.float32]
"""(1 or 2, PATCH, BANDS): from the beginning of a window, and up to its end where it is longer
than one."""


def prepare(window: Waveform) -> Patches:
    """A window of sound → its patches. A shorter one than a patch is followed by silence."""
    lacking = samples_of(PATCH) - len(window)
    frames = log_mel(np.pad(window, (0, max(0, lacking))).astype(np.float32, copy=False))[
        : 2 * PATCH
    ]
    starts = [0] if len(frames) == PATCH else [0, len(frames) - PATCH]
    return np.stack([frames[start : start + PATCH] for start in starts])


class SoundTower:
    """Prepared windows → features (n, FEATURES), float32 on the CPU: the mean of their patches."""

    def __init__(self, path: Path, runtime: Runtime) -> None:
        """Raises InvalidWeights where the file is not one of this network."""
        try:
            network = network_of(unpacked(read_safetensors(path)))
        except (KeyError, RuntimeError) as error:
            raise InvalidWeights(
                f"{path.name} does not fit the sound network: {error}",
                fix="Train anew, or restore the file.",
            ) from error
        self._runtime = runtime
        self._network = runtime.place(network.to(memory_format=torch.channels_last))

    @torch.inference_mode()
    def features(self, batch: Sequence[Patches]) -> Tensor:
        """Any number of windows but none."""
        patches = self._runtime.stack([patch for window in batch for patch in window])
        found = (
            torch.cat([self._network(part) for part in torch.split(patches, 2 * AT_ONCE)])
            .float()
            .cpu()
        )
        counts = [len(window) for window in batch]
        return torch.stack([window.mean(0) for window in torch.split(found, counts)])
