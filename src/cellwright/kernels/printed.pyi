"""What the printer puts in front of a loop: the constants of a cell and a dtype, and the cell's own body.

All arguments called `x`, `r`, `s` and so on are addresses in bytes; strides are in bytes, counts in numbers.
"""

from typing import Any

SIZE: int  # bytes of a number
NARROW: bool  # whether the caller stores bfloat16, and products take words of two of them
OUTER: int  # bytes of a number as the caller stores it
PAIR: int  # such numbers in a word
LANES: int  # numbers in a vector
UNIT_VECTORS: int  # vectors of units in a block
BLOCK: int  # units in a block
GATES: int
SLOTS: int  # values per unit that SAVED holds; at least as many as gates if it is in place of input products
Z_SLOTS: int  # values per unit where input products stand: gates, or what SAVED holds
IN_PLACE: bool  # whether what the cell saves takes the place of the input products
STATES: int
PROJECTED: bool  # whether h is projected before it is put out and carried on
H_SLOT: int  # which of the saved values is h before the projection
RECURRENT: int  # how many of them the recurrent weights multiply: the first ones
VECTORS: int  # learned vectors
NOISES: int  # values per unit that are given for every step
ROWS_AT_ONCE: int  # rows of a tile
SCRATCH_SIZE: int  # bytes that one thread needs for a tile
PHASES: int  # runs over the units of a row that the cell takes; between them sums over the row are made
KEPT: int  # values per unit that later phases need of earlier ones
SUMS: int  # sums over a row
APART: bool  # whether the two contributions to a gate have different gradients

def load(at: int) -> Any: ...
def store(at: int, value: Any) -> None: ...
def load_some(at: int, count: int) -> Any: ...
def store_some(at: int, value: Any, count: int) -> None: ...
def load_outer(at: int, count: int) -> Any: ...
def store_outer(at: int, value: Any, count: int) -> None: ...
def joined(first: Any, second: Any) -> Any: ...
def get(at: int) -> Any: ...
def put(at: int, value: Any) -> None: ...
def multiply(
    tile: int, rows: int, vectors: int, a: int, a_row: int, a_k: int, b: int, b_k: int, b_vector: int, k: int,
    start: int, start_row: int, c: int, c_row: int, c_vector: int,
) -> None: ...  # fmt: skip
def multiply_as_stored(
    routine: int, rows: int, left: int, a: int, a_row: int, b: int, b_row: int, k: int,
    start: int, start_row: int, c: int, c_row: int,
) -> None: ...  # fmt: skip
def turn(
    routine: int, source: int, source_row: int, rows: int, columns: int, target: int, target_row: int, written: int
) -> None: ...  # fmt: skip
def digest(routine: int, at: int, size: int, before: int) -> int: ...
def settle(phase: int, sums: int) -> None: ...
def forward_cell(
    phase: int, x: int, r: int, s: int, s_stride: int, new: int, y: int, count: int, saved: int, saved_stride: int,
    history: int, history_stride: int, w: int, w_stride: int, noise: int, noise_stride: int,
    kept: int, kept_stride: int, sums: int, units: int,
) -> None: ...  # fmt: skip
def backward_cell(
    phase: int, saved: int, saved_stride: int, h_before: int, s: int, s_stride: int, y: int,
    history: int, history_stride: int, count: int, w: int, w_stride: int, noise: int, noise_stride: int,
    d: int, d_stride: int, dy: int, d_saved: int, d_saved_stride: int, d_history: int, d_history_stride: int,
    dx: int, dr: int, dw: int, dw_stride: int,
    kept: int, kept_stride: int, sums: int, units: int,
) -> None: ...  # fmt: skip
