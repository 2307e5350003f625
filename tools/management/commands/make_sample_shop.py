"""`manage.py make_sample_shop`: draw the sample shop into a folder that `import_catalog` loads."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from rich.progress import Progress

from tools.sample_shop.writer import write_sample_shop


class Command(BaseCommand):
    help = "Draw a sample shop with pictures, sounds and videos, for import_catalog."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--out", type=Path, default=Path("var/sample-shop"), help="folder to write"
        )
        parser.add_argument("--seed", type=int, default=7, help="seed of the products")
        parser.add_argument("--products", type=int, default=320, help="number of products")
        parser.add_argument("--no-clips", action="store_true", help="leave out sounds and videos")
        parser.add_argument("--workers", type=int, default=2, help="number of drawing processes")

    def handle(self, *args: Any, **options: Any) -> None:
        with Progress() as bar:
            task = bar.add_task("Drawing", total=options["products"])
            catalog = write_sample_shop(
                options["out"],
                seed=options["seed"],
                products=options["products"],
                clips=not options["no_clips"],
                workers=options["workers"],
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        media = catalog.parent / "media"
        self.stdout.write(
            f"{catalog}\nLoad it with: manage.py import_catalog {catalog} --media {media}"
        )
