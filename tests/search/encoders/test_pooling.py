from __future__ import annotations

import pytest
import torch
from torch import Tensor

from search.encoders.compact.colour import BINS, foreground_weights, rgb_to_lab, soft_histograms
from search.encoders.compact.network import MEAN, SCALE, SIDE
from search.encoders.compact.pooling import (
    FEATURES,
    GRID,
    LAST,
    LAST_CHANNELS,
    LAYOUT,
    LAYOUT_CHANNELS,
    MIDDLE,
    pool_features,
    pool_region_features,
)

SIDES = {"stage3": 28, "stage5": 14, "stage6": 7}


def some_maps(pictures: int) -> dict[str, Tensor]:
    torch.manual_seed(0)
    maps = {
        name: torch.randn(pictures, channels, SIDES[name], SIDES[name])
        for name, channels in MIDDLE.items()
    }
    maps[LAST] = torch.rand(pictures, LAST_CHANNELS, GRID, GRID)
    maps[LAYOUT] = torch.randn(pictures, LAYOUT_CHANNELS, GRID, GRID)
    return maps


def plain(*rgb: int) -> Tensor:
    """A prepared picture of one colour, (1, 3, 224, 224)."""
    return ((torch.tensor(rgb).float() - MEAN) / SCALE)[None, :, None, None].expand(
        1, 3, SIDE, SIDE
    )


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        # Published values of the sRGB primaries under D65.
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_lab_agrees_with_published_values(
    rgb: tuple[int, int, int], expected: tuple[float, float, float]
) -> None:
    found = rgb_to_lab(torch.tensor(rgb).float()[None, :, None, None] / 255).flatten()
    assert found.tolist() == pytest.approx(expected, abs=0.6)


def test_a_histogram_counts_every_pixel_once_and_in_its_own_cell() -> None:
    colours = rgb_to_lab(torch.rand(2, 3, 28, 28))
    (found,) = soft_histograms(colours, [torch.ones(2, 1, 28, 28)], GRID)
    assert found.shape == (2, BINS, GRID, GRID)
    assert torch.allclose(found.sum(1), torch.ones(2, GRID, GRID), atol=1e-4)
    other = colours.clone()
    other[:, :, :4, 4:8] = 0
    (again,) = soft_histograms(other, [torch.ones(2, 1, 28, 28)], GRID)
    changed = (again - found).abs().sum(1) > 1e-4
    assert changed[:, 0, 1].all() and changed.sum() == 2


def test_pixels_unlike_the_border_are_foreground() -> None:
    picture = torch.ones(1, 3, 28, 28)
    picture[:, :2, 10:18, 10:18] = 0
    weights = foreground_weights(rgb_to_lab(picture))[0, 0]
    assert weights[12:16, 12:16].min() > 1 > 0.1 > weights[0].max()


def test_colour_alone_changes_only_the_colour_features() -> None:
    maps = some_maps(1)
    red, blue = (pool_features(maps, plain(*rgb)) for rgb in ((200, 20, 20), (20, 20, 200)))
    assert red.shape == (1, FEATURES)
    differs = (red - blue).abs()[0] > 1e-4
    assert differs.any() and not differs[: FEATURES - 2 * (BINS + 3)].any()


def test_features_are_the_documented_statistics() -> None:
    maps = some_maps(2)
    found = pool_features(maps, plain(10, 20, 30).expand(2, -1, -1, -1))
    assert torch.allclose(found[:, :1280], maps[LAST].mean((2, 3)), atol=1e-5)
    assert torch.allclose(found[:, 1280:2560], maps[LAST].amax((2, 3)))
    deviation = maps["stage3"].flatten(2).std(2, correction=0)
    assert torch.allclose(found[:, 2560 + 344 : 2560 + 384], deviation, atol=1e-4)
    corner = maps[LAYOUT][:, :, 3:, :4].mean((2, 3))
    assert torch.allclose(found[:, 2560 + 688 + 640 : 2560 + 688 + 960], corner, atol=1e-5)


def test_a_region_sees_its_own_cells_and_no_others() -> None:
    maps, pixels = some_maps(1), plain(120, 60, 30).clone()
    before = pool_region_features(maps, pixels)
    assert before.shape == (1, GRID, GRID, FEATURES)
    maps[LAST][:, :, 2, 3] += 5
    changed = (pool_region_features(maps, pixels) - before).abs().amax(-1)[0] > 1e-4
    expected = torch.zeros(GRID, GRID, dtype=torch.bool)
    expected[1:4, 2:5] = True
    assert torch.equal(changed, expected)


def test_a_picture_of_one_colour_has_finite_features() -> None:
    maps = {name: torch.zeros_like(found) for name, found in some_maps(1).items()}
    for rgb in ((0, 0, 0), (255, 255, 255)):
        assert torch.isfinite(pool_features(maps, plain(*rgb))).all()
        assert torch.isfinite(pool_region_features(maps, plain(*rgb))).all()
