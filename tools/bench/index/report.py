"""A comparison in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tools.bench.index.figures import Comparison, EngineFigures, Ratio
from tools.bench.index.filters import Filtered
from tools.bench.index.tuning import TARGET


def print_report(found: Comparison, console: Console) -> None:
    """Tables of engines, ratios and filters."""
    spec = found.spec
    console.print(
        f"{spec.rows:,} × {spec.dim}, {found.cpu}, {found.cores} cores; recall@10 ≥ {TARGET} on text-like queries"
    )
    console.print(_costs(found))
    console.print(_speeds(found))
    for left in found.left:
        console.print(f"{left.name}: left out, {left.reason}")
    if len(found.engines) > 1:
        console.print(_ratios(found))
    if found.filters:
        console.print(_filters(found.filters))


def _costs(found: Comparison) -> Table:
    table = Table(
        "engine",
        "what",
        "build s",
        "open s",
        "disk B/vector",
        "private B/vector",
        "mapped B/vector",
    )
    for engine in found.engines:
        taken = (f"{engine.build_seconds:,.0f}", f"{engine.open_seconds:,.2f}")
        sizes = (
            f"{size:,.0f}"
            for size in (engine.disk_bytes, engine.private_bytes, engine.mapped_bytes)
        )
        table.add_row(f"{engine.name} {engine.version}", engine.about, *taken, *sizes)
    return table


def _speeds(found: Comparison) -> Table:
    ways = list(found.engines[0].rates()) if found.engines else []
    table = Table(
        "engine",
        "setting",
        "recall text",
        "recall picture",
        *(f"QPS {way}" for way in ways),
        "p50 ms",
        "p99 ms",
    )
    for engine in found.engines:
        recalls = (
            f"{engine.text_recall:.3f}{'' if engine.reached else ' (missed)'}",
            f"{engine.picture_recall:.3f}",
        )
        rates = (f"{rate:,.0f}" for rate in engine.rates().values())
        table.add_row(
            engine.name,
            _setting(engine),
            *recalls,
            *rates,
            f"{engine.p50_ms:.2f}",
            f"{engine.p99_ms:.2f}",
        )
    return table


def _setting(engine: EngineFigures) -> str:
    return ", ".join(f"{name} {value}" for name, value in engine.setting.items())


def _ratios(found: Comparison) -> Table:
    table = Table("ours beside", "", "")
    sides = {"best raw FAISS": found.against_raw(), "best other peer": found.against_peers()}
    for side, ratios in sides.items():
        for way, against in ratios.items():
            table.add_row(side, way, _ratio(against))
    for name, ahead in found.ahead_of_peers().items():
        table.add_row(name, "ahead in every way", "yes" if ahead else "no")
    for part, share in found.memory_by_hnsw().items():
        table.add_row("faiss HNSW32", f"memory, {part}", f"{share:.2f} ×")
    return table


def _ratio(against: Ratio) -> str:
    return f"{against.ratio:.2f} × {against.other}"


def _filters(filters: list[Filtered]) -> Table:
    table = Table(
        "filter",
        "selectivity",
        "views",
        "recall text",
        "recall picture",
        "full pages",
        "QPS batch",
        "QPS single",
        "p99 ms",
    )
    for found in filters:
        recalls = (found.text_recall, found.picture_recall)
        table.add_row(
            found.kind, f"{found.selectivity:.1%}", f"{found.views:,}", *(f"{value:.3f}" for value in recalls),
            f"{found.full_pages:.0%}", f"{found.batch_qps:,.0f}", f"{found.single_qps:,.0f}", f"{found.p99_ms:.2f}",
        )  # fmt: skip
    return table
