"""Planned capacity of indexes of any size."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from search.errors import ConfigError
from search.types import Modality
from search.vectors.capacity import GIBIBYTE, Assumptions, Tier, plan_capacity
from search.vectors.faiss.builder import FaissIndexBuilder
from tests.search.vectors.reference import catalogue, make_space, stream


def test_tiers_follow_each_other_as_views_grow() -> None:
    found = [plan_capacity(10**power, 384) for power in range(4, 10)]
    assert [part.tier for part in found] == [Tier.MEMORY] * 4 + [Tier.DISK, Tier.CLUSTER]
    assert [part.shape for part in found] == [
        "exact",
        "ivf_pq",
        "ivf_pq",
        "ivf_pq",
        "ivf_pq",
        "milvus",
    ]
    assert found[-1].machines > 1 == found[-2].machines
    for less, more in itertools.pairwise(found):
        assert (
            less.memory_bytes < more.memory_bytes and less.dollars_a_month <= more.dollars_a_month
        )


def test_less_memory_maps_the_codes_and_then_needs_more_machines() -> None:
    roomy, tight, cramped = (
        plan_capacity(50_000_000, 384, Assumptions(memory_bytes=gib * GIBIBYTE, processes=8))
        for gib in (128, 12, 4)
    )
    assert (roomy.tier, tight.tier, tight.shape, cramped.tier) == (
        Tier.MEMORY,
        Tier.DISK,
        "ivf_mapped",
        Tier.CLUSTER,
    )
    assert roomy.machines == tight.machines == 1 < cramped.machines


def test_the_price_is_of_machines_and_disks() -> None:
    assumed = Assumptions(memory_bytes=10 * GIBIBYTE, price_memory_gib=2.0, price_disk_gib=0.0)
    assert plan_capacity(1_000, 8, assumed).dollars_a_month == 20.0


def test_real_files_have_the_planned_size(tmp_path: Path) -> None:
    manifest = FaissIndexBuilder(tmp_path, make_space()).build(stream(catalogue(2_000)), 1)
    [segment] = [part for part in manifest.segments if part.modality is Modality.PICTURE]
    planned = plan_capacity(segment.views, 16, Assumptions(generations=1)).disk_bytes
    assert planned == pytest.approx(segment.bytes, rel=0.05)


@pytest.mark.parametrize(("views", "dim"), [(0, 8), (8, 0)])
def test_no_views_or_no_components_are_refused(views: int, dim: int) -> None:
    with pytest.raises(ConfigError):
        plan_capacity(views, dim)
