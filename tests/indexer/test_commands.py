"""Every management command of the indexer, as far as its help."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import pytest
from django.core.management import load_command_class

import indexer

NAMES = [
    module.name
    for module in pkgutil.iter_modules([str(Path(indexer.__file__).parent / "management/commands")])
]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_loads_and_tells_what_it_does(name: str) -> None:
    command = load_command_class("indexer", name)
    assert command.help
    assert command.create_parser("manage.py", name).format_help()
