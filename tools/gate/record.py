"""The recorded accuracy of the bundled encoder on the drawn shop.

`python -m tools.gate.record` measures it again and writes `record.json`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel, ConfigDict

from search.config import engine_settings
from search.encoders.compact.engine import CompactEncoder, load
from search.encoders.presets import load_preset
from search.evaluation.encoder_eval import evaluate_encoder
from search.evaluation.results import EvaluatedQuery, group_by_facet
from search.evaluation.significance import Estimate, estimate_mean, paired_differences
from tools.gate.shop import draw_shop

RECORD = Path(__file__).parent / "record.json"


class Category(BaseModel):
    """Average precision by query of one category, and the floor of their mean.

    The floor is the lower bound of the 95 % bootstrap interval of the mean: a lower mean cannot be
    explained by the choice of queries. Perfect results have an interval of zero width; by the rule
    of three, n successes allow a failure rate of 3 / n (Hanley and Lippman-Hand 1983,
    https://doi.org/10.1001/jama.1983.03330370053031).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    floor: float
    precisions: dict[str, float]

    @classmethod
    def from_precisions(cls, precisions: dict[str, float]) -> Category:
        rounded = {name: round(value, 4) for name, value in precisions.items()}
        low = estimate_mean(list(rounded.values())).low
        return cls(floor=round(min(low, 1 - 3 / len(rounded)), 4), precisions=rounded)

    @property
    def mean(self) -> float:
        return fmean(self.precisions.values())


class Record(BaseModel):
    """Categories by name, and the SHA-256 of the heads that reached them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heads: str
    categories: dict[str, Category]


def read_record(file: Path = RECORD) -> Record:
    return Record.model_validate_json(file.read_text("utf-8"))


def shipped_heads_digest() -> str:
    """Return the SHA-256 of the heads that the preset names."""
    return load_preset("compact").checksums["heads"]


def load_bundled_encoder() -> CompactEncoder:
    return load(load_preset("compact"), engine_settings())


def precisions_by_category(answers: Sequence[EvaluatedQuery]) -> dict[str, dict[str, float]]:
    """Return the average precision by category and query id."""
    return {
        name: {answer.query.id: answer.average_precision for answer in members}
        for name, members in group_by_facet(answers, "category").items()
    }


def find_regressions(measured: dict[str, dict[str, float]], record: Record) -> dict[str, str]:
    """Return an explanation for each category whose mean is below the recorded floor."""
    means = {name: fmean(precisions.values()) for name, precisions in measured.items()}
    return {
        name: f"mAP {mean:.3f} is below the floor {record.categories[name].floor:.3f}; "
        f"it was {record.categories[name].mean:.3f}"
        for name, mean in means.items()
        if mean < record.categories[name].floor
    }


def write_record(measured: dict[str, dict[str, float]], file: Path, *, lower: bool) -> list[str]:
    """Write the record of the shipped heads, and print how each category changed.

    Returns the categories that became significantly worse. If there are any, nothing is written
    unless `lower` is set.
    """
    known = read_record(file).categories if file.exists() else {}
    categories = {
        name: Category.from_precisions(precisions) for name, precisions in measured.items()
    }
    worse = []
    for name, now in categories.items():
        change = _compare(now, known[name]) if name in known else None
        if change and not change.is_noise and change.value < 0:
            worse.append(name)
        shown = (
            f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})" if change else "new"
        )
        sys.stdout.write(f"{name}: mAP {now.mean:.3f}, floor {now.floor:.3f}, {shown}\n")
    if lower or not worse:
        record = Record(heads=shipped_heads_digest(), categories=categories)
        file.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return worse


def _compare(now: Category, previous: Category) -> Estimate | None:
    """Return the change of the mean, or None if the queries are not the same."""
    if now.precisions.keys() != previous.precisions.keys():
        return None
    return estimate_mean(paired_differences(now.precisions, previous.precisions))


def main(argv: Sequence[str] | None = None) -> int:
    """Record the figures; return 1 if some are significantly worse and --lower is not given."""
    parser = argparse.ArgumentParser(prog="python -m tools.gate.record", description=__doc__)
    parser.add_argument(
        "--lower", action="store_true", help="record even significantly worse figures"
    )
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="omnishelf-gate-") as folder:
        measured = precisions_by_category(
            evaluate_encoder(draw_shop(Path(folder)), load_bundled_encoder())
        )
    worse = write_record(measured, RECORD, lower=options.lower)
    if worse and not options.lower:
        sys.stderr.write(
            f"Not recorded: {', '.join(worse)} became worse. Give --lower to record them anyway.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
