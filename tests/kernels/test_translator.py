"""What is translated does what Python does: the same functions run both ways, on the same numbers."""

from __future__ import annotations

import ctypes
import itertools
from pathlib import Path
from types import ModuleType

import pytest

from cellwright.kernels import native

SOURCE = '''
from typing import Any

from cellwright.kernels.compiled import compiled
from cellwright.kernels.team import add_one

THREE = 3
NEVER = False


@compiled
def both(a: int, b: int) -> tuple[int, int]:
    return a + b, a - b


@compiled
def is_even(a: int) -> bool:
    return a % 2 == 0


@compiled
def first_multiple(of: int, low: int, high: int) -> int:
    """It ends in the middle of a loop."""
    for each in range(low, high):
        if each % of == 0:
            return each
    return -1


@compiled
def kind(a: int) -> int:
    if a < 0:
        return -1
    elif a == 0:
        return 0
    else:
        return 1


@compiled
def collatz(a: int) -> int:
    steps = 0
    while a > 1:
        a = a // 2 if is_even(a) else 3 * a + 1
        steps += 1
    return steps


@compiled
def sum_of_odd(high: int) -> int:
    total = 0
    for each in range(high):
        if is_even(each):
            continue
        total += each
    return total


@compiled
def pairs(high: int, step: int) -> int:
    total = 0
    for a in range(THREE, high, step):
        for b in range(a, high):
            total = total + a * b
            if total > 1000:
                return total
    return total


@compiled
def counted(call: Any) -> bool:
    """A function with an effect: whether it is called shows."""
    return add_one(call[2]) > 0


@compiled
def either(call: Any, a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b and counted(call) else both(b, a)


@compiled
def run(call: Any) -> None:
    a, b = call[0], call[1]
    call[3] = a // b if b != 0 else 77
    call[4] = a % b if b != 0 else 77
    call[5], call[6] = both(a, b)
    call[7] = min(a, b) * 100 + max(b, THREE) - min(THREE, 2)
    call[8] = 1 if a < b < THREE else 0
    call[9] = 1 if -2 <= a == b else 0
    call[10] = kind(a) + 10 * kind(b)
    call[11] = collatz(a)
    call[12] = sum_of_odd(a) - sum_of_odd(b)
    call[13] = pairs(a, 2) + pairs(b, max(1, a))
    call[14] = 1 if a > 0 or counted(call) else 0
    call[15] = 1 if a > 0 and not counted(call) else 0
    call[16] = 1 if 0 < a < b and counted(call) else 0
    call[17], call[18] = either(call, a, b)
    call[19] = first_multiple(7, a, a + b)
    call[20] = -a * (a - b) // 3 + (-7) // 2 + -7 % 3
    call[21] = call[1 if a > b else 0]
    if NEVER:
        call[22] = no_such_name
    elif is_even(a) and is_even(b):
        call[22] = 1
    else:
        pass
    size = 5
    if a == 2:
        size = 1
    call[23] = size * THREE ** 1 if NEVER else size
    last = 7
    for last in range(0, a, 2):
        pass
    for other in range(5):
        call[24] = other
    call[25] = last + other
'''
FIELDS = 26
NUMBERS = (-9, -3, -2, -1, 0, 1, 2, 3, 4, 9, 27)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The functions as Python runs them."""
    path = tmp_path_factory.mktemp("translator") / "functions.py"
    path.write_text(SOURCE)
    return native.imported(path)


def test_as_python_does(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(native.kernel("translated", SOURCE))
    for a, b in itertools.product(NUMBERS, repeat=2):
        counter, calls = ctypes.c_int64(0), itertools.count()
        expected = [a, b, ctypes.addressof(counter), *[0] * (FIELDS - 3)]
        found = (ctypes.c_int64 * FIELDS)(*expected)
        monkeypatch.setattr(module, "add_one", lambda at, calls=calls: next(calls))
        module.run(expected)
        run(found)
        assert list(found) == expected, (a, b)
        assert counter.value == next(calls)


UNKNOWN = """
from typing import Any

from cellwright.kernels.compiled import compiled


@compiled
def run(call: Any) -> None:
    {line}
"""


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("call[0] = [1, 2][0]", "List"),
        ("call.field = 1", "Attribute"),
        ("call[0] = no_such_name", "Name"),
        ("call[0] = call[1] / call[2]", "Div"),
        ("call[0] = call[1] << 2", "LShift"),
        ("for each in call:\n        pass", "Name"),
        ("with call:\n        pass", "With"),
        ("for n in range(3):\n        pass\n    else:\n        pass", "For"),
        ("for n in range(3, 0, -1):\n        pass", "Call"),
        ("call[0] = min(1, 2, key=abs)", "keyword"),
        ("call[0] += 1", "Subscript"),
        ("call[0] = lambda: 1", "Lambda"),
    ],
)
def test_what_it_does_not_know_is_refused(
    line: str, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SyntaxError, match=rf"refused-.*\.py, line \d+: kernels have no {missing}"):
        native.kernel("refused", UNKNOWN.format(line=line))
