"""`manage.py index plan`: what indexes of several sizes would need."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from django.template.defaultfilters import filesizeformat
from rich.table import Table

from search.terminal import make_console
from search.vectors.capacity import GIBIBYTE, Assumptions, plan_capacity

LADDER = [10**power for power in range(4, 10)]


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    default = Assumptions()
    parser.add_argument(
        "--views", type=int, nargs="+", default=LADDER, help="views of one modality"
    )
    parser.add_argument("--dim", type=int, default=384, help="dimensions of the encoder")
    parser.add_argument(
        "--memory", type=float, default=default.memory_bytes / GIBIBYTE, help="GiB of one machine"
    )
    parser.add_argument(
        "--processes", type=int, default=default.processes, help="processes that search on it"
    )
    parser.add_argument(
        "--price-memory", type=float, default=default.price_memory_gib, help="$ a GiB and month"
    )
    parser.add_argument(
        "--price-disk", type=float, default=default.price_disk_gib, help="$ a GiB of disk and month"
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def plans(options: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each number of views. Raises ConfigError."""
    assumed = Assumptions(
        memory_bytes=int(options["memory"] * GIBIBYTE),
        processes=options["processes"],
        price_memory_gib=options["price_memory"],
        price_disk_gib=options["price_disk"],
    )
    return [asdict(plan_capacity(views, options["dim"], assumed)) for views in options["views"]]


def print_plans(rows: list[dict[str, Any]], options: dict[str, Any]) -> None:
    table = Table("views", "kept in", "shape", "memory", "disk", "machines", "$ a month")
    for row in rows:
        table.add_row(
            f"{row['views']:,}",
            row["tier"],
            row["shape"],
            filesizeformat(row["memory_bytes"]),
            filesizeformat(row["disk_bytes"]),
            str(row["machines"]),
            f"{row['dollars_a_month']:,.0f}",
        )
    console = make_console()
    console.print(table)
    console.print(
        f"Assumed: machines of {options['memory']:g} GiB with {options['processes']} searching processes, "
        f"{options['price_memory']:g} $ a GiB of memory and {options['price_disk']:g} $ a GiB of disk each month."
    )
