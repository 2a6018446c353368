"""Products of bfloat16: exact but for the last bits of their sums, by whichever instructions the processor has."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

import cellwright as cw
from cellwright.kernels import cpu, host, native
from cellwright.kernels.tile import Operands

LANES, WORD = 16, 4
MOST_ROWS, WIDTHS = 6, (1, 2, 3, 4)
ROWS = {"registers": (1, 5, 6), "tiles": (1, 7, 16, 17, 32)}
ROUTINES: dict[str, Callable[[], int]] = {
    "registers": lambda: native.tile("bfloat16", MOST_ROWS, WIDTHS),
    "tiles": native.tile_of_bfloat16,
}
WAYS = ["registers"] * host.MULTIPLIES_BFLOAT16 + ["tiles"] * host.has_tiles()


def multiplied(routine: int, a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """`start + a @ b` by a routine: start for all rows, or for each."""
    rows, vectors, k = len(a), b.shape[1] // LANES, b.shape[0] // 2
    words = b.view(k, 2, -1).transpose(1, 2).contiguous()
    found = torch.full((rows, b.shape[1] + 3), 7.0)
    operands = Operands(
        rows, vectors, a.data_ptr(), a.stride(0) * 2, WORD, words.data_ptr(), b.shape[1] * WORD, LANES * WORD, k,
        start.data_ptr(), start.stride(0) * WORD if start.dim() == 2 else 0,
        found.data_ptr(), found.stride(0) * WORD, LANES * WORD,
    )  # fmt: skip
    ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(operands))(routine)(*operands)
    assert bool((found[:, b.shape[1] :] == 7.0).all())
    return found[:, : b.shape[1]]


@pytest.mark.parametrize("k", [1, 5, 16, 17, 33, 64])
@pytest.mark.parametrize("way", WAYS)
def test_every_size(way: str, k: int) -> None:
    torch.manual_seed(k)
    for rows in ROWS[way]:
        for vectors in WIDTHS:
            a = torch.randn(rows, 2 * k + 6).bfloat16()
            b, row = torch.randn(2 * k, vectors * LANES).bfloat16(), torch.randn(vectors * LANES)
            expected = row.double() + a[:, : 2 * k].double() @ b.double()
            found = multiplied(ROUTINES[way](), a, b, row)
            assert torch.allclose(found.double(), expected, rtol=0, atol=1e-6 * 2 * k)
            again = multiplied(ROUTINES[way](), a, b, found.clone())
            assert torch.allclose(again.double(), 2 * expected - row.double(), rtol=0, atol=1e-6 * 4 * k)


@pytest.mark.parametrize("way", WAYS)
def test_a_row_has_the_same_bits_alone_and_beside_others(way: str) -> None:
    torch.manual_seed(0)
    most = max(ROWS[way])
    a, b, start = torch.randn(most, 90).bfloat16(), torch.randn(90, 64).bfloat16(), torch.zeros(64)
    together = multiplied(ROUTINES[way](), a, b, start)
    for n in range(most):
        assert torch.equal(multiplied(ROUTINES[way](), a[n : n + 1], b, start)[0], together[n])


@pytest.fixture
def forgotten() -> Iterator[Callable[[], None]]:
    """Lets the kernels be chosen anew, also behind the test."""

    def forget() -> None:
        host.host_target.cache_clear()
        cpu.kernel_of.cache_clear()

    yield forget
    forget()


@pytest.mark.parametrize("cell", ["lstm", "gru", "layer_norm"])
def test_layers_agree_whichever_way_products_are_taken(
    cell: str, forgotten: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer = cw.Recurrent(cell, 18, 22, bidirectional=True, recurrent_dropout=0.2).bfloat16()
    x = torch.randn(9, 37, 18, dtype=torch.bfloat16, requires_grad=True)
    lengths = torch.randint(0, 10, (37,))

    def everything() -> list[Tensor]:
        forgotten()
        torch.manual_seed(1)
        y, _ = layer(x, lengths=lengths)
        return [y.detach(), *torch.autograd.grad(y.float().square().sum(), [x, *layer.parameters()])]

    found = everything()
    monkeypatch.setattr(host, "has_tiles", lambda: False)
    for one, other in zip(found, everything(), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=0.01 * float(other.abs().max()))
