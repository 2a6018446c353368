"""Prints a traced program as the source of a kernel: the cell's body in front of a loop."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .phases import Phases, Store, phases_of
from .program import Argument, Node, Program, Units, Untraceable

HERE = Path(__file__).parent


def _clamp(x: str, low: str | None = None, high: str | None = None) -> str:
    if low is not None:
        x = f"larger({x}, {low})"
    return x if high is None else f"smaller({x}, {high})"


def _power(x: str, exponent: str) -> str:
    powers = {
        "2.0": f"{x} * {x}",
        "3.0": f"{x} * {x} * {x}",
        "1.0": x,
        "0.5": f"sqrt({x})",
        "1.5": f"{x} * sqrt({x})",
        "(-0.5)": f"1.0 / sqrt({x})",
        "(-1.0)": f"1.0 / {x}",
        "(-1.5)": f"1.0 / ({x} * sqrt({x}))",
        "(-2.0)": f"1.0 / ({x} * {x})",
    }
    if exponent not in powers:
        known = ", ".join(power.strip("()") for power in powers)
        raise Untraceable(f"a power of {exponent.strip('()')} is not among {known}")
    return powers[exponent]


def _softplus(x: str, beta: str = "1.0", limit: str = "20.0") -> str:
    return f"where({x} * {beta} > {limit}, {x}, log1p(exp({x} * {beta})) / {beta})"


def _softplus_backward(d: str, x: str, beta: str, limit: str) -> str:
    return f"where({x} * {beta} > {limit}, {d}, {d} * sigmoid({x} * {beta}))"


def _where(mask: str, a: str, b: str) -> str:
    both_numbers = not (a.isidentifier() or b.isidentifier())
    return f"where({mask}, spread({a}), {b})" if both_numbers else f"where({mask}, {a}, {b})"


def _scaled(sign: str) -> Callable[..., str]:
    return lambda a, b, alpha="1.0": f"{a} {sign} {b}" if alpha == "1.0" else f"{a} {sign} {alpha} * {b}"


def _sign(a: str) -> str:
    return f"where({a} > 0.0, 1.0 + 0.0 * {a}, where({a} < 0.0, 0.0 * {a} - 1.0, {a}))"


# PyTorch's operators in the words of `simd` and `functions`; a new one is one row.
OPERATORS: Mapping[str, Callable[..., str]] = {
    "add": _scaled("+"),
    "sub": _scaled("-"),
    "rsub": lambda a, b: f"{b} - {a}",
    "mul": lambda a, b: f"{a} * {b}",
    "div": lambda a, b: f"{a} / {b}",
    "neg": lambda a: f"-{a}",
    "abs": lambda a: f"fabs({a})",
    "sgn": _sign,
    "sqrt": lambda a: f"sqrt({a})",
    "rsqrt": lambda a: f"1.0 / sqrt({a})",
    "reciprocal": lambda a: f"1.0 / {a}",
    "pow": _power,
    "exp": lambda a: f"exp({a})",
    "expm1": lambda a: f"expm1({a})",
    "log": lambda a: f"log({a})",
    "log1p": lambda a: f"log1p({a})",
    "sigmoid": lambda a: f"sigmoid({a})",
    "sigmoid_backward": lambda d, s: f"{d} * (1.0 - {s}) * {s}",
    "tanh": lambda a: f"tanh({a})",
    "tanh_backward": lambda d, t: f"{d} * (1.0 - {t} * {t})",
    "relu": lambda a: f"larger({a}, 0.0)",
    "threshold_backward": lambda d, a, limit: f"where({a} <= {limit}, 0.0, {d})",
    "softplus": _softplus,
    "softplus_backward": _softplus_backward,
    "silu": lambda a: f"{a} * sigmoid({a})",
    "leaky_relu": lambda a, slope="0.01": f"where({a} > 0.0, {a}, {a} * {slope})",
    "leaky_relu_backward": lambda d, a, slope, _result: f"where({a} > 0.0, {d}, {d} * {slope})",
    "hardsigmoid": lambda a: f"smaller(larger({a} / 6.0 + 0.5, 0.0), 1.0)",
    "hardsigmoid_backward": lambda d, a: f"where(({a} > -3.0) & ({a} < 3.0), {d} / 6.0, 0.0)",
    "elu": lambda a, alpha="1.0": f"where({a} > 0.0, {a}, {alpha} * expm1({a}))",
    "elu_backward": lambda d, alpha, _scale, _inner, _result, a: f"where({a} > 0.0, {d}, {d} * {alpha} * exp({a}))",
    "addcmul": lambda a, b, c, value="1.0": f"{a} + {b} * {c} * {value}",
    "sign": _sign,
    "hardtanh": _clamp,
    "clamp": _clamp,
    "clamp_min": lambda a, low: _clamp(a, low),
    "clamp_max": lambda a, high: _clamp(a, None, high),
    "maximum": lambda a, b: f"larger({a}, {b})",
    "minimum": lambda a, b: f"smaller({a}, {b})",
    "hardtanh_backward": lambda d, x, low, high: f"where(({x} > {low}) & ({x} < {high}), {d}, 0.0)",
    "silu_backward": lambda d, x: f"{d} * sigmoid({x}) * (1.0 + {x} * (1.0 - sigmoid({x})))",
    "masked_fill": lambda x, mask, value: _where(mask, value, x),
    "where": _where,
    "gt": lambda a, b: f"{a} > {b}",
    "ge": lambda a, b: f"{a} >= {b}",
    "lt": lambda a, b: f"{a} < {b}",
    "le": lambda a, b: f"{a} <= {b}",
    "eq": lambda a, b: f"{a} == {b}",
    "ne": lambda a, b: f"{a} != {b}",
    "logical_and": lambda a, b: f"{a} & {b}",
    "logical_or": lambda a, b: f"{a} | {b}",
    "logical_xor": lambda a, b: f"{a} ^ {b}",
    "logical_not": lambda a: f"~{a}",
    "bitwise_and": lambda a, b: f"{a} & {b}",
    "bitwise_or": lambda a, b: f"{a} | {b}",
    "bitwise_xor": lambda a, b: f"{a} ^ {b}",
    "bitwise_not": lambda a: f"~{a}",
}


SIDE = 16  # rows of a tile of AMX, and words in each


@dataclass(frozen=True)
class Target:
    """The dtype, and the vectors of a processor.

    Attributes:
        dtype: float32 or float64: of sums, states and cells.
        width: bytes of a vector register.
        registers: how many there are.
        narrow: whether inputs, outputs and matrices are stored, and products taken, in bfloat16.
        tiled: whether these products are taken in tiles of AMX.
    """

    dtype: str
    width: int
    registers: int
    narrow: bool = False
    tiled: bool = False

    @property
    def size(self) -> int:
        return {"float32": 4, "float64": 8}[self.dtype]

    @property
    def lanes(self) -> int:
        return self.width // self.size


@dataclass(frozen=True)
class Layout:
    """The sizes that a program and a target fix: what kernel and caller agree on.

    A cell in phases, and a projection, need whole rows of units: threads then share the rows, never the units.
    What the cell saves for backward takes the place of input products, unless it is watched: then each signal stands
    by itself, so that it can be handed out as it is.
    """

    lanes: int
    size: int
    narrow: bool
    tiled: bool
    gates: int
    states: int
    recurrent: int
    projected: bool
    vectors: int
    noise: int
    slots: int
    in_place: bool
    unit_vectors: int
    rows_at_once: int
    apart: bool
    by_rows: bool
    kept: int
    sums: int

    @classmethod
    def of(cls, program: Program, target: Target) -> Layout:
        passes = (forward_phases(program), backward_phases(program))
        gates, in_place = len(program.gates), bool(program.gradients) and not program.watched
        unit_vectors = max(1, 4 // gates)
        in_registers = target.registers * 3 // 4 // max(4, gates * unit_vectors)
        return cls(
            lanes=target.lanes,
            size=target.size,
            narrow=target.narrow,
            tiled=target.tiled,
            gates=gates,
            states=len(program.states),
            recurrent=program.recurrent,
            projected=program.projected,
            vectors=len(program.vectors),
            noise=len(program.noise),
            slots=max(gates, len(program.saved)) if in_place else len(program.saved),
            in_place=in_place,
            unit_vectors=unit_vectors,
            rows_at_once=2 * SIDE if target.tiled else max(1, min(6, in_registers)),
            apart=bool(program.gradients) and program.apart,
            by_rows=program.projected or any(each.count > 1 for each in passes),
            kept=max(len(each.kept) for each in passes),
            sums=max(len(each.sums) for each in passes),
        )

    @property
    def outer(self) -> int:
        """Bytes of a number as the caller stores it."""
        return 2 if self.narrow else self.size

    @property
    def block(self) -> int:
        """Units in a block."""
        return self.unit_vectors * self.lanes

    @property
    def z_slots(self) -> int:
        """Values for each unit where input products stand: gates, or what takes their place."""
        return self.slots if self.in_place else self.gates

    @property
    def panel(self) -> int:
        """Vectors in a row of packed weights: all gates of a block."""
        return self.gates * self.unit_vectors

    @property
    def scratch(self) -> int:
        """Bytes that a thread needs for one tile, for the states of one block, or for a block that it turns."""
        tile = self.rows_at_once * max(4, self.panel) * self.lanes
        return max(tile, self.states * self.block, self.lanes**2) * self.size


def printed(program: Program, target: Target, name: str) -> tuple[str, str]:
    """The sources of the forward and the backward kernel; the latter is empty without a derivative.

    Raises:
        Untraceable: the program has an operator that the table lacks.
    """
    layout = Layout.of(program, target)
    shared = (HERE / "shared_loop.py").read_text()
    forward = joined(
        constants(program, target, layout, forward_phases(program), name),
        forward_body(program),
        shared,
        (HERE / "forward_loop.py").read_text(),
    )
    if not program.gradients:
        return forward, ""
    backward = joined(
        constants(program, target, layout, backward_phases(program), name),
        backward_body(program),
        shared,
        (HERE / "gradients_loop.py").read_text(),
        (HERE / "backward_loop.py").read_text(),
    )
    return forward, backward


def joined(*parts: str) -> str:
    """Several modules as one: without the imports by which they know each other."""
    text = "\n\n".join(parts)
    return re.sub(
        r"^from cellwright\.kernels\.(printed|shared_loop|gradients_loop) import (\([^)]*\)|.*)\n", "", text, flags=re.M
    )


def constants(program: Program, target: Target, layout: Layout, phases: Phases, name: str) -> str:
    memory = "NarrowMemory" if layout.narrow else "Memory"
    words = "\njoined = memory.joined" if layout.narrow else ""
    return f'''"""{name}: printed by Cellwright from the equations of the cell."""

from math import inf, nan

from cellwright.kernels.compiled import compiled
from cellwright.kernels.functions import (
    exp, expm1, fabs, fma, larger, log, log1p, sigmoid, smaller, sqrt, tanh, where
)
from cellwright.kernels.simd import {memory}, digest, multiply, multiply_as_stored, turn

SIZE = {layout.size}
NARROW = {layout.narrow}
OUTER = {layout.outer}
PAIR = {layout.size // layout.outer}
LANES = {layout.lanes}
UNIT_VECTORS = {layout.unit_vectors}
BLOCK = {layout.block}
GATES = {layout.gates}
SLOTS = {layout.slots}
Z_SLOTS = {layout.z_slots}
IN_PLACE = {layout.in_place}
STATES = {layout.states}
RECURRENT = {layout.recurrent}
PROJECTED = {layout.projected}
H_SLOT = {len(program.watched)}
VECTORS = {layout.vectors}
NOISES = {layout.noise}
ROWS_AT_ONCE = {layout.rows_at_once}
SCRATCH_SIZE = {layout.scratch}
APART = {layout.apart}
PHASES = {phases.count}
KEPT = {len(phases.kept)}
SUMS = {len(phases.sums)}

memory = {memory}("{target.dtype}", LANES)
load, store, load_some, store_some = memory.load, memory.store, memory.load_some, memory.store_some
keep_some, spread, get, put = memory.keep_some, memory.spread, memory.get, memory.put
load_outer, store_outer = memory.load_outer, memory.store_outer{words}


@compiled
def settle_sum(at: int) -> None:
    """Add up the lanes of a sum, in their order, and put the total into all of them."""
    total = get(at)
    for n in range(1, LANES):
        total = total + get(at + n * SIZE)
    store(at, spread(total))'''


def forward_body(program: Program) -> str:
    loads = {f"x_{gate}": f"load(at_x + {k} * BLOCK * SIZE)" for k, gate in enumerate(program.gates)}
    loads |= {f"r_{gate}": f"load(at_r + {k} * BLOCK * SIZE)" for k, gate in enumerate(program.gates)}
    loads |= {f"s_{state}": f"load(at_s + {k} * s_stride)" for k, state in enumerate(program.states)}
    loads |= vector_loads(program)
    arguments = (
        "phase, at_x, at_r, at_s, s_stride, at_new, at_y, count, at_saved, saved_stride, at_history, history_stride, "
        "at_w, w_stride, at_noise, noise_stride, at_kept, kept_stride, at_sums, units"
    )
    return functions("forward_cell", arguments, loads, forward_phases(program), forward_stores(program))


def forward_stores(program: Program) -> list[Store]:
    """What the cell writes: states, outputs, what is saved; that last, unless it has a place of its own."""
    stores = []
    for k, value in enumerate(program.state.values()):
        if k == 0 and program.projected:
            stores.append(Store(value, f"store(at_y, {spelt(value)})"))
            continue
        stores.append(Store(value, f"store(at_new + {k} * s_stride, {spelt(value)})"))
        if k == 0:
            stores.append(Store(value, f"store_outer(at_y, {spelt(value)}, count)"))
        elif program.gradients:
            stores.append(Store(value, f"store(at_history + {k - 1} * history_stride, {spelt(value)})"))
    saved, early = enumerate(program.saved), bool(program.watched)
    return stores + [Store(value, f"store(at_saved + {k} * saved_stride, {spelt(value)})", early) for k, value in saved]


def backward_body(program: Program) -> str:
    saved = {name: k for k, name in enumerate(program.saved) if isinstance(name, str)}
    loads = {name: f"load(at_saved + {k} * saved_stride)" for name, k in saved.items()}
    loads |= {f"d_{name}": f"load(at_d_saved + {k} * d_saved_stride)" for k, name in enumerate(program.watched)}
    for k, state in enumerate(program.states):
        new = program.state[state]
        loads[f"s_{state}"] = "load(at_h_before)" if k == 0 else f"load(at_s + {k - 1} * s_stride)"
        loads[f"d_{state}"] = f"load(at_d + {k} * d_stride)"
        if k == 0:
            loads[f"d_{state}"] = "load(at_dy)" if program.projected else "load(at_d) + load_outer(at_dy, count)"
        if k > 0 and program.watch:
            loads[f"d_{state}"] += f" + load(at_d_history + {k - 1} * d_history_stride)"
        if isinstance(new, str) and new not in loads:
            loads[new] = "load_outer(at_y, count)" if k == 0 else f"load(at_history + {k - 1} * history_stride)"
    loads |= vector_loads(program)
    arguments = (
        "phase, at_saved, saved_stride, at_h_before, at_s, s_stride, at_y, at_history, history_stride, count, at_w, "
        "w_stride, at_noise, noise_stride, at_d, d_stride, at_dy, at_d_saved, d_saved_stride, at_d_history, "
        "d_history_stride, at_dx, at_dr, at_dw, dw_stride, at_kept, kept_stride, at_sums, units"
    )
    return functions("backward_cell", arguments, loads, backward_phases(program), backward_stores(program))


def backward_stores(program: Program) -> list[Store]:
    """What the derivative writes: gradients, as soon as they are known; those of states last, over what it reads."""
    found = program.gradients
    stores = []
    for kind, at in (("x", "at_dx"), ("r", "at_dr")):
        values = [found[f"{kind}_{gate}"] for gate in program.gates] if kind == "x" or program.apart else []
        for k, value in enumerate(values):
            stores.append(Store(value, f"store({at} + {k} * BLOCK * SIZE, keep_some({spelt(value)}, count))", True))
    for k, vector in enumerate(program.vectors):
        value, at = found[f"w_{vector}"], f"at_dw + {k} * dw_stride"
        stores.append(Store(value, f"store({at}, load({at}) + {spelt(value)})", True))
    values = [found[f"s_{state}"] for state in program.states]
    return stores + [Store(value, f"store(at_d + {k} * d_stride, {spelt(value)})") for k, value in enumerate(values)]


def vector_loads(program: Program) -> dict[str, str]:
    loads = {f"w_{vector}": f"load(at_w + {k} * w_stride)" for k, vector in enumerate(program.vectors)}
    for k, name in enumerate(program.noise):
        loads[f"n_{name}"] = f"load_some(at_noise + {k} * noise_stride, count)"
    return loads


def forward_phases(program: Program) -> Phases:
    return phases_of(program.forward, forward_stores(program))


def backward_phases(program: Program) -> Phases:
    return phases_of(program.backward, backward_stores(program) if program.gradients else [])


def functions(
    name: str,
    arguments: str,
    loads: Mapping[str, str],
    phases: Phases,
    stores: Sequence[Store],
) -> str:
    """A kernel function for each phase, one that calls the right one, and the end of the sums of a phase."""
    typed = ", ".join(f"{each}: int" for each in arguments.split(", "))
    made = []
    for number in range(phases.count):
        own = [each for each in stores if phases.written(each) == number]
        lines = body(loads, phases, number, own)
        made.append(f"@compiled\ndef {name}_{number}({typed}) -> None:\n" + "\n".join(f"    {line}" for line in lines))
    chosen = [f"    if phase == {number}:\n        {name}_{number}({arguments})" for number in range(phases.count)]
    made.append(f"@compiled\ndef {name}({typed}) -> None:\n" + "\n".join(chosen))
    settled = [
        f"    if phase == {phases.levels[each]}:\n        settle_sum(at_sums + {k} * LANES * SIZE)"
        for k, each in enumerate(phases.sums)
    ]
    made.append("@compiled\ndef settle(phase: int, at_sums: int) -> None:\n" + "\n".join(settled or ["    pass"]))
    return "\n\n".join(made)


def body(loads: Mapping[str, str], phases: Phases, number: int, stores: Sequence[Store]) -> list[str]:
    """The lines of one phase: the loads that are used, the operators, what is added up or kept, the stores."""
    results = [each.value for each in stores]
    nodes = phases.nodes(number, results)
    sums = [each for each in phases.sums if phases.levels[each] == number]
    added = {each: phases.made[each].arguments[0] for each in sums}
    kept = [each for each in phases.kept if phases.levels[each] == number]
    made = {node.name for node in nodes}
    used = {argument for node in nodes for argument in node.arguments} | set(added.values()) | set(results)
    known = {each: f"load(at_sums + {k} * LANES * SIZE)" for k, each in enumerate(phases.sums)}
    known |= {each: f"load(at_kept + {k} * kept_stride)" for k, each in enumerate(phases.kept)}
    lines = ["number = spread(units)"] if any(isinstance(each, Units) for each in used) else []
    lines += [f"{spelt(each)} = {source}" for each, source in {**loads, **known}.items() if each in used - made]
    lines += [f"{spelt(node.name)} = {expression(node, spelt)}" for node in nodes]
    for each, value in added.items():
        at = f"at_sums + {phases.sums.index(each)} * LANES * SIZE"
        lines.append(f"store({at}, load({at}) + keep_some({spelt(value)}, count))")
    lines += [f"store(at_kept + {phases.kept.index(each)} * kept_stride, {spelt(each)})" for each in kept]
    lines += [each.line for each in stores]
    return lines or ["pass"]


def expression(node: Node, spell: Callable[[Argument], Any]) -> str:
    """One operator, with its arguments spelt for the kernel."""
    if node.operator not in OPERATORS:
        raise Untraceable(f"the kernels have no operator {node.operator!r}")
    options = {name: spell(value) for name, value in node.options}
    try:
        return OPERATORS[node.operator](*map(spell, node.arguments), **options)
    except TypeError as error:
        raise Untraceable(f"the kernels do not know {node.operator!r} with these arguments: {error}") from error


def spelt(argument: Argument) -> Any:
    """A name or a number as it stands in source. What a cell calls something ends with `_`, and nothing else does."""
    if argument is None:
        return None
    if isinstance(argument, Units):
        return f"({argument.factor!r} {'/' if argument.inverse else '*'} number)"
    if isinstance(argument, float):
        return f"({argument!r})" if argument < 0 else repr(argument)
    return f"t{argument}" if argument.isdigit() else f"{argument}_"
