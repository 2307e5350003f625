"""Several evaluation folders in one go: which run, what they add up to, and how they compare
with a former run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.evaluation.report import Report, bounds
from indexer.evaluation.run import evaluate_folder
from search.errors import InputError
from search.evaluation.folder import read_folder, read_modalities
from search.evaluation.significance import Estimate, estimate_mean, paired_differences
from search.modalities import MODALITIES
from search.types import Space
from webapp.retrieval.models_runtime import active_space

HEADLINE = (
    "clothing",
    "clothing-by-photo",
    "flickr8k",
    "grocery-coarse",
    "grocery-fine",
    "ikea-description",
    "ikea-type",
    "myntra-colour-type",
    "myntra-title",
)
"""The sets whose mean mAP is the encoder's one figure. Others are reported beside it."""

Precisions = dict[str, dict[str, float]]
"""Average precision by set and query id."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Reports in the order of the folders, and why the other folders were skipped."""

    space: Space
    reports: tuple[Report, ...]
    skipped: dict[str, str]

    @property
    def precisions(self) -> Precisions:
        return {report.folder: report.precisions for report in self.reports}

    @property
    def mean(self) -> Estimate | None:
        """Mean mAP over the headline sets, every set with the same weight; None unless all of
        them ran.
        """
        found = self.precisions
        if not set(HEADLINE) <= found.keys():
            return None
        return estimate_mean(*(list(found[name].values()) for name in HEADLINE))

    def as_dict(self) -> dict[str, Any]:
        mean = self.mean
        return {
            "preset": self.space.preset,
            "space": self.space.fingerprint,
            "mean": {"mAP": mean.value, "interval": bounds(mean)} if mean else None,
            "sets": {report.folder: report.as_dict() for report in self.reports},
            "skipped": self.skipped,
        }


def choose(folders: Sequence[Path], only: Collection[str]) -> list[Path]:
    """The folders of these names; all for none. Raises InputError for a name that is not there."""
    if unknown := set(only) - {folder.name for folder in folders}:
        known = ", ".join(folder.name for folder in folders)
        raise InputError(
            "there is no such evaluation folder",
            value=sorted(unknown)[0],
            fix=f"There are: {known}.",
        )
    return [folder for folder in folders if not only or folder.name in only]


def evaluate_folders(folders: Sequence[Path], tell: Callable[[str], None]) -> Suite:
    """Evaluate one folder after another in this installation, which loses its catalogue.

    `tell` gets a line when a folder begins or is skipped. Raises InputError as `evaluate_folder`
    does.
    """
    space = active_space()
    reports, skipped = [], {}
    for folder in folders:
        if missing := read_modalities(folder) - MODALITIES.encodable(space.modalities):
            skipped[folder.name] = (
                f"it needs {' and '.join(sorted(missing))}, which {space.preset} does not encode"
            )
            tell(f"{folder.name}: skipped, {skipped[folder.name]}")
            continue
        tell(folder.name)
        reports.append(evaluate_folder(read_folder(folder)))
    return Suite(space, tuple(reports), skipped)


def read_precisions(path: Path) -> Precisions:
    """What a former run left with --json. Raises InputError when the file is missing or
    something else.
    """
    try:
        sets = json.loads(path.read_text("utf-8"))["sets"]
        return {
            name: {identity: float(query["AP"]) for identity, query in found["queries"].items()}
            for name, found in sets.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "this is no file that evaluate --json wrote", value=str(path), fix=f"{error!r}"
        ) from error


def compare(now: Precisions, former: Precisions) -> dict[str, Estimate]:
    """The difference in mAP of every set that both runs have, and of the headline mean where
    both have all its sets.

    Raises InputError when a set was asked other queries in the two runs, or when they share no set.
    """
    shared = {name: paired_differences(now[name], former[name]) for name in now if name in former}
    if not shared:
        raise InputError("the two runs have no set in common", value=sorted(former))
    found = {name: estimate_mean(values) for name, values in shared.items()}
    if set(HEADLINE) <= shared.keys():
        found["mean"] = estimate_mean(*(shared[name] for name in HEADLINE))
    return found
