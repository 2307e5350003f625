"""A change of model by real processes: search answers all the while, a kill changes nothing, the
way back is exact."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.search.encoders.tiny_open_clip import SIGLIP, write_checkpoint
from tests.support.installation import Installation
from tests.support.paths import ROOT

NEW = "clip-b32-laion2b"
FILL = """
from tests.indexer.model_change.conftest import COLOURS, add_square
for number, colour in enumerate(COLOURS):
    for n in range(8):
        add_square(f"{colour}-{n}", colour, 10 * number + n)
"""
ARRIVE = """
from tests.indexer.model_change.conftest import add_square
from webapp.celery import ENCODE_QUEUED, notify_worker
add_square("red-new", "red", 99)
notify_worker(ENCODE_QUEUED)
"""

Found = list[tuple[str, float]]


def found(address: str) -> Found:
    body = json.dumps({"text": "a photo of a red square", "limit": 60}).encode()
    asked = urllib.request.Request(
        f"{address}/api/v1/search", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=120) as answer:
        content: dict[str, Any] = json.load(answer)
    return [(hit["sku"], hit["score"]) for hit in content["hits"]]


def change(site: Installation, golden: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "manage.py",
        "space",
        "change",
        "--to",
        NEW,
        "--golden",
        str(golden),
        "--force",
    ]
    return subprocess.Popen(
        command, cwd=ROOT, env=site.env, stderr=subprocess.DEVNULL, start_new_session=True
    )


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("installation", ["embedded"], indirect=True)
def test_search_goes_on_while_the_model_is_changed_and_back(
    installation: Installation, tmp_path: Path
) -> None:
    site = installation
    site.env["OMNISHELF_THROTTLE_ANONYMOUS"] = "100000/min"
    site.env["OMNISHELF_WEIGHTS_DIR"] = str(tmp_path / "weights")
    write_checkpoint(tmp_path / "weights" / NEW, SIGLIP | {"embed_dim": 512}, trained=True)
    golden = tmp_path / "golden.jsonl"
    golden.write_text(
        json.dumps({"text": "a photo of a red square", "relevant": ["red-0", "red-1"]})
    )
    site.fill(FILL)
    address = site.start_web()
    before = found(address)

    killed = change(site, golden)
    site.wait_for(
        lambda: bool(site.query("SELECT 1 FROM catalog_modelchange")), what="the change to begin"
    )
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert found(address) == before
    assert "interrupted" in json.dumps(json.loads(site.manage("space", "status", "--json").stdout))

    site.start_worker()
    site.shell(ARRIVE)
    site.wait_for(
        lambda: len(found(address)) == len(before) + 1, what="the arrival, in the old space"
    )
    between = found(address)
    seen: list[Found] = []

    def ended() -> bool:
        seen.append(found(address))
        return running.poll() is not None

    running = change(site, golden)
    site.wait_for(ended, what="the change to end", seconds=300, every=0.5)
    assert running.returncode == 0 and site.query("SELECT id, state FROM catalog_modelchange") == [
        (1, "live")
    ]
    site.wait_for(lambda: found(address) != between, what="the web process to follow")
    after = found(address)
    assert all(each in (between, after) for each in seen), "an answer of neither space"
    assert {sku for sku, _ in after[:9]} == {"red-new", *(f"red-{n}" for n in range(8))}

    site.manage("space", "rollback")
    site.wait_for(lambda: found(address) == between, what="the former answers")
    assert site.query("SELECT state FROM catalog_modelchange") == [("rolled_back",)]
