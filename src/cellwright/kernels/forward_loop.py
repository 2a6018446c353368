"""The forward pass of one layer: input products, then step by step the recurrent product and the cell."""

from typing import Any

from cellwright.kernels.compiled import compiled
from cellwright.kernels.fields import (
    BY_ROWS,
    CHUNK,
    DIGEST,
    DIRECTIONS,
    DOTS,
    FIRST,
    FOUND,
    FRESH,
    HISTORY,
    INPUTS,
    LAST,
    MASK,
    OUTPUTS,
    PACKED,
    PACKED_BR,
    PACKED_BX,
    PACKED_P,
    PACKED_R,
    PACKED_VECTORS,
    PACKED_W,
    PLACES,
    ROWS,
    SCRATCH,
    SEEN,
    SHARES,
    STATE,
    STEPS,
    TEAM_SIZE,
    THREADS,
    TILE,
    UNITS,
    ZEROS,
    X,
    Y,
    Z,
)
from cellwright.kernels.printed import (
    BLOCK,
    GATES,
    IN_PLACE,
    LANES,
    OUTER,
    PHASES,
    PROJECTED,
    RECURRENT,
    ROWS_AT_ONCE,
    SCRATCH_SIZE,
    SIZE,
    STATES,
    UNIT_VECTORS,
    VECTORS,
    Z_SLOTS,
    digest,
    forward_cell,
    load,
    load_some,
    multiply,
    multiply_as_stored,
    settle,
    store_outer,
    store_some,
)
from cellwright.kernels.shared_loop import (
    begin_row,
    blocks,
    contributions_at,
    copy_padded,
    even,
    first_place,
    kept_at,
    length_of,
    mask_at,
    noise_at,
    output_vectors,
    own_blocks,
    own_rows,
    own_rows_at,
    pack_forward,
    pack_projection,
    room_of,
    saved_at,
    saved_stride,
    starts_anew,
    state_given,
    tile_for,
    weights_of,
    width_of,
    words,
    y_offset,
)
from cellwright.kernels.team import CROWD, WATCHED, alarms, cycles, meet, note_crowd, own_number, part


@compiled
def state_at(call: Any, direction: int, side: int, row: int, block: int) -> int:
    """The address of h of one row and block in the working states; the other states follow at a stride.

    Steps read one side and write the other, in turn.
    """
    rows, padded = call[ROWS], blocks(call[UNITS]) * BLOCK
    return call[STATE] + (((direction * 2 + side) * STATES * rows + row) * padded + block * BLOCK) * SIZE


@compiled
def seen_at(call: Any, direction: int, side: int, row: int, block: int) -> int:
    """The address of h as the recurrent product sees it; further states follow at a stride."""
    if call[SEEN] == 0:
        return state_at(call, direction, side, row, block)
    rows, padded = call[ROWS], blocks(call[UNITS]) * BLOCK
    return call[SEEN] + (((direction * 2 + side) * RECURRENT * rows + row) * padded + block * BLOCK) * OUTER


@compiled
def show_states(call: Any, direction: int, side: int, row: int, p: int) -> None:
    """Put the states as the recurrent product sees them beside the working states, if they are not the same."""
    if call[SEEN] != 0:
        stride = call[ROWS] * blocks(call[UNITS]) * BLOCK
        state, seen = state_at(call, direction, side, row, p), seen_at(call, direction, side, row, p)
        mask, left = mask_at(call, direction, row, p), call[OUTPUTS] - p * BLOCK
        for k in range(RECURRENT):
            for n in range(0, BLOCK, LANES):
                value = load(state + (k * stride + n) * SIZE)
                if call[MASK] != 0:
                    value = value * load_some(mask + n * SIZE, left - n)
                store_outer(seen + (k * stride + n) * OUTER, value, LANES)


@compiled
def begin(call: Any, direction: int, member: int, size: int) -> None:
    """Put the first states in place: what was given, or what a reset brings where a new piece begins at once."""
    rows, units = call[ROWS], call[UNITS]
    stride = rows * blocks(units) * BLOCK * SIZE
    first_block, last_block = own_blocks(call, member, size)
    first_row, last_row = own_rows(call, member, size)
    for row in range(first_row, last_row):
        length = length_of(call, row)
        anew = length > 0 and starts_anew(call, 0 if direction == 0 else length - 1, row, direction)
        side = 0 if direction == 0 else (call[STEPS] - length) % 2
        for p in range(first_block, last_block):
            for k in range(STATES):
                source = state_given(call, FRESH if anew else FIRST, k, direction, row, p)
                target = state_at(call, direction, side, row, p) + k * stride
                copy_padded(source, target, width_of(call, k) - p * BLOCK, BLOCK)
            show_states(call, direction, side, row, p)


@compiled
def finish(call: Any, direction: int, member: int, size: int) -> None:
    """Hand out the last states."""
    rows, units = call[ROWS], call[UNITS]
    stride = rows * blocks(units) * BLOCK * SIZE
    first_block, last_block = own_blocks(call, member, size)
    first_row, last_row = own_rows(call, member, size)
    for row in range(first_row, last_row):
        side = (length_of(call, row) if direction == 0 else call[STEPS]) % 2
        for p in range(first_block, last_block):
            for k in range(STATES):
                source = state_at(call, direction, side, row, p) + k * stride
                target = state_given(call, LAST, k, direction, row, p)
                for n in range(0, BLOCK, LANES):
                    store_some(target + n * SIZE, load(source + n * SIZE), width_of(call, k) - p * BLOCK - n)


@compiled
def z_at(call: Any, direction: int, low: int, t: int, row: int) -> int:
    """The address of the input products of a row at step t, in the chunk that begins at step `low`."""
    if IN_PLACE:
        return saved_at(call, direction, first_place(call, t) + row, 0)
    z_row = blocks(call[UNITS]) * Z_SLOTS * BLOCK * SIZE
    # Threads that share the rows are at different chunks: a row has one place, whoever has ended.
    before = (t - low) * call[ROWS] if call[SHARES] != 0 else first_place(call, t) - first_place(call, low)
    return call[Z] + (direction * call[CHUNK] * call[ROWS] + before + row) * z_row


@compiled
def as_stored(
    call: Any, weights: int, columns: int, p: int, rows: int, a: int, a_row: int, k: int,
    start: int, start_row: int, c: int, c_row: int,
) -> None:  # fmt: skip
    """The product of some rows with the weights of one block, in rows of so many columns, where the caller has them."""
    units = call[UNITS]
    for gate in range(GATES):
        for u in range(0, BLOCK, LANES):
            at, to = weights + (gate * units + p * BLOCK + u) * columns * SIZE, (gate * BLOCK + u) * SIZE
            multiply_as_stored(
                call[DOTS], rows, units - p * BLOCK - u, a, a_row, at, columns * SIZE, k,
                start + to, start_row, c + to, c_row,
            )  # fmt: skip


@compiled
def input_product(call: Any, direction: int, low: int, t: int, row: int, rows: int, member: int, size: int) -> None:
    """W x + b for rows that stand side by side, from a row at step t on."""
    inputs, count = words(call[INPUTS]), blocks(call[UNITS])
    width, z_row = GATES * BLOCK * SIZE, count * Z_SLOTS * BLOCK * SIZE
    z = z_at(call, direction, low, t, row)
    x = call[X] + (first_place(call, t) + row) * inputs * SIZE
    first, last = own_blocks(call, member, size)
    rows_at_once = even(rows, ROWS_AT_ONCE)
    for p in range(first, last):
        panel = call[PACKED_W] + (direction * count + p) * inputs * width
        bias = call[PACKED_BX] + (direction * count + p) * width
        if call[PACKED_W] == 0:
            as_stored(
                call, call[weights_of(call, direction)], inputs, p, rows, x, inputs * SIZE, inputs,
                bias, 0, z + p * Z_SLOTS * BLOCK * SIZE, z_row,
            )  # fmt: skip
            continue
        for n in range(0, rows, rows_at_once):
            multiply(
                tile_for(call, p), min(rows_at_once, rows - n), GATES * UNIT_VECTORS,
                x + n * inputs * SIZE, inputs * SIZE, SIZE,
                panel, width, LANES * SIZE, inputs,
                bias, 0, z + n * z_row + p * Z_SLOTS * BLOCK * SIZE, z_row, LANES * SIZE,
            )  # fmt: skip


@compiled
def input_products(call: Any, direction: int, low: int, count: int, member: int, size: int) -> None:
    """W x + b for the steps of a chunk, own rows and own blocks."""
    first, last = own_rows(call, member, size)
    if last - first == call[ROWS] and call[SHARES] == 0:
        rows = first_place(call, low + count) - first_place(call, low)
        input_product(call, direction, low, low, 0, rows, member, size)
    else:
        for t in range(low, low + count):
            first, last = own_rows_at(call, t, member, size)
            input_product(call, direction, low, t, first, last - first, member, size)


@compiled
def cell_of(
    call: Any, direction: int, t: int, low: int, side: int, row: int, p: int, r: int, y: int, phase: int
) -> None:
    """The cell for one row and block: all signals and the new state; h also goes to y."""
    units, places = call[UNITS], call[PLACES]
    count, place = blocks(units), first_place(call, t) + row
    padded, block = count * BLOCK * SIZE, p * BLOCK * SIZE
    stride = call[ROWS] * padded
    old = state_at(call, direction, side, row, p)
    new = state_at(call, direction, 1 - side, row, p)
    x, saved = z_at(call, direction, low, t, row) + Z_SLOTS * block, saved_at(call, direction, place, p)
    history = call[HISTORY] + (direction * (STATES - 1) * places + place) * padded + block
    vectors = call[PACKED_VECTORS] + direction * VECTORS * padded + block
    noise = noise_at(call, direction, place, p)
    for n in range(UNIT_VECTORS):
        u = n * LANES * SIZE
        forward_cell(
            phase, x + u, r + u, old + u, stride, new + u, y + n * LANES * OUTER, units - p * BLOCK - n * LANES,
            saved + u, saved_stride(call), history + u, places * padded, vectors + u, padded,
            noise + u, units * SIZE, kept_at(call) + block + u, padded, room_of(call), units,
        )  # fmt: skip


@compiled
def end_of_step(call: Any, direction: int, t: int, side: int, row: int, p: int) -> None:
    """The state that the next step sees: what a reset brings if it begins a new piece; and what masks leave of it."""
    stride, following = call[ROWS] * blocks(call[UNITS]) * BLOCK * SIZE, t + 1 - 2 * direction
    new = state_at(call, direction, 1 - side, row, p)
    if 0 <= following < length_of(call, row) and starts_anew(call, following, row, direction):
        for k in range(STATES):
            source = state_given(call, FRESH, k, direction, row, p)
            copy_padded(source, new + k * stride, width_of(call, k) - p * BLOCK, BLOCK)
    show_states(call, direction, 1 - side, row, p)


@compiled
def project(call: Any, direction: int, t: int, side: int, row: int, rows: int, opened: int) -> None:
    """Project h of some rows: to the new state and to y."""
    units, outputs, vectors = call[UNITS], call[OUTPUTS], output_vectors(call)
    padded = blocks(units) * BLOCK * SIZE
    panel = call[PACKED_P] + direction * vectors * units * LANES * SIZE
    target = state_at(call, direction, 1 - side, row, 0)
    weights = call[weights_of(call, direction) + 4]
    for v in range(vectors if call[PACKED_P] == 0 else 0):
        multiply_as_stored(
            call[DOTS], rows, outputs - v * LANES, opened, padded, weights + v * LANES * units * SIZE, units * SIZE,
            units, call[ZEROS], 0, target + v * LANES * SIZE, padded,
        )  # fmt: skip
    for v in range(0, 0 if call[PACKED_P] == 0 else vectors, 4):
        multiply(
            call[TILE], rows, min(4, vectors - v), opened, padded, SIZE,
            panel + v * units * LANES * SIZE, LANES * SIZE, units * LANES * SIZE, units,
            call[ZEROS], 0, target + v * LANES * SIZE, padded, LANES * SIZE,
        )  # fmt: skip
    for m in range(rows):
        y = call[Y] + y_offset(call, direction, t, row + m)
        for n in range(0, outputs, LANES):
            store_some(y + n * SIZE, load(target + m * padded + n * SIZE), outputs - n)


@compiled
def recurrent_product(call: Any, direction: int, side: int, row: int, rows: int, p: int, r: int, r_row: int) -> None:
    """R h + b for some rows and one block."""
    seen = words(call[OUTPUTS])
    count, width = blocks(call[UNITS]), GATES * BLOCK * SIZE
    padded = count * BLOCK * OUTER
    panel = call[PACKED_R] + (direction * count + p) * RECURRENT * seen * width
    bias = call[PACKED_BR] + (direction * count + p) * width
    for k in range(RECURRENT):
        if call[PACKED_W] == 0:
            as_stored(
                call, call[weights_of(call, direction) + 1] + k * seen * SIZE, RECURRENT * seen, p, rows,
                seen_at(call, direction, side, row, 0) + k * call[ROWS] * padded, padded, seen,
                bias if k == 0 else r, 0 if k == 0 else r_row, r, r_row,
            )  # fmt: skip
            continue
        multiply(
            tile_for(call, p), rows, GATES * UNIT_VECTORS,
            seen_at(call, direction, side, row, 0) + k * call[ROWS] * padded, padded, SIZE,
            panel + k * seen * width, width, LANES * SIZE, seen,
            bias if k == 0 else r, 0 if k == 0 else r_row, r, r_row, LANES * SIZE,
        )  # fmt: skip


@compiled
def one_step(call: Any, direction: int, t: int, low: int, side: int, member: int, size: int) -> None:
    """The recurrent products and the cell at step t, for own rows and blocks."""
    width = GATES * BLOCK * SIZE
    first_row, last_row = own_rows_at(call, t, member, size)
    first_block, last_block = own_blocks(call, member, size)
    r = call[SCRATCH] + own_number(call) * SCRATCH_SIZE
    rows_at_once = even(last_row - first_row, ROWS_AT_ONCE)
    for n in range(first_block, last_block):
        # Every other step goes through the blocks from the end: what was read last is still in the cache.
        p = n if side == 0 else first_block + last_block - 1 - n
        for row in range(first_row, last_row, rows_at_once):
            rows = min(rows_at_once, last_row - row)
            recurrent_product(call, direction, side, row, rows, p, r, width)
            for m in range(rows):
                y = call[Y] + y_offset(call, direction, t, row + m) + p * BLOCK * OUTER
                cell_of(call, direction, t, low, side, row + m, p, r + m * width, y, 0)
                end_of_step(call, direction, t, side, row + m, p)


@compiled
def cell_of_row(call: Any, direction: int, t: int, low: int, side: int, row: int, r: int, y: int) -> None:
    """The cell for one row, in its phases."""
    width = GATES * BLOCK * SIZE
    begin_row(call)
    for phase in range(PHASES):
        for p in range(blocks(call[UNITS])):
            cell_of(call, direction, t, low, side, row, p, r + p * width, y + p * BLOCK * OUTER, phase)
        settle(phase, room_of(call))


@compiled
def one_step_by_rows(call: Any, direction: int, t: int, low: int, side: int, member: int, size: int) -> None:
    """The same for a cell in phases, or with a projection: for some rows all recurrent products, then row by row."""
    count, width = blocks(call[UNITS]), GATES * BLOCK * SIZE
    first_row, last_row = own_rows_at(call, t, member, size)
    rows_at_once = even(last_row - first_row, ROWS_AT_ONCE)
    r = contributions_at(call)
    opened = r + ROWS_AT_ONCE * count * width
    for row in range(first_row, last_row, rows_at_once):
        rows = min(rows_at_once, last_row - row)
        for p in range(count):
            recurrent_product(call, direction, side, row, rows, p, r + p * width, count * width)
        for m in range(rows):
            y = opened + m * count * BLOCK * SIZE if PROJECTED else call[Y] + y_offset(call, direction, t, row + m)
            cell_of_row(call, direction, t, low, side, row + m, r + m * count * width, y)
        if PROJECTED:
            project(call, direction, t, side, row, rows, opened)
        for m in range(rows):
            for p in range(count):
                end_of_step(call, direction, t, side, row + m, p)


@compiled
def digest_of_weights(call: Any) -> int:
    """A digest of all weights of all directions."""
    units, total = call[UNITS], 0
    gates = GATES * units * SIZE
    for direction in range(call[DIRECTIONS]):
        at = weights_of(call, direction)
        total = digest(call[DIGEST], call[at], gates * words(call[INPUTS]), total)
        total = digest(call[DIGEST], call[at + 1], gates * RECURRENT * words(call[OUTPUTS]), total)
        total = digest(call[DIGEST], call[at + 2], gates if call[at + 2] != 0 else 0, total)
        total = digest(call[DIGEST], call[at + 3], gates if call[at + 3] != 0 else 0, total)
        for k in range(VECTORS):
            total = digest(call[DIGEST], call[at + 5 + k], units * SIZE, total)
        total = digest(call[DIGEST], call[at + 4], call[OUTPUTS] * units * SIZE if PROJECTED else 0, total)
    return total


@compiled
def is_packed(call: Any) -> bool:
    """Whether the packed weights still are those of the caller."""
    if call[DIGEST] == 0:
        return False
    found = digest_of_weights(call)
    call[FOUND] = found
    return found == call[PACKED]


@compiled
def run_direction(call: Any, direction: int, packed: bool, team: int, member: int, size: int) -> None:
    """One direction: pack, then go through the steps in chunks, backwards in direction 1."""
    if not packed:
        first, last = part(blocks(call[UNITS]), member, size)
        pack_forward(call, direction, first, last)
        if PROJECTED and call[PACKED_P] != 0:
            first, last = part(output_vectors(call), member, size)
            pack_projection(call, direction, first, last)
    begin(call, direction, member, size)
    meet(call, team, size)
    steps, chunk = call[STEPS], call[CHUNK]
    seen, in_a_row, waited, since = 0, 0, 0, cycles()
    for done in range(0, steps, chunk):
        count = min(chunk, steps - done)
        low = done if direction == 0 else steps - done - count
        input_products(call, direction, low, count, member, size)
        for n in range(count):
            t = low + (n if direction == 0 else count - 1 - n)
            if PHASES > 1 or PROJECTED:
                one_step_by_rows(call, direction, t, low, (done + n) % 2, member, size)
            else:
                one_step(call, direction, t, low, (done + n) % 2, member, size)
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


@compiled
def run(call: Any) -> None:
    """The work of one thread, for all directions that its team has."""
    number, size = own_number(call), call[TEAM_SIZE]
    team, member, teams = number // size, number % size, call[DIRECTIONS] if size < call[THREADS] else 1
    packed = is_packed(call)
    for direction in range(team, call[DIRECTIONS], teams):
        run_direction(call, direction, packed, team, member, size)
