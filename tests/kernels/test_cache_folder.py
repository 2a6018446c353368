"""Compiled kernels on disk: readable, found again, never trusted blindly, never needed."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cellwright.kernels import native

# A kernel that is compiled at once: it puts a number behind the first of its call.
SOURCE = """
from typing import Any

from cellwright.kernels.compiled import compiled


@compiled
def run(call: Any) -> None:
    call[1] = call[0] + {number}
"""
PRELUDE = """
import ctypes
from cellwright.kernels import native

SOURCE = {source!r}

def result(number):
    call = (ctypes.c_int64 * 2)(1, 0)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(native.kernel("tiny", SOURCE.format(number=number)))(call)
    return call[1] - 1
"""


def result(number: int) -> int:
    """What the kernel adds."""
    call = (ctypes.c_int64 * 2)(1, 0)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(native.kernel("tiny", SOURCE.format(number=number)))(call)
    return call[1] - 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "cellwright"


def started(program: str, cache: Path) -> subprocess.Popen[str]:
    """A program in a new process, with a cache folder of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE.format(source=SOURCE) + program],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    """What the program prints, once it has ended well."""
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, (process.returncode, output, errors)
    return output


def test_source_and_object_lie_in_the_folder(folder: Path) -> None:
    assert result(1001) == 1001
    source, compiled = sorted(folder.glob("*.*"), key=lambda path: path.suffix, reverse=True)
    assert source.name.startswith("tiny-")
    assert source.suffix == ".py"
    assert source.read_text() == SOURCE.format(number=1001)
    assert compiled == source.with_suffix(".o")


def test_another_source_is_another_kernel(folder: Path) -> None:
    assert [result(1002), result(1003), result(1002)] == [1002, 1003, 1002]
    assert len(list(folder.glob("tiny-*.o"))) == 2


def test_a_kernel_on_disk_is_not_compiled_again(tmp_path: Path) -> None:
    program = "import sys\nprint(result(5), 'cellwright.kernels.translator' in sys.modules)"
    assert finished(started(program, tmp_path)) == "5 True\n"
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cellwright").iterdir()}
    assert finished(started(program, tmp_path)) == "5 False\n"
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cellwright").iterdir()} == before


def test_a_folder_that_cannot_be_made_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert result(1004) == 1004
    assert blocked.read_text() == "not a folder"


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut in half": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "one byte changed": lambda data: data[:500] + bytes([data[500] ^ 255]) + data[501:],
    "something else": lambda data: b"this is no object file" * 100,
    "longer": lambda data: data + b"more",
}


def test_a_damaged_object_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, for a damaged object that is trusted may end the process."""
    objects = {}
    for number, (name, damage) in enumerate(DAMAGE.items()):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        result(2000 + number)
        (path,) = (tmp_path / name / "cellwright").glob("tiny-*.o")
        objects[path] = path.read_bytes()
        path.write_bytes(damage(objects[path]))
    program = (
        "import os\n"
        f"for number, name in enumerate({list(DAMAGE)}):\n"
        f"    os.environ['XDG_CACHE_HOME'] = os.path.join({str(tmp_path)!r}, name)\n"
        "    print(name, end=' ', flush=True)\n"
        "    print(result(2000 + number), flush=True)\n"
    )
    expected = [f"{name} {2000 + number}" for number, name in enumerate(DAMAGE)]
    assert finished(started(program, tmp_path)).splitlines() == expected
    assert {path: path.read_bytes() for path in objects} == objects


def test_processes_may_compile_at_once(tmp_path: Path) -> None:
    processes = [started("print(result(9))", tmp_path) for _ in range(3)]
    assert [finished(each) for each in processes] == ["9\n"] * 3
    assert sorted(path.suffix for path in (tmp_path / "cellwright").iterdir() if path.is_file()) == [".o", ".py"]
