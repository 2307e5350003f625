from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from tools.bench.timing import percentile_ms, rates


def test_rates_use_the_median_and_percentiles_are_in_milliseconds() -> None:
    assert rates({"a": [1.0, 2.0, 9.0]}, 10) == {"a": 5.0}
    assert percentile_ms([0.001, 0.002, 0.003], 50) == pytest.approx(2)


@pytest.mark.slow
def test_the_command_measures_drawings() -> None:
    out = StringIO()
    call_command(
        "bench_encode",
        "--json",
        "--repetitions",
        "1",
        "--products",
        "3",
        "--size",
        "64",
        stdout=out,
    )
    report = json.loads(out.getvalue())
    names = {"fp32", "bf16", "int8"} - report["refused"].keys()
    assert report["chosen"] in names
    for rates_of in (report["pictures"][kind] for kind in ("batch", "single", "with_decoding")):
        assert rates_of.keys() == names | {"eager"} and min(rates_of.values()) > 0
    latency = report["texts"]["latency"]
    assert latency["cached"]["p50"] < latency["uncached"]["p50"] <= latency["uncached"]["p95"]
    assert report["texts"]["concurrent"].keys() == {"one by one", "micro-batched"}
    assert all(
        0 < reached <= 1 for reached in report["mean_average_precision"]["drawings"].values()
    )
    assert report["losses"]["drawings"].keys() == names - {"fp32"}
