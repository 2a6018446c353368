"""From the part of Python that kernels are written in to LLVM's language.

It has whole numbers of 64 bits, truth values, vectors and single numbers of the kernel's dtype; loops over ranges
with a positive step, `while`, branches, and calls of compiled functions, of instructions and of functions on vectors.
`and`, `or` and `not` give truth values, and nothing may be divided by zero. What follows from constants alone is
computed here, and a branch that they rule out is not translated.
"""

from __future__ import annotations

import ast
import operator
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from llvmlite import ir

from .compiled import Instruction, marked
from .tile import phi
from .vectors import WORD, Lanes, lanes_of

TRUTH = ir.IntType(1)
KINDS = {
    int: WORD,
    bool: TRUTH,
    None: ir.VoidType(),
    Any: WORD.as_pointer(),  # the fields, by position
    tuple[int, int]: ir.LiteralStructType([WORD, WORD]),
}

Value = Any
"""What an expression stands for: a number of Python, LLVM's value for one, Lanes, or a tuple of these."""


class Operator(NamedTuple):
    """An operator: on numbers of Python and on vectors, on whole numbers, on numbers with a fraction."""

    plain: Callable[..., Any]
    whole: Callable[..., ir.Value] | None
    real: Callable[..., ir.Value] | None = None


def comparison(sign: str, plain: Callable[..., Any]) -> Operator:
    return Operator(plain, lambda builder, a, b: builder.icmp_signed(sign, a, b))


def needs_rounding_down(builder: ir.IRBuilder, rest: ir.Value, b: ir.Value) -> ir.Value:
    """Whether a quotient is one too high: processors round towards zero, Python rounds down."""
    differ = builder.icmp_signed("<", builder.xor(rest, b), WORD(0))
    return builder.and_(builder.icmp_signed("!=", rest, WORD(0)), differ)


def quotient(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    """`a // b`."""
    return builder.sub(builder.sdiv(a, b), builder.zext(needs_rounding_down(builder, builder.srem(a, b), b), WORD))


def remainder(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    """`a % b`."""
    rest = builder.srem(a, b)
    return builder.select(needs_rounding_down(builder, rest, b), builder.add(rest, b), rest)


OPERATORS: dict[type[ast.AST], Operator] = {
    ast.Add: Operator(operator.add, ir.IRBuilder.add, ir.IRBuilder.fadd),
    ast.Sub: Operator(operator.sub, ir.IRBuilder.sub, ir.IRBuilder.fsub),
    ast.Mult: Operator(operator.mul, ir.IRBuilder.mul, ir.IRBuilder.fmul),
    ast.Div: Operator(operator.truediv, None, ir.IRBuilder.fdiv),
    ast.FloorDiv: Operator(operator.floordiv, quotient),
    ast.Mod: Operator(operator.mod, remainder),
    ast.BitAnd: Operator(operator.and_, ir.IRBuilder.and_),
    ast.BitOr: Operator(operator.or_, ir.IRBuilder.or_),
    ast.BitXor: Operator(operator.xor, ir.IRBuilder.xor),
    ast.Lt: comparison("<", operator.lt),
    ast.LtE: comparison("<=", operator.le),
    ast.Gt: comparison(">", operator.gt),
    ast.GtE: comparison(">=", operator.ge),
    ast.Eq: comparison("==", operator.eq),
    ast.NotEq: comparison("!=", operator.ne),
}


def translated(function: Callable[..., None], symbol: str) -> str:
    """The LLVM source of a compiled function, by this name, and of all that it calls."""
    translation = Translation()
    translation.function(function, symbol).linkage = "external"
    return str(translation.module)


class Translation:
    """A module of LLVM that grows by the functions that are asked for."""

    def __init__(self) -> None:
        self.module = ir.Module("kernel")
        self.functions: dict[Callable[..., Any], ir.Function] = {}
        self.syntax: dict[str, dict[str, ast.FunctionDef]] = {}

    def function(self, source: Callable[..., Any], name: str | None = None) -> ir.Function:
        """The function of LLVM for a compiled one."""
        if source not in self.functions:
            kinds = dict(source.__annotations__)
            returned = KINDS[kinds.pop("return")]
            kind = ir.FunctionType(returned, [KINDS[each] for each in kinds.values()])
            made = ir.Function(self.module, kind, name or self.module.get_unique_name(source.__name__))
            made.linkage = "internal"
            self.functions[source] = made
            Body(self, source, self.definition(source), made).translate()
        return self.functions[source]

    def definition(self, source: Callable[..., Any]) -> ast.FunctionDef:
        """The syntax of a function."""
        path = source.__code__.co_filename
        if path not in self.syntax:
            tree = ast.parse(Path(path).read_text(encoding="utf-8"))
            self.syntax[path] = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
        return self.syntax[path][source.__name__]


class Body(ast.NodeVisitor):
    """Translates one function: statements emit instructions, expressions give values.

    A name that is set once is its value; one that is set again is a place in memory, which LLVM turns into registers.
    """

    def __init__(
        self, translation: Translation, source: Callable[..., Any], definition: ast.FunctionDef, made: ir.Function
    ) -> None:
        self.translation, self.source, self.definition, self.made = translation, source, definition, made
        self.builder = ir.IRBuilder(made.append_basic_block("entry"))
        self.ends: list[ir.Block] = []  # where `continue` goes to, of the loops around a statement
        self.places: dict[str, ir.Value] = {}
        self.values: dict[str, Value] = {}
        names = [each for each in ast.walk(definition) if isinstance(each, ast.Name)]
        self.changes = Counter(each.id for each in names if isinstance(each.ctx, ast.Store))
        self.changes.update(each.arg for each in definition.args.args)
        self.changes.update(self.counters(definition))

    def counters(self, definition: ast.FunctionDef) -> list[str]:
        """The names that loops set: each of them again and again."""
        targets = [each.target for each in ast.walk(definition) if isinstance(each, ast.For)]
        return [each.id for each in targets if isinstance(each, ast.Name)]

    def translate(self) -> None:
        """Fill the function; its first block is for places, which come up on the way."""
        start = self.builder.block
        first = self.builder.append_basic_block("first")
        self.builder.position_at_end(first)
        for each, value in zip(self.definition.args.args, self.made.args, strict=True):
            self.set(each.arg, value)
        self.follow(self.definition.body)
        if not self.builder.block.is_terminated:
            ends = isinstance(self.made.function_type.return_type, ir.VoidType)
            self.builder.ret_void() if ends else self.builder.unreachable()
        ir.IRBuilder(start).branch(first)

    def generic_visit(self, node: ast.AST) -> Value:
        line = getattr(node, "lineno", self.definition.lineno)
        where = f"{self.source.__code__.co_filename}, line {line}"
        shown = f": {ast.unparse(node)}" if isinstance(node, ast.expr | ast.stmt) else ""
        raise SyntaxError(f"{where}: kernels have no {type(node).__name__} of this kind{shown}")

    def follow(self, statements: Sequence[ast.stmt]) -> None:
        """Translate statements until control leaves them."""
        for each in statements:
            if self.builder.block.is_terminated:
                return
            self.visit(each)

    def block(self, name: str) -> ir.Block:
        return self.builder.append_basic_block(name)

    def end_with(self, following: ir.Block) -> None:
        """Go on there, unless control has left."""
        if not self.builder.block.is_terminated:
            self.builder.branch(following)

    # values

    def settled(self, value: Value) -> ir.Value:
        """LLVM's value."""
        if isinstance(value, bool):
            return TRUTH(value)
        if isinstance(value, int):
            return WORD(value)
        return value.value if isinstance(value, Lanes) else value

    def truth(self, node: ast.expr) -> Value:
        """A condition: a truth value of Python or of LLVM."""
        value = self.visit(node)
        if isinstance(value, ir.Value) and value.type == WORD:
            return self.builder.icmp_signed("!=", value, WORD(0))
        return value if isinstance(value, ir.Value) else bool(value)

    def choice(self, condition: Value, first: Callable[[], Value], second: Callable[[], Value]) -> Value:
        """One of two values; only what leads to that one is done."""
        if not isinstance(condition, ir.Value):
            return first() if condition else second()
        blocks, after, found = [self.block("then"), self.block("otherwise")], self.block("chosen"), []
        self.builder.cbranch(condition, *blocks)
        for block, make in zip(blocks, (first, second), strict=True):
            self.builder.position_at_end(block)
            value = make()
            values = value if isinstance(value, tuple) else (value,)
            found.append([(self.settled(each), self.builder.block) for each in values])
            self.builder.branch(after)
        self.builder.position_at_end(after)
        chosen = tuple(lanes_of(self.builder, phi(self.builder, *each)) for each in zip(*found, strict=True))
        return chosen if len(chosen) > 1 else chosen[0]

    def operated(self, kind: ast.AST, a: Value, b: Value) -> Value:
        """An operator on two values."""
        if type(kind) not in OPERATORS:
            return self.generic_visit(kind)
        plain, whole, real = OPERATORS[type(kind)]
        if isinstance(a, Lanes) or isinstance(b, Lanes) or not (isinstance(a, ir.Value) or isinstance(b, ir.Value)):
            return plain(a, b)
        values = self.settled(a), self.settled(b)
        emit = whole if isinstance(values[0].type, ir.IntType) else real
        return emit(self.builder, *values) if emit is not None else self.generic_visit(kind)

    # expressions

    def visit_Constant(self, node: ast.Constant) -> Value:
        return node.value

    def visit_Name(self, node: ast.Name) -> Value:
        if node.id in self.places:
            place = self.places[node.id]
            return lanes_of(self.builder, self.builder.load(place, typ=place.allocated_type))
        if node.id in self.values:
            return self.values[node.id]
        if node.id in self.source.__globals__ and node.id not in self.changes:
            return self.source.__globals__[node.id]
        return {"min": self.smaller, "max": self.larger}.get(node.id) or self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> Value:
        return tuple(map(self.visit, node.elts))

    def visit_Subscript(self, node: ast.Subscript) -> Value:
        """A field: its value never changes, so that LLVM need not read it again behind every store."""
        value = self.builder.load(self.field(node), typ=WORD)
        value.set_metadata("invariant.load", self.translation.module.add_metadata([]))
        return value

    def field(self, node: ast.Subscript) -> ir.Value:
        """The place of an entry of the array of fields."""
        return self.builder.gep(self.visit(node.value), [self.settled(self.visit(node.slice))], source_etype=WORD)

    def visit_BinOp(self, node: ast.BinOp) -> Value:
        return self.operated(node.op, self.visit(node.left), self.visit(node.right))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            value = self.truth(node.operand)
            return self.builder.not_(value) if isinstance(value, ir.Value) else not value
        value = self.visit(node.operand)
        if isinstance(node.op, ast.USub):
            return self.builder.neg(value) if isinstance(value, ir.Value) else -value
        return ~value if isinstance(node.op, ast.Invert) else self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> Value:
        first, *others = node.values
        rest = others[0] if len(others) == 1 else ast.BoolOp(node.op, others)
        if isinstance(node.op, ast.And):
            return self.choice(self.truth(first), lambda: self.truth(rest), lambda: False)
        return self.choice(self.truth(first), lambda: True, lambda: self.truth(rest))

    def visit_Compare(self, node: ast.Compare) -> Value:
        return self.compared(self.visit(node.left), node.ops, node.comparators)

    def compared(self, left: Value, signs: Sequence[ast.cmpop], others: Sequence[ast.expr]) -> Value:
        """A chain of comparisons."""
        right = self.visit(others[0])
        found = self.operated(signs[0], left, right)
        if len(signs) == 1:
            return found
        return self.choice(found, lambda: self.compared(right, signs[1:], others[1:]), lambda: False)

    def visit_IfExp(self, node: ast.IfExp) -> Value:
        return self.choice(self.truth(node.test), lambda: self.visit(node.body), lambda: self.visit(node.orelse))

    def visit_Call(self, node: ast.Call) -> Value:
        if node.keywords:
            return self.generic_visit(node.keywords[0])
        called, arguments = self.visit(node.func), [self.visit(each) for each in node.args]
        if isinstance(called, Instruction):
            numbers = (each if isinstance(each, float | Lanes) else self.settled(each) for each in arguments)
            return called.emit(self.builder, *numbers)
        if called not in marked:
            return called(*arguments)
        result = self.builder.call(self.translation.function(called), [self.settled(each) for each in arguments])
        if isinstance(result.type, ir.LiteralStructType):
            return tuple(self.builder.extract_value(result, n) for n in range(len(result.type.elements)))
        return result

    def smaller(self, a: Value, b: Value) -> Value:
        return self.chosen(ast.Lt(), a, b)

    def larger(self, a: Value, b: Value) -> Value:
        return self.chosen(ast.Gt(), a, b)

    def chosen(self, sign: ast.cmpop, a: Value, b: Value) -> Value:
        """The one of two whole numbers that compares so with the other."""
        first = self.operated(sign, a, b)
        if isinstance(first, bool):
            return a if first else b
        return self.builder.select(first, self.settled(a), self.settled(b))

    # statements

    def set(self, name: str, value: Value) -> None:
        """Give a name a value."""
        if self.changes[name] == 1:
            self.values[name] = value
            return
        value = self.settled(value)
        if name not in self.places:
            with self.builder.goto_entry_block():
                self.places[name] = self.builder.alloca(value.type)
        self.builder.store(value, self.places[name])

    def assign(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Tuple):
            for each, part in zip(target.elts, value, strict=True):
                self.assign(each, part)
        elif isinstance(target, ast.Subscript):
            self.builder.store(self.settled(value), self.field(target))
        elif isinstance(target, ast.Name):
            self.set(target.id, value)
        else:
            self.generic_visit(target)

    def visit_Assign(self, node: ast.Assign) -> None:
        (target,) = node.targets
        self.assign(target, self.visit(node.value))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if not isinstance(node.target, ast.Name):
            self.generic_visit(node.target)
        self.assign(node.target, self.operated(node.op, self.visit(node.target), self.visit(node.value)))

    def visit_Expr(self, node: ast.Expr) -> None:
        self.visit(node.value)

    def visit_Pass(self, node: ast.Pass) -> None:
        pass

    def visit_Return(self, node: ast.Return) -> None:
        value = self.visit(node.value) if node.value is not None else None
        if value is None:
            self.builder.ret_void()
        elif isinstance(value, tuple):
            self.builder.ret(self.together(value))
        else:
            self.builder.ret(self.settled(value))

    def together(self, values: tuple[Value, ...]) -> ir.Value:
        """Several values as one that a function can return."""
        kind = self.made.function_type.return_type
        whole = ir.Constant(kind, ir.Undefined)
        for n, each in enumerate(values):
            whole = self.builder.insert_value(whole, self.settled(each), n)
        return whole

    def visit_Continue(self, node: ast.Continue) -> None:
        self.builder.branch(self.ends[-1])

    def visit_If(self, node: ast.If) -> None:
        condition = self.truth(node.test)
        if not isinstance(condition, ir.Value):
            self.follow(node.body if condition else node.orelse)
            return
        then, otherwise, after = self.block("then"), self.block("otherwise"), self.block("after")
        self.builder.cbranch(condition, then, otherwise)
        for block, statements in ((then, node.body), (otherwise, node.orelse)):
            self.builder.position_at_end(block)
            self.follow(statements)
            self.end_with(after)
        self.builder.position_at_end(after)

    def visit_While(self, node: ast.While) -> None:
        if node.orelse:
            self.generic_visit(node)
        head, body, after = self.block("while"), self.block("body"), self.block("after")
        self.builder.branch(head)
        self.builder.position_at_end(head)
        self.builder.cbranch(self.settled(self.truth(node.test)), body, after)
        self.repeat(body, node.body, head)
        self.builder.position_at_end(after)

    def visit_For(self, node: ast.For) -> None:
        if node.orelse:
            self.generic_visit(node)
        first, stop, step = map(self.settled, self.bounds(node.iter))
        before, head, body = self.builder.block, self.block("for"), self.block("body")
        following, after = self.block("next"), self.block("after")
        self.builder.branch(head)
        self.builder.position_at_end(head)
        current = phi(self.builder, (first, before))
        self.builder.cbranch(self.builder.icmp_signed("<", current, stop), body, after)
        self.builder.position_at_end(body)
        self.assign(node.target, current)
        self.repeat(body, node.body, following)
        self.builder.position_at_end(following)
        current.add_incoming(self.builder.add(current, step, flags=["nsw"]), following)
        self.builder.branch(head)
        self.builder.position_at_end(after)

    def bounds(self, node: ast.expr) -> tuple[Value, Value, Value]:
        """First, end and step of a range."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"):
            return self.generic_visit(node)
        values = [self.visit(each) for each in node.args]
        first, stop, step = (0, *values, 1) if len(values) == 1 else (*values, 1)[:3]
        return (first, stop, step) if isinstance(step, ir.Value) or step > 0 else self.generic_visit(node)

    def repeat(self, body: ir.Block, statements: Sequence[ast.stmt], following: ir.Block) -> None:
        """The body of a loop, behind which stands what comes next."""
        self.ends.append(following)
        self.builder.position_at_end(body)
        self.follow(statements)
        self.end_with(following)
        self.ends.pop()
