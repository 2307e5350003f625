"""Print a comparison in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tools.bench.index.figures import Comparison, EngineFigures, Ratio
from tools.bench.index.filters import FilterResult
from tools.bench.index.tuning import TARGET


def print_report(comparison: Comparison, console: Console) -> None:
    """Print tables of engines, ratios and filters."""
    spec = comparison.spec
    console.print(
        f"{spec.rows:,} × {spec.dim}, {comparison.cpu}, {comparison.cores} cores; "
        f"recall@10 ≥ {TARGET} on text-like queries"
    )
    console.print(_costs(comparison))
    console.print(_speeds(comparison))
    for skipped in comparison.skipped:
        console.print(f"{skipped.name}: skipped, {skipped.reason}")
    if len(comparison.engines) > 1:
        console.print(_ratios(comparison))
    if comparison.filters:
        console.print(_filters(comparison.filters))


def _costs(comparison: Comparison) -> Table:
    table = Table(
        "engine",
        "what",
        "build s",
        "open s",
        "disk B/vector",
        "private B/vector",
        "mapped B/vector",
    )
    for engine in comparison.engines:
        times = (f"{engine.build_seconds:,.0f}", f"{engine.open_seconds:,.2f}")
        sizes = (
            f"{size:,.0f}"
            for size in (engine.disk_bytes, engine.private_bytes, engine.mapped_bytes)
        )
        table.add_row(f"{engine.name} {engine.version}", engine.about, *times, *sizes)
    return table


def _speeds(comparison: Comparison) -> Table:
    modes = list(comparison.engines[0].rates()) if comparison.engines else []
    table = Table(
        "engine",
        "setting",
        "recall text",
        "recall picture",
        *(f"QPS {mode}" for mode in modes),
        "p50 ms",
        "p99 ms",
    )
    for engine in comparison.engines:
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


def _ratios(comparison: Comparison) -> Table:
    table = Table("ours against", "", "")
    sides = {
        "best raw FAISS": comparison.against_raw(),
        "best other library": comparison.against_peers(),
    }
    for side, ratios in sides.items():
        for mode, against in ratios.items():
            table.add_row(side, mode, _ratio(against))
    for name, ahead in comparison.ahead_of_peers().items():
        table.add_row(name, "faster in every mode", "yes" if ahead else "no")
    for part, share in comparison.memory_by_hnsw().items():
        table.add_row("faiss HNSW32", f"memory, {part}", f"{share:.2f} ×")
    return table


def _ratio(ratio: Ratio) -> str:
    return f"{ratio.ratio:.2f} × {ratio.other}"


def _filters(filters: Sequence[FilterResult]) -> Table:
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
    for result in filters:
        recalls = (result.text_recall, result.picture_recall)
        table.add_row(
            result.kind,
            f"{result.selectivity:.1%}",
            f"{result.views:,}",
            *(f"{value:.3f}" for value in recalls),
            f"{result.full_pages:.0%}",
            f"{result.batch_qps:,.0f}",
            f"{result.single_qps:,.0f}",
            f"{result.p99_ms:.2f}",
        )
    return table
