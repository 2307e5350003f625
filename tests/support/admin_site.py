"""A catalogue manager at the admin, in a browser."""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import FilePayload, Page, expect

from tests.support.installation import Installation

MADE = """
from django.contrib.auth.models import User
User.objects.create_superuser('manager', password={!r})
"""


def sign_in(page: Page, site: Installation) -> None:
    """As a manager who is made for it."""
    password = secrets.token_urlsafe(12)
    site.shell(MADE.format(password))
    page.goto("/admin/")
    page.locator("[name=username]").fill("manager")
    page.locator("[name=password]").fill(password)
    page.keyboard.press("Enter")
    expect(page.locator("#user-tools")).to_be_visible()


def upload(page: Page, row: Mapping[str, Any], media: Mapping[str, bytes]) -> None:
    """Hand in a product with its media on the upload page, and watch until everything of it can
    be found."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in media.items():
            archive.writestr(name, content)
    page.goto("/admin/catalog/upload/add/")
    table = json.dumps(row).encode()
    rows = FilePayload(name="rows.jsonl", mimeType="application/jsonl", buffer=table)
    zipped = FilePayload(name="media.zip", mimeType="application/zip", buffer=packed.getvalue())
    page.set_input_files("[name=file]", rows)
    page.set_input_files("[name=media_zip]", zipped)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#upload-progress")).to_contain_text(
        "All products of this upload can be found."
    )
