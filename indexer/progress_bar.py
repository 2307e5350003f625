"""Progress bars in the terminal, on standard error."""

from __future__ import annotations

from typing import Self

from tqdm import tqdm

from webapp.catalog.models import ModelChange, Tuning


class StageBar:
    """A bar for every stage of a tuning or a change of model, but for a stage that is `hidden`."""

    def __init__(self, hidden: str = "") -> None:
        self._hidden = hidden
        self._stage = ""
        self._bar = tqdm(disable=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.close()

    def __call__(self, row: Tuning | ModelChange) -> None:
        if row.stage != self._stage:
            self._stage = row.stage
            self._bar.close()
            hidden = True if row.stage == self._hidden else None
            self._bar = tqdm(total=row.total, desc=str(row.get_stage_display()), disable=hidden)
        self._bar.total = row.total
        self._bar.update(row.done - self._bar.n)
