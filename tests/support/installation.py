"""A whole installation of its own in a temporary folder: database, queue, files, and real
processes."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

from indexer.processes import ProcessSpec, beat_process, web_process, worker_process
from tests.support.paths import ROOT
from tests.support.warm_process import WarmProcess


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Installation:
    """`database_url` names a PostgreSQL server (a database of its own is made there), empty
    means SQLite.

    `broker_url` names a Redis server (its databases 1 to 15 are used in turn), empty means the
    embedded broker. `settings` are further OMNISHELF_ variables, without the prefix. Use as a
    context manager: leaving stops all.
    """

    def __init__(
        self, folder: Path, database_url: str = "", broker_url: str = "", **settings: str
    ) -> None:
        self.var = folder / "var"
        self.var.mkdir(parents=True, exist_ok=True)
        self.log = folder / "processes.log"
        self.log.touch()
        self._server = database_url
        self.env = self._environment(database_url, _own_redis(broker_url), settings)
        self._processes: list[WarmProcess] = []
        if database_url:
            with psycopg.connect(database_url, autocommit=True) as server:
                server.execute(f'CREATE DATABASE "{self._database_name}"')

    def _environment(
        self, database_url: str, broker_url: str, settings: dict[str, str]
    ) -> dict[str, str]:
        env = {
            name: value for name, value in os.environ.items() if not name.startswith("OMNISHELF_")
        }
        env |= {
            "OMNISHELF_VAR_DIR": str(self.var),
            "OMNISHELF_SECRET_KEY": secrets.token_urlsafe(60),
        }
        env |= {"OMNISHELF_BROKER_URL": broker_url, "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        if database_url:
            self._database_name = f"omnishelf_{uuid.uuid4().hex[:12]}"
            env["OMNISHELF_DATABASE_URL"] = urlunsplit(
                urlsplit(database_url)._replace(path=f"/{self._database_name}")
            )
        return env | {f"OMNISHELF_{name.upper()}": value for name, value in settings.items()}

    def __enter__(self) -> Installation:
        self.manage("migrate", "--verbosity", "0")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def manage(
        self, *args: str, check: bool = True, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run a management command. Raises AssertionError with its output when it fails and
        `check` is set."""
        name = uuid.uuid4().hex
        out, err = self.var.parent / f"{name}.out", self.var.parent / f"{name}.err"
        command = [sys.executable, str(ROOT / "manage.py"), *args]
        process = WarmProcess(command, self.env, stdout=out, stderr=err)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        done = subprocess.CompletedProcess(command, status, out.read_text(), err.read_text())
        assert not check or done.returncode == 0, (
            f"{args} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
        return done

    def fill(self, code: str) -> None:
        """Run code that makes products, encode them and build an index."""
        encode = 'from django.core.management import call_command; call_command("encode")'
        self.shell(f"{code}\n{encode}")
        self.manage("index", "build")

    def shell(self, code: str) -> str:
        """Run Python code in a process of this installation. Returns what it printed."""
        return self.manage("shell", "--verbosity", "0", "--command", code).stdout

    def start(self, spec: ProcessSpec) -> WarmProcess:
        process = WarmProcess(
            spec.command, {**spec.environment, **self.env}, stdout=self.log, stderr=self.log
        )
        self._processes.append(process)
        return process

    def start_worker(self, *, ready: bool = True) -> WarmProcess:
        """A real Celery worker on all queues; returns when it takes tasks (unless `ready` is
        False)."""
        seen = self.log.stat().st_size
        process = self.start(worker_process(name=f"worker-{uuid.uuid4().hex[:8]}"))
        if ready:
            self.wait_for(
                lambda: b" ready." in self.log.read_bytes()[seen:], what="the worker to be ready"
            )
        return process

    def start_beat(self) -> WarmProcess:
        return self.start(beat_process())

    def start_web(self) -> str:
        """gunicorn on a free port, static files collected. Returns the base address when it
        answers."""
        self.manage("collectstatic", "--no-input", "--verbosity", "0")
        port = free_port()
        self.start(web_process(host="127.0.0.1", port=port))
        address = f"http://127.0.0.1:{port}"
        self.wait_for(lambda: _answers(address), what="the web process to answer")
        return address

    def kill(self, process: WarmProcess) -> None:
        """SIGKILL to the process and everything it started: nothing gets a chance to tidy up."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._processes.remove(process)

    def stop(self) -> None:
        """Stop every process (politely, then by force) and drop the PostgreSQL database."""
        for process in self._processes:
            process.terminate()
        for process in list(self._processes):
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.kill(process)
        self._processes.clear()
        if self._server:
            with psycopg.connect(self._server, autocommit=True) as server:
                server.execute(f'DROP DATABASE IF EXISTS "{self._database_name}" WITH (FORCE)')

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement with %s for values, straight from the database file or server."""
        if self._server:
            with psycopg.connect(self.env["OMNISHELF_DATABASE_URL"]) as connection:
                return connection.execute(sql.encode(), values).fetchall()
        with closing(sqlite3.connect(self.var / "omnishelf.sqlite3", timeout=30)) as connection:
            return connection.execute(sql.replace("%s", "?"), values).fetchall()

    def wait_for(
        self,
        condition: Callable[[], bool],
        *,
        what: str,
        seconds: float = 60,
        every: float = 0.05,
    ) -> None:
        """Poll until `condition` holds. Raises AssertionError with the end of the log after
        `seconds`."""
        for _ in _ticks(seconds, every):
            if condition():
                return
        tail = self.log.read_text(errors="replace")[-4000:]
        raise AssertionError(f"waited {seconds} s for {what}:\n{tail}")


def _own_redis(server: str) -> str:
    """A database of its own on this server, emptied."""
    if not server:
        return ""
    number = int(redis.Redis.from_url(server).incr("omnishelf-test-installations")) % 15 + 1
    url = urlunsplit(urlsplit(server)._replace(path=f"/{number}"))
    redis.Redis.from_url(url).flushdb()
    return url


def _ticks(seconds: float, every: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(every)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
    except HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True
