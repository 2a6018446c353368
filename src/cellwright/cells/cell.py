"""The Cell: one pure function, its gates, its state, its learned vectors."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import operator
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import torch
from torch import Tensor

from ..errors import CellError, nearest
from .equations import Equations

CellFunction = Callable[["Terms", "Terms", "Terms", "Terms"], Mapping[str, Tensor]]


class Terms(SimpleNamespace):
    """Named values of one kind, as a cell function sees them: `x.i`, `r.f`, `s.c`, `w.p_o`."""

    def __getattr__(self, name: str) -> Tensor:
        raise AttributeError(f"there is no {name!r} here; {nearest(name, vars(self))}")


@dataclass(frozen=True)
class Dimension:
    """One weight of a cell: its symbol in the equations, its shape, and what it does."""

    name: str
    shape: tuple[int, ...]
    what: str


@dataclass(frozen=True, eq=False)
class Cell:
    """A recurrent cell. Made by the decorator `cell`; see there for the rules.

    Attributes:
        function: the equations, as an ordinary PyTorch function of `(x, r, s, w)`.
        name: the name of the function.
        gates: names of the gates, in the order of their rows in the weight matrices.
        state: names of what is carried from step to step; always contains `h`.
        vectors: names of the learned vectors (one number per unit), each with its start value,
            or None for the start that the weights have.
        noise: names of values in `w` that are not learned but given for every step, such as masks.
        recurrent: the states that the recurrent weights multiply.
        candidate: the signal that is written into the cell state; empty if there is none.
        bias: whether the contributions of input and state have biases; else, what the cell needs stands in vectors.
        signals: names of everything that the function returns, in order.
        states: the same as `state`, with those first that the recurrent weights multiply, `h` before all.
        variant: what was changed in another cell; empty if nothing was.
        begins: where states begin that are learned; those that are not named at 0.
        digest: of the source of the function, where that is the user's; changed cells have that of the cell behind.
        key: the name, digest and variant, with a number if another cell has them already.
    """

    function: CellFunction
    name: str
    gates: tuple[str, ...]
    state: tuple[str, ...]
    vectors: Mapping[str, float | None]
    noise: tuple[str, ...] = ()
    recurrent: tuple[str, ...] = ("h",)
    candidate: str = ""
    bias: bool = True
    begins: Mapping[str, float] = field(default_factory=dict)
    variant: str = ""
    digest: str = ""
    signals: tuple[str, ...] = field(init=False)
    states: tuple[str, ...] = field(init=False)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        if not self.digest and not self.function.__module__.startswith(f"{__package__.partition('.')[0]}."):
            object.__setattr__(self, "digest", digest_of(self.function))
        name = f"{self.name}-{self.digest}" if self.digest else self.name
        name = f"{name} with {self.variant}" if self.variant else name
        same = sum(key.partition("#")[0] == name for key in by_key)
        object.__setattr__(self, "signals", checked_signals(self))
        rest = (name for name in self.state if name not in self.recurrent)
        object.__setattr__(self, "states", (*self.recurrent, *rest))
        object.__setattr__(self, "key", f"{name}#{same}" if same else name)
        by_key[self.key] = self

    def __repr__(self) -> str:
        return f"<cell {self.name}: gates {' '.join(self.gates)}, state {' '.join(self.state)}>"

    def __call__(
        self,
        x: Iterable[Tensor],
        r: Iterable[Tensor],
        s: Iterable[Tensor],
        w: Iterable[Tensor] = (),
    ) -> dict[str, Tensor]:
        """One step: contributions per gate, previous states, and vectors and noise, each in the declared order.

        Every tensor of `x`, `r`, `s` and noise has the shape `[..., hidden]`, every vector `[hidden]`.

        >>> import torch, cellwright as cw
        >>> zeros = [torch.zeros(1, 3)] * 4
        >>> cw.cells["lstm"](zeros, zeros, [torch.zeros(1, 3), torch.ones(1, 3)])["c"]
        tensor([[0.5000, 0.5000, 0.5000]])
        """
        return dict(
            self.function(
                Terms(**dict(zip(self.gates, x, strict=True))),
                Terms(**dict(zip(self.gates, r, strict=True))),
                Terms(**dict(zip(self.state, s, strict=True))),
                Terms(**dict(zip((*self.vectors, *self.noise), w, strict=True))),
            )
        )

    def __reduce__(self) -> tuple[Callable[[str, str], Cell], tuple[str, str]]:
        """A cell is pickled by the name of its function, as Python pickles functions.

        Raises:
            CellError: it does not stand in its module under that name, so that nobody could find it again.
        """
        place = self.function.__module__, self.function.__qualname__
        try:
            found = named_cell(*place)
        except (ImportError, AttributeError):
            found = None
        if found is not self:
            raise CellError(
                f"the cell {self.name} cannot be saved, since {'.'.join(place)} is not it: let it stand in a module, "
                "outside of functions, under the name of its function; or save a state_dict"
            )
        return named_cell, place

    def __deepcopy__(self, memo: Mapping[int, object]) -> Cell:
        """A cell has nothing that changes: copies share it."""
        return self

    @property
    def summary(self) -> str:
        """What the cell is, and where it comes from: the first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]

    @property
    def description(self) -> str:
        """What the cell is, in words."""
        return self.summary.partition(": ")[0].rstrip(".")

    @property
    def source(self) -> str:
        """The publication, as the docstring gives it behind a colon; empty if it gives none."""
        return self.summary.partition(": ")[2].rstrip(".")

    def equations(self) -> str:
        """The equations of one step as text, one line per signal."""
        return Equations(self.function, self.gates, self.state, (*self.vectors, *self.noise), self.bias).text()

    def latex(self) -> str:
        """The equations of one step as a LaTeX `aligned` environment."""
        return Equations(self.function, self.gates, self.state, (*self.vectors, *self.noise), self.bias).latex()

    def dimensions(self, input_size: int, hidden_size: int) -> tuple[Dimension, ...]:
        """Every weight of one layer and direction, gate by gate, with its shape."""
        weights = [
            row
            for gate in self.gates
            for row in (
                Dimension(f"W_{gate}", (hidden_size, input_size), f"feed-forward weights of {gate}"),
                Dimension(f"R_{gate}", (hidden_size, hidden_size), f"recurrent weights of {gate}"),
                Dimension(f"b_{gate}", (hidden_size,), f"feed-forward bias of {gate}"),
                Dimension(f"b'_{gate}", (hidden_size,), f"recurrent bias of {gate}"),
            )[: 4 if self.bias else 2]
        ]
        vectors = [Dimension(name, (hidden_size,), "one weight per unit") for name in self.vectors]
        return (*weights, *vectors)

    def parameters(self, input_size: int, hidden_size: int) -> int:
        """How many numbers one layer and direction learns.

        >>> import cellwright as cw
        >>> cw.cells["lstm"].parameters(80, 12)
        4512
        """
        return sum(torch.Size(row.shape).numel() for row in self.dimensions(input_size, hidden_size))


def digest_of(function: CellFunction) -> str:
    """What tells the equations of a function from others of its name, in other processes too."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):  # written in a shell, say
        code = function.__code__
        source = f"{code.co_code!r} {code.co_consts} {code.co_names}"
    return hashlib.sha256(source.encode()).hexdigest()[:8]


class Made(dict[str, Cell]):
    """Every cell that was made, by its key: an operator of PyTorch takes names, not cells."""

    def __missing__(self, key: str) -> Cell:
        """A program that was exported elsewhere may name a cell that has not been made here.

        Raises:
            CellError: always.
        """
        raise CellError(f"there is no cell {key!r} here; make a layer with it first, of the same source and options")


by_key = Made()


def named_cell(module: str, name: str) -> Cell:
    """The cell that stands in a module under the name of its function."""
    return cast(Cell, operator.attrgetter(name)(importlib.import_module(module)))


def cell(
    *,
    gates: str,
    state: str | Mapping[str, float] = "h",
    vectors: str | Mapping[str, float] = "",
    candidate: str = "",
    bias: bool = True,
) -> Callable[[CellFunction], Cell]:
    """Make a cell of a function `(x, r, s, w)` that returns every signal of one step by name.

    Args:
        gates: names of the gates, separated by spaces, in the order of their rows in the weights.
        state: names of what is carried on; `h` is the one that the recurrent weights multiply. As a mapping, with where
            each begins if it is learned.
        vectors: names of learned vectors, one number per unit; as a mapping, with their start values.
        candidate: the signal that is written into the memory, for dropout on it.
        bias: whether the contributions have biases.

    `x.k` is `W_k x_t + b_k`, `r.k` is `R_k h_{t-1} + b'_k`, `s.c` the previous state, `w.p` a vector.
    The function must return a dict that holds each state name; all values have the shape of `s.h`. Numbers that it
    takes from elsewhere, such as a global factor, are read once, when it is first compiled; let what is to change be
    a vector.

    >>> import torch, cellwright as cw
    >>> @cw.cell(gates="f g", state="h", vectors={"decay": 1.0})
    ... def leaky(x, r, s, w):
    ...     "One gate and a learned decay."
    ...     f = torch.sigmoid(x.f + r.f)
    ...     g = torch.tanh(x.g + r.g)
    ...     return dict(f=f, g=g, h=f * w.decay * s.h + (1 - f) * g)
    >>> print(leaky.equations())
    f_t = sigmoid(W_f x_t + b_f + R_f h_t-1 + b'_f)
    g_t = tanh(W_g x_t + b_g + R_g h_t-1 + b'_g)
    h_t = f_t * decay * h_t-1 + (1 - f_t) * g_t

    Raises:
        CellError: a name is unknown or declared twice, a state is missing from the result, or a
            result has the wrong shape. The message names the line.
    """
    starts: Mapping[str, float | None]
    if isinstance(vectors, Mapping):
        starts = vectors
    else:
        names = vectors.split()
        # A mapping cannot hold a name twice; the whole text as one name is refused with the right words.
        starts = dict.fromkeys(names if len(set(names)) == len(names) else [vectors])

    def decorate(function: CellFunction) -> Cell:
        if not hasattr(function, "__name__"):
            raise CellError(f"a cell is a function with a name, not {function!r}; write it with `def`")
        begins = dict(state) if isinstance(state, Mapping) else dict[str, float]()
        names = tuple(gates.split()), tuple(state) if isinstance(state, Mapping) else tuple(state.split())
        return Cell(function, function.__name__, *names, dict(starts), candidate=candidate, bias=bias, begins=begins)

    return decorate


def checked_signals(cell: Cell) -> tuple[str, ...]:
    """Run the function once on tiny tensors; the names it returns, or an error that names the line."""
    check_names(cell)
    batch, hidden = 2, 3
    example = torch.full((batch, hidden), 0.5)
    try:
        signals = cell(
            [example] * len(cell.gates),
            [example] * len(cell.gates),
            [example] * len(cell.state),
            [torch.full((hidden,), 0.5)] * (len(cell.vectors) + len(cell.noise)),
        )
    except Exception as error:
        raise CellError(f"{line_of(cell, error)}: the cell {cell.name!r} fails: {error}") from error
    if cell.candidate and cell.candidate not in signals:
        raise CellError(f"{line_of(cell)}: the cell {cell.name!r} must return its candidate {cell.candidate!r}")
    for name in cell.state:
        if name not in signals:
            raise CellError(
                f"{line_of(cell)}: the cell {cell.name!r} must return its state {name!r}, but returns "
                f"{', '.join(signals) or 'nothing'}; add {name}={name} to the dict"
            )
    for name, value in signals.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise CellError(f"{line_of(cell)}: signals of the cell {cell.name!r} must be identifiers, not {name!r}")
        if not isinstance(value, Tensor) or value.shape != example.shape or value.dtype != example.dtype:
            found = f"{list(value.shape)} of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
            raise CellError(
                f"{line_of(cell)}: the signal {name!r} of the cell {cell.name!r} must have the shape "
                f"{list(example.shape)} and dtype of s.h, but is {found}; compute it from x, r or s without "
                "reducing, reshaping or casting"
            )
    return tuple(signals)


def check_names(cell: Cell) -> None:
    """Names are identifiers, each declared once; there is a gate, and the state contains h."""
    for kind, names in (
        ("gates", cell.gates),
        ("state", cell.state),
        ("vectors", (*cell.vectors, *cell.noise)),
    ):
        for name in names:
            if not name.isidentifier() or names.count(name) > 1:
                raise CellError(
                    f"{line_of(cell)}: {kind} of the cell {cell.name!r} must be different identifiers "
                    f"separated by spaces, not {' '.join(names)!r}"
                )
    if not cell.gates:
        raise CellError(f'{line_of(cell)}: the cell {cell.name!r} needs a gate; for example gates="i f g o"')
    if "h" not in cell.state:
        raise CellError(
            f"{line_of(cell)}: the state of the cell {cell.name!r} must contain 'h', which the recurrent "
            f"weights multiply, but is {' '.join(cell.state)!r}"
        )


def line_of(cell: Cell, error: BaseException | None = None) -> str:
    """`file:line` of the cell function, or of the line in it at which the error arose."""
    code = getattr(cell.function, "__code__", None)
    if code is None:
        return cell.name
    frames = traceback.extract_tb(error.__traceback__) if error else []
    lines = [frame.lineno for frame in frames if frame.filename == code.co_filename]
    return f"{code.co_filename}:{lines[-1] if lines else code.co_firstlineno}"
