"""The backward pass of one layer.

Step by step the cell's derivative and the recurrent product turned round; after each chunk of steps the gradients
of the inputs and, deferred to large products, of the weights.
"""

from typing import Any

from cellwright.kernels.compiled import compiled
from cellwright.kernels.fields import (
    BY_ROWS,
    CHUNK,
    COLUMNS,
    D_PACKED_BR,
    D_PACKED_BX,
    D_PACKED_R,
    D_PACKED_VECTORS,
    D_PACKED_W,
    D_STATE,
    DIRECTIONS,
    DX,
    DX_PADDED,
    DY,
    DZR,
    DZX,
    H_BEFORE,
    HISTORY,
    INPUTS,
    ONE,
    PACKED_VECTORS,
    PANEL,
    PLACES,
    POINTERS,
    ROWS,
    SCRATCH,
    STEPS,
    TEAM_SIZE,
    THREADS,
    TILE,
    TURN,
    TURNED_R,
    TURNED_W,
    UNITS,
    ZEROS,
    X,
    Y,
    Z,
)
from cellwright.kernels.printed import (
    APART,
    BLOCK,
    GATES,
    LANES,
    ROWS_AT_ONCE,
    SCRATCH_SIZE,
    SIZE,
    SLOTS,
    STATES,
    UNIT_VECTORS,
    VECTORS,
    backward_cell,
    get,
    load,
    load_some,
    multiply,
    put,
    store,
    store_some,
    turn,
)
from cellwright.kernels.shared_loop import (
    blocks,
    copy_padded,
    even,
    first_place,
    in_batch,
    length_of,
    own_blocks,
    own_rows,
    own_rows_at,
    pack_vectors,
    starts_anew,
    tile_for,
    weights_of,
    y_offset,
)
from cellwright.kernels.team import CROWD, WATCHED, alarms, cycles, meet, note_crowd, own_number, part

PIECE = 512  # gate columns; four vectors of them fill an eighth of a megabyte


@compiled
def gate_columns(call: Any) -> int:
    """K: the gates of all units, those that fill up the last block included."""
    return blocks(call[UNITS]) * GATES * BLOCK


@compiled
def turn_matrix(source: int, target: int, units: int, width: int, columns: int, first: int, last: int) -> None:
    """[G * H, width] to [vectors, K, LANES]."""
    for k in range(columns):
        gate, unit = (k // BLOCK) % GATES, k // (GATES * BLOCK) * BLOCK + k % BLOCK
        at = source + (gate * units + unit) * width * SIZE
        for v in range(first, last):
            to = target + (v * columns + k) * LANES * SIZE
            store(to, load_some(at + v * LANES * SIZE, width - v * LANES if unit < units else 0))


@compiled
def turn_weights(call: Any, direction: int, member: int, size: int) -> None:
    """Pack W and R for products with gate gradients: inputs or units along the lanes."""
    at, units, inputs = weights_of(call, direction), call[UNITS], call[INPUTS]
    columns = gate_columns(call)
    if call[DX] != 0:
        vectors = (inputs + LANES - 1) // LANES
        first, last = part(vectors, member, size)
        target = call[TURNED_W] + direction * vectors * columns * LANES * SIZE
        turn_matrix(call[at], target, units, inputs, columns, first, last)
    vectors = blocks(units) * UNIT_VECTORS
    first, last = part(vectors, member, size)
    target = call[TURNED_R] + direction * vectors * columns * LANES * SIZE
    turn_matrix(call[at + 1], target, units, units, columns, first, last)
    first, last = part(blocks(units), member, size)
    pack_vectors(call, direction, first, last)


@compiled
def d_state_at(call: Any, direction: int, row: int, block: int) -> int:
    """The address of the cotangent of h of one row and block; the other states follow at a stride."""
    rows, padded = call[ROWS], blocks(call[UNITS]) * BLOCK
    return call[D_STATE] + ((direction * STATES * rows + row) * padded + block * BLOCK) * SIZE


@compiled
def begin(call: Any, direction: int, member: int, size: int) -> None:
    """Start with the cotangents of the last states."""
    rows, units = call[ROWS], call[UNITS]
    stride = rows * blocks(units) * BLOCK * SIZE
    first_block, last_block = own_blocks(call, member, size)
    first_row, last_row = own_rows(call, member, size)
    for row in range(first_row, last_row):
        place = direction * rows + in_batch(call, row)
        for p in range(first_block, last_block):
            for k in range(STATES):
                given = call[POINTERS + 2 * STATES + k]
                source = given + (place * units + p * BLOCK) * SIZE if given != 0 else 0
                target = d_state_at(call, direction, row, p) + k * stride
                copy_padded(source, target, units - p * BLOCK, BLOCK)


@compiled
def finish(call: Any, direction: int, member: int, size: int) -> None:
    """Hand out the cotangents of the first states."""
    rows, units = call[ROWS], call[UNITS]
    if call[POINTERS + 3 * STATES] == 0:
        return
    stride = rows * blocks(units) * BLOCK * SIZE
    first_block, last_block = own_blocks(call, member, size)
    first_row, last_row = own_rows(call, member, size)
    for row in range(first_row, last_row):
        place = direction * rows + in_batch(call, row)
        for p in range(first_block, last_block):
            for k in range(STATES):
                source = d_state_at(call, direction, row, p) + k * stride
                target = call[POINTERS + 3 * STATES + k] + (place * units + p * BLOCK) * SIZE
                for n in range(0, BLOCK, LANES):
                    store_some(target + n * SIZE, load(source + n * SIZE), units - p * BLOCK - n)


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
def hand_out_weights(call: Any, direction: int, member: int, size: int) -> None:
    """Unpack the gradients of the weights to the layout of the parameters."""
    units, inputs, rows = call[UNITS], call[INPUTS], call[ROWS]
    at, count, width = weights_of(call, direction) + 4 + VECTORS, blocks(units), GATES * BLOCK * SIZE
    first, last = part(count, member, size)
    unpack_matrix(call, call[D_PACKED_W] + direction * count * inputs * width, call[at], inputs, first, last)
    unpack_matrix(call, call[D_PACKED_R] + direction * count * units * width, call[at + 1], units, first, last)
    unpack_matrix(call, call[D_PACKED_BX] + direction * count * width, call[at + 2], 1, first, last)
    d_br = call[D_PACKED_BR] if APART else call[D_PACKED_BX]
    unpack_matrix(call, d_br + direction * count * width, call[at + 3], 1, first, last)
    if member == 0:
        for k in range(VECTORS):
            source = call[D_PACKED_VECTORS] + (direction * VECTORS + k) * rows * count * BLOCK * SIZE
            add_up(source, call[at + 4 + k], rows, count * BLOCK, units)


@compiled
def member_scratch(call: Any) -> int:
    """The scratch memory of this thread."""
    return call[SCRATCH] + own_number(call) * SCRATCH_SIZE


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
    inputs, columns, start = call[INPUTS], gate_columns(call), first_place(call, low)
    vectors = (inputs + LANES - 1) // LANES
    first, last = part(first_place(call, low + count) - start, member, size)
    rows, chunk = last - first, direction * call[CHUNK] * call[ROWS] + first
    dz = call[DZX] + chunk * columns * SIZE
    dx = call[DX] + (direction * call[PLACES] + start + first) * inputs * SIZE
    padded = call[DX_PADDED] + chunk * vectors * LANES * SIZE
    turned = call[TURNED_W] + direction * vectors * columns * LANES * SIZE
    for v in range(0, vectors, 4):
        gate_product(
            call, dz, rows, turned + v * columns * LANES * SIZE, columns, min(4, vectors - v),
            call[ZEROS], 0, padded + v * LANES * SIZE, vectors * LANES * SIZE,
        )  # fmt: skip
    for row in range(rows):
        for n in range(0, inputs, LANES):
            store_some(dx + (row * inputs + n) * SIZE, load(padded + (row * vectors * LANES + n) * SIZE), inputs - n)


@compiled
def turn_columns(
    call: Any, source: int, stride: int, columns: int, target: int, rows: int, member: int, size: int
) -> None:
    """[rows, stride] to [columns, rows]; the columns are shared out."""
    vectors = (columns + LANES - 1) // LANES
    first, last = part(vectors, member, size)
    for n in range(first * LANES, min(last * LANES, columns), LANES):
        for row in range(0, rows, LANES):
            turn(
                call[TURN], source + (row * stride + n) * SIZE, stride * SIZE, rows - row, columns - n,
                target + (n * rows + row) * SIZE, rows * SIZE, rows - row,
            )  # fmt: skip


@compiled
def copy_panel(dz: int, columns: int, panel: int, rows: int) -> None:
    """The gate gradients of one block, from rows of all blocks to rows side by side."""
    for row in range(rows):
        for n in range(0, GATES * BLOCK, LANES):
            store(panel + (row * GATES * BLOCK + n) * SIZE, load(dz + (row * columns + n) * SIZE))


@compiled
def weight_gradient(
    call: Any, x: int, inputs: int, dz: int, columns: int, dw: int, rows: int, number: int, member: int, size: int
) -> None:
    """Add x^T dz, block by block: x turned [inputs, rows], dz [rows, K], dw [P, inputs, G * BLOCK]."""
    rows_at_once = even(inputs, ROWS_AT_ONCE)
    tiles = (inputs + rows_at_once - 1) // rows_at_once
    first, last = part(number * tiles, member, size)
    width, copied = GATES * BLOCK * SIZE, -1
    panel = call[PANEL] + own_number(call) * call[CHUNK] * call[ROWS] * width
    for task in range(first, last):
        p, n = task // tiles, task % tiles * rows_at_once
        if p != copied:
            copy_panel(dz + p * width, columns, panel, rows)
            copied = p
        to = dw + (p * inputs + n) * width
        multiply(
            tile_for(call, p), min(rows_at_once, inputs - n), GATES * UNIT_VECTORS,
            x + n * rows * SIZE, rows * SIZE, SIZE,
            panel, width, LANES * SIZE, rows,
            to, width, to, width, LANES * SIZE,
        )  # fmt: skip


@compiled
def bias_gradient(call: Any, dz: int, columns: int, to: int, rows: int) -> None:
    """Add the sum of dz over its rows, for one block."""
    multiply(
        call[TILE], 1, GATES * UNIT_VECTORS, call[ONE], 0, 0, dz, columns * SIZE, LANES * SIZE, rows,
        to, 0, to, 0, LANES * SIZE,
    )  # fmt: skip


@compiled
def weight_gradients(call: Any, direction: int, team: int, low: int, count: int, member: int, size: int) -> None:
    """Add what a chunk says about W, R and the biases; the blocks and columns are shared out."""
    inputs, units, start = call[INPUTS], call[UNITS], first_place(call, low)
    rows = first_place(call, low + count) - start
    number, columns = blocks(units), gate_columns(call)
    width, chunk = GATES * BLOCK * SIZE, direction * call[CHUNK] * call[ROWS]
    dzx = call[DZX] + chunk * columns * SIZE
    dzr = call[DZR] + chunk * columns * SIZE
    x = call[X] + start * inputs * SIZE
    h = call[H_BEFORE] + chunk * number * BLOCK * SIZE
    turned = call[COLUMNS] + chunk * max(inputs, units) * SIZE
    dw = call[D_PACKED_W] + direction * number * inputs * width
    dr = call[D_PACKED_R] + direction * number * units * width
    turn_columns(call, x, inputs, inputs, turned, rows, member, size)
    meet(call, team, size)
    weight_gradient(call, turned, inputs, dzx, columns, dw, rows, number, member, size)
    meet(call, team, size)
    turn_columns(call, h, number * BLOCK, units, turned, rows, member, size)
    meet(call, team, size)
    weight_gradient(call, turned, units, dzr, columns, dr, rows, number, member, size)
    first, last = part(number, member, size)
    for p in range(first, last):
        at = p * GATES * BLOCK * SIZE
        bias_gradient(call, dzx + at, columns, call[D_PACKED_BX] + (direction * number + p) * width, rows)
        if APART:
            bias_gradient(call, dzr + at, columns, call[D_PACKED_BR] + (direction * number + p) * width, rows)


@compiled
def first_states(call: Any, place: int, p: int, scratch: int) -> int:
    """The first states other than h, side by side in scratch memory."""
    units = call[UNITS]
    for k in range(1, STATES):
        source = call[POINTERS + k] + (place * units + p * BLOCK) * SIZE
        copy_padded(source, scratch + (k - 1) * BLOCK * SIZE, units - p * BLOCK, BLOCK)
    return scratch


@compiled
def cell_of(call: Any, direction: int, t: int, low: int, row: int, p: int, before: int, anew: bool) -> None:
    """The derivative of the cell for one row and block; step `before` comes before t, if the row has it."""
    rows, units, places = call[ROWS], call[UNITS], call[PLACES]
    count, columns = blocks(units), gate_columns(call)
    block, padded, left = p * BLOCK * SIZE, count * BLOCK * SIZE, units - p * BLOCK
    place = first_place(call, t) + row
    at = direction * call[CHUNK] * rows + place - first_place(call, low)
    dzx = call[DZX] + at * columns * SIZE + GATES * block
    dzr = call[DZR] + at * columns * SIZE + GATES * block
    h_before = call[H_BEFORE] + at * padded + block
    history = call[HISTORY] + direction * (STATES - 1) * places * padded + block
    s, s_stride = call[ZEROS], 0
    if anew:
        copy_padded(0, h_before, 0, BLOCK)
    elif 0 <= before < length_of(call, row):
        copy_padded(call[Y] + y_offset(call, direction, before, row) + block, h_before, left, BLOCK)
        s, s_stride = history + (first_place(call, before) + row) * padded, places * padded
    else:
        first = direction * rows + in_batch(call, row)
        h = call[POINTERS] + first * units * SIZE + block if call[POINTERS] != 0 else 0
        copy_padded(h, h_before, left, BLOCK)
        if STATES > 1 and call[POINTERS] != 0:
            s, s_stride = first_states(call, first, p, member_scratch(call)), BLOCK * SIZE
    y = call[Y] + y_offset(call, direction, t, row) + block
    dy = call[DY] + y_offset(call, direction, t, row) + block
    saved = call[Z] + (direction * places + place) * SLOTS * padded + SLOTS * block
    vectors = call[PACKED_VECTORS] + direction * VECTORS * padded + block
    dw = call[D_PACKED_VECTORS] + (direction * VECTORS * rows + row) * padded + block
    d = d_state_at(call, direction, row, p)
    for n in range(UNIT_VECTORS):
        u = n * LANES * SIZE
        backward_cell(
            saved + u, h_before + u, s + u, s_stride, y + u, history + place * padded + u, places * padded,
            left - n * LANES, vectors + u, padded, d + u, rows * padded, dy + u, dzx + u, dzr + u,
            dw + u, rows * padded,
        )  # fmt: skip


@compiled
def cells_of_step(call: Any, direction: int, t: int, low: int, member: int, size: int) -> None:
    """The derivative of the cell at step t, for own rows and blocks."""
    first_row, last_row = own_rows_at(call, t, member, size)
    first_block, last_block = own_blocks(call, member, size)
    for row in range(first_row, last_row):
        anew = starts_anew(call, t, row, direction)
        for p in range(first_block, last_block):
            cell_of(call, direction, t, low, row, p, t - 1 + 2 * direction, anew)


@compiled
def recurrent_product(call: Any, direction: int, t: int, low: int, member: int, size: int) -> None:
    """What the recurrent contributions of step t say about the h before it, for own rows and units."""
    rows, units = call[ROWS], call[UNITS]
    columns, padded = gate_columns(call), blocks(units) * BLOCK * SIZE
    first_row, last_row = own_rows_at(call, t, member, size)
    first_block, last_block = own_blocks(call, member, size)
    at = direction * call[CHUNK] * rows + first_place(call, t) - first_place(call, low) + first_row
    dz = call[DZR] + at * columns * SIZE
    turned = call[TURNED_R] + direction * blocks(units) * UNIT_VECTORS * columns * LANES * SIZE
    last = last_block * UNIT_VECTORS
    for v in range(first_block * UNIT_VECTORS, last, 4):
        d = d_state_at(call, direction, first_row, 0) + v * LANES * SIZE
        gate_product(
            call, dz, last_row - first_row, turned + v * columns * LANES * SIZE, columns, min(4, last - v),
            d, padded, d, padded,
        )  # fmt: skip
    for row in range(first_row, last_row):
        if starts_anew(call, t, row, direction):
            for k in range(STATES):
                at = d_state_at(call, direction, row, first_block) + k * rows * padded
                for n in range(0, (last_block - first_block) * BLOCK, LANES):
                    store(at + n * SIZE, 0.0)


@compiled
def run_direction(call: Any, direction: int, team: int, member: int, size: int) -> None:
    """One direction, through the steps in chunks, against the order of forward."""
    turn_weights(call, direction, member, size)
    begin(call, direction, member, size)
    meet(call, team, size)
    steps, chunk = call[STEPS], call[CHUNK]
    seen, in_a_row, waited, since = 0, 0, 0, cycles()
    for done in range(0, steps, chunk):
        count = min(chunk, steps - done)
        low = steps - done - count if direction == 0 else done
        for n in range(count):
            t = low + (count - 1 - n if direction == 0 else n)
            cells_of_step(call, direction, t, low, member, size)
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
            recurrent_product(call, direction, t, low, member, size)
        meet(call, team, size)
        input_gradients(call, direction, low, count, member, size)
        weight_gradients(call, direction, team, low, count, member, size)
        meet(call, team, size)
    finish(call, direction, member, size)
    hand_out_weights(call, direction, member, size)


def run(call: Any) -> None:
    """The work of one thread, for all directions that its team has."""
    number, size = own_number(call), call[TEAM_SIZE]
    team, member, teams = number // size, number % size, call[DIRECTIONS] if size < call[THREADS] else 1
    for direction in range(team, call[DIRECTIONS], teams):
        run_direction(call, direction, team, member, size)
