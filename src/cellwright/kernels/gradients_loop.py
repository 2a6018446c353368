"""The gradients of inputs and weights: large products, deferred to the end of a chunk of steps."""

from typing import Any

from cellwright.kernels.compiled import compiled
from cellwright.kernels.fields import (
    CHUNK,
    D_OUT,
    D_PACKED_BR,
    D_PACKED_BX,
    D_PACKED_P,
    D_PACKED_R,
    D_PACKED_VECTORS,
    D_PACKED_W,
    DX,
    DX_PADDED,
    DZR,
    DZX,
    DZX_WORDS,
    H_BEFORE,
    INPUTS,
    ONE,
    OUTPUTS,
    PANEL,
    PLACES,
    PLAIN_TILE,
    ROWS,
    SCRATCH,
    TILE,
    TURN,
    TURNED,
    TURNED_W,
    UNITS,
    ZEROS,
    X,
)
from cellwright.kernels.printed import (
    APART,
    BLOCK,
    GATES,
    H_SLOT,
    LANES,
    NARROW,
    OUTER,
    PAIR,
    PROJECTED,
    RECURRENT,
    ROWS_AT_ONCE,
    SCRATCH_SIZE,
    SIZE,
    SLOTS,
    UNIT_VECTORS,
    VECTORS,
    get,
    joined,
    load,
    load_outer,
    load_some,
    multiply,
    put,
    store,
    store_outer,
    store_some,
    turn,
)
from cellwright.kernels.shared_loop import (
    blocks,
    even,
    first_place,
    output_vectors,
    saved_at,
    saved_stride,
    tile_for,
    weights_of,
    words,
)
from cellwright.kernels.team import meet, own_number, part

PIECE = 512  # gate columns; four vectors of them fill an eighth of a megabyte


@compiled
def gate_columns(call: Any) -> int:
    """K: the gates of all units, those that fill up the last block included."""
    return blocks(call[UNITS]) * GATES * BLOCK


@compiled
def unpack_matrix(call: Any, source: int, target: int, columns: int, first: int, last: int) -> None:
    """Blocks [P, columns, G * BLOCK] to [G * H, columns]."""
    if target == 0:
        return
    width, units = GATES * BLOCK, call[UNITS]
    for p in range(first, last):
        for gate in range(GATES):
            for u in range(0, BLOCK, LANES):
                at = source + (p * columns * width + gate * BLOCK + u) * SIZE
                to = target + (gate * units + p * BLOCK + u) * columns * SIZE
                for n in range(0, columns, LANES):
                    turn(
                        call[TURN], at + n * width * SIZE, width * SIZE, columns - n, units - p * BLOCK - u,
                        to + n * SIZE, columns * SIZE, columns - n,
                    )  # fmt: skip


@compiled
def add_up(source: int, target: int, rows: int, padded: int, units: int) -> None:
    """The sum over rows, in their order: [rows, padded] to [units]."""
    for u in range(units):
        total = get(source + u * SIZE)
        for row in range(1, rows):
            total = total + get(source + (row * padded + u) * SIZE)
        put(target + u * SIZE, total)


@compiled
def copy_some(source: int, target: int, count: int) -> None:
    """Copy the first numbers of a block."""
    for n in range(0, BLOCK, LANES):
        store_some(target + n * SIZE, load(source + n * SIZE), count - n)


@compiled
def hand_out_weights(call: Any, direction: int, member: int, size: int) -> None:
    """Unpack the gradients of the weights to the layout of the parameters."""
    units, inputs, rows = call[UNITS], call[INPUTS], call[ROWS]
    at, count, width = weights_of(call, direction) + 5 + VECTORS, blocks(units), GATES * BLOCK * SIZE
    first, last = part(count, member, size)
    unpack_matrix(call, call[D_PACKED_W] + direction * count * inputs * width, call[at], inputs, first, last)
    seen = RECURRENT * call[OUTPUTS]
    unpack_matrix(call, call[D_PACKED_R] + direction * count * seen * width, call[at + 1], seen, first, last)
    unpack_matrix(call, call[D_PACKED_BX] + direction * count * width, call[at + 2], 1, first, last)
    d_br = call[D_PACKED_BR] if APART else call[D_PACKED_BX]
    unpack_matrix(call, d_br + direction * count * width, call[at + 3], 1, first, last)
    if member == 0:
        for k in range(VECTORS):
            source = call[D_PACKED_VECTORS] + (direction * VECTORS + k) * rows * count * BLOCK * SIZE
            add_up(source, call[at + 5 + k], rows, count * BLOCK, units)
    if PROJECTED:
        for p in range(first, last):
            for n in range(call[OUTPUTS]):
                source = call[D_PACKED_P] + ((direction * count + p) * call[OUTPUTS] + n) * BLOCK * SIZE
                copy_some(source, call[at + 4] + (n * units + p * BLOCK) * SIZE, units - p * BLOCK)


@compiled
def gate_product(
    call: Any, dz: int, rows: int, turned: int, columns: int, width: int, start: int, start_row: int, c: int, c_row: int
) -> None:
    """C = start + dz @ turned for a few vectors of c; in pieces along K, so that each piece stays in the cache."""
    rows_at_once = even(rows, ROWS_AT_ONCE)
    for low in range(0, columns, PIECE):
        for row in range(0, rows, rows_at_once):
            to = c + row * c_row
            multiply(
                call[TILE], min(rows_at_once, rows - row), width,
                dz + (row * columns + low) * SIZE, columns * SIZE, SIZE,
                turned + low * LANES * SIZE, LANES * SIZE, columns * LANES * SIZE, min(PIECE, columns - low),
                start + row * start_row if low == 0 else to, start_row if low == 0 else c_row,
                to, c_row, LANES * SIZE,
            )  # fmt: skip


@compiled
def input_gradients(call: Any, direction: int, low: int, count: int, member: int, size: int) -> None:
    """Dx for the places of a chunk, which are shared out whatever the threads share in the steps."""
    if call[DX] == 0:
        return
    inputs, columns, start = call[INPUTS], words(gate_columns(call)), first_place(call, low)
    vectors = (inputs + LANES - 1) // LANES
    first, last = part(first_place(call, low + count) - start, member, size)
    rows, chunk = last - first, direction * call[CHUNK] * call[ROWS] + first
    dz = call[DZX_WORDS] + chunk * columns * SIZE
    dx = call[DX] + (direction * call[PLACES] + start + first) * inputs * OUTER
    padded = call[DX_PADDED] + chunk * vectors * LANES * SIZE
    turned = call[TURNED_W] + direction * vectors * columns * LANES * SIZE
    for v in range(0, vectors, 4):
        gate_product(
            call, dz, rows, turned + v * columns * LANES * SIZE, columns, min(4, vectors - v),
            call[ZEROS], 0, padded + v * LANES * SIZE, vectors * LANES * SIZE,
        )  # fmt: skip
    for row in range(rows):
        for n in range(0, inputs, LANES):
            found = load(padded + (row * vectors * LANES + n) * SIZE)
            store_outer(dx + (row * inputs + n) * OUTER, found, inputs - n)


@compiled
def whole(columns: int) -> int:
    """Numbers in the vectors that hold so many."""
    return (columns + LANES - 1) // LANES * LANES


@compiled
def pairs(rows: int) -> int:
    """Words of PAIR rows."""
    return (rows + PAIR - 1) // PAIR


@compiled
def store_words(to: int, source: int, size: int, pitch: int, rows: int, columns: int, pair: int, n: int) -> None:
    """A vector of words of PAIR rows, from column n on; numbers have a size, and there are so many from row to row."""
    here = source + (PAIR * pair * pitch + n) * size
    left, below = columns - n if PAIR * pair < rows else 0, columns - n if PAIR * pair + 1 < rows else 0
    if not NARROW:
        store(to, load_some(here, left))
    elif size == OUTER:
        store(to, joined(load_outer(here, left), load_outer(here + pitch * size, below)))
    else:
        store(to, joined(load_some(here, left), load_some(here + pitch * size, below)))


@compiled
def join_rows(source: int, size: int, pitch: int, rows: int, columns: int, target: int, first: int, last: int) -> None:
    """[rows, columns] to words of two rows, [pairs, columns]; some of the pairs."""
    width = whole(columns)
    for pair in range(first, last):
        for n in range(0, columns, LANES):
            store_words(target + (pair * width + n) * SIZE, source, size, pitch, rows, columns, pair, n)


@compiled
def turn_rows(
    call: Any, source: int, size: int, pitch: int, rows: int, columns: int, target: int, first: int, last: int
) -> None:
    """[rows, columns] to words of PAIR rows, turned: [columns, pairs]; some vectors of pairs."""
    block, row = call[SCRATCH] + own_number(call) * SCRATCH_SIZE, whole(pairs(rows)) * SIZE
    for low in range(first * LANES, last * LANES, LANES):
        for n in range(0, columns, LANES):
            for m in range(LANES):
                store_words(block + m * LANES * SIZE, source, size, pitch, rows, columns, low + m, n)
            to = target + n * row + low * SIZE
            turn(call[TURN], block, LANES * SIZE, LANES, columns - n, to, row, LANES)


@compiled
def copy_panel(dz: int, columns: int, panel: int, rows: int) -> None:
    """The gate gradients of one block, from rows of all blocks to rows side by side."""
    if NARROW:
        join_rows(dz, SIZE, columns, rows, GATES * BLOCK, panel, 0, pairs(rows))
    else:
        for row in range(rows):
            for n in range(0, GATES * BLOCK, LANES):
                store(panel + (row * GATES * BLOCK + n) * SIZE, load(dz + (row * columns + n) * SIZE))


@compiled
def weight_gradient(
    call: Any, x: int, inputs: int, dz: int, dw: int, dw_block: int, rows: int, member: int, size: int
) -> None:
    """Add x^T dz, block by block: x turned, [inputs, pairs of rows]; dw [P, inputs, G * BLOCK]."""
    rows_at_once, columns, x_row = even(inputs, ROWS_AT_ONCE), gate_columns(call), whole(pairs(rows)) * SIZE
    tiles = (inputs + rows_at_once - 1) // rows_at_once
    first, last = part(blocks(call[UNITS]) * tiles, member, size)
    width, copied = GATES * BLOCK * SIZE, -1
    panel = call[PANEL] + own_number(call) * call[CHUNK] * call[ROWS] * width
    for task in range(first, last):
        p, n = task // tiles, task % tiles * rows_at_once
        if p != copied:
            copy_panel(dz + p * width, columns, panel, rows)
            copied = p
        to = dw + p * dw_block + n * width
        multiply(
            tile_for(call, p), min(rows_at_once, inputs - n), GATES * UNIT_VECTORS,
            x + n * x_row, x_row, SIZE,
            panel, width, LANES * SIZE, pairs(rows),
            to, width, to, width, LANES * SIZE,
        )  # fmt: skip


@compiled
def bias_gradient(call: Any, dz: int, columns: int, to: int, rows: int) -> None:
    """Add the sum of dz over its rows, for one block."""
    multiply(
        call[PLAIN_TILE], 1, GATES * UNIT_VECTORS, call[ONE], 0, 0, dz, columns * SIZE, LANES * SIZE, rows,
        to, 0, to, 0, LANES * SIZE,
    )  # fmt: skip


@compiled
def projection_gradient(call: Any, direction: int, start: int, rows: int, member: int, size: int) -> None:
    """Add what a chunk says about the projection: the cotangents of what is put out, turned, times h before it."""
    outputs, number = call[OUTPUTS], blocks(call[UNITS])
    pitch, h_row = output_vectors(call) * LANES, number * SLOTS * BLOCK * SIZE
    d_out = call[D_OUT] + direction * call[CHUNK] * call[ROWS] * pitch * SIZE
    rows_at_once = even(outputs, ROWS_AT_ONCE)
    first, last = part(number, member, size)
    for p in range(first, last):
        h = saved_at(call, direction, start, p) + H_SLOT * saved_stride(call)
        for n in range(0, outputs, rows_at_once):
            to = call[D_PACKED_P] + ((direction * number + p) * outputs + n) * BLOCK * SIZE
            multiply(
                call[TILE], min(rows_at_once, outputs - n), UNIT_VECTORS, d_out + n * SIZE, SIZE, pitch * SIZE,
                h, h_row, LANES * SIZE, rows, to, BLOCK * SIZE, to, BLOCK * SIZE, LANES * SIZE,
            )  # fmt: skip


@compiled
def turned_by_all(
    call: Any, direction: int, team: int, source: int, number: int, pitch: int, columns: int, rows: int, member: int,
    size: int,
) -> int:  # fmt: skip
    """The address of rows that all threads have turned together, in words; `number` is the size of one number."""
    widest = max(whole(call[INPUTS]), whole(call[OUTPUTS]))
    target = call[TURNED] + direction * whole(pairs(call[CHUNK] * call[ROWS])) * widest * SIZE
    meet(call, team, size)
    first, last = part(whole(pairs(rows)) // LANES, member, size)
    turn_rows(call, source, number, pitch, rows, columns, target, first, last)
    meet(call, team, size)
    return target


@compiled
def weight_gradients(call: Any, direction: int, team: int, low: int, count: int, member: int, size: int) -> None:
    """Add what a chunk says about W, R and the biases; the blocks and columns are shared out."""
    inputs, units, start = call[INPUTS], call[UNITS], first_place(call, low)
    rows = first_place(call, low + count) - start
    number, columns = blocks(units), gate_columns(call)
    width, chunk = GATES * BLOCK * SIZE, direction * call[CHUNK] * call[ROWS]
    dzx = call[DZX] + chunk * columns * SIZE
    dzr = call[DZR] + chunk * columns * SIZE
    x = call[X] + start * inputs * OUTER
    x = turned_by_all(call, direction, team, x, OUTER, inputs, inputs, rows, member, size)
    dw = call[D_PACKED_W] + direction * number * inputs * width
    weight_gradient(call, x, inputs, dzx, dw, inputs * width, rows, member, size)
    seen, padded = call[OUTPUTS], number * BLOCK
    for k in range(RECURRENT):
        h = call[H_BEFORE] + (direction * RECURRENT + k) * call[CHUNK] * call[ROWS] * padded * SIZE
        h = turned_by_all(call, direction, team, h, SIZE, padded, seen, rows, member, size)
        dr = call[D_PACKED_R] + (direction * number * RECURRENT + k) * seen * width
        weight_gradient(call, h, seen, dzr, dr, RECURRENT * seen * width, rows, member, size)
    if PROJECTED:
        projection_gradient(call, direction, start, rows, member, size)
    first, last = part(number, member, size)
    for p in range(first, last):
        at = p * GATES * BLOCK * SIZE
        bias_gradient(call, dzx + at, columns, call[D_PACKED_BX] + (direction * number + p) * width, rows)
        if APART:
            bias_gradient(call, dzr + at, columns, call[D_PACKED_BR] + (direction * number + p) * width, rows)
