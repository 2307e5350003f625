"""Precisions of the compact encoder: what each may change, and where each is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from search.config import EngineSettings, Precision, read_settings
from search.encoders.compact.int8_space import RANGES, int8_digest
from search.encoders.compact.network import SIDE, load_network
from search.encoders.compact.onnx_backend import OnnxBackend
from search.encoders.compact.onnx_graph import onnx_model
from search.encoders.compact.pooling import MAPS
from search.encoders.compact.quantise import quantise
from search.encoders.precision import pick_dtype, require_int8
from search.encoders.registry import space_of
from search.errors import ConfigError, InvalidWeights, WeightsMissing

CPU = torch.device("cpu")
WITHOUT = {"architecture": "x86_64", "avx2": True}


def settings(precision: Precision) -> EngineSettings:
    return EngineSettings(device="cpu", precision=precision)


def test_unknown_precision_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNISHELF_PRECISION", "fp16")
    with pytest.raises(ConfigError, match=r"OMNISHELF_PRECISION.*'int8'"):
        read_settings(EngineSettings)


def test_precision_that_the_processor_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: WITHOUT)
    assert pick_dtype("auto", CPU) == torch.float32
    with pytest.raises(ConfigError, match="no bfloat16"):
        pick_dtype("bf16", CPU)
    with pytest.raises(ConfigError, match="VNNI"):
        require_int8(CPU)


def test_int8_is_refused_on_a_gpu_and_by_other_encoders() -> None:
    with pytest.raises(ConfigError, match="OMNISHELF_DEVICE"):
        require_int8(torch.device("cuda"))
    with pytest.raises(ConfigError, match="not offered in INT8"):
        pick_dtype("int8", CPU)


def test_onnx_runtime_gives_the_same_maps_and_int8_nearly() -> None:
    rng = np.random.default_rng(0)
    smooth = (
        rng.uniform(-1, 1, (2, 3, 7, 7)).repeat(32, axis=2).repeat(32, axis=3).astype(np.float32)
    )
    pixels = torch.from_numpy(smooth)
    with torch.inference_mode():
        expected = load_network(MAPS)(pixels)
    exact = OnnxBackend(MAPS, quantised=False)(pixels)
    rounded = OnnxBackend(MAPS, quantised=True)(pixels)
    assert list(exact) == list(rounded) == list(expected)
    for name, found in expected.items():
        assert torch.allclose(exact[name], found, atol=1e-3)
        assert (
            0.9 < torch.cosine_similarity(rounded[name].flatten(1), found.flatten(1)).min() < 0.9999
        )


def test_only_int8_has_a_space_of_its_own() -> None:
    assert space_of(settings("fp32")) == space_of(settings("bf16")) == space_of(settings("auto"))
    assert space_of(settings("int8")).fingerprint != space_of(settings("auto")).fingerprint


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
        quantise(onnx_model(load_network(MAPS)), damaged)


def test_network_takes_any_number_of_pictures() -> None:
    backend = OnnxBackend(MAPS, quantised=False)
    assert all(
        len(backend(torch.zeros(count, 3, SIDE, SIDE))[MAPS[0]]) == count for count in (1, 3)
    )
