"""`manage.py previews`: make the previews of clips, in the foreground."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandParser
from tqdm import tqdm

from indexer.previews.run import (
    find_clips_without_preview,
    make_missing_previews,
    release_abandoned_previews,
)
from webapp.catalog.models import ClipPreview


class Command(BaseCommand):
    """Makes previews."""

    help = "Make key frames, waveforms and subtitles of the clips that have none yet."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--again", action="store_true", help="make all previews again")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make previews until none is missing."""
        release_abandoned_previews()
        if options["again"]:
            ClipPreview.objects.filter(made_at__isnull=False).delete()
        waiting = find_clips_without_preview().order_by().values("content_hash").distinct().count()
        with tqdm(total=waiting, unit="clip", disable=None) as bar:
            made = make_missing_previews(bar.update)
        self.stdout.write(f"{made} clip previews made")
