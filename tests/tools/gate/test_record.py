"""The bundled encoder must not fall below its recorded accuracy.

After an intended change of heads, towers or preprocessing, run `make gate`.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from torch import nn

from search.encoders.compact.engine import CompactEncoder
from search.evaluation.encoder_eval import evaluate_encoder
from search.evaluation.folder import EvaluationFolder
from tools.gate.record import (
    Category,
    Record,
    find_regressions,
    load_bundled_encoder,
    precisions_by_category,
    read_record,
    shipped_heads_digest,
    write_record,
)
from tools.gate.shop import draw_shop

Head = TypeVar("Head", bound=nn.Module)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gate")]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> EvaluationFolder:
    return draw_shop(tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="module")
def encoder() -> CompactEncoder:
    return load_bundled_encoder()


def randomise(head: Head) -> Head:
    """Return a copy of the head with random weights."""
    damaged = copy.deepcopy(head)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in damaged.parameters():
            weight.copy_(
                torch.randn(weight.shape, generator=generator) / max(1, weight.shape[-1]) ** 0.5
            )
    return damaged


def without_picture_queries(shop: EvaluationFolder) -> EvaluationFolder:
    """A random projection keeps distances, so picture queries hardly notice it."""
    return EvaluationFolder(
        shop.root, shop.catalog, tuple(query for query in shop.queries if query.picture is None)
    )


def test_the_record_belongs_to_the_shipped_heads() -> None:
    assert read_record().heads == shipped_heads_digest(), "the heads changed: run `make gate`"


def test_no_category_falls_below_its_floor(shop: EvaluationFolder, encoder: CompactEncoder) -> None:
    record = read_record()
    found = precisions_by_category(evaluate_encoder(shop, encoder))
    assert {name: precisions.keys() for name, precisions in found.items()} == {
        name: known.precisions.keys() for name, known in record.categories.items()
    }, "the queries are not those of the record: run `make gate`"
    assert find_regressions(found, record) == {}


def test_random_heads_fall_below_every_floor_of_text_queries(
    shop: EvaluationFolder, encoder: CompactEncoder
) -> None:
    heads = randomise(encoder.projection_heads[0]), encoder.projection_heads[1]
    damaged = CompactEncoder(
        encoder.space, encoder.towers, heads, encoder.audio, tower_id=encoder.tower_id
    )
    found = precisions_by_category(evaluate_encoder(without_picture_queries(shop), damaged))
    assert (
        find_regressions(found, read_record()).keys()
        == found.keys()
        == {"colour", "style", "colour and kind"}
    )


def test_the_floor_is_the_lower_bound_of_the_interval() -> None:
    known = Category.from_precisions(
        {str(number): value for number, value in enumerate([0.2, 0.4, 0.6, 0.8, 1.0] * 10)}
    )
    # Standard error of the mean: 0.283 / √50 = 0.04; the bootstrap's lower bound lies 1.96 of it
    # below 0.6.
    assert known.floor == pytest.approx(0.6 - 1.96 * 0.04, abs=0.01)
    record = Record(heads="", categories={"words": known})
    assert find_regressions({"words": {"a": known.floor}}, record) == {}
    assert (
        "is below the floor"
        in find_regressions({"words": {"a": known.floor - 0.001}}, record)["words"]
    )


def test_worse_figures_are_recorded_only_with_lower(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    good = {"words": {str(number): 0.5 + number / 100 for number in range(40)}}
    bad = {"words": {name: value - 0.2 for name, value in good["words"].items()}}
    assert write_record(good, file, lower=False) == []
    assert write_record(bad, file, lower=False) == ["words"]
    assert read_record(file).categories["words"].mean == pytest.approx(0.695)
    assert write_record(bad, file, lower=True) == ["words"]
    assert read_record(file).categories["words"].mean == pytest.approx(0.495)
    assert read_record(file).heads == shipped_heads_digest()


def test_perfect_results_leave_room_for_chance() -> None:
    known = Category.from_precisions({str(number): 1.0 for number in range(60)})
    assert known.floor == 0.95
