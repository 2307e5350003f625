"""What the progress page shows of an upload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from webapp.catalog.models import JobState, Upload, UploadRow, UploadState
from webapp.catalog.selectors.uploads import count_upload_jobs, get_problem_rows
from webapp.retrieval.models_runtime import active_space

MAX_PROBLEMS = 50
"""Rows with problems that the page shows."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One count; `tone` selects its colour."""

    label: str | Promise
    count: int
    tone: str = ""


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """An upload, the progress of import and encoding, and its first rows with problems."""

    upload: Upload
    encoding: dict[str, int]
    problems: Sequence[UploadRow]
    problem_count: int

    @classmethod
    def of(cls, upload: Upload) -> UploadProgress:
        rows = get_problem_rows(upload=upload)
        return cls(
            upload,
            count_upload_jobs(upload=upload, space=active_space().fingerprint),
            list(rows[:MAX_PROBLEMS]),
            rows.count(),
        )

    @property
    def is_running(self) -> bool:
        """Return whether the page must reload: rows or contents are left to do."""
        return not self.upload.is_finished or self.to_encode > self.encoded

    @property
    def percent(self) -> int | None:
        upload = self.upload
        if upload.state == UploadState.DONE:
            return 100
        return upload.next_row * 100 // upload.total_rows if upload.total_rows else None

    @property
    def rows_per_s(self) -> float | None:
        upload = self.upload
        if upload.started_at is None or not upload.next_row:
            return None
        seconds = ((upload.finished_at or timezone.now()) - upload.started_at).total_seconds()
        return upload.next_row / seconds if seconds > 0 else None

    @property
    def to_encode(self) -> int:
        return sum(self.encoding.values())

    @property
    def encoded(self) -> int:
        """Return the number of contents that need no more work: encoded or failed."""
        return self.encoding[JobState.DONE] + self.failed

    @property
    def encoded_percent(self) -> int:
        return self.encoded * 100 // self.to_encode if self.to_encode else 100

    @property
    def failed(self) -> int:
        return self.encoding[JobState.FAILED]

    @property
    def figures(self) -> list[Figure]:
        upload = self.upload
        figures = [
            Figure(_("created"), upload.created_count, "good"),
            Figure(_("updated"), upload.updated_count, "good"),
            Figure(_("unchanged"), upload.unchanged_count),
            Figure(
                _("with warnings"), upload.warning_count, "warn" if upload.warning_count else ""
            ),
            Figure(_("errors"), upload.error_count, "bad" if upload.error_count else ""),
        ]
        if upload.remove_absent:
            figures.append(Figure(_("removed"), upload.removed_count))
        return figures

    @property
    def more_problems(self) -> int:
        return self.problem_count - len(self.problems)
