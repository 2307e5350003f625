"""A running shop that tests look at in a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.support.installation import Installation
from tests.support.paths import ROOT
from tools.sample_shop.writer import write_sample_shop

DRAWN, PRODUCTS = 12, 28
AXE = (ROOT / "tests" / "e2e" / "vendor" / "axe-4.14.1.min.js").read_text()


class Shop:
    """A running shop: its address, the rows it was loaded from, and where their pictures lie."""

    def __init__(self, site: Installation, rows: list[dict[str, Any]], media: Path) -> None:
        self.site = site
        self.address = site.start_web()
        self.rows = rows
        self.media = media

    def row(self, kind: str) -> dict[str, Any]:
        return next(row for row in self.rows if row["images"][0].startswith(f"{kind}/"))

    def picture(self, row: dict[str, Any]) -> Path:
        return self.media / str(row["images"][0])

    def clicks(self) -> list[tuple[Any, ...]]:
        """What the click log holds: query and count."""
        return self.site.query("SELECT query, count FROM shop_clickcount ORDER BY query")

    def pages(self) -> list[str]:
        sku = self.rows[0]["sku"]
        return [
            "/",
            "/search?q=red",
            "/search?price_min=90000",
            "/search?price_min=9&price_max=2",
            f"/p/{sku}/",
            "/p/-/",
        ]


def write_catalogue(folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """Drawn products, and more of the same so that results take two pages."""
    catalogue = write_sample_shop(folder, products=DRAWN, clips=False, size=160, workers=2)
    drawn = [json.loads(line) for line in catalogue.read_text().splitlines()]
    more = [
        {**drawn[n % DRAWN], "sku": f"MORE-{n}", "title": f"Spare part {n}"}
        for n in range(PRODUCTS - DRAWN)
    ]
    catalogue.write_text("".join(json.dumps(row) + "\n" for row in [*drawn, *more]))
    return catalogue, drawn


def violations(page: Page, path: str) -> list[str]:
    """What axe-core calls serious or critical, with the elements concerned."""
    page.goto(path)
    page.evaluate(AXE)
    result = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{fault['id']}: {[node['target'] for node in fault['nodes'][:3]]}"
        for fault in result["violations"]
        if fault["impact"] in {"serious", "critical"}
    ]
