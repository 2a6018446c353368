"""Parts of both loops. A template: the printer puts a printed cell in place of the import from `printed`."""

from typing import Any

from cellwright.kernels.compiled import compiled
from cellwright.kernels.fields import (
    BEGINS,
    BY_ROWS,
    DIRECTIONS,
    GROUPS,
    HALF_TILE,
    INPUTS,
    LENGTHS,
    MASK,
    NOISE,
    NOISE_PLACE,
    ORDER,
    OUTPUTS,
    PACKED_BR,
    PACKED_BX,
    PACKED_P,
    PACKED_R,
    PACKED_VECTORS,
    PACKED_W,
    PLACES,
    POINTERS,
    RESETS,
    ROOM,
    ROOM_SIZE,
    ROWS,
    SAVED,
    SHARES,
    STEPS,
    TILE,
    TURN,
    UNITS,
)
from cellwright.kernels.printed import (
    BLOCK,
    GATES,
    IN_PLACE,
    KEPT,
    LANES,
    NOISES,
    OUTER,
    PAIR,
    PROJECTED,
    RECURRENT,
    SIZE,
    SLOTS,
    STATES,
    SUMS,
    UNIT_VECTORS,
    VECTORS,
    load,
    load_some,
    store,
    store_some,
    turn,
)
from cellwright.kernels.team import own_number, part, read, read_byte


@compiled
def blocks(units: int) -> int:
    """How many blocks of units there are."""
    return (units + BLOCK - 1) // BLOCK


@compiled
def room_of(call: Any) -> int:
    """The room of this thread: sums, values that are kept between phases, recurrent contributions of some rows."""
    return call[ROOM] + own_number(call) * call[ROOM_SIZE]


@compiled
def kept_at(call: Any) -> int:
    """Where in the room values are kept between phases: [KEPT, P * BLOCK]."""
    return room_of(call) + SUMS * LANES * SIZE


@compiled
def contributions_at(call: Any) -> int:
    """Where in the room the recurrent contributions stand: [ROWS_AT_ONCE, K]."""
    return kept_at(call) + KEPT * blocks(call[UNITS]) * BLOCK * SIZE


@compiled
def begin_row(call: Any) -> None:
    """Let the sums of a row begin with zero."""
    for k in range(SUMS):
        store(room_of(call) + k * LANES * SIZE, 0.0)


@compiled
def first_place(call: Any, t: int) -> int:
    """The place of row 0 at step t."""
    return t * call[ROWS] if call[BEGINS] == 0 else read(call[BEGINS] + 8 * t)


@compiled
def length_of(call: Any, row: int) -> int:
    """The steps of a row."""
    return call[STEPS] if call[LENGTHS] == 0 else read(call[LENGTHS] + 8 * row)


@compiled
def in_batch(call: Any, row: int) -> int:
    """Where the caller's states have a row."""
    return row if call[ORDER] == 0 else read(call[ORDER] + 8 * row)


@compiled
def y_offset(call: Any, direction: int, t: int, row: int) -> int:
    """Where in Y and its cotangent a row stands at step t, in bytes."""
    place = first_place(call, t) + row if call[ORDER] == 0 else t * call[ROWS] + in_batch(call, row)
    return (place * call[DIRECTIONS] + direction) * call[OUTPUTS] * OUTER


@compiled
def starts_anew(call: Any, t: int, row: int, direction: int) -> bool:
    """Whether the state is replaced before step t: at the first step of a piece, or, backwards, at its last."""
    marked = t + direction
    if call[RESETS] == 0 or marked >= length_of(call, row):
        return False
    return read_byte(call[RESETS] + first_place(call, marked) + row) != 0


@compiled
def own_rows(call: Any, member: int, size: int) -> tuple[int, int]:
    """The rows of one member of a team."""
    if call[BY_ROWS] == 0:
        return 0, call[ROWS]
    if call[SHARES] == 0:
        return part(call[ROWS], member, size)
    return read(call[SHARES] + 8 * member), read(call[SHARES] + 8 * member + 8)


@compiled
def own_rows_at(call: Any, t: int, member: int, size: int) -> tuple[int, int]:
    """The same, for the rows that have a step t."""
    first, last = own_rows(call, member, size)
    return first, min(last, first_place(call, t + 1) - first_place(call, t))


@compiled
def own_blocks(call: Any, member: int, size: int) -> tuple[int, int]:
    """The blocks of units of one member of a team."""
    count = blocks(call[UNITS])
    return (0, count) if call[BY_ROWS] == 1 else part(count, member, size)


@compiled
def words(count: int) -> int:
    """The words that hold so many numbers of a row, where products take them."""
    return count // PAIR


@compiled
def mask_at(call: Any, direction: int, row: int, p: int) -> int:
    """The address of the mask of h for one row and block."""
    return call[MASK] + ((direction * call[ROWS] + in_batch(call, row)) * call[OUTPUTS] + p * BLOCK) * SIZE


@compiled
def mask_block(call: Any, direction: int, row: int, p: int, at: int) -> None:
    """Multiply one block of numbers by the mask of h."""
    mask, left = mask_at(call, direction, row, p), call[OUTPUTS] - p * BLOCK
    for n in range(0, BLOCK, LANES):
        store(at + n * SIZE, load(at + n * SIZE) * load_some(mask + n * SIZE, left - n))


@compiled
def even(rows: int, most: int) -> int:
    """The rows of one tile, so that all tiles are about equal and none is over the most."""
    tiles = max(1, (rows + most - 1) // most)
    return max(1, (rows + tiles - 1) // tiles)


@compiled
def tile_for(call: Any, block: int) -> int:
    """The tile for a block of units: where half a vector holds what is left of them, the cheaper one."""
    return call[HALF_TILE] if UNIT_VECTORS == 1 and 2 * (call[UNITS] - block * BLOCK) <= LANES else call[TILE]


@compiled
def weights_of(call: Any, direction: int) -> int:
    """The position in the call of the addresses of one direction's weights."""
    return POINTERS + GROUPS * STATES + direction * 2 * (5 + VECTORS)


@compiled
def width_of(call: Any, k: int) -> int:
    """Features of a state."""
    return call[OUTPUTS] if PROJECTED and k == 0 else call[UNITS]


@compiled
def output_vectors(call: Any) -> int:
    """Vectors that hold what is put out."""
    return (call[OUTPUTS] + LANES - 1) // LANES


@compiled
def state_given(call: Any, group: int, k: int, direction: int, row: int, block: int) -> int:
    """The address of a row and block of a state in one of the caller's groups, or 0 if it is not given."""
    at = call[POINTERS + group * STATES + k]
    place = direction * call[ROWS] + in_batch(call, row)
    return at + (place * width_of(call, k) + block * BLOCK) * SIZE if at != 0 else 0


@compiled
def noise_at(call: Any, direction: int, place: int, block: int) -> int:
    """The address of what the cell is given at a place; its values follow at a stride of H."""
    return call[NOISE] + (place * call[NOISE_PLACE] + direction * NOISES * call[UNITS] + block * BLOCK) * SIZE


@compiled
def saved_at(call: Any, direction: int, place: int, block: int) -> int:
    """The address of what the cell saves at a place; its values follow at a stride."""
    count, row = blocks(call[UNITS]), direction * call[PLACES] + place
    if IN_PLACE:
        return call[SAVED] + (row * count + block) * SLOTS * BLOCK * SIZE
    return call[SAVED] + (row * SLOTS * count + block) * BLOCK * SIZE


@compiled
def saved_stride(call: Any) -> int:
    """From one saved value to the next: signals stand as they are handed out, all others as they are read again."""
    return BLOCK * SIZE if IN_PLACE else blocks(call[UNITS]) * BLOCK * SIZE


@compiled
def copy_padded(source: int, target: int, count: int, padded: int) -> None:
    """Copy a row of numbers; zeros up to the padded length. No source means zeros."""
    for n in range(0, padded, LANES):
        found = count - n if source != 0 else 0
        store_some(target + n * SIZE, load_some(source + n * SIZE, found), padded - n)


@compiled
def pack_matrix(call: Any, source: int, target: int, columns: int, first: int, last: int) -> None:
    """[G * H, columns] to blocks [P, columns, G * BLOCK]; units that do not exist get zeros."""
    width, units = GATES * BLOCK, call[UNITS]
    for p in range(first, last):
        for gate in range(GATES):
            for u in range(0, BLOCK, LANES):
                at = source + (gate * units + p * BLOCK + u) * columns * SIZE
                to = target + (p * columns * width + gate * BLOCK + u) * SIZE
                for n in range(0, columns, LANES):
                    turn(
                        call[TURN], at + n * SIZE, columns * SIZE, units - p * BLOCK - u, columns - n,
                        to + n * width * SIZE, width * SIZE, LANES,
                    )  # fmt: skip


@compiled
def pack_bias(source: int, target: int, units: int, first: int, last: int) -> None:
    """[G * H] to blocks [P, G * BLOCK]."""
    for p in range(first, last):
        for gate in range(GATES):
            at = source + (gate * units + p * BLOCK) * SIZE if source != 0 else 0
            copy_padded(at, target + (p * GATES + gate) * BLOCK * SIZE, units - p * BLOCK, BLOCK)


@compiled
def pack_vectors(call: Any, direction: int, first: int, last: int) -> None:
    """The learned vectors of some blocks of units, with zeros up to the end of the last block."""
    units, at = call[UNITS], weights_of(call, direction)
    count = blocks(units)
    for k in range(VECTORS):
        for p in range(first, last):
            source = call[at + 5 + k] + p * BLOCK * SIZE
            target = call[PACKED_VECTORS] + ((direction * VECTORS + k) * count + p) * BLOCK * SIZE
            copy_padded(source, target, units - p * BLOCK, BLOCK)


@compiled
def pack_projection(call: Any, direction: int, first: int, last: int) -> None:
    """[OUTPUTS, H] to [vectors of OUTPUTS, H, LANES]; some of the vectors."""
    units, vectors = call[UNITS], output_vectors(call)
    source, target = call[weights_of(call, direction) + 4], call[PACKED_P] + direction * vectors * units * LANES * SIZE
    for v in range(first, last):
        for n in range(0, units, LANES):
            turn(
                call[TURN], source + (v * LANES * units + n) * SIZE, units * SIZE, call[OUTPUTS] - v * LANES,
                units - n, target + (v * units + n) * LANES * SIZE, LANES * SIZE, LANES,
            )  # fmt: skip


@compiled
def pack_forward(call: Any, direction: int, first: int, last: int) -> None:
    """Pack the weights of some blocks of units as forward reads them."""
    units, inputs = call[UNITS], words(call[INPUTS])
    count, at, width = blocks(units), weights_of(call, direction), GATES * BLOCK * SIZE
    if call[PACKED_W] != 0:
        pack_matrix(call, call[at], call[PACKED_W] + direction * count * inputs * width, inputs, first, last)
        seen = RECURRENT * words(call[OUTPUTS])
        pack_matrix(call, call[at + 1], call[PACKED_R] + direction * count * seen * width, seen, first, last)
    pack_bias(call[at + 2], call[PACKED_BX] + direction * count * width, units, first, last)
    pack_bias(call[at + 3], call[PACKED_BR] + direction * count * width, units, first, last)
    pack_vectors(call, direction, first, last)
