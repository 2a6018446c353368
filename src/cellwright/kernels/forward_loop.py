"""The forward pass of one layer: input products, then step by step the recurrent product and the cell."""

from typing import Any

from cellwright.kernels.compiled import compiled
from cellwright.kernels.fields import (
    BY_ROWS,
    CHUNK,
    DIRECTIONS,
    HISTORY,
    INPUTS,
    PACKED,
    PACKED_BR,
    PACKED_BX,
    PACKED_R,
    PACKED_VECTORS,
    PACKED_W,
    POINTERS,
    ROWS,
    SCRATCH,
    STATE,
    STEPS,
    TEAM_SIZE,
    THREADS,
    TILE,
    UNITS,
    X,
    Y,
    Z,
)
from cellwright.kernels.printed import (
    BLOCK,
    GATES,
    KEEP,
    LANES,
    ROWS_AT_ONCE,
    SCRATCH_SIZE,
    SIZE,
    SLOTS,
    STATES,
    UNIT_VECTORS,
    VECTORS,
    forward_cell,
    load,
    multiply,
    store,
    store_some,
)
from cellwright.kernels.shared_loop import (
    active,
    blocks,
    copy_padded,
    even,
    own_blocks,
    own_rows,
    pack_forward,
    starts_anew,
)
from cellwright.kernels.team import CROWD, WATCHED, alarms, cycles, meet, note_crowd, own_number, part


@compiled
def state_at(call: Any, direction: int, turn: int, row: int, block: int) -> int:
    """The address of h of one row and block in the working states; the other states follow at a stride."""
    rows, padded = call[ROWS], blocks(call[UNITS]) * BLOCK
    return call[STATE] + (((direction * 2 + turn) * STATES * rows + row) * padded + block * BLOCK) * SIZE


@compiled
def begin(call: Any, direction: int, member: int, size: int) -> None:
    """Put the first states in place: what was given, or zeros where a new piece begins at once."""
    rows, units = call[ROWS], call[UNITS]
    stride = rows * blocks(units) * BLOCK * SIZE
    first_block, last_block = own_blocks(call, member, size)
    first_row, last_row = own_rows(call, member, size)
    t = 0 if direction == 0 else call[STEPS] - 1
    for row in range(first_row, last_row):
        anew = call[STEPS] > 0 and active(call, t, row) and starts_anew(call, t, row, direction)
        for p in range(first_block, last_block):
            for k in range(STATES):
                source = call[POINTERS + k] + ((direction * rows + row) * units + p * BLOCK) * SIZE
                target = state_at(call, direction, 0, row, p) + k * stride
                copy_padded(0 if anew else source, target, units - p * BLOCK, BLOCK)


@compiled
def finish(call: Any, direction: int, member: int, size: int) -> None:
    """Hand out the last states."""
    rows, units, turn = call[ROWS], call[UNITS], call[STEPS] % 2
    stride = rows * blocks(units) * BLOCK * SIZE
    first_block, last_block = own_blocks(call, member, size)
    first_row, last_row = own_rows(call, member, size)
    for row in range(first_row, last_row):
        for p in range(first_block, last_block):
            for k in range(STATES):
                source = state_at(call, direction, turn, row, p) + k * stride
                target = call[POINTERS + STATES + k] + ((direction * rows + row) * units + p * BLOCK) * SIZE
                for n in range(0, BLOCK, LANES):
                    store_some(target + n * SIZE, load(source + n * SIZE), units - p * BLOCK - n)


@compiled
def input_product(call: Any, direction: int, at: int, to: int, rows: int, member: int, size: int) -> None:
    """W x + b for rows that stand side by side: from row `at` of X to row `to` of Z."""
    inputs, count = call[INPUTS], blocks(call[UNITS])
    width, z_row = GATES * BLOCK * SIZE, count * SLOTS * BLOCK * SIZE
    in_memory = (call[STEPS] if KEEP else call[CHUNK]) * call[ROWS]
    z = call[Z] + (direction * in_memory + to) * z_row
    x = call[X] + at * inputs * SIZE
    first, last = own_blocks(call, member, size)
    tile = even(rows, ROWS_AT_ONCE)
    for p in range(first, last):
        panel = call[PACKED_W] + (direction * count + p) * inputs * width
        bias = call[PACKED_BX] + (direction * count + p) * width
        for row in range(0, rows, tile):
            multiply(
                call[TILE], min(tile, rows - row), GATES * UNIT_VECTORS,
                x + row * inputs * SIZE, inputs * SIZE, SIZE,
                panel, width, LANES * SIZE, inputs,
                bias, 0, z + row * z_row + p * SLOTS * BLOCK * SIZE, z_row, LANES * SIZE,
            )  # fmt: skip


@compiled
def input_products(call: Any, direction: int, low: int, count: int, kept: int, member: int, size: int) -> None:
    """W x + b for the steps of a chunk, own rows and own blocks."""
    rows = call[ROWS]
    first, last = own_rows(call, member, size)
    if last - first == rows:
        input_product(call, direction, low * rows, kept * rows, count * rows, member, size)
    else:
        for n in range(count):
            at, to = (low + n) * rows + first, (kept + n) * rows + first
            input_product(call, direction, at, to, last - first, member, size)


@compiled
def cell_of(call: Any, direction: int, t: int, kept: int, turn: int, row: int, p: int, r: int) -> None:
    """The cell for one row and block: all signals, the new state, and the state that the next step sees."""
    rows, units, steps = call[ROWS], call[UNITS], call[STEPS]
    count = blocks(units)
    stride = rows * count * BLOCK * SIZE
    old = state_at(call, direction, turn, row, p)
    new = state_at(call, direction, 1 - turn, row, p)
    y = call[Y] + (((t * rows + row) * call[DIRECTIONS] + direction) * units + p * BLOCK) * SIZE
    left = units - p * BLOCK
    if not active(call, t, row):
        for n in range(0, BLOCK, LANES):
            store_some(y + n * SIZE, 0.0, left - n)
            for k in range(STATES):
                store(new + k * stride + n * SIZE, load(old + k * stride + n * SIZE))
    else:
        in_memory = (steps if KEEP else call[CHUNK]) * rows
        x = call[Z] + ((direction * in_memory + kept * rows + row) * count + p) * SLOTS * BLOCK * SIZE
        history = call[HISTORY] + ((direction * (STATES - 1) * steps + t) * rows + row) * count * BLOCK * SIZE
        vectors = call[PACKED_VECTORS] + (direction * VECTORS * count + p) * BLOCK * SIZE
        for n in range(UNIT_VECTORS):
            u = n * LANES * SIZE
            forward_cell(
                x + u, r + u, old + u, stride, new + u, y + u, left - n * LANES,
                history + p * BLOCK * SIZE + u, steps * rows * count * BLOCK * SIZE,
                vectors + u, count * BLOCK * SIZE,
            )  # fmt: skip
    following = t + 1 - 2 * direction
    if 0 <= following < steps and active(call, following, row) and starts_anew(call, following, row, direction):
        for n in range(0, BLOCK, LANES):
            for k in range(STATES):
                store(new + k * stride + n * SIZE, 0.0)


@compiled
def one_step(call: Any, direction: int, t: int, kept: int, turn: int, member: int, size: int) -> None:
    """The recurrent products and the cell at step t, for own rows and blocks."""
    units = call[UNITS]
    count, width = blocks(units), GATES * BLOCK * SIZE
    padded = count * BLOCK * SIZE
    first_row, last_row = own_rows(call, member, size)
    first_block, last_block = own_blocks(call, member, size)
    r = call[SCRATCH] + own_number(call) * SCRATCH_SIZE
    tile = even(last_row - first_row, ROWS_AT_ONCE)
    for n in range(first_block, last_block):
        # Every other step goes through the blocks from the end: what was read last is still in the cache.
        p = n if turn == 0 else first_block + last_block - 1 - n
        panel = call[PACKED_R] + (direction * count + p) * units * width
        bias = call[PACKED_BR] + (direction * count + p) * width
        for row in range(first_row, last_row, tile):
            rows = min(tile, last_row - row)
            multiply(
                call[TILE], rows, GATES * UNIT_VECTORS,
                state_at(call, direction, turn, row, 0), padded, SIZE,
                panel, width, LANES * SIZE, units,
                bias, 0, r, width, LANES * SIZE,
            )  # fmt: skip
            for m in range(rows):
                cell_of(call, direction, t, kept, turn, row + m, p, r + m * width)


@compiled
def run_direction(call: Any, direction: int, team: int, member: int, size: int) -> None:
    """One direction: pack, then go through the steps in chunks, backwards in direction 1."""
    if call[PACKED] == 0:
        first, last = part(blocks(call[UNITS]), member, size)
        pack_forward(call, direction, first, last)
    begin(call, direction, member, size)
    meet(call, team, size)
    steps, chunk = call[STEPS], call[CHUNK]
    seen, in_a_row, waited, since = 0, 0, 0, cycles()
    for done in range(0, steps, chunk):
        count = min(chunk, steps - done)
        low = done if direction == 0 else steps - done - count
        kept = low if KEEP else 0
        input_products(call, direction, low, count, kept, member, size)
        for n in range(count):
            step = n if direction == 0 else count - 1 - n
            one_step(call, direction, low + step, kept + step, (done + n) % 2, member, size)
            if call[BY_ROWS] == 0 and size > 1:
                waited += meet(call, team, size)
                if (done + n) % WATCHED == WATCHED - 1:
                    total = alarms(call, team, size, waited, cycles() - since)
                    in_a_row = in_a_row + 1 if total > seen else 0
                    seen, waited, since = total, 0, cycles()
                    if in_a_row == CROWD:
                        if member != 0:
                            return
                        note_crowd(call, team)
                        size = 1
    finish(call, direction, member, size)


def run(call: Any) -> None:
    """The work of one thread, for all directions that its team has."""
    number, size = own_number(call), call[TEAM_SIZE]
    team, member, teams = number // size, number % size, call[DIRECTIONS] if size < call[THREADS] else 1
    for direction in range(team, call[DIRECTIONS], teams):
        run_direction(call, direction, team, member, size)
