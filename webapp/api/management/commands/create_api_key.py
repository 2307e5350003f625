"""Make an API key and print it, once."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from search.errors import InputError
from webapp.api.api_keys import create_api_key
from webapp.api.scopes import Scope


class Command(BaseCommand):
    help = "Make an API key. The key goes to standard output, once; it cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="which service uses the key")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            choices=Scope.values,
            help="what it may do; repeat for more",
        )
        parser.add_argument("--all-scopes", action="store_true", help="everything")
        parser.add_argument(
            "--days", type=int, help="expires after so many days; without it, never"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--days must be from 1 to 36500")
        try:
            key, token = create_api_key(
                name=options["name"],
                scopes=Scope.values if options["all_scopes"] else options["scope"],
                expires=timezone.now() + dt.timedelta(days=days) if days else None,
            )
        except InputError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(
            f"Key “{key.name}” with {', '.join(key.scopes)}. Keep it now, it is not shown again:"
        )
        self.stdout.write(token)
