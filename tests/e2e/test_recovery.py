"""Work goes on whatever is lost: messages, workers, and the broker itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request

import pytest

from tests.support.installation import Installation, free_port
from tests.support.paths import ROOT

ADD = """
from tests.support.catalogue import add_product, picture_bytes
from webapp.retrieval.models_runtime import active_space
space = active_space().fingerprint
for n in range({start}, {start} + 3):
    add_product(f"p{{n}}", title=f"a thing {{n}}", pictures=[picture_bytes(n)], space=space)
"""


def done(site: Installation) -> int:
    return int(site.query("SELECT count(*) FROM catalog_indexjob WHERE state = %s", "done")[0][0])


@pytest.mark.e2e
@pytest.mark.slow
def test_jobs_nobody_was_woken_for_are_encoded_and_a_generation_published(
    installation: Installation,
) -> None:
    site = installation
    site.env["OMNISHELF_SWEEP_EVERY_S"] = "1"
    site.shell(ADD.format(start=0))
    output = site.manage("encode").stdout
    assert "3 picture" in output and "3 text" in output and "0 failed in all" in output
    assert done(site) == 6

    site.shell(ADD.format(start=3))
    worker = site.start_worker(ready=False)
    site.wait_for(lambda: done(site) == 12, what="the sweep at the worker's start")
    live = "SELECT views FROM catalog_indexgeneration WHERE state = %s"
    site.wait_for(lambda: site.query(live, "live") == [(12,)], what="a generation")

    site.shell(ADD.format(start=6))
    site.start_beat()
    site.wait_for(lambda: done(site) == 18, what="the sweep that the clock asks for")
    site.kill(worker)


@pytest.mark.e2e
@pytest.mark.slow
def test_a_reader_reports_a_damaged_generation_and_it_is_built_again(
    installation: Installation,
) -> None:
    site = installation
    site.fill(ADD.format(start=0))
    site.start_worker()
    damaged = next(site.var.rglob("generations/1/picture_vectors.f16.npy"))
    body = bytearray(damaged.read_bytes())
    body[-1] ^= 1
    damaged.write_bytes(body)
    found = site.shell(
        "from webapp.retrieval.models_runtime import live_index;"
        "print('views', live_index().count())"
    )
    assert "views 6" in found, "the stored embeddings answer for the damaged file"
    live = "SELECT number FROM catalog_indexgeneration WHERE state = %s"
    site.wait_for(lambda: site.query(live, "live") == [(2,)], what="another generation")
    assert "intact: generation 2: 6 views" in site.manage("index", "verify").stdout


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_serve_runs_everything_and_stops_everything(installation: Installation) -> None:
    site, port = installation, free_port()
    site.shell(ADD.format(start=0))
    with site.log.open("ab") as log:
        serve = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", str(port)],
            cwd=ROOT,
            env=site.env,
            stdout=log,
            stderr=log,
        )
    try:
        site.wait_for(lambda: answers(port), what="the web process")
        site.wait_for(lambda: done(site) == 6, what="the worker", seconds=120)
    finally:
        serve.send_signal(signal.SIGINT)
        assert serve.wait(timeout=60) == 0
    assert not answers(port)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
