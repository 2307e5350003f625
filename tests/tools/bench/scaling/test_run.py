"""All of the benchmark at a size of seconds, and that each of its checks can fail."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from tools.bench.index.data import Spec, generate
from tools.bench.scaling.building import BuildProcess
from tools.bench.scaling.catalogue import resolve_space
from tools.bench.scaling.damage import flip_bits
from tools.bench.scaling.killing import is_intact, kill_builds
from tools.bench.scaling.run import ScalingReport


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A dataset and the index of it."""
    data, root = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("index")
    generate(data, Spec(1_500, 16, 20))
    BuildProcess(data, root, 1).finish()
    return data, root


@pytest.mark.slow
def test_the_command_measures_and_keeps_its_promises() -> None:
    out = StringIO()
    sizes = ("--sizes", "1500", "--dim", "16", "--queries", "40", "--flips", "2")
    call_command(
        "bench_growth", *sizes, "--kills", "2", "--killed-size", "1500", "--json", stdout=out
    )
    report = json.loads(out.getvalue())
    [growth] = report["sizes"]
    assert growth["reading"]["recall"] == {"text": 1.0, "picture": 1.0}
    assert growth["bytes_per_vector"] > 2 * 16
    assert growth["damage"]["files"] >= 8 and growth["damage"]["missed"] == []
    assert (
        report["killing"]["kills"],
        report["killing"]["wrong"],
        report["killing"]["damaged"],
    ) == (2, 0, 0)
    assert report["broken"] == []


def test_an_undetected_flip_is_reported(built: tuple[Path, Path]) -> None:
    data, root = built
    space = resolve_space(generate(data, Spec(1_500, 16, 20)))
    stray = root / space.fingerprint / "generations" / "1" / "stray"
    stray.write_bytes(b"?")
    damage = flip_bits(root, space, 1)
    stray.unlink()
    assert damage.missed == ["stray"]
    report = ScalingReport([], kill_builds(data, root, 2, 0, 0.0))
    assert report.broken == []


def test_a_damaged_generation_is_not_intact(built: tuple[Path, Path]) -> None:
    data, root = built
    dataset = generate(data, Spec(1_500, 16, 20))
    assert is_intact(root, dataset)
    path = next(
        (root / resolve_space(dataset).fingerprint / "generations").glob("*/picture_vectors*")
    )
    body = path.read_bytes()
    path.write_bytes(body[:-1] + b"?")
    assert not is_intact(root, dataset)
    path.write_bytes(body)
