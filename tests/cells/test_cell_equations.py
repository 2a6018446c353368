"""The equations that come out of the cell functions, as text and as LaTeX."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import cellwright as cw

TEXT = {
    "lstm": """
i_t = sigmoid(W_i x_t + b_i + R_i h_t-1 + b'_i)
f_t = sigmoid(W_f x_t + b_f + R_f h_t-1 + b'_f)
g_t = tanh(W_g x_t + b_g + R_g h_t-1 + b'_g)
o_t = sigmoid(W_o x_t + b_o + R_o h_t-1 + b'_o)
c_t = f_t * c_t-1 + i_t * g_t
h_t = o_t * tanh(c_t)
""",
    "rnn": """
h_t = tanh(W_h x_t + b_h + R_h h_t-1 + b'_h)
""",
    "gru": """
r_t = sigmoid(W_r x_t + b_r + R_r h_t-1 + b'_r)
z_t = sigmoid(W_z x_t + b_z + R_z h_t-1 + b'_z)
n_t = tanh(W_n x_t + b_n + r_t * (R_n h_t-1 + b'_n))
h_t = (1 - z_t) * n_t + z_t * h_t-1
""",
}
LATEX = {
    "lstm": r"""
\begin{aligned}
i_{t} &= \sigma\left(W_{i} x_t + b_{i} + R_{i} h_{t-1} + b'_{i}\right) \\
f_{t} &= \sigma\left(W_{f} x_t + b_{f} + R_{f} h_{t-1} + b'_{f}\right) \\
g_{t} &= \tanh\left(W_{g} x_t + b_{g} + R_{g} h_{t-1} + b'_{g}\right) \\
o_{t} &= \sigma\left(W_{o} x_t + b_{o} + R_{o} h_{t-1} + b'_{o}\right) \\
c_{t} &= f_{t} \odot c_{t-1} + i_{t} \odot g_{t} \\
h_{t} &= o_{t} \odot \tanh\left(c_{t}\right)
\end{aligned}
""",
    "rnn": r"""
\begin{aligned}
h_{t} &= \tanh\left(W_{h} x_t + b_{h} + R_{h} h_{t-1} + b'_{h}\right)
\end{aligned}
""",
    "gru": r"""
\begin{aligned}
r_{t} &= \sigma\left(W_{r} x_t + b_{r} + R_{r} h_{t-1} + b'_{r}\right) \\
z_{t} &= \sigma\left(W_{z} x_t + b_{z} + R_{z} h_{t-1} + b'_{z}\right) \\
n_{t} &= \tanh\left(W_{n} x_t + b_{n} + r_{t} \odot \left(R_{n} h_{t-1} + b'_{n}\right)\right) \\
h_{t} &= \left(1 - z_{t}\right) \odot n_{t} + z_{t} \odot h_{t-1}
\end{aligned}
""",
}


@pytest.mark.parametrize("name", TEXT)
def test_text(name: str) -> None:
    assert cw.cells[name].equations() == TEXT[name].strip()


@pytest.mark.parametrize("name", LATEX)
def test_latex(name: str) -> None:
    assert cw.cells[name].latex() == LATEX[name].strip()


@cw.cell(gates="a b", state="h m", vectors="p_a q")
def algebra(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    """Brackets, signs, powers, options and methods."""
    a = -(x.a - (r.a - s.m)) / (w.q / (w.p_a * 2))
    m = (a + s.h) ** 2 - (-a)
    limited = torch.clamp(m, min=-1, max=0.5)
    return dict(a=a, m=m, h=limited.exp() / (1 + x.b.abs()), same=limited)


def test_brackets_powers_and_options_as_text() -> None:
    assert algebra.equations().splitlines() == [
        "a_t = -(W_a x_t + b_a - (R_a h_t-1 + b'_a - m_t-1)) / (q / (p_a * 2))",
        "m_t = (a_t + h_t-1)^2 - -a_t",
        "h_t = exp(same_t) / (1 + abs(W_b x_t + b_b))",
        "same_t = clamp(m_t, min=-1, max=0.5)",
    ]


def test_powers_and_names_with_subscripts_in_latex() -> None:
    lines = algebra.latex().splitlines()
    assert r"p^{(a)} \odot 2" in lines[1]
    assert r"\left(a_{t} + h_{t-1}\right)^{2}" in lines[2]
    assert r"\operatorname{clamp}\left(m_{t}, min=-1, max=0.5\right)" in lines[4]


def test_comparisons_and_builtin_functions_have_equations() -> None:
    @cw.cell(gates="a")
    def piecewise(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        m = x.a + r.a
        return dict(m=m, h=torch.where(m > 0, m, 0.1 * abs(m)))

    assert piecewise.equations().splitlines()[1] == "h_t = where(m_t > 0, m_t, 0.1 * abs(m_t))"


def test_a_branch_on_a_value_has_no_equation() -> None:
    @cw.cell(gates="a")
    def branching(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        return dict(h=x.a if float(x.a.sum()) > 0 else r.a)

    with pytest.raises(cw.CellError, match=r"'branching' cannot be written down.*without branching on values"):
        branching.equations()
