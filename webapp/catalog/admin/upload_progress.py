"""What the progress page shows of an upload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from webapp.catalog.models import JobState, Upload, UploadRow, UploadState
from webapp.catalog.selectors.uploads import count_upload_jobs, get_problem_rows

SHOWN_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class Figure:
    """One count, with the colour it is shown in."""

    label: str | Promise
    count: int
    tone: str = ""


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """An upload, how far it and its encoding have come, and its first problems."""

    upload: Upload
    encoding: dict[str, int]
    problems: Sequence[UploadRow]
    problem_count: int

    @classmethod
    def of(cls, upload: Upload) -> UploadProgress:
        rows = get_problem_rows(upload=upload)
        return cls(
            upload, count_upload_jobs(upload=upload), list(rows[:SHOWN_PROBLEMS]), rows.count()
        )

    @property
    def live(self) -> bool:
        """Whether looking again soon is worthwhile."""
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
        """Contents that need no further work: encoded, or set aside."""
        return self.encoding[JobState.DONE] + self.encoding[JobState.FAILED]

    @property
    def encoded_percent(self) -> int:
        return self.encoded * 100 // self.to_encode if self.to_encode else 100

    @property
    def set_aside(self) -> int:
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
