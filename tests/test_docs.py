"""The documentation matches the code."""

from __future__ import annotations

import re

import pytest
from pydantic_settings import BaseSettings

from search.config import EngineSettings
from tests.support.paths import ROOT
from webapp.config import WebSettings


@pytest.mark.parametrize("model", [EngineSettings, WebSettings])
def test_every_setting_is_documented_with_its_meaning(model: type[BaseSettings]) -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for name, field in model.model_fields.items():
        assert re.search(
            rf"\| `OMNISHELF_{name.upper()}` \| .*\| {re.escape(field.description or '?')} \|", page
        ), name


def test_no_documented_setting_is_unknown() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    known = {
        f"OMNISHELF_{name.upper()}"
        for model in (EngineSettings, WebSettings)
        for name in model.model_fields
    }
    assert set(re.findall(r"OMNISHELF_[A-Z0-9_]+", page)) == known


def test_make_targets_named_in_the_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", (ROOT / "README.md").read_text("utf-8")))
    assert named, "the README names the commands"
    assert named <= targets


def test_paths_named_in_the_contributing_page_exist() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = re.findall(r"`((?:search|webapp|indexer|tools|tests|docs)/[\w./]*)`", page)
    assert len(named) >= 15, "the page is a map of the code"
    assert [path for path in named if not (ROOT / path).exists()] == []
