"""A signal may have any name that the printed kernel uses for something else."""

from __future__ import annotations

import ast
import keyword

import torch
from torch import Tensor

import cellwright as cw
from cellwright.kernels import host, printer
from cellwright.kernels.program import trace
from tests.agreement import assert_agree
from tests.layers.test_trace import drawn, everything, layer


def names_of_the_kernel() -> list[str]:
    """Arguments, constants, functions and temporary names of a printed cell, and the like."""
    sources = printer.printed(trace(cw.cells["layer_norm"], True, True), host.host_target("float64"), "any")
    found = {"d_h", "d_c", "d_last", "exp", "exp_", "inf", "min", "range", "None", "lambda"}
    for body in (ast.parse(each.partition('"""Parts of both loops')[0]).body for each in sources):
        for node in (each for part in body for each in ast.walk(part)):
            names = {ast.arg: "arg", ast.Name: "id", ast.FunctionDef: "name"}.get(type(node), "")
            found |= {getattr(node, names)} if names else set()
    return sorted(name for name in found if not name.startswith(("x_", "r_", "w_")) and not keyword.iskeyword(name))


def test_every_name_is_free() -> None:
    names = names_of_the_kernel()
    assert {"phase", "at_sums", "count", "LANES", "SIZE", "load_outer", "number", "memory"} <= {*names}

    def crowded(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        """Each name is a signal with a number of its own."""
        z = x.a + r.a
        signals = {name: z * torch.sigmoid(z + n / 10) for n, name in enumerate(names)}
        last = torch.tanh(sum(signals.values()) / len(signals))
        return {**signals, "last": last, "h": last + 0.5 * s.h}

    module = layer(cw.cell(gates="a", state="h")(crowded))  # type: ignore[arg-type]
    assert cw.explain(module, drawn()).startswith("cpu:")
    assert_agree(everything(module, drawn(), "cpu"), everything(module, drawn(), "reference"), 1e-10)


def test_a_state_may_be_called_as_an_argument_is() -> None:
    @cw.cell(gates="f g", state="h phase")
    def rhythmic(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        """A second state, and signals with names of temporaries."""
        units, t1 = torch.sigmoid(x.f + r.f), torch.tanh(x.g + r.g)
        phase = units * s.phase + (1 - units) * t1
        return dict(units=units, t1=t1, phase=phase, h=torch.tanh(phase))

    module = layer(rhythmic)  # type: ignore[arg-type]
    assert_agree(everything(module, drawn(), "cpu"), everything(module, drawn(), "reference"), 1e-10)
