"""`manage.py index plan`: memory, disk and cost of indexes of several sizes."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from django.template.defaultfilters import filesizeformat
from rich.table import Table

from search.terminal import make_console
from search.vectors.capacity import GIBIBYTE, Assumptions, plan_capacity

DEFAULT_VIEWS = [10**power for power in range(4, 10)]


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    default = Assumptions()
    parser.add_argument(
        "--views", type=int, nargs="+", default=DEFAULT_VIEWS, help="views of one modality"
    )
    parser.add_argument("--dim", type=int, default=384, help="dimensions of the encoder")
    parser.add_argument(
        "--memory",
        type=float,
        default=default.memory_bytes / GIBIBYTE,
        help="memory of one machine in GiB",
    )
    parser.add_argument(
        "--processes", type=int, default=default.processes, help="searching processes per machine"
    )
    parser.add_argument(
        "--price-memory", type=float, default=default.price_memory_gib, help="$ per GiB and month"
    )
    parser.add_argument(
        "--price-disk",
        type=float,
        default=default.price_disk_gib,
        help="$ per GiB of disk and month",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def make_plans(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row per number of views. Raises ConfigError."""
    assumptions = Assumptions(
        memory_bytes=int(options["memory"] * GIBIBYTE),
        processes=options["processes"],
        price_memory_gib=options["price_memory"],
        price_disk_gib=options["price_disk"],
    )
    return [asdict(plan_capacity(views, options["dim"], assumptions)) for views in options["views"]]


def print_plans(rows: list[dict[str, Any]], options: dict[str, Any]) -> None:
    """Print a table of the plans and their assumptions."""
    table = Table("views", "tier", "index type", "memory", "disk", "machines", "$ per month")
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
        f"Assumed: machines of {options['memory']:g} GiB with {options['processes']} searching "
        f"processes, {options['price_memory']:g} $ per GiB of memory and "
        f"{options['price_disk']:g} $ per GiB of disk a month."
    )
