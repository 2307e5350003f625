from __future__ import annotations

import torch

from search.encoders.weights import pack_weights, unpack_weights


def test_packing_matrices_in_8_bits_loses_at_most_half_a_step() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(20, 50) * torch.logspace(-3, 1, 20)[:, None]
    stored = pack_weights({"matrix": matrix, "bias": torch.randn(20)})
    assert stored["matrix"].dtype == torch.int8 and stored["bias"].dtype == torch.float16
    step = matrix.abs().amax(1, keepdim=True) / 127
    assert ((unpack_weights(stored)["matrix"] - matrix).abs() <= step / 2 + 1e-9).all()
    assert set(unpack_weights(stored)) == {"matrix", "bias"}


def test_a_row_of_zeros_stays_zero() -> None:
    assert torch.equal(
        unpack_weights(pack_weights({"matrix": torch.zeros(2, 3)}))["matrix"], torch.zeros(2, 3)
    )


def test_matrices_stored_without_scales_are_unchanged() -> None:
    matrix = torch.randn(4, 5).half()
    assert torch.equal(unpack_weights({"matrix": matrix})["matrix"], matrix.float())
