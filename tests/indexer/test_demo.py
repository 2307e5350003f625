"""The demo says what to do where the sample shop is not installed."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from indexer.management.commands import demo


def test_without_tools_the_demo_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = {name: "indexer" for name in ("demo", "import_catalog", "serve")}
    monkeypatch.setattr(demo, "get_commands", lambda: commands)
    with pytest.raises(CommandError, match=r"tools/ is missing.*import_catalog"):
        call_command("demo")
