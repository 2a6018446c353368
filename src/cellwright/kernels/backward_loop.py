"""The backward pass of one layer.

Step by step the cell's derivative and the recurrent product turned round; after each chunk of steps the gradients
of the inputs and, deferred to large products, of the weights.
"""

from typing import Any

from cellwright.kernels.compiled import compiled
from cellwright.kernels.fields import (
    BY_ROWS,
    CHUNK,
    D_FIRST,
    D_FRESH,
    D_HISTORY,
    D_LAST,
    D_MASKED,
    D_OPEN,
    D_OUT,
    D_PACKED_VECTORS,
    D_SAVED,
    D_STATE,
    DIRECTIONS,
    DX,
    DY,
    DZR,
    DZR_WORDS,
    DZX,
    DZX_WORDS,
    FIRST,
    FRESH,
    H_BEFORE,
    HISTORY,
    INPUTS,
    MASK,
    OUTPUTS,
    PACKED_VECTORS,
    PLACES,
    POINTERS,
    ROWS,
    SAVED,
    SCRATCH,
    STEPS,
    STEPWISE,
    TEAM_SIZE,
    THREADS,
    TILE,
    TURNED_P,
    TURNED_R,
    TURNED_W,
    UNITS,
    ZEROS,
    Y,
)
from cellwright.kernels.gradients_loop import (
    gate_columns,
    gate_product,
    hand_out_weights,
    input_gradients,
    weight_gradients,
)
from cellwright.kernels.printed import (
    APART,
    BLOCK,
    GATES,
    LANES,
    NARROW,
    OUTER,
    PAIR,
    PHASES,
    PROJECTED,
    RECURRENT,
    ROWS_AT_ONCE,
    SCRATCH_SIZE,
    SIZE,
    STATES,
    UNIT_VECTORS,
    VECTORS,
    backward_cell,
    joined,
    load,
    load_outer,
    load_some,
    multiply,
    settle,
    store,
    store_outer,
    store_some,
)
from cellwright.kernels.shared_loop import (
    begin_row,
    blocks,
    copy_padded,
    even,
    first_place,
    kept_at,
    length_of,
    mask_block,
    noise_at,
    output_vectors,
    own_blocks,
    own_rows,
    own_rows_at,
    pack_vectors,
    room_of,
    saved_at,
    saved_stride,
    starts_anew,
    state_given,
    weights_of,
    width_of,
    words,
    y_offset,
)
from cellwright.kernels.team import CROWD, WATCHED, alarms, cycles, meet, note_crowd, own_number, part


@compiled
def turn_matrix(
    source: int, row: int, target: int, units: int, width: int, columns: int, first: int, last: int
) -> None:
    """[G * H, width], with so many numbers from row to row, to [vectors, K, LANES]."""
    for k in range(0, columns, PAIR):
        gate, unit = (k // BLOCK) % GATES, k // (GATES * BLOCK) * BLOCK + k % BLOCK
        at = source + (gate * units + unit) * row * OUTER
        for v in range(first, last):
            to = target + words(v * columns + k) * LANES * SIZE
            here, left = at + v * LANES * OUTER, width - v * LANES
            if NARROW:
                following = load_outer(here + row * OUTER, left if unit + 1 < units else 0)
                store(to, joined(load_outer(here, left if unit < units else 0), following))
            else:
                store(to, load_some(here, left if unit < units else 0))


@compiled
def turn_projection(call: Any, direction: int, first: int, last: int) -> None:
    """[OUTPUTS, H] to [vectors of units, OUTPUTS, LANES]; some of the vectors."""
    units, outputs = call[UNITS], call[OUTPUTS]
    source, vectors = call[weights_of(call, direction) + 4], blocks(units) * UNIT_VECTORS
    for v in range(first, last):
        for n in range(outputs):
            to = call[TURNED_P] + ((direction * vectors + v) * outputs + n) * LANES * SIZE
            store(to, load_some(source + (n * units + v * LANES) * SIZE, units - v * LANES))


@compiled
def turn_weights(call: Any, direction: int, member: int, size: int) -> None:
    """Pack W and R for products with gate gradients: inputs or units along the lanes."""
    at, units, inputs = weights_of(call, direction), call[UNITS], call[INPUTS]
    columns = gate_columns(call)
    if call[DX] != 0:
        vectors = (inputs + LANES - 1) // LANES
        first, last = part(vectors, member, size)
        target = call[TURNED_W] + direction * vectors * words(columns) * LANES * SIZE
        turn_matrix(call[at], inputs, target, units, inputs, columns, first, last)
    seen = call[OUTPUTS]
    vectors = blocks(seen) * UNIT_VECTORS
    first, last = part(vectors, member, size)
    for k in range(RECURRENT):
        target = call[TURNED_R] + (direction * RECURRENT + k) * vectors * words(columns) * LANES * SIZE
        turn_matrix(call[at + 1] + k * seen * OUTER, RECURRENT * seen, target, units, seen, columns, first, last)
    if PROJECTED:
        first, last = part(blocks(units) * UNIT_VECTORS, member, size)
        turn_projection(call, direction, first, last)
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
        for p in range(first_block, last_block):
            for k in range(STATES):
                source = state_given(call, D_LAST, k, direction, row, p)
                target = d_state_at(call, direction, row, p) + k * stride
                copy_padded(source, target, width_of(call, k) - p * BLOCK, BLOCK)


@compiled
def finish(call: Any, direction: int, member: int, size: int) -> None:
    """Hand out the cotangents of the first states."""
    rows, units = call[ROWS], call[UNITS]
    if call[POINTERS + D_FIRST * STATES] == 0:
        return
    stride = rows * blocks(units) * BLOCK * SIZE
    first_block, last_block = own_blocks(call, member, size)
    first_row, last_row = own_rows(call, member, size)
    for row in range(first_row, last_row):
        for p in range(first_block, last_block):
            for k in range(STATES):
                source = d_state_at(call, direction, row, p) + k * stride
                target = state_given(call, D_FIRST, k, direction, row, p)
                for n in range(0, BLOCK, LANES):
                    store_some(target + n * SIZE, load(source + n * SIZE), width_of(call, k) - p * BLOCK - n)


@compiled
def member_scratch(call: Any) -> int:
    """The scratch memory of this thread."""
    return call[SCRATCH] + own_number(call) * SCRATCH_SIZE


@compiled
def states_given(call: Any, group: int, direction: int, row: int, p: int, scratch: int) -> int:
    """The states other than h that the caller has given, side by side in scratch memory."""
    for k in range(1, STATES):
        source = state_given(call, group, k, direction, row, p)
        copy_padded(source, scratch + (k - 1) * BLOCK * SIZE, call[UNITS] - p * BLOCK, BLOCK)
    return scratch


@compiled
def cell_of(call: Any, direction: int, t: int, low: int, row: int, p: int, before: int, anew: bool, phase: int) -> None:
    """The derivative of the cell for one row and block; step `before` comes before t, if the row has it."""
    rows, units, places = call[ROWS], call[UNITS], call[PLACES]
    count, columns = blocks(units), gate_columns(call)
    block, padded, left = p * BLOCK * SIZE, count * BLOCK * SIZE, units - p * BLOCK
    place = first_place(call, t) + row
    chunk, at = call[CHUNK] * rows, place - first_place(call, low)
    dzx = call[DZX] + (direction * chunk + at) * columns * SIZE + GATES * block
    dzr = call[DZR] + (direction * chunk + at) * columns * SIZE + GATES * block
    h_before = call[H_BEFORE] + (direction * RECURRENT * chunk + at) * padded + block
    history = call[HISTORY] + direction * (STATES - 1) * places * padded + block
    s, s_stride = call[ZEROS], 0
    if not anew and 0 <= before < length_of(call, row):
        h = call[Y] + y_offset(call, direction, before, row) + p * BLOCK * OUTER
        for n in range(0, BLOCK, LANES):
            store(h_before + n * SIZE, load_outer(h + n * OUTER, width_of(call, 0) - p * BLOCK - n))
        s, s_stride = history + (first_place(call, before) + row) * padded, places * padded
    else:
        group = FRESH if anew else FIRST
        h = state_given(call, group, 0, direction, row, p)
        copy_padded(h, h_before, width_of(call, 0) - p * BLOCK, BLOCK)
        if STATES > 1 and call[POINTERS + group * STATES] != 0:
            s, s_stride = states_given(call, group, direction, row, p, member_scratch(call)), BLOCK * SIZE
    for k in range(1, RECURRENT):
        copy_padded(s + (k - 1) * s_stride, h_before + k * chunk * padded, left, BLOCK)
    y = call[Y] + y_offset(call, direction, t, row) + p * BLOCK * OUTER
    dy = call[DY] + y_offset(call, direction, t, row) + p * BLOCK * OUTER
    if PROJECTED:
        dy = call[D_OPEN] + (direction * rows + row) * padded + block
    saved, stride = saved_at(call, direction, place, p), saved_stride(call)
    d_saved, d_saved_stride = call[D_SAVED] + saved - call[SAVED], stride
    d_history, d_stride = call[D_HISTORY] + history - call[HISTORY] + place * padded, places * padded
    if call[D_SAVED] == 0:
        d_saved, d_saved_stride = call[ZEROS], 0
    if call[D_HISTORY] == 0:
        d_history, d_stride = call[ZEROS], 0
    vectors = call[PACKED_VECTORS] + direction * VECTORS * padded + block
    dw = call[D_PACKED_VECTORS] + (direction * VECTORS * rows + row) * padded + block
    noise = noise_at(call, direction, place, p)
    d = d_state_at(call, direction, row, p)
    for n in range(UNIT_VECTORS):
        u, outer = n * LANES * SIZE, n * LANES * OUTER
        backward_cell(
            phase, saved + u, stride, h_before + u, s + u, s_stride, y + outer, history + place * padded + u,
            places * padded, left - n * LANES, vectors + u, padded, noise + u, units * SIZE, d + u, rows * padded,
            dy + outer, d_saved + u, d_saved_stride, d_history + u, d_stride, dzx + u, dzr + u, dw + u, rows * padded,
            kept_at(call) + block + u, padded, room_of(call), units,
        )  # fmt: skip
    if phase == PHASES - 1 and call[MASK] != 0:
        for k in range(RECURRENT):
            mask_block(call, direction, row, p, h_before + k * chunk * padded)
    if phase == PHASES - 1 and NARROW:
        in_words(dzx, call[DZX_WORDS] + (dzx - call[DZX]) // PAIR)
        if APART:
            in_words(dzr, call[DZR_WORDS] + (dzr - call[DZR]) // PAIR)


@compiled
def in_words(source: int, target: int) -> None:
    """The gate gradients of one row and block as products take them."""
    for n in range(0, GATES * BLOCK, LANES):
        store_outer(target + n * OUTER, load(source + n * SIZE), LANES)


@compiled
def open_cotangents(call: Any, direction: int, t: int, low: int, first_row: int, last_row: int) -> None:
    """The cotangents of h before the projection, out of those of what is put out and carried on; for own rows."""
    units, outputs, vectors = call[UNITS], call[OUTPUTS], output_vectors(call)
    pitch, padded = vectors * LANES * SIZE, blocks(units) * BLOCK * SIZE
    at = direction * call[CHUNK] * call[ROWS] + first_place(call, t) - first_place(call, low)
    for row in range(first_row, last_row):
        d, dy = d_state_at(call, direction, row, 0), call[DY] + y_offset(call, direction, t, row)
        for n in range(0, outputs, LANES):
            total = load(d + n * SIZE) + load_some(dy + n * SIZE, outputs - n)
            store(call[D_OUT] + (at + row) * pitch + n * SIZE, total)
    rows_at_once = even(last_row - first_row, ROWS_AT_ONCE)
    for row in range(first_row, last_row, rows_at_once):
        to = call[D_OPEN] + (direction * call[ROWS] + row) * padded
        for v in range(0, blocks(units) * UNIT_VECTORS, 4):
            panel = call[TURNED_P] + (direction * blocks(units) * UNIT_VECTORS + v) * outputs * LANES * SIZE
            multiply(
                call[TILE], min(rows_at_once, last_row - row), min(4, blocks(units) * UNIT_VECTORS - v),
                call[D_OUT] + (at + row) * pitch, pitch, SIZE,
                panel, LANES * SIZE, outputs * LANES * SIZE, outputs,
                call[ZEROS], 0, to + v * LANES * SIZE, padded, LANES * SIZE,
            )  # fmt: skip


@compiled
def cells_of_step(call: Any, direction: int, t: int, low: int, member: int, size: int) -> None:
    """The derivative of the cell at step t, for own rows and blocks."""
    first_row, last_row = own_rows_at(call, t, member, size)
    first_block, last_block = own_blocks(call, member, size)
    if PROJECTED:
        open_cotangents(call, direction, t, low, first_row, last_row)
    for row in range(first_row, last_row):
        anew = starts_anew(call, t, row, direction)
        begin_row(call)
        for phase in range(PHASES):
            for p in range(first_block, last_block):
                cell_of(call, direction, t, low, row, p, t - 1 + 2 * direction, anew, phase)
            settle(phase, room_of(call))


@compiled
def add_masked(call: Any, direction: int, row: int, p: int) -> None:
    """Add to the cotangents of states what came through the mask."""
    rows, padded = call[ROWS], blocks(call[UNITS]) * BLOCK
    for k in range(RECURRENT):
        source = call[D_MASKED] + (((direction * RECURRENT + k) * rows + row) * padded + p * BLOCK) * SIZE
        target = d_state_at(call, direction, row, p) + k * rows * padded * SIZE
        mask_block(call, direction, row, p, source)
        for n in range(0, BLOCK, LANES):
            store(target + n * SIZE, load(target + n * SIZE) + load(source + n * SIZE))


@compiled
def end_piece(call: Any, direction: int, row: int, p: int) -> None:
    """Before a reset: the cotangents belong to the states that it brought; nothing travels on."""
    stride = call[ROWS] * blocks(call[UNITS]) * BLOCK * SIZE
    for k in range(STATES):
        at, to = d_state_at(call, direction, row, p) + k * stride, state_given(call, D_FRESH, k, direction, row, p)
        for n in range(0, BLOCK, LANES):
            left = width_of(call, k) - p * BLOCK - n
            if to != 0:
                store_some(to + n * SIZE, load_some(to + n * SIZE, left) + load(at + n * SIZE), left)
            store(at + n * SIZE, 0.0)


@compiled
def recurrent_product(call: Any, direction: int, t: int, low: int, member: int, size: int) -> None:
    """What the recurrent contributions of step t say about the states before it, for own rows and units."""
    rows, units = call[ROWS], call[UNITS]
    columns, padded = words(gate_columns(call)), blocks(units) * BLOCK * SIZE
    first_row, last_row = own_rows_at(call, t, member, size)
    first_block, last_block = own_blocks(call, member, size)
    at = direction * call[CHUNK] * rows + first_place(call, t) - first_place(call, low) + first_row
    dz = call[DZR_WORDS] + at * columns * SIZE
    vectors = blocks(call[OUTPUTS]) * UNIT_VECTORS
    last = min(last_block * UNIT_VECTORS, vectors)
    for k in range(RECURRENT):
        turned = call[TURNED_R] + (direction * RECURRENT + k) * vectors * columns * LANES * SIZE
        d = d_state_at(call, direction, first_row, 0) + k * rows * padded
        start, start_row = d, padded
        if call[MASK] != 0:
            d = call[D_MASKED] + ((direction * RECURRENT + k) * rows + first_row) * padded
            start, start_row = call[ZEROS], 0
        for v in range(first_block * UNIT_VECTORS, last, 4):
            u = v * LANES * SIZE
            gate_product(
                call, dz, last_row - first_row, turned + u * columns, columns, min(4, last - v),
                start + (u if start_row != 0 else 0), start_row, d + u, padded,
            )  # fmt: skip
    for row in range(first_row, last_row):
        anew = starts_anew(call, t, row, direction)
        for p in range(first_block, last_block):
            if call[MASK] != 0:
                add_masked(call, direction, row, p)
            if anew:
                end_piece(call, direction, row, p)


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
        if call[STEPWISE] == 0:
            weight_gradients(call, direction, team, low, count, member, size)
        meet(call, team, size)
    finish(call, direction, member, size)
    if call[STEPWISE] == 0:
        hand_out_weights(call, direction, member, size)


@compiled
def run(call: Any) -> None:
    """The work of one thread, for all directions that its team has."""
    number, size = own_number(call), call[TEAM_SIZE]
    team, member, teams = number // size, number % size, call[DIRECTIONS] if size < call[THREADS] else 1
    for direction in range(team, call[DIRECTIONS], teams):
        run_direction(call, direction, team, member, size)
