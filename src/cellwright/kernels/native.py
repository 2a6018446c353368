"""From source to machine code, once: compiled objects lie in the cache folder and load without being compiled again.

An object is named by what it was made of: its own source, the sources of this package, the versions of the
compilers and the processor. A changed cell, a new release or another machine therefore never meets an old one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from .amx import amx_module
from .digest import digest_module
from .dots import dots_module
from .host import host_target
from .printer import HERE
from .tile import tile_module
from .turn import turn_module
from .vectors import Vector

one_at_a_time = threading.RLock()
CHECKSUM = 32  # bytes in front of an object, by which a damaged file is known


def cache_folder() -> Path:
    """Where printed sources and compiled objects lie: `$XDG_CACHE_HOME/cellwright`, by default in `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cellwright"


@cache
def fingerprint_of_compiler() -> str:
    """Everything that an object depends on besides its own source."""
    sources = "".join(path.read_text() for path in sorted(HERE.glob("*.py*")))
    parts = [version("llvmlite"), sys.version, llvm.get_host_cpu_name(), sources]
    return hashlib.sha256("\0".join([*parts, llvm.get_host_cpu_features().flatten()]).encode()).hexdigest()


@cache
def target_machine() -> Any:
    """LLVM's code generator for this processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="static" if target.name.startswith("x86") else "default",  # what LLVM's loader resolves
        codemodel="jitdefault",
        jit=True,
    )


@cache
def engine() -> Any:
    """What holds loaded objects; it lives as long as the process."""
    machine = target_machine()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)


def kernel(name: str, source: str) -> int:
    """The address of `void run(int64_t *call)` of a printed source.

    Args:
        name: the start of the file names in the cache folder.
        source: a module with a compiled function `run(call)`.
    """
    key = hashlib.sha256((source + fingerprint_of_compiler()).encode()).hexdigest()[:16]
    path = cache_folder() / f"{name}-{key}.py"
    with one_at_a_time:
        data = stored(path.with_suffix(".o"), lambda: compiled_object(path, source))
        return loaded(data, symbol_for(key))


@cache
def tile(dtype: str, most_rows: int, widths: tuple[int, ...], half: bool = False) -> int:
    """The address of the register tile for these numbers of vectors, or of half a tile."""
    target = host_target(dtype)
    vector = Vector(target.dtype, target.lanes // 2 if half else target.lanes)
    return routine("tile", vector, tile_module, most_rows, widths, half, target.narrow)


@cache
def tile_of_bfloat16() -> int:
    """The address of the register tile of AMX."""
    return routine("amx", Vector("float32", host_target("float32").lanes), amx_module)


@cache
def turn(dtype: str) -> int:
    """The address of the transposition."""
    return routine("turn", Vector(dtype, host_target(dtype).lanes), turn_module)


@cache
def dots(dtype: str) -> int:
    """The address of the dot products with rows of a matrix."""
    return routine("dots", Vector(dtype, host_target(dtype).lanes), dots_module)


@cache
def digest() -> int:
    """The address of the digest of numbers in memory."""
    return routine("digest", Vector("float32", host_target("float32").lanes), digest_module)


def routine(name: str, vector: Vector, source: Callable[..., str], *arguments: object) -> int:
    """The address of a routine whose LLVM source a function gives for a vector, a symbol and arguments."""
    key = hashlib.sha256(f"{name}{vector}{arguments}{fingerprint_of_compiler()}".encode()).hexdigest()[:16]
    path = cache_folder() / f"{name}-{vector.kind}x{vector.lanes}-{key}.o"

    def make() -> bytes:
        return emitted(optimised(llvm.parse_assembly(source(vector, symbol_for(key), *arguments))))

    with one_at_a_time:
        return loaded(stored(path, make), symbol_for(key))


def symbol_for(key: str) -> str:
    return f"cellwright_{key}"


def stored(path: Path, make: Callable[[], bytes]) -> bytes:
    """The object in a file of the cache; made, and if possible written, when the file is missing or damaged."""
    with suppress(OSError):
        content = path.read_bytes()
        if hashlib.sha256(content[CHECKSUM:]).digest() == content[:CHECKSUM]:
            return content[CHECKSUM:]
    data = make()
    write(path, hashlib.sha256(data).digest() + data)
    return data


def write(path: Path, data: bytes) -> bool:
    """Write a file of the cache to the side and move it into place; a cache that cannot be written is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(data)
        Path(file.name).replace(path)
    except OSError:
        return False
    return True


@cache
def loaded(data: bytes, symbol: str) -> int:
    """Add an object to the process; the address of one symbol in it."""
    engine().add_object_file(llvm.ObjectFileRef.from_data(data))
    engine().finalize_object()
    return int(engine().get_function_address(symbol))


def optimised(module: Any) -> Any:
    """The module after LLVM's usual optimisations for speed."""
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    passes = llvm.create_pass_builder(target_machine(), options)
    passes.getModulePassManager().run(module, passes)
    return module


def emitted(module: Any) -> bytes:
    """The machine code of a module."""
    return bytes(target_machine().emit_object(module))


def compiled_object(path: Path, source: str) -> bytes:
    """Compile a printed source."""
    from .translator import translated

    symbol = symbol_for(path.stem.rpartition("-")[2])
    module = translated(imported(readable(path, source)).run, symbol)
    return emitted(optimised(llvm.parse_assembly(module)))


def readable(path: Path, source: str) -> Path:
    """The file of a printed source, which people can read: in the cache, or if that cannot be written elsewhere."""
    if not write(path, source.encode()):
        path = Path(tempfile.mkdtemp(prefix="cellwright-")) / path.name
        write(path, source.encode())
    return path


def imported(path: Path) -> Any:
    """A printed source as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
