"""Robots, languages, error pages and translations."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.test import Client

from tests.support.encoders import ColourEncoder
from webapp.shop.templatetags.shop import facts

TEMPLATES = [*Path(settings.BASE_DIR, "webapp").rglob("templates/**/*.html")]
CHINESE = Path(settings.BASE_DIR, "webapp/locale/zh_Hans/LC_MESSAGES")


def test_robots_and_icon(client: Client) -> None:
    robots = client.get("/robots.txt")
    assert robots["Content-Type"] == "text/plain; charset=utf-8"
    assert "Disallow: /search" in robots.content.decode()
    assert client.get("/favicon.ico")["Location"].endswith("shop/icon.svg")


@pytest.mark.django_db
def test_the_chosen_language_is_kept(client: Client, encoder: ColourEncoder) -> None:
    assert "Search by words or by picture" in client.get("/").content.decode()
    response = client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/search?q=a"})
    assert response["Location"] == "/search?q=a"
    page = client.get("/").content.decode()
    assert "用文字或图片搜索" in page
    assert 'lang="zh-Hans" aria-pressed="true"' in page


@pytest.mark.django_db
def test_a_form_without_a_csrf_token_shows_an_error_page(encoder: ColourEncoder) -> None:
    response = Client(enforce_csrf_checks=True).post("/i18n/setlang/", {"language": "zh-hans"})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


@pytest.mark.django_db
def test_a_malformed_body_shows_an_error_page(client: Client, encoder: ColourEncoder) -> None:
    response = client.post("/search", b"--x\r\nbroken", content_type="multipart/form-data")
    assert response.status_code == 400


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_inline_scripts(template: Path) -> None:
    """The content security policy would not run it."""
    text = template.read_text()
    assert all(
        "src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", text)
    )
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text)


def test_every_message_is_translated_into_chinese() -> None:
    catalogue = read_po(BytesIO((CHINESE / "django.po").read_bytes()))
    for message in catalogue:
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts) or not message.id, f"not translated: {message.id}"
        assert message.id == "" or not message.fuzzy, f"not checked: {message.id}"


def test_compiled_messages_match_their_source() -> None:
    source = read_po(BytesIO((CHINESE / "django.po").read_bytes()))
    compiled = read_mo(BytesIO((CHINESE / "django.mo").read_bytes()))
    assert {_first(message.id): _first(message.string) for message in source if message.id} == {
        _first(message.id): _first(message.string) for message in compiled if message.id
    }


def test_facts_leave_out_empty_values() -> None:
    values = {
        "colour": ["red", "blue"],
        "second_size": 4,
        "boxed": True,
        "notes": "",
        "tags": [],
        "age": None,
    }
    assert facts(values) == [("Colour", "red, blue"), ("Second size", "4"), ("Boxed", "yes")]


def _first(words: str | list[str] | tuple[str, ...] | None) -> str:
    """Chinese has one plural form; source and compiled file hold it in different containers."""
    return words if isinstance(words, str) else (words or [""])[0]
