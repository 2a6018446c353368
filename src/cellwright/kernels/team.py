"""How threads share a layer: intrinsics for counters, and which part is whose."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .compiled import compiled
from .fields import ALARMS, CROWDS, LINE, MEETINGS, THREAD_NUMBER, YIELD
from .vectors import WORD, external

PATIENCE = 2000  # looks at the counter before other threads are let through
WATCHED = 32  # steps after which a team asks itself whether it is crowded
CROWD = 3  # alarms one after the other after which it goes on with one thread


@intrinsic
def cycles(typingctx: Any) -> Any:
    """The processor's own clock."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.call(external(builder, "llvm.readcyclecounter", ir.FunctionType(WORD, [])), [])

    return types.int64(), emit


@intrinsic
def read(typingctx: Any, at: Any) -> Any:
    """The 64-bit integer at an address, as other threads have left it."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.load_atomic(builder.inttoptr(args[0], WORD.as_pointer()), "acquire", 8, typ=WORD)

    return types.int64(types.int64), emit


@intrinsic
def add_one(typingctx: Any, at: Any) -> Any:
    """Add one to a shared counter; its value before."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return builder.atomic_rmw("add", builder.inttoptr(args[0], WORD.as_pointer()), WORD(1), "acq_rel")

    return types.int64(types.int64), emit


@intrinsic
def read_byte(typingctx: Any, at: Any) -> Any:
    """The byte at an address."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        byte = ir.IntType(8)
        value = builder.load(builder.inttoptr(args[0], byte.as_pointer()), typ=byte)
        return builder.zext(value, WORD)

    return types.int64(types.int64), emit


@intrinsic
def ask(typingctx: Any, at: Any) -> Any:
    """Call the C function `int f(void)` at an address."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        kind = ir.FunctionType(ir.IntType(32), [])
        return builder.sext(builder.call(builder.inttoptr(args[0], kind.as_pointer()), []), WORD)

    return types.int64(types.int64), emit


@compiled
def own_number(call: Any) -> int:
    """The number of this thread."""
    if call[THREAD_NUMBER] == 0:
        return 0
    return ask(call[THREAD_NUMBER])


@compiled
def meet(call: Any, team: int, size: int) -> int:
    """Wait until all threads of the team are here; the cycles it took."""
    if size == 1:
        return 0
    start = cycles()
    counter = call[MEETINGS] + team * LINE
    goal = (add_one(counter) // size + 1) * size
    waited = 0
    while read(counter) < goal:
        waited += 1
        if waited > PATIENCE and call[YIELD] != 0:
            ask(call[YIELD])
    return cycles() - start


@compiled
def alarms(call: Any, team: int, size: int, waited: int, elapsed: int) -> int:
    """How often a thread of the team has spent most of its time on waiting; all threads get the same answer.

    That happens when other programs use the processors: whoever waits for a thread that is not running waits for
    milliseconds, many times the work of a step.
    """
    at = call[MEETINGS] + team * LINE + ALARMS
    if waited > elapsed // 4 * 3:
        add_one(at)
    meet(call, team, size)
    return read(at)


@compiled
def note_crowd(call: Any, team: int) -> None:
    """Tell the caller that the team gave up."""
    add_one(call[MEETINGS] + team * LINE + CROWDS)


@compiled
def part(count: int, member: int, size: int) -> tuple[int, int]:
    """The share of one member in a count: first and behind the last."""
    return count * member // size, count * (member + 1) // size
