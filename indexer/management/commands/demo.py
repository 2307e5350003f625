"""`manage.py demo`: a running sample shop in an empty installation."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management import (
    BaseCommand,
    CommandError,
    CommandParser,
    call_command,
    get_commands,
)

from indexer.supervisor import Supervisor, embedded_supervisor
from search.config import engine_settings
from webapp.catalog.models import Product

MAKE_SAMPLE_SHOP = "make_sample_shop"
"""A command of tools/, which is not part of the Docker image."""

QUERIES = ("red mug", "striped cushion", "something to sit on", "wooden toy that makes music")


class Command(BaseCommand):
    """Makes the sample shop and serves it."""

    help = "Draw the sample shop, import and encode it, and serve it until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on")
        parser.add_argument("--products", type=int, default=320, help="how many products to draw")
        parser.add_argument(
            "--exit-when-ready", action="store_true", help="stop when every product is searchable"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Draw, import and serve.

        1. Migrate the database and collect static files.
        2. Draw the sample shop, unless an earlier run drew it.
        3. Start web server, workers and clock; import the shop beside them from the terminal.
        4. When all is searchable, print the addresses; stop on Ctrl-C.
        """
        if MAKE_SAMPLE_SHOP not in get_commands():
            raise CommandError(
                "the sample shop is not part of this installation: the folder tools/ is missing. "
                "Run the demo in a checkout of the repository, or import a catalogue of your own: "
                "manage.py import_catalog FILE, then manage.py serve."
            )
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        catalog = self._draw(options["products"])
        supervisor = embedded_supervisor(host=options["host"], port=options["port"])
        address = f"http://{options['host']}:{options['port']}"
        loader = SampleShopLoader(
            self, supervisor, catalog, address, exit_when_ready=options["exit_when_ready"]
        )
        loader.start()
        supervisor.run()
        loader.join()
        if loader.error is not None:
            raise CommandError(f"the sample shop was not loaded: {loader.error}") from loader.error

    def _draw(self, products: int) -> Path:
        """Return the catalogue of the sample shop; draw it the first time."""
        folder = engine_settings().var_dir / f"sample-shop-{products}"
        catalog = folder / "catalog.jsonl"
        if not catalog.exists():
            self.stdout.write(f"Drawing {products} products …")
            call_command(MAKE_SAMPLE_SHOP, out=folder, products=products)
        return catalog

    def greet(self, address: str, seconds: float) -> None:
        """Print where the shop is."""
        self.stdout.write(
            f"\n{Product.objects.count()} products are searchable, "
            f"{seconds:.0f} s after drawing.\n\n"
            f"  shop   {address}/\n"
            f"  admin  {address}/admin/   {create_demo_login()}\n"
            f"  API    {address}/api/v1/docs\n\n"
            f"Try: {' · '.join(QUERIES)}, or drop a picture onto the search box. "
            "Ctrl-C stops."
        )
        self.stdout.flush()


class SampleShopLoader(threading.Thread):
    """Imports the shop beside the running processes, as a merchant does from the terminal."""

    def __init__(
        self,
        command: Command,
        supervisor: Supervisor,
        catalog: Path,
        address: str,
        *,
        exit_when_ready: bool,
    ) -> None:
        super().__init__(name="sample shop", daemon=True)
        self.error: BaseException | None = None
        self._command = command
        self._supervisor = supervisor
        self._catalog = catalog
        self._address = address
        self._exit_when_ready = exit_when_ready

    def run(self) -> None:
        """Import the catalogue and wait until it is encoded."""
        started = time.monotonic()
        try:
            call_command(
                "import_catalog", self._catalog, media=self._catalog.parent / "media", wait=True
            )
            self._command.greet(self._address, time.monotonic() - started)
        except (Exception, SystemExit) as error:
            self.error = error
        if self._exit_when_ready or self.error is not None:
            self._supervisor.stop()


def create_demo_login() -> str:
    """Create a superuser for the admin, unless there is one. Return how to log in.

    The password is shown only this once.
    """
    if User.objects.filter(is_superuser=True).exists():
        return "(with the login created before)"
    password = secrets.token_urlsafe(9)
    User.objects.create_superuser("demo", password=password)
    return f"(user demo, password {password})"
