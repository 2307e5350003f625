"""`manage.py space`: what it says, and how it ends."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from indexer.model_change.claiming import ABANDONED
from tests.indexer.model_change.conftest import SAID, fill_shop
from webapp.catalog.models import ModelChange

pytestmark = pytest.mark.django_db(transaction=True)


def report(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("space", *arguments, "--json", stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """On one line, however narrow the terminal."""
    return " ".join(capsys.readouterr().out.split())


@pytest.fixture
def golden_file(tmp_path: Path) -> str:
    path = tmp_path / "golden.jsonl"
    lines = [
        {"text": said, "relevant": [f"{colour}-0", f"{colour}-1"]} for colour, said in SAID.items()
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return str(path)


def test_a_change_is_printed_and_a_refusal_exits_with_3(
    golden_file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "indexer.management.commands.space.preset_names", lambda: ["taught", "untaught"]
    )
    fill_shop()
    call_command("space", "change", "--to", "taught", "--golden", golden_file)
    shown = printed(capsys)
    assert "untaught → taught" in shown and "6 queries, a golden set" in shown and "mAP" in shown
    assert "in common" in shown and "not get worse" in shown
    with pytest.raises(SystemExit) as ended:
        call_command("space", "change", "--to", "untaught", "--golden", golden_file)
    assert ended.value.code == 3 and "gets worse" in printed(capsys)
    state = report("status")
    assert (state["preset"], state["configured"], state["change"]) == ("taught", "untaught", 1)
    assert state["views"] == 24 and [row["state"] for row in state["changes"]] == [
        "refused",
        "live",
    ]
    call_command("space", "status")
    shown = printed(capsys)
    assert "taught is in use, by change 1" in shown and "OMNISHELF_PRESET is untaught" in shown
    assert report("rollback")["state"] == "rolled_back"
    assert report("status")["preset"] == "untaught"


def test_errors_end_with_1_and_what_may_pass_with_75(
    golden_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "indexer.management.commands.space.preset_names", lambda: ["taught", "untaught"]
    )
    with pytest.raises(CommandError, match="no change of model") as ended:
        call_command("space", "rollback")
    assert ended.value.returncode == 1
    with pytest.raises(CommandError, match="in use already"):
        call_command("space", "change", "--to", "untaught")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("space", "change", "--to", "taught", "--golden", golden_file + ".gone")
    with monkeypatch.context() as patched:

        def stopped(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr("indexer.model_release.release.build_generation", stopped)
        with pytest.raises(CommandError, match="same command resumes") as ended:
            call_command("space", "change", "--to", "taught", "--golden", golden_file)
    assert ended.value.returncode == 130 and report("status")["changes"][0]["interrupted"]
    assert report("rollback")["error"] == ABANDONED
    spaces = {
        "base": "b",
        "space": "b",
        "previous_preset": "c",
        "previous_base": "c",
        "previous_space": "c",
    }
    ModelChange.objects.create(preset="other", claimed_by="elsewhere:1:1", **spaces)
    for arguments in (("change", "--to", "taught", "--golden", golden_file), ("rollback",)):
        with pytest.raises(CommandError, match="under way") as ended:
            call_command("space", *arguments)
        assert ended.value.returncode == 75
