from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from search.config import EngineSettings, read_settings
from search.cpu import available_cores
from search.encoders.device import (
    INDUCTOR,
    Runtime,
    pick_dtype,
    pick_runtime,
    require_int8,
    use_all_cores,
)
from search.errors import ConfigError

CPU = torch.device("cpu")
OLD_CPU = {"architecture": "x86_64", "avx2": True}


@pytest.fixture
def without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("without_cuda")
def test_missing_cuda_is_refused() -> None:
    with pytest.raises(ConfigError, match="OMNISHELF_DEVICE"):
        pick_runtime(EngineSettings(device="cuda"))
    assert pick_runtime(EngineSettings(device="auto")).device == CPU


def test_precision_is_never_half() -> None:
    assert pick_runtime(EngineSettings(device="cpu")).dtype in (torch.float32, torch.bfloat16)


def test_concurrent_calls_use_all_cores() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert Runtime(CPU, torch.float32).max_concurrent_calls == available_cores()
        with use_all_cores():
            assert Runtime(CPU, torch.float32).max_concurrent_calls == 1
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    assert Runtime(torch.device("cuda"), torch.bfloat16).max_concurrent_calls == 1


def test_a_cpu_compiles_only_if_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "true")
    chosen = {
        mode: pick_runtime(EngineSettings(device="cpu", compile=mode)).compiler
        for mode in ("auto", "off", "on")
    }
    assert chosen == {"auto": None, "off": None, "on": INDUCTOR}


def test_compilation_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ConfigError, match=r"no-such-compiler is missing.*OMNISHELF_COMPILE to off"):
        pick_runtime(EngineSettings(device="cpu", compile="on"))


@pytest.mark.parametrize("compiler", [None, "eager"])
def test_a_placed_module_is_frozen_and_gives_the_same_output(compiler: str | None) -> None:
    module, inputs = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.9)), torch.ones(2, 4)
    expected = module[0](inputs).detach()
    placed = Runtime(CPU, torch.float32, compiler).place(module)
    assert placed is module and (module._compiled_call_impl is not None) == bool(compiler)
    assert torch.allclose(placed(inputs), expected) and not placed(inputs).requires_grad


def test_rows_are_stacked_in_the_precision_of_the_model() -> None:
    rows = [np.full((3, 2), number, np.float32) for number in range(4)]
    found = Runtime(CPU, torch.bfloat16).stack(rows)
    assert found.shape == (4, 3, 2) and found.dtype == torch.bfloat16
    assert np.array_equal(found.float().numpy(), np.stack(rows))


def test_unknown_precision_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNISHELF_PRECISION", "fp16")
    with pytest.raises(ConfigError, match=r"OMNISHELF_PRECISION.*'int8'"):
        read_settings(EngineSettings)


def test_precision_that_the_cpu_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: OLD_CPU)
    assert pick_dtype("auto", CPU) == torch.float32
    with pytest.raises(ConfigError, match="no bfloat16"):
        pick_dtype("bf16", CPU)
    with pytest.raises(ConfigError, match="VNNI"):
        require_int8(CPU)


def test_int8_is_refused_on_a_gpu_and_by_other_encoders() -> None:
    with pytest.raises(ConfigError, match="OMNISHELF_DEVICE"):
        require_int8(torch.device("cuda"))
    with pytest.raises(ConfigError, match="no INT8 mode"):
        pick_dtype("int8", CPU)
