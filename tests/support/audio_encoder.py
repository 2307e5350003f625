"""An encoder without weights that supports audio: a window becomes the loudness of its pitches."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from search.encoders.protocol import Features
from search.encoders.residual_heads import ResidualEncoder
from search.types import AudioFormat, Modality, Space, Vectors, Waveform
from tests.support.encoders import ColourEncoder

DIM = 48


class ToneEncoder(ResidualEncoder):
    """Encodes pictures and texts as ColourEncoder does, and distinguishes tones by their pitch."""

    def __init__(self, name: str = "tones") -> None:
        fingerprint = hashlib.sha256(name.encode()).hexdigest()[:16]
        modalities = frozenset({Modality.TEXT, Modality.PICTURE, Modality.AUDIO, Modality.VIDEO})
        super().__init__(ColourEncoder(Space(name, fingerprint, DIM, modalities)))
        self.audio_format = AudioFormat(rate=8000, window_s=1.0, hop_s=0.5)
        self.audio_batch_size = 4
        self.audio_tower_id = f"audio tower of {name}"
        self.audio_batch_sizes: list[int] = []

    def prepare_audio(self, window: Waveform) -> Features:
        spectrum = np.abs(np.fft.rfft(window, 2 * 40 * DIM))[1:]
        bands: Features = spectrum.reshape(DIM, -1).max(axis=1).astype(np.float16)
        return bands

    def audio_features(self, batch: Sequence[Features]) -> Features:
        self.audio_batch_sizes.append(len(batch))
        return np.stack(batch)

    def project_audio(self, features: Features) -> Vectors:
        vectors = features.astype(np.float32) + 1e-6
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def encode_audio(self, batch: Sequence[Features]) -> Vectors:
        return self.project_audio(self.audio_features(batch))
