"""Create an API key and print its token, once."""

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
    """Create an API key."""

    help = "Create an API key. Its token is printed to standard output, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the service that uses the key")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            choices=Scope.values,
            help="scope of the key; repeat the option for several",
        )
        parser.add_argument("--all-scopes", action="store_true", help="give the key all scopes")
        parser.add_argument("--days", type=int, help="days until the key expires; default: never")

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
            f"Key “{key.name}” with {', '.join(key.scopes)}. "
            "Store the token now; it cannot be shown again:"
        )
        self.stdout.write(token)
