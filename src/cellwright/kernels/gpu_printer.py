"""Prints a traced program as the source of Triton kernels: the body of the cell, and the loops with lines repeated."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from .printer import HERE, expression, spelt
from .program import Argument, Node, Program, Units

LOOP = HERE / "gpu_loop.py"
FIXED = ("nought", "valid", "number")  # what a body is given beside its leaves


class Each(NamedTuple):
    """What a line stands for once each: the word in the line, and its names with their numbers."""

    word: str
    names: Sequence[tuple[int, str]]


def printed(program: Program, dtype: str, name: str) -> str:
    """The source of the kernels `forward` and, with a derivative, `backward`, in float32 or float64.

    Raises:
        Untraceable: the program has an operator that the table lacks.
    """
    loops = LOOP.read_text().partition("import triton.language as tl\n")[2]
    helpers, forward, backward = re.split(r"(?=^@triton\.jit\(do_not)", loops, flags=re.M)
    parts = [head(program, dtype, name), helpers, forward_cell(program)]
    parts.append(repeated(forward, lists(program, range(len(program.saved)))))
    if program.gradients:
        parts += [backward_cell(program), repeated(backward, lists(program, [*saved_names(program).values()]))]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def head(program: Program, dtype: str, name: str) -> str:
    """What stands in front: imports, and the numbers of the cell."""
    numbers = {
        "GATES": len(program.gates),
        "SEEN": program.recurrent,
        "OTHERS": len(program.states) - 1,
        "VECTORS": len(program.vectors),
        "NOISES": len(program.noise),
        "SLOTS": len(program.saved),
    }
    lines = [f"{key} = tl.constexpr({value})" for key, value in numbers.items()]
    return "\n".join(
        [
            f'"""{name}: printed by Cellwright from the equations of the cell."""\n',
            "import triton",
            "import triton.language as tl\n",
            "from cellwright.kernels.gpu_functions import (",
            "    exp, expm1, fabs, larger, log, log1p, sigmoid, smaller, spread, sqrt, tanh, total, where",
            ")\n",
            f"DTYPE = tl.constexpr(tl.{dtype})",
            'inf, nan = tl.constexpr(float("inf")), tl.constexpr(float("nan"))',
            *lines,
        ]
    )


def saved_names(program: Program) -> Mapping[str, int]:
    """The values that backward finds among the saved ones, and where."""
    return {each: k for k, each in enumerate(program.saved) if isinstance(each, str)}


def again(program: Program) -> dict[str, str]:
    """The values that backward finds in the new states, and in which."""
    known = {*saved_names(program), *(f"s_{each}" for each in program.states)}
    found: dict[str, str] = {}
    for state, value in program.state.items():
        if isinstance(value, str) and value not in known:
            found.setdefault(value, state)
    return found


def lists(program: Program, saved: Sequence[int]) -> dict[str, Each]:
    """The lists of a cell over which lines of the loops are repeated; `saved` are the places of saved values."""
    numbered = list(enumerate(program.states))
    others = list(enumerate(program.states[1:]))
    gates = list(enumerate(program.gates))
    return {
        "gate": Each("GATE", gates),
        "gate apart": Each("GATE", gates if program.gradients and program.apart else []),
        "state": Each("STATE", numbered),
        "output": Each("STATE", numbered[:1]),
        "seen": Each("STATE", numbered[: program.recurrent]),
        "unseen": Each("STATE", numbered[program.recurrent :]),
        "other": Each("OTHER", others),
        "history": Each("OTHER", others if program.gradients else []),
        "again": Each("STATE", [(0, state) for state in again(program).values()]),
        "vector": Each("VECTOR", list(enumerate(program.vectors))),
        "noise": Each("NOISE", list(enumerate(program.noise))),
        "saved": Each("SAVED", [(k, "") for k in saved]),
        "watched": Each("WATCHED", list(enumerate(program.watched))),
    }


def repeated(text: str, known: Mapping[str, Each]) -> str:
    """The text with every line that ends in `# each ...` repeated."""
    return "\n".join(line for each in text.splitlines() for line in copies(each, known))


def copies(line: str, known: Mapping[str, Each]) -> Iterator[str]:
    """The lines that a line stands for."""
    plain, marked, kinds = line.partition("  # each ")
    if not marked:
        yield line
        return
    chosen = [known[kind] for kind in kinds.split(", ")]
    for names in itertools.product(*(each.names for each in chosen)):
        copy = plain
        for each, (number, name) in zip(chosen, names, strict=True):
            copy = re.sub(rf"(?<![A-Z]){each.word}_N(?![A-Z])", str(number), copy)
            copy = re.sub(rf"(?<![A-Z]){each.word}(?![A-Z])", name, copy)
        yield copy


def forward_cell(program: Program) -> str:
    """The body of the cell: from contributions and states to new states and what is saved."""
    leaves = [*(f"x_{each}" for each in program.gates), *(f"r_{each}" for each in program.gates)]
    leaves += [f"s_{each}" for each in program.states]
    results = [*(program.state[each] for each in program.states), *program.saved]
    return function("forward_cell", [*leaves, *around(program)], program.forward, results)


def backward_cell(program: Program) -> str:
    """The body of its derivative: from what was saved and the cotangents to all gradients."""
    leaves = [*saved_names(program), *(f"d_{each}" for each in program.watched), *again(program)]
    leaves += [f"{kind}_{each}" for kind in "sd" for each in program.states]
    kinds = [f"{kind}_{each}" for kind in "xr" for each in program.gates]
    kinds += [*(f"s_{each}" for each in program.states), *(f"w_{each}" for each in program.vectors)]
    results = [program.gradients[each] for each in kinds]
    return function("backward_cell", [*leaves, *around(program)], program.backward, results)


def around(program: Program) -> list[str]:
    """The leaves that are no contributions and no states."""
    return [*(f"w_{each}" for each in program.vectors), *(f"n_{each}" for each in program.noise)]


def function(name: str, leaves: Sequence[str], nodes: Sequence[Node], results: Sequence[Argument]) -> str:
    """A body as a function; a result that is one number for a row, or for all, is spread over the units."""
    rows = {node.name for node in nodes if node.row}
    lines = [f"{word(node.name)} = {operation(node)}" for node in nodes]
    values = [f"{word(each)} + nought" if isinstance(each, float) or each in rows else word(each) for each in results]
    body = "\n".join(f"    {line}" for line in [*lines, f"return ({', '.join(values)},)"])
    return f"@triton.jit\ndef {name}({', '.join([*map(word, leaves), *FIXED])}):\n{body}\n"


def operation(node: Node) -> str:
    """One operator in Triton."""
    return f"total({word(node.arguments[0])}, valid)" if node.reduces else expression(node, word)


def word(argument: Argument) -> Any:
    """A name or a number as it stands in source; what float32 does not hold is written in the dtype of the kernel."""
    if isinstance(argument, Units):
        factor = f"tl.full([1, 1], {argument.factor!r}, DTYPE)"
        return f"({factor} {'/' if argument.inverse else '*'} number)"
    if isinstance(argument, float) and float(torch.tensor(argument)) != argument:
        return f"tl.full([1, 1], {argument!r}, DTYPE)"
    return spelt(argument)
