"""The mel scale of perceived pitch, in HTK's form: 1127 ln(1 + f / 700).

Source: O'Shaughnessy, Speech Communication (1987).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def mel_triangles(bins: int, bands: int, low_hz: float, high_hz: float, rate: int) -> FloatArray:
    """Return the slopes of a mel filter bank, (bins, bands), for a spectrum at sample rate `rate`.

    Bands are evenly spaced on the mel scale. A value is 1 at the band's centre, 0 at the centres
    of its neighbours, and negative beyond. Clipped at 0, a column is the band's filter.
    """
    pitches = _to_mel(np.linspace(0.0, rate / 2, bins))[:, None]
    lowest, highest = _to_mel(np.array([low_hz, high_hz]))
    edges = np.linspace(lowest, highest, bands + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    slopes: FloatArray = np.minimum(
        (pitches - low) / (centre - low), (high - pitches) / (high - centre)
    )
    return slopes


def _to_mel(hertz: FloatArray) -> FloatArray:
    mel: FloatArray = 1127.0 * np.log1p(hertz / 700.0)
    return mel
