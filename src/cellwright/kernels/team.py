"""How threads share a layer: instructions for counters, and which part is whose."""

from typing import Any

from llvmlite import ir

from .compiled import compiled, instruction
from .fields import ALARMS, CROWDS, LINE, MEETINGS, THREAD_NUMBER, YIELD
from .vectors import INDEX, WORD, external

PATIENCE = 2000  # looks at the counter before other threads are let through
WATCHED = 32  # steps after which a team asks itself whether it is crowded
CROWD = 3  # alarms one after the other after which it goes on with one thread


@instruction
def cycles(builder: ir.IRBuilder) -> ir.Value:
    """The processor's own clock."""
    return builder.call(external(builder, "llvm.readcyclecounter", ir.FunctionType(WORD, [])), [])


@instruction
def read(builder: ir.IRBuilder, at: ir.Value) -> ir.Value:
    """The 64-bit integer at an address, as other threads have left it."""
    return builder.load_atomic(builder.inttoptr(at, WORD.as_pointer()), "acquire", 8, typ=WORD)


@instruction
def add_one(builder: ir.IRBuilder, at: ir.Value) -> ir.Value:
    """Add one to a shared counter; its value before."""
    return builder.atomic_rmw("add", builder.inttoptr(at, WORD.as_pointer()), WORD(1), "acq_rel")


@instruction
def read_byte(builder: ir.IRBuilder, at: ir.Value) -> ir.Value:
    """The byte at an address."""
    byte = ir.IntType(8)
    return builder.zext(builder.load(builder.inttoptr(at, byte.as_pointer()), typ=byte), WORD)


@instruction
def ask(builder: ir.IRBuilder, at: ir.Value) -> ir.Value:
    """Call the C function `int f(void)` at an address."""
    kind = ir.FunctionType(INDEX, [])
    return builder.sext(builder.call(builder.inttoptr(at, kind.as_pointer()), []), WORD)


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
