"""`manage.py demo`: from nothing to a running sample shop."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management import BaseCommand, CommandError, CommandParser, call_command

from indexer.supervisor import Supervisor, embedded_supervisor
from search.config import engine_settings
from webapp.catalog.models import Product

QUERIES = ("red mug", "striped cushion", "something to sit on", "wooden toy that makes music")


class Command(BaseCommand):
    help = "Draw the sample shop, load and encode it, and serve it until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on")
        parser.add_argument("--products", type=int, default=320, help="how many products to draw")
        parser.add_argument(
            "--exit-when-ready", action="store_true", help="stop as soon as the shop is searchable"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        catalog = self._draw(options["products"])
        supervisor = embedded_supervisor(host=options["host"], port=options["port"])
        address = f"http://{options['host']}:{options['port']}"
        loading = SampleShopLoader(
            self, supervisor, catalog, address, leave=options["exit_when_ready"]
        )
        loading.start()
        supervisor.run()
        loading.join()
        if loading.fault is not None:
            raise CommandError(
                f"the sample shop was not loaded: {loading.fault}"
            ) from loading.fault

    def _draw(self, products: int) -> Path:
        """The sample shop's folder; drawn once."""
        folder = engine_settings().var_dir / f"sample-shop-{products}"
        catalog = folder / "catalog.jsonl"
        if not catalog.exists():
            self.stdout.write(f"ClipPreviewFiles {products} products …")
            call_command("make_sample_shop", out=folder, products=products)
        return catalog

    def greet(self, address: str, seconds: float) -> None:
        self.stdout.write(
            f"\n{Product.objects.count()} products are searchable, {seconds:.0f} s after the drawing was done.\n\n"
            f"  shop   {address}/\n"
            f"  admin  {address}/admin/   {create_demo_login()}\n"
            f"  API    {address}/api/v1/docs\n\n"
            f"Try: {' · '.join(QUERIES)}, or drop a picture onto the search box. Ctrl-C stops."
        )
        self.stdout.flush()


class SampleShopLoader(threading.Thread):
    """Loads the shop beside the running processes, as a merchant would from the terminal."""

    def __init__(
        self, command: Command, supervisor: Supervisor, catalog: Path, address: str, *, leave: bool
    ) -> None:
        super().__init__(name="loading", daemon=True)
        self.fault: BaseException | None = None
        self._command = command
        self._supervisor = supervisor
        self._catalog = catalog
        self._address = address
        self._leave = leave

    def run(self) -> None:
        started = time.monotonic()
        try:
            call_command(
                "import_catalog", self._catalog, media=self._catalog.parent / "media", wait=True
            )
            self._command.greet(self._address, time.monotonic() - started)
        except (Exception, SystemExit) as fault:
            self.fault = fault
        if self._leave or self.fault is not None:
            self._supervisor.stop()


def create_demo_login() -> str:
    """A superuser for trying the admin; its password is told once, when it is made."""
    if User.objects.filter(is_superuser=True).exists():
        return "(with the login made before)"
    password = secrets.token_urlsafe(9)
    User.objects.create_superuser("demo", password=password)
    return f"(user demo, password {password})"
