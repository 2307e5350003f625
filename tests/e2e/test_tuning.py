"""Tuning by real processes: search answers all the while, a kill changes nothing, a rollback
brings everything back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

from tests.support.installation import Installation
from tests.support.paths import ROOT

FILL = """
from tests.support.colour_shop import fill_shop
from webapp.retrieval.models_runtime import active_space
fill_shop(220, space=active_space().fingerprint)
"""
ASK = """
from django.contrib.auth.models import User
from webapp.catalog.services.tunings import request_tuning
user = User.objects.create_user("merchant")
print(request_tuning(preset="compact", dry_run=False, from_clicks=False, user=user).pk)
"""
TAKE_BACK = """
from webapp.catalog.models import Tuning
from webapp.catalog.services.tunings import request_rollback
assert request_rollback(tuning=Tuning.objects.get(state="live"))
"""


def states(site: Installation) -> list[str]:
    return [state for (state,) in site.query("SELECT state FROM catalog_tuning ORDER BY id")]


def found(address: str) -> list[tuple[str, float]]:
    body = json.dumps({"text": "red mugs", "limit": 50}).encode()
    asked = urllib.request.Request(
        f"{address}/api/v1/search", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=120) as answer:
        content: dict[str, Any] = json.load(answer)
    return [(hit["sku"], hit["score"]) for hit in content["hits"]]


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("installation", ["served"], indirect=True)
def test_search_goes_on_while_a_worker_tunes_and_takes_back(installation: Installation) -> None:
    site = installation
    site.env["OMNISHELF_THROTTLE_ANONYMOUS"] = "100000/min"
    site.fill(FILL)
    address = site.start_web()
    before = found(address)

    killed = subprocess.Popen(
        [sys.executable, "manage.py", "tune"],
        cwd=ROOT,
        env=site.env,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    site.wait_for(
        lambda: "training" in str(site.query("SELECT stage FROM catalog_tuning")),
        what="the training",
        seconds=240,
    )
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert found(address) == before

    site.start_worker()
    site.wait_for(
        lambda: states(site) == ["failed"], what="the sweep to notice the dead process", seconds=120
    )
    assert "interrupted" in site.query("SELECT error FROM catalog_tuning")[0][0]
    site.shell(ASK)

    def ended() -> bool:
        assert len(found(address)) == len(before), "there is no moment without answers"
        return states(site)[-1] not in {"queued", "running"}

    site.wait_for(ended, what="the worker to tune", seconds=400, every=0.5)
    assert states(site) == ["failed", "live"], site.query("SELECT state, error FROM catalog_tuning")
    site.wait_for(lambda: found(address) != before, what="the web process to follow")

    site.shell(TAKE_BACK)
    site.wait_for(
        lambda: states(site) == ["failed", "rolled_back"],
        what="the worker to take it back",
        seconds=120,
    )
    site.wait_for(lambda: found(address) == before, what="the former answers")
