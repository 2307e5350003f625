"""What the bundled encoder is known to reach on the drawn shop; `python -m tools.gate.record`
renews it.
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
    """Queries of one category: average precision by query, and the floor, which is the lower
    bound of the 95 % bootstrap interval of their mean. What falls below it is worse than the
    choice of queries can explain.

    Perfect answers have an interval of no width; that n queries went well still leaves room for
    one in n / 3 that does not (the rule of three: Hanley and Lippman-Hand 1983,
    https://doi.org/10.1001/jama.1983.03330370053031).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    floor: float
    precisions: dict[str, float]

    @classmethod
    def of(cls, precisions: dict[str, float]) -> Category:
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


def shipped_heads() -> str:
    """SHA-256 of the heads that the preset names."""
    return load_preset("compact").checksums["heads"]


def bundled_encoder() -> CompactEncoder:
    return load(load_preset("compact"), engine_settings())


def by_category(answers: Sequence[EvaluatedQuery]) -> dict[str, dict[str, float]]:
    """Average precision by category and query id."""
    return {
        name: {answer.query.id: answer.average_precision for answer in members}
        for name, members in group_by_facet(answers, "category").items()
    }


def too_low(found: dict[str, dict[str, float]], record: Record) -> dict[str, str]:
    """Of the categories found, those whose mean is under the recorded floor, with what is wrong."""
    means = {name: fmean(precisions.values()) for name, precisions in found.items()}
    return {
        name: f"mAP {mean:.3f} is under {record.categories[name].floor:.3f}; it was {record.categories[name].mean:.3f}"
        for name, mean in means.items()
        if mean < record.categories[name].floor
    }


def renew(found: dict[str, dict[str, float]], file: Path, *, lower: bool) -> list[str]:
    """Write what was found as the record of the heads shipped, saying how each category changed.

    Returns the categories that got significantly worse; unless `lower` is set, nothing is
    written then.
    """
    known = read_record(file).categories if file.exists() else {}
    categories = {name: Category.of(precisions) for name, precisions in found.items()}
    worse = []
    for name, now in categories.items():
        change = _change(now, known[name]) if name in known else None
        if change and not change.is_noise and change.value < 0:
            worse.append(name)
        shown = (
            f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})" if change else "new"
        )
        sys.stdout.write(f"{name}: mAP {now.mean:.3f}, floor {now.floor:.3f}, {shown}\n")
    if lower or not worse:
        record = Record(heads=shipped_heads(), categories=categories)
        file.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return worse


def _change(now: Category, former: Category) -> Estimate | None:
    """None where the shop asks other queries than it did."""
    if now.precisions.keys() != former.precisions.keys():
        return None
    return estimate_mean(paired_differences(now.precisions, former.precisions))


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 1 when figures got significantly worse and --lower is not given."""
    parser = argparse.ArgumentParser(prog="python -m tools.gate.record", description=__doc__)
    parser.add_argument(
        "--lower", action="store_true", help="record figures that are significantly worse, too"
    )
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="omnishelf-gate-") as folder:
        found = by_category(evaluate_encoder(draw_shop(Path(folder)), bundled_encoder()))
    worse = renew(found, RECORD, lower=options.lower)
    if worse and not options.lower:
        sys.stderr.write(
            f"Not recorded: worse at {', '.join(worse)}. Give --lower if that is meant.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
