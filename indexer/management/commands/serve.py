"""`manage.py serve`: the whole embedded installation in one command."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandParser, call_command

from indexer.processes import beat_process, web_process, worker_process
from indexer.supervisor import Supervisor


class Command(BaseCommand):
    help = "Run web, workers and beat together; Ctrl-C stops all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on")
        parser.add_argument("--web-workers", type=int, default=1, help="web processes; they share the mapped index")
        parser.add_argument("--prepare", action="store_true", help="migrate and collect static files first")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["prepare"]:
            call_command("migrate", interactive=False, verbosity=0)
            call_command("collectstatic", interactive=False, verbosity=0)
        supervisor = Supervisor(
            [
                web_process(host=options["host"], port=options["port"], workers=options["web_workers"]),
                # An import keeps its thread for long, and must not keep the encoder waiting for one.
                worker_process(name="importer", queues=("import",), threads=2),
                worker_process(name="indexer", queues=("encode", "index"), threads=3),
                beat_process(),
            ]
        )
        self.stdout.write(f"Omnishelf: http://{options['host']}:{options['port']}/ (Ctrl-C stops)")
        self.stdout.flush()
        supervisor.run()
