"""The variants against what they must coincide with: one another at limits, their definitions, ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

import cellwright as cw

STEPS, ROWS, INPUTS, UNITS = 8, 3, 5, 7
LARGE = 1e3  # a gate with this bias is open, with its negative closed


def made(cell: str, dtype: torch.dtype = torch.float64) -> cw.Recurrent:
    torch.manual_seed(0)
    return cw.Recurrent(cell, INPUTS, UNITS, dtype=dtype)


def x(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(STEPS, ROWS, INPUTS, dtype=dtype, generator=torch.Generator().manual_seed(1))


def gate_of(module: cw.Recurrent, name: str, gate: str) -> Tensor:
    """The rows of a gate in a parameter."""
    return getattr(module, name).detach().split(UNITS)[module.cell.gates.index(gate)]


def lstm_like(variant: cw.Recurrent, **gates: tuple[str, float] | float) -> cw.Recurrent:
    """An `lstm` with the weights of a variant; a gate that it lacks has a constant bias or is a multiple of another."""
    lstm = made("lstm")
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        for gate in lstm.cell.gates:
            rule = gates.get(gate, (gate, 1.0))
            if isinstance(rule, tuple):
                value = gate_of(variant, name, rule[0]) * rule[1]
            else:
                value = torch.full_like(gate_of(lstm, name, gate), rule if name == "bias_ih_l0" else 0.0)
            gate_of(lstm, name, gate).copy_(value)
    return lstm


def assert_equal(one: cw.Recurrent, other: cw.Recurrent) -> None:
    with torch.no_grad():
        assert torch.allclose(one(x())[0], other(x())[0], rtol=0, atol=1e-12)


def test_peepholes_of_zero() -> None:
    peephole = made("peephole")
    with torch.no_grad():
        for name in ("p_i_l0", "p_f_l0", "p_o_l0"):
            getattr(peephole, name).zero_()
    assert_equal(peephole, lstm_like(peephole))


def test_coupled_is_an_input_gate_against_the_forget_gate() -> None:
    coupled = made("coupled")
    assert_equal(coupled, lstm_like(coupled, i=("f", -1.0)))


@pytest.mark.parametrize(("cell", "gate"), [("original", "f"), ("no_input_gate", "i"), ("no_output_gate", "o")])
def test_a_gate_that_is_not_there_is_an_open_one(cell: str, gate: str) -> None:
    variant = made(cell)
    assert_equal(variant, lstm_like(variant, **{gate: LARGE}))


def test_ltm_stm_with_its_first_vectors_uses_what_it_kept() -> None:
    signals = made("ltm_stm").trace(x())
    before = torch.cat([torch.zeros_like(signals["c"][:1]), signals["c"][:-1]])
    assert torch.allclose(signals["u"], torch.tanh(before * signals["f"]))
    assert torch.allclose(signals["c"], before * signals["f"] + signals["n"] * signals["i"])


def test_slstm_is_the_quotient_of_two_exponential_sums() -> None:
    module = made("slstm")
    signals = module.trace(x())
    h = torch.cat([torch.zeros_like(signals["h"][:1]), signals["h"][:-1]])[:, :, 0]
    z = x() @ module.weight_ih_l0.T + module.bias_ih_l0 + h @ module.weight_hh_l0.T + module.bias_hh_l0
    i, f, g, o = z.chunk(4, -1)
    c = n = torch.zeros(ROWS, UNITS, dtype=torch.float64)
    for t in range(STEPS):
        c = torch.sigmoid(f[t]) * c + torch.exp(i[t]) * torch.tanh(g[t])
        n = torch.sigmoid(f[t]) * n + torch.exp(i[t])
        assert torch.allclose(signals["h"][t, :, 0], torch.sigmoid(o[t]) * c / n)


def test_slstm_stays_finite_where_exponentials_are_not() -> None:
    module = made("slstm", torch.float32)
    for scale in (1e2, 1e4):
        output, state = module(x(torch.float32) * scale)
        assert all(bool(each.isfinite().all()) for each in (output, *state))
        assert float(output.detach().abs().max()) <= 1.0


@pytest.mark.parametrize("lengths", [None, [8, 0, 5]])
@pytest.mark.parametrize("cell", ["lstm", "peephole", "coupled", "hard"])
def test_as_onnx_runtime_has_it(cell: str, lengths: list[int] | None) -> None:
    module = made(cell, torch.float32)
    expected = by_onnx(module, x(torch.float32), lengths)
    with torch.no_grad():
        output, state = module(x(torch.float32), lengths=None if lengths is None else torch.tensor(lengths))
    for ours, theirs in zip((output, *state), expected, strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 1e-6


@cw.cell(gates="i f g o", state="h c")
def clipped(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    """An LSTM as ONNX clips it: what goes into the activations of the gates."""
    z = {gate: (getattr(x, gate) + getattr(r, gate)).clamp(-0.2, 0.2) for gate in "ifgo"}
    c = torch.sigmoid(z["f"]) * s.c + torch.sigmoid(z["i"]) * torch.tanh(z["g"])
    return dict(c=c, h=torch.sigmoid(z["o"]) * torch.tanh(c))


@pytest.mark.parametrize("lengths", [None, [8, 0, 5]])
def test_clipped_as_onnx_runtime_does(lengths: list[int] | None) -> None:
    torch.manual_seed(0)
    module, given = cw.Recurrent(clipped, INPUTS, UNITS), x(torch.float32)
    with torch.no_grad():
        output, state = module(given, lengths=None if lengths is None else torch.tensor(lengths))
    for ours, theirs in zip((output, *state), by_onnx(module, given, lengths, clip=0.2), strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 1e-6
    assert np.abs(output.numpy() - by_onnx(module, given, lengths)[0]).max() > 1e-2


def by_onnx(module: cw.Recurrent, x: Tensor, lengths: list[int] | None, clip: float | None = None) -> list[np.ndarray]:
    """Outputs and last states of ONNX's operator LSTM, whose gates are i, o, f, c."""
    coupled = module.cell.name == "coupled"
    names = {"i": "i", "o": "o", "f": "f", "c": "g"}

    def weights(name: str) -> np.ndarray:
        # ONNX couples the other way: f = 1 - i.
        parts = [
            -gate_of(module, name, "f") if coupled and gate in "if" else gate_of(module, name, own)
            for gate, own in names.items()
        ]
        return torch.cat(parts).numpy()

    inputs = {
        "W": weights("weight_ih_l0")[None],
        "R": weights("weight_hh_l0")[None],
        "B": np.concatenate([weights("bias_ih_l0"), weights("bias_hh_l0")])[None],
    }
    if lengths is not None:
        inputs["lengths"] = np.array(lengths, np.int32)
    if module.cell.vectors:
        inputs["P"] = torch.cat([module.get_parameter(f"p_{gate}_l0").detach() for gate in "iof"]).numpy()[None]
    names_in = ["x", "W", "R", "B", "lengths" if lengths else "", "", "", "P" if "P" in inputs else ""]
    options = {"activations": ["HardSigmoid", "Tanh", "Tanh"], "activation_alpha": [0.2], "activation_beta": [0.5]}
    node = helper.make_node(
        "LSTM", names_in, ["y", "h", "c"], hidden_size=UNITS, input_forget=int(coupled),
        **(options if module.cell.name == "hard" else {}), **({} if clip is None else {"clip": clip}),
    )  # fmt: skip
    floats = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y", "h", "c")]
    constants = [numpy_helper.from_array(value, name) for name, value in inputs.items()]
    graph = helper.make_graph([node], "lstm", floats[:1], floats[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    y, h, c = session.run(None, {"x": x.numpy()})
    return [y[:, 0], h, c]
