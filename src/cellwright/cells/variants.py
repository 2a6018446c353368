"""The family of the LSTM: what was there before the forget gate, and what others added or took away."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from .cell import Terms, cell
from .normalisation import normalised


@cell(gates="i g o", state="h c", candidate="g")
def original(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """Long short-term memory without a forget gate: Hochreiter & Schmidhuber (1997)."""
    i = torch.sigmoid(x.i + r.i)
    g = torch.tanh(x.g + r.g)
    o = torch.sigmoid(x.o + r.o)
    c = s.c + i * g
    return dict(i=i, g=g, o=o, c=c, h=o * torch.tanh(c))


@cell(gates="i f g o", state="h c", vectors="p_i p_f p_o", candidate="g")
def peephole(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """LSTM whose gates see the cell state: Gers & Schmidhuber (2000)."""
    i = torch.sigmoid(x.i + r.i + w.p_i * s.c)
    f = torch.sigmoid(x.f + r.f + w.p_f * s.c)
    g = torch.tanh(x.g + r.g)
    c = f * s.c + i * g
    o = torch.sigmoid(x.o + r.o + w.p_o * c)  # sees the new cell state
    return dict(i=i, f=f, g=g, o=o, c=c, h=o * torch.tanh(c))


@cell(gates="f g o", state="h c", candidate="g")
def coupled(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """LSTM that writes where it forgets, CIFG: Greff et al. (2017)."""
    f = torch.sigmoid(x.f + r.f)
    g = torch.tanh(x.g + r.g)
    o = torch.sigmoid(x.o + r.o)
    i = 1 - f
    c = f * s.c + i * g
    return dict(i=i, f=f, g=g, o=o, c=c, h=o * torch.tanh(c))


@cell(gates="f g o", state="h c", candidate="g")
def no_input_gate(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """LSTM that always writes, NIG: Greff et al. (2017)."""
    f = torch.sigmoid(x.f + r.f)
    g = torch.tanh(x.g + r.g)
    o = torch.sigmoid(x.o + r.o)
    c = f * s.c + g
    return dict(f=f, g=g, o=o, c=c, h=o * torch.tanh(c))


@cell(gates="i f g", state="h c", candidate="g")
def no_output_gate(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """LSTM that always shows its cell state, NOG: Greff et al. (2017)."""
    i = torch.sigmoid(x.i + r.i)
    f = torch.sigmoid(x.f + r.f)
    g = torch.tanh(x.g + r.g)
    c = f * s.c + i * g
    return dict(i=i, f=f, g=g, c=c, h=torch.tanh(c))


@cell(gates="i f g o", state="h c", candidate="g")
def no_input_activation(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """LSTM with a linear candidate, NIAF: Greff et al. (2017)."""
    i = torch.sigmoid(x.i + r.i)
    f = torch.sigmoid(x.f + r.f)
    g = x.g + r.g
    o = torch.sigmoid(x.o + r.o)
    c = f * s.c + i * g
    return dict(i=i, f=f, g=g, o=o, c=c, h=o * torch.tanh(c))


@cell(gates="i f g o", state="h c", candidate="g")
def no_output_activation(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """LSTM whose cell state passes straight through the output gate, NOAF: Greff et al. (2017)."""
    i = torch.sigmoid(x.i + r.i)
    f = torch.sigmoid(x.f + r.f)
    g = torch.tanh(x.g + r.g)
    o = torch.sigmoid(x.o + r.o)
    c = f * s.c + i * g
    return dict(i=i, f=f, g=g, o=o, c=c, h=o * c)


@cell(gates="n i f v", state="h c", vectors={"w_u": 1.0, "b_u": 0.0}, candidate="n")
def ltm_stm(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """Long- and short-term memory, c and h, that learn, forget, remember and use: textbook form of the LSTM."""
    learn = torch.tanh(x.n + r.n)  # N: what there is to learn
    ignore = torch.sigmoid(x.i + r.i)  # how much of it to take
    f = torch.sigmoid(x.f + r.f)  # forget gate: how much of the long-term memory to keep
    kept = f * s.c
    use = torch.tanh(w.w_u * kept + w.b_u)  # U: what the kept memory says
    v = torch.sigmoid(x.v + r.v)  # V: how much of it to show
    return dict(n=learn, i=ignore, f=f, u=use, v=v, c=kept + learn * ignore, h=use * v)


@cell(gates="i f g o", state="h c", candidate="g")
def hard(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """LSTM with hard sigmoids, clamped lines of slope 0.2: early Keras, HardSigmoid of ONNX."""
    i = torch.clamp(0.2 * (x.i + r.i) + 0.5, 0, 1)
    f = torch.clamp(0.2 * (x.f + r.f) + 0.5, 0, 1)
    g = torch.tanh(x.g + r.g)
    o = torch.clamp(0.2 * (x.o + r.o) + 0.5, 0, 1)
    c = f * s.c + i * g
    return dict(i=i, f=f, g=g, o=o, c=c, h=o * torch.tanh(c))


@cell(
    gates="i f g o",
    state="h c",
    vectors={f"{kind}_{gate}": start for kind, start in (("gx", 1.0), ("gr", 1.0), ("b", 0.0)) for gate in "ifgo"}
    | {"g_c": 1.0, "b_c": 0.0},
    candidate="g",
    bias=False,
)
def layer_norm(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """LSTM whose contributions and shown cell state are normalised: Ba, Kiros & Hinton (2016)."""
    x_i, x_f, x_g, x_o = normalised(x.i, x.f, x.g, x.o)
    r_i, r_f, r_g, r_o = normalised(r.i, r.f, r.g, r.o)
    i = torch.sigmoid(w.gx_i * x_i + w.gr_i * r_i + w.b_i)
    f = torch.sigmoid(w.gx_f * x_f + w.gr_f * r_f + w.b_f)
    g = torch.tanh(w.gx_g * x_g + w.gr_g * r_g + w.b_g)
    o = torch.sigmoid(w.gx_o * x_o + w.gr_o * r_o + w.b_o)
    c = f * s.c + i * g
    (shown,) = normalised(c)
    return dict(i=i, f=f, g=g, o=o, c=c, h=o * torch.tanh(w.g_c * shown + w.b_c))


@cell(gates="i f z o", state={"h": 0.0, "c": 0.0, "n": 1.0, "m": 0.0}, candidate="z")
def slstm(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """LSTM with an exponential input gate, a normaliser n and a stabiliser m, sLSTM: Beck et al. (2024)."""
    log_i = x.i + r.i
    log_f = s.m - F.softplus(-(x.f + r.f))  # of the forget gate, a sigmoid, and the scale so far
    log_f = torch.where(s.n > 0, log_f, -1e30)  # at the start there is nothing to keep, and no scale
    m = torch.maximum(log_f, log_i)  # one of the two exponentials is 1, so that n never vanishes
    i = torch.exp(log_i - m)
    f = torch.exp(log_f - m)
    z = torch.tanh(x.z + r.z)
    o = torch.sigmoid(x.o + r.o)
    c = f * s.c + i * z
    n = f * s.n + i
    return dict(i=i, f=f, z=z, o=o, c=c, n=n, m=m, h=o * (c / n))


@cell(gates="f g", state="h", candidate="g")
def forget_only(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """LSTM with the forget gate alone, JANET: van der Westhuizen & Lasenby (2018)."""
    z = x.f + r.f
    f = torch.sigmoid(z)
    i = 1 - torch.sigmoid(z - 1)  # writes a little more than it forgets
    g = torch.tanh(x.g + r.g)
    return dict(f=f, i=i, g=g, h=f * s.h + i * g)
