"""Where parameters start: in every layer and direction, and what is not meant stays as it was."""

from __future__ import annotations

import pytest
import torch

import cellwright as cw

UNITS = 6


def made(**options: object) -> cw.Recurrent:
    torch.manual_seed(0)
    return cw.Recurrent(options.pop("cell", "lstm"), 3, UNITS, num_layers=2, bidirectional=True, **options)


def rows(module: cw.Recurrent, kind: str, gate: str) -> list[torch.Tensor]:
    """The rows of a gate in all parameters of a kind."""
    low = module.cell.gates.index(gate) * UNITS
    return [each.detach()[low : low + UNITS] for name, each in module.named_parameters() if name.startswith(kind)]


@pytest.mark.parametrize("cell", ["lstm", "coupled", "forget_only"])
def test_the_forget_bias(cell: str) -> None:
    plain, biased = made(cell=cell), made(cell=cell, forget_bias=1.5)
    for b_w, b_r in zip(rows(biased, "bias_ih", "f"), rows(biased, "bias_hh", "f"), strict=True):
        assert bool((b_w + b_r == 1.5).all())
    assert len(rows(biased, "bias_ih", "f")) == 4
    others = [gate for gate in plain.cell.gates if gate != "f"]
    for gate in others:
        assert all(map(torch.equal, rows(biased, "bias_ih", gate), rows(plain, "bias_ih", gate)))
    biased.reset_parameters()
    assert bool((rows(biased, "bias_ih", "f")[0] == 1.5).all())


def test_the_forget_bias_of_a_cell_with_its_own() -> None:
    module = made(cell="layer_norm", forget_bias=1.5)
    found = [each for name, each in module.named_parameters() if name.startswith("b_f")]
    assert len(found) == 4
    assert all(bool((each == 1.5).all()) for each in found)


def test_the_forget_bias_is_shown() -> None:
    assert repr(cw.LSTM(3, 4, forget_bias=1.0)) == "LSTM(3, 4, forget_bias=1.0)"


def test_a_large_forget_bias_keeps_the_cell_state() -> None:
    module = cw.LSTM(3, UNITS, forget_bias=1e3)
    assert bool((module.trace(torch.randn(5, 2, 3))["f"] == 1).all())


def test_chrono() -> None:
    module = made()
    cw.init.chrono_(module, longest=40)
    for forget, write in zip(rows(module, "bias_ih", "f"), rows(module, "bias_ih", "i"), strict=True):
        assert torch.equal(write, -forget)
        assert bool(((forget >= 0) & (forget.exp() <= 39.01)).all())
    assert all(bool((each == 0).all()) for gate in "if" for each in rows(module, "bias_hh", gate))
    assert len({float(each[0]) for each in rows(module, "bias_ih", "f")}) == 4


def test_orthogonal_gate_by_gate() -> None:
    module = made(dtype=torch.float64)
    cw.init.orthogonal_(module)
    for gate in "ifgo":
        for matrix in rows(module, "weight_hh", gate):
            assert torch.allclose(matrix @ matrix.T, torch.eye(UNITS, dtype=torch.float64))
    assert all(each.requires_grad for each in module.parameters())


def test_what_cannot_be_set_is_refused() -> None:
    with pytest.raises(cw.InputError, match="gru has the gates r z n, but no f"):
        cw.init.chrono_(cw.GRU(3, 4), 10)
    with pytest.raises(cw.InputError, match="longest must be at least 3 steps, but is 2"):
        cw.init.chrono_(cw.LSTM(3, 4), 2)


def test_what_is_made_from_other_parameters_is_not_started() -> None:
    module = torch.nn.utils.parametrizations.weight_norm(cw.LSTM(3, 4), "weight_hh_l0")
    for start in (cw.init.orthogonal_, cw.init.forget_bias_):
        with pytest.raises(cw.InputError, match="weight_hh_l0 is made from other parameters"):
            start(module)
