"""`manage.py serve`: run an embedded installation."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandParser, call_command

from indexer.supervisor import embedded_supervisor


class Command(BaseCommand):
    """Serves."""

    help = "Run web server, workers and clock together; Ctrl-C stops all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on")
        parser.add_argument(
            "--web-workers",
            type=int,
            default=1,
            help="number of web processes; they share the memory-mapped index",
        )
        parser.add_argument(
            "--prepare", action="store_true", help="migrate and collect static files first"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C."""
        if options["prepare"]:
            call_command("migrate", interactive=False, verbosity=0)
            call_command("collectstatic", interactive=False, verbosity=0)
        supervisor = embedded_supervisor(
            host=options["host"], port=options["port"], web_workers=options["web_workers"]
        )
        self.stdout.write(f"Omnishelf: http://{options['host']}:{options['port']}/ (Ctrl-C stops)")
        self.stdout.flush()
        supervisor.run()
