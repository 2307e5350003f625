"""INT8 and ONNX Runtime for the picture network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from search.config import EngineSettings, Precision
from search.encoders.compact.int8 import RANGES, int8_digest, quantise
from search.encoders.compact.network import SIDE, load_network
from search.encoders.compact.onnx_backend import OnnxBackend, build_onnx_model
from search.encoders.compact.pooling import MAPS
from search.encoders.device import require_int8
from search.encoders.registry import resolve_space
from search.errors import ConfigError, InvalidWeights, WeightsMissing


def settings(precision: Precision) -> EngineSettings:
    return EngineSettings(device="cpu", precision=precision)


def int8_is_supported() -> bool:
    try:
        require_int8(torch.device("cpu"))
    except ConfigError:
        return False
    return True


def smooth_pictures() -> torch.Tensor:
    coarse = np.random.default_rng(0).uniform(-1, 1, (2, 3, 7, 7)).astype(np.float32)
    return torch.from_numpy(coarse.repeat(32, axis=2).repeat(32, axis=3))


@torch.inference_mode()
def test_onnx_runtime_gives_the_maps_of_torch() -> None:
    pixels = smooth_pictures()
    expected, maps = load_network(MAPS)(pixels), OnnxBackend(MAPS, quantised=False)(pixels)
    assert list(maps) == list(expected)
    for name, values in expected.items():
        assert torch.allclose(maps[name], values, atol=1e-3)


@torch.inference_mode()
def test_int8_gives_similar_maps() -> None:
    pixels = smooth_pictures()
    expected, maps = load_network(MAPS)(pixels), OnnxBackend(MAPS, quantised=True)(pixels)
    assert list(maps) == list(expected)
    # Without VNNI, sums of 8-bit products saturate, so the product refuses INT8 there. The maps of
    # other pictures have a similarity below .4.
    minimum = 0.9 if int8_is_supported() else 0.7
    for name, values in expected.items():
        similarity = torch.cosine_similarity(maps[name].flatten(1), values.flatten(1)).min()
        assert minimum < similarity < 0.9999


def test_only_int8_has_a_space_of_its_own() -> None:
    assert (
        resolve_space(settings("fp32"))
        == resolve_space(settings("bf16"))
        == resolve_space(settings("auto"))
    )
    assert (
        resolve_space(settings("int8")).fingerprint != resolve_space(settings("auto")).fingerprint
    )


def test_other_ranges_are_another_space(tmp_path: Path) -> None:
    other = tmp_path / "ranges.json"
    other.write_bytes(RANGES.read_bytes() + b" ")
    assert int8_digest(settings("int8"), other) != int8_digest(settings("int8"))
    with pytest.raises(WeightsMissing, match="calibrate-int8"):
        int8_digest(settings("int8"), tmp_path / "nowhere.json")


@pytest.mark.parametrize("content", ["", "{}", '{"CLS": "TensorsData", "data": {'])
def test_damaged_ranges_are_refused(tmp_path: Path, content: str) -> None:
    damaged = tmp_path / "ranges.json"
    damaged.write_text(content)
    with pytest.raises(InvalidWeights, match="calibrate-int8"):
        quantise(build_onnx_model(load_network(MAPS)), damaged)


def test_network_takes_any_number_of_pictures() -> None:
    backend = OnnxBackend(MAPS, quantised=False)
    assert all(
        len(backend(torch.zeros(count, 3, SIDE, SIDE))[MAPS[0]]) == count for count in (1, 3)
    )
