"""The outcome of each row of an upload, and the counts over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from webapp.catalog.models import Outcome, UploadRow
from webapp.importing.raw_rows import FieldProblem, RawRow, RowError
from webapp.importing.schema import readable_sku

Message = dict[str, str]
"""`level` (warning or error), `field` (empty for the whole row), `reason` (a sentence)."""


@dataclass(slots=True)
class RowReport:
    """The outcome of one row while it is decided. `raw` is the uploaded row, kept if it fails."""

    number: int
    sku: str
    raw: dict[str, Any]
    outcome: Outcome = Outcome.UNCHANGED
    messages: list[Message] = field(default_factory=list)

    @classmethod
    def of(cls, entry: RawRow | RowError) -> RowReport:
        raw: dict[str, Any] = {"fields": _to_json(entry.fields)}
        if isinstance(entry, RowError) and entry.text:
            raw["text"] = entry.text
        return cls(entry.number, readable_sku(entry.fields.get("sku")), raw)

    @property
    def failed(self) -> bool:
        return self.outcome == Outcome.ERROR

    @property
    def warned(self) -> bool:
        return any(message["level"] == "warning" for message in self.messages)

    def fail(self, problems: Iterable[FieldProblem]) -> None:
        self.outcome = Outcome.ERROR
        for problem in problems:
            reason = str(replace(problem, field=""))
            self.messages.append({"level": "error", "field": problem.field, "reason": reason})

    def warn(self, column: str, reason: str) -> None:
        self.messages.append({"level": "warning", "field": column, "reason": reason})

    def copy(self) -> RowReport:
        return replace(self, messages=list(self.messages))

    def as_row(self, upload_id: int) -> UploadRow:
        return UploadRow(
            upload_id=upload_id,
            number=self.number,
            sku=self.sku,
            outcome=self.outcome,
            warned=self.warned,
            messages=self.messages,
            raw=self.raw if self.failed else None,
        )


def count_outcomes(reports: Iterable[RowReport]) -> dict[str, int]:
    """Return the increments of an upload's counters, by field name."""
    counts = dict.fromkeys(
        ("created_count", "updated_count", "unchanged_count", "warning_count", "error_count"), 0
    )
    for report in reports:
        counts[f"{report.outcome.value}_count"] += 1
        counts["warning_count"] += report.warned
    return counts


def _to_json(value: Any) -> Any:
    """Return a value that JSON can hold. A decimal that a float would change becomes text."""
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, Mapping):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    return value
