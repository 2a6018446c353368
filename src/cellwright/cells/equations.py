"""What a person reads: a cell function evaluated on symbols, printed as text and as LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ..errors import CellError
from .normalisation import normalised

COMPARISON, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)
INFIX = {
    "add": ("+", SUM),
    "sub": ("-", SUM),
    "mul": ("*", PRODUCT),
    "div": ("/", PRODUCT),
    "gt": (">", COMPARISON),
    "ge": (">=", COMPARISON),
    "lt": ("<", COMPARISON),
    "le": ("<=", COMPARISON),
}
TORCH_NAMES = {"true_divide": "div", "divide": "div", "multiply": "mul", "subtract": "sub", "negative": "neg"}
LATEX_FUNCTIONS = {
    "sigmoid": r"\sigma",
    "tanh": r"\tanh",
    "normalised": r"\operatorname{LN}",
    "exp": r"\exp",
    "log": r"\log",
    "relu": r"\mathrm{ReLU}",
}


@dataclass(frozen=True, eq=False)
class Expression:
    """A symbol, a number, or an operation on expressions; stands in for a tensor in a cell function."""

    operation: str
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Expression | tuple[Expression, ...]:
        name = function.__name__.strip("_")
        if function is normalised:
            return tuple(cls(name, (part,)) for part in args)
        return cls(TORCH_NAMES.get(name, name), args, tuple((kwargs or {}).items()))

    def __getattr__(self, name: str) -> Callable[..., Expression]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: Expression(name, (self, *args), tuple(kwargs.items()))

    def __add__(self, other: Any) -> Expression:
        return Expression("add", (self, other))

    def __radd__(self, other: Any) -> Expression:
        return Expression("add", (other, self))

    def __sub__(self, other: Any) -> Expression:
        return Expression("sub", (self, other))

    def __rsub__(self, other: Any) -> Expression:
        return Expression("sub", (other, self))

    def __mul__(self, other: Any) -> Expression:
        return Expression("mul", (self, other))

    def __rmul__(self, other: Any) -> Expression:
        return Expression("mul", (other, self))

    def __truediv__(self, other: Any) -> Expression:
        return Expression("div", (self, other))

    def __rtruediv__(self, other: Any) -> Expression:
        return Expression("div", (other, self))

    def __pow__(self, other: Any) -> Expression:
        return Expression("pow", (self, other))

    def __neg__(self) -> Expression:
        return Expression("neg", (self,))

    def __abs__(self) -> Expression:
        return Expression("abs", (self,))

    def __gt__(self, other: Any) -> Expression:
        return Expression("gt", (self, other))

    def __ge__(self, other: Any) -> Expression:
        return Expression("ge", (self, other))

    def __lt__(self, other: Any) -> Expression:
        return Expression("lt", (self, other))

    def __le__(self, other: Any) -> Expression:
        return Expression("le", (self, other))


class Equations:
    """The equations of a cell function.

    Args:
        function: a function of `(x, r, s, w)`, as `cellwright.cell` takes it.
        gates, state, vectors: the names that it uses.
        bias: whether the contributions have biases.

    Raises:
        CellError: the function does something that has no symbol, such as branching on a value.
    """

    def __init__(
        self,
        function: Callable[..., Mapping[str, Any]],
        gates: tuple[str, ...],
        state: tuple[str, ...],
        vectors: tuple[str, ...],
        bias: bool = True,
    ) -> None:
        self.bias = bias
        symbols = [
            SimpleNamespace(**{name: Expression(kind, (name,)) for name in names})
            for kind, names in (
                ("input", gates),
                ("recurrent", gates),
                ("previous", state),
                ("vector", vectors),
            )
        ]
        try:
            self.signals: Mapping[str, Expression] = function(*symbols)
        except Exception as error:
            raise CellError(
                f"the equations of {function.__name__!r} cannot be written down: {error}; use operators and "
                "functions of torch only, without branching on values"
            ) from error

    def text(self) -> str:
        return "\n".join(f"{name}_t = {self.line(name, TextStyle(self.bias))}" for name in self.signals)

    def latex(self) -> str:
        style = LatexStyle(self.bias)
        lines = (f"{style.subscript(name, 't')} &= {self.line(name, style)}" for name in self.signals)
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def line(self, name: str, style: TextStyle) -> str:
        """The right-hand side of one signal, with the other signals by their names."""
        known = {id(value): other for other, value in self.signals.items() if other != name}
        value = self.signals[name]
        if id(value) in known and list(self.signals).index(known[id(value)]) > list(self.signals).index(name):
            del known[id(value)]
        return written(value, style, known)[0]


class TextStyle:
    """How an equation is spelt in plain text, with or without biases of the contributions."""

    def __init__(self, bias: bool) -> None:
        self.bias = bias

    def subscript(self, name: str, index: str) -> str:
        return f"{name}_{index}"

    def leaf(self, kind: str, name: str) -> tuple[str, int]:
        if kind == "input":
            return (f"W_{name} x_t + b_{name}", SUM) if self.bias else (f"W_{name} x_t", PRODUCT)
        if kind == "recurrent":
            return (f"R_{name} h_t-1 + b'_{name}", SUM) if self.bias else (f"R_{name} h_t-1", PRODUCT)
        return (f"{name}_t-1" if kind == "previous" else name), ATOM

    def infix(self, operation: str, left: str, right: str) -> str:
        return f"{left} {INFIX[operation][0]} {right}"

    def call(self, function: str, arguments: list[str]) -> str:
        return f"{function}({', '.join(arguments)})"

    def brackets(self, inside: str) -> str:
        return f"({inside})"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}^{exponent}"


class LatexStyle(TextStyle):
    """How an equation is spelt in LaTeX."""

    def subscript(self, name: str, index: str) -> str:
        return f"{self.symbol(name)}_{{{index}}}"

    def symbol(self, name: str) -> str:
        head, _, tail = name.partition("_")
        head = head if len(head) == 1 else rf"\mathit{{{head}}}"
        return rf"{head}^{{({tail})}}" if tail else head

    def leaf(self, kind: str, name: str) -> tuple[str, int]:
        if kind == "input":
            product = f"W_{{{name}}} x_t"
            return (f"{product} + b_{{{name}}}", SUM) if self.bias else (product, PRODUCT)
        if kind == "recurrent":
            product = f"R_{{{name}}} h_{{t-1}}"
            return (f"{product} + b'_{{{name}}}", SUM) if self.bias else (product, PRODUCT)
        return (self.subscript(name, "t-1") if kind == "previous" else self.symbol(name)), ATOM

    def infix(self, operation: str, left: str, right: str) -> str:
        return (
            f"{left} {dict(mul=chr(92) + 'odot', div=chr(92) + 'oslash').get(operation, INFIX[operation][0])} {right}"
        )

    def call(self, function: str, arguments: list[str]) -> str:
        name = LATEX_FUNCTIONS.get(function, rf"\operatorname{{{function.replace('_', chr(92) + '_')}}}")
        return rf"{name}\left({', '.join(arguments)}\right)"

    def brackets(self, inside: str) -> str:
        return rf"\left({inside}\right)"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"


def written(value: Any, style: TextStyle, known: Mapping[int, str]) -> tuple[str, int]:
    """An expression as a string, with the binding strength of its outermost operation."""
    if not isinstance(value, Expression):
        return (f"{value:g}" if isinstance(value, int | float) else str(value)), ATOM
    if id(value) in known:
        return style.subscript(known[id(value)], "t"), ATOM
    operation, arguments = value.operation, value.arguments
    if operation in ("input", "recurrent", "previous", "vector"):
        return style.leaf(operation, arguments[0])

    def argument(position: int, strength: int) -> str:
        text, found = written(arguments[position], style, known)
        return style.brackets(text) if found < strength else text

    if operation in INFIX and not value.options:
        strength = INFIX[operation][1]
        right = strength + (operation in ("sub", "div"))
        return style.infix(operation, argument(0, strength), argument(1, right)), strength
    if operation == "neg":
        return f"-{argument(0, SIGN)}", SIGN
    if operation == "pow":
        return style.power(argument(0, ATOM), argument(1, ATOM)), POWER
    inside = [written(each, style, known)[0] for each in arguments]
    inside += [f"{name}={written(each, style, known)[0]}" for name, each in value.options]
    return style.call(operation, inside), ATOM
