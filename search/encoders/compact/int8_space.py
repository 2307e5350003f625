"""INT8 moves a vector by more than rounding, so it has a space of its own, named by the
calibrated ranges.
"""

from __future__ import annotations

from pathlib import Path

from search.config import EngineSettings
from search.errors import WeightsMissing
from search.files import file_sha256

RANGES = Path(__file__).parent / "weights" / "int8_ranges.json"
MEND = "Restore the file, or run `make calibrate-int8`."


def int8_digest(settings: EngineSettings, ranges: Path = RANGES) -> str:
    """What the precision adds to the names of space and towers: nothing, unless it is INT8.

    Raises WeightsMissing without the ranges.
    """
    if settings.precision != "int8":
        return ""
    if not ranges.is_file():
        raise WeightsMissing(
            "the calibrated ranges of INT8 are missing", value=str(ranges), fix=MEND
        )
    return f"int8 {file_sha256(ranges)}"
