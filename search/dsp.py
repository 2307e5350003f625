"""The mel scale, on which pitches that sound equally far apart are equally far apart.

Source: O'Shaughnessy, Speech Communication (1987), in the form of HTK: 1127 ln(1 + f / 700).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def triangles(bins: int, bands: int, low_hz: float, high_hz: float, rate: int) -> Numbers:
    """(bins, bands) float64: how near each bin of a transform of sound at `rate` is to each
    band's centre.

    Bands are evenly spaced on the mel scale. 1 is at a band's own centre, 0 at the centre of
    either neighbour, and below 0 is farther off: cut off there, a column is the triangle that is
    the band's filter.
    """
    pitches = _mel(np.linspace(0.0, rate / 2, bins))[:, None]
    lowest, highest = _mel(np.array([low_hz, high_hz]))
    edges = np.linspace(lowest, highest, bands + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    found: Numbers = np.minimum(
        (pitches - low) / (centre - low), (high - pitches) / (high - centre)
    )
    return found


def _mel(hertz: Numbers) -> Numbers:
    scaled: Numbers = 1127.0 * np.log1p(hertz / 700.0)
    return scaled
