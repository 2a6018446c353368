"""The loops of a layer on a GPU. A template: the printer puts a printed cell in front of it, and repeats lines.

A line that ends in `# each gate` stands once for every gate, with its name for GATE and its number for GATE_N; so for
the other lists of a cell, by the names in `gpu_printer.lists`, and for two of them once for every pair.

A program has some rows, some units and one direction. Its loop takes one turn more than there are steps. In turn n
forward computes step n - 1, from what turn n - 1 has left of the states, and leaves what step n is to see of them;
backward takes the products with the gate gradients of step n - 1, then the derivative of step n.

Where a program has all units of its rows, a loop runs in one launch. If it can keep the weights in its registers, it
takes the products as soon as it has what they multiply, and the compiler reads all other numbers of a turn two turns
earlier (in three stages). Where several programs share the units, the loop runs in one launch if all of them run at
once, and they wait for each other in every turn: what the others need is stored first, and the rest while they wait.
Else every turn is a launch. A turn then needs of the one before only what stands in memory, and nothing is read earlier.

The numbers of a program are a matrix [W, M] of its units and rows. In memory the units of a row stand side by side:
they are read and written as [M, 16, W / 16], which gives a warp the units of 16 that it multiplies, so that warps seldom
wait for each other.

With a projection one program has all units; the outputs P of a row are fewer than its units H, without one as many.
"""

import triton
import triton.language as tl


@triton.jit
def read(at, given):
    """The numbers that stand at [M, 16, W / 16], or zeros, as [W, M]."""
    found = tl.permute(tl.load(at, given, 0.0), (2, 1, 0))
    return tl.reshape(found, (16 * at.shape[2], at.shape[0]))


@triton.jit
def whole(at, numbers):
    """Numbers, [W, M], or one for each unit, as they are written: [W / 16, 16, M]."""
    return tl.reshape(tl.broadcast_to(numbers, (16 * at.shape[2], at.shape[0])), (at.shape[2], 16, at.shape[0]))


@triton.jit
def write(at, numbers, given):
    """Numbers to where they stand, [M, 16, W / 16]."""
    tl.store(at, tl.permute(whole(at, numbers), (2, 1, 0)), given)


@triton.jit
def write_all(at, step, matrices, given):
    """Several matrices to where they stand, `step` apart: in pairs, since warps wait for each other every time."""
    for k in tl.static_range(0, len(matrices) - 1, 2):
        pair = tl.permute(tl.join(whole(at, matrices[k]), whole(at, matrices[k + 1])), (2, 1, 0, 3))
        tl.store(tl.expand_dims(at, 3) + (k + tl.arange(0, 2)) * step, pair, tl.expand_dims(given, 3))
    if len(matrices) % 2:
        write(at + (len(matrices) - 1) * step, matrices[len(matrices) - 1], given)


@triton.jit
def read_if(GIVEN: tl.constexpr, at, given, nought):
    """Numbers that may not be given: then zeros."""
    if GIVEN:
        found = read(at, given).to(DTYPE)
    else:
        found = nought
    return found


@triton.jit
def weights_at(at, given):
    """Weights that stay in registers.

    There the compiler leaves matrices that it computes, if only from their bits, and multiplies more than once, as also
    before the loop. Others it reads from shared memory at every turn.
    """
    if at.dtype.element_ty.primitive_bitwidth == 16:
        bits = tl.load(at.to(tl.pointer_type(tl.int16)), given, 0)
    elif at.dtype.element_ty.primitive_bitwidth == 32:
        bits = tl.load(at.to(tl.pointer_type(tl.int32)), given, 0)
    else:
        bits = tl.load(at.to(tl.pointer_type(tl.int64)), given, 0)
    return bits.to(at.dtype.element_ty, bitcast=True)


@triton.jit
def rows_and_units(ROWS: tl.constexpr, WIDTH: tl.constexpr):
    """The rows of a program, [M], and its units: as it has them, [W, 1], and as they stand, [1, 16, W / 16]."""
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    first = tl.program_id(2) * WIDTH
    unit = first + tl.arange(0, 16)[None, :, None] + 16 * tl.arange(0, WIDTH // 16)[None, None, :]
    return row, (first + tl.arange(0, WIDTH))[:, None], unit


@triton.jit
def lengths_and_sources(lengths, order, row, exists, steps, RAGGED: tl.constexpr, SORTED: tl.constexpr):
    """The steps of each row, and which row of the batch it is: both [M]."""
    length, source = tl.zeros_like(row) + steps, row
    if RAGGED:
        length = tl.load(lengths + row, exists, 0)
    if SORTED:
        source = tl.load(order + row, exists, 0)
    return length, source


@triton.jit
def place_of(step, row, rows, steps, begins, RAGGED: tl.constexpr):
    """Where rows stand at a step: [M]."""
    if RAGGED:
        place = row + tl.load(begins + step, (step >= 0) & (step < steps), 0)
    else:
        place = row + step * rows
    return place


@triton.jit
def starts_anew(step, d, row, rows, steps, length, begins, resets, RAGGED: tl.constexpr, RESETS: tl.constexpr):
    """Whether the state of a row is replaced before a step, [M]: forward at the first of a piece, else at its last."""
    if RESETS:
        marked = step + d
        inside = (row < rows) & (step >= 0) & (marked < steps) & (marked < length)
        anew = tl.load(resets + place_of(marked, row, rows, steps, begins, RAGGED), inside, 0) != 0
    else:
        anew = row < 0
    return anew


@triton.jit
def output_of(step, place, d, rows, source, DIRECTIONS: tl.constexpr, SORTED: tl.constexpr):
    """Where the outputs of a step stand: [M, 1, 1]."""
    if SORTED:
        place = step * rows + source
    return (place * DIRECTIONS + d)[:, None, None]


@triton.jit
def left_at(turn, k, d, rows, row, unit, SEEN: tl.constexpr, DIRECTIONS: tl.constexpr, OUTPUTS: tl.constexpr):
    """Where a turn leaves a state for the products of the next: two places, in turn."""
    return (row + rows * (d + DIRECTIONS * (k + SEEN * (turn % 2)))) * OUTPUTS + unit


@triton.jit
def projected(
    values, matrix, target, inside, begin, exists, own, output, step, FROM: tl.constexpr, TO: tl.constexpr,
    PRECISION: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """A matrix times some rows: from FROM values of each, which go through memory, to TO.

    Args:
        values: [W, M].
        matrix: where it begins; the weights of an output begin at `output` [W, 1], and are `step` apart.
        target: where the values may stand, [M, 16, W / 16], and `begin`, [M], where their rows begin.
    """
    tl.debug_barrier()
    write(target, values, inside)
    tl.debug_barrier()
    found = tl.zeros_like(values)
    for start in range(0, FROM, DEPTH):
        column = start + tl.arange(0, DEPTH)
        part = tl.load(begin[None, :] + column[:, None], exists[None, :] & (column < FROM)[:, None], 0.0)
        weight = tl.load(matrix + output + column[None, :] * step, (column < FROM)[None, :] & (own < TO), 0.0)
        found = tl.dot(weight, part.to(matrix.dtype.element_ty), found, input_precision=PRECISION, out_dtype=DTYPE)
    return found


@triton.jit
def counter_of(arrived):
    """What the programs that share these rows count in."""
    return arrived + tl.program_id(1) * tl.num_programs(0) + tl.program_id(0)


@triton.jit
def tell_all(arrived):
    """That this program has stored what the others need of its turn."""
    tl.debug_barrier()
    tl.atomic_add(counter_of(arrived), 1, sem="release")


@triton.jit
def wait_for_all(arrived, turns):
    """Until all programs that share these rows have told of so many turns; what they have stored can be read then."""
    counter = counter_of(arrived)
    while tl.atomic_add(counter, 0, sem="acquire") < turns * tl.num_programs(2):
        pass
    tl.debug_barrier()


@triton.jit(do_not_specialize=["steps", "rows", "places", "noise_place", "first_turn", "last_turn"])
def forward(
    inputs,  # [N, D, G * H]: input contributions, without their biases
    recurrent,  # [D, G, H, C * P]
    projection,  # [D, P, H]
    bias_w,  # [D, G, H]: of the input contributions
    bias_r,  # [D, G, H]: of the recurrent ones
    vectors,  # [D, vectors, H]
    noise,  # [N, D, noise, H], or one place for all
    mask,  # [D, B, P]
    resets,  # [N]
    lengths,  # [B], the longest first
    begins,  # [T + 1]
    order,  # [B]: the row of the batch that each row is
    arrived,  # [row tiles * D]: how often programs have told of a turn; zeros
    state_STATE,  # [D, B, H], or P of those that are seen: the first states, and then the last  # each state
    fresh_STATE,  # likewise: what a reset brings  # each state
    left,  # [2, C, D, B, P]: what the products see
    opened,  # [D, B, H]: h before the projection
    y,  # [N or T * B, D, P]
    saved,  # [D, N, SLOTS, H]
    history,  # [D, S - 1, N, H]
    steps, rows, places, noise_place, first_turn, last_turn,
    UNITS: tl.constexpr, OUTPUTS: tl.constexpr, PROJECTED: tl.constexpr, DIRECTIONS: tl.constexpr, BEGUN: tl.constexpr, BIAS: tl.constexpr, FRESH: tl.constexpr, MASKED: tl.constexpr,
    RESETS: tl.constexpr, RAGGED: tl.constexpr, SORTED: tl.constexpr, STASH: tl.constexpr, TOGETHER: tl.constexpr, PRECISION: tl.constexpr,
    ROWS: tl.constexpr, WIDTH: tl.constexpr, DEPTH: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """The states and outputs of all steps."""
    INNER_STAGES: tl.constexpr = 3 if TOGETHER else 1
    steps, rows, places = steps.to(tl.int64), rows.to(tl.int64), places.to(tl.int64)
    d = tl.program_id(1).to(tl.int64)
    weights = recurrent + d * (GATES * UNITS * SEEN * OUTPUTS)
    row, own, unit = rows_and_units(ROWS, WIDTH)
    exists, is_unit, is_output = row < rows, unit < UNITS, unit < OUTPUTS
    valid, shown = own < UNITS, own < OUTPUTS
    inside, outside = exists[:, None, None] & is_unit, exists[:, None, None] & is_output
    nought, nowhere, number = tl.zeros((WIDTH, ROWS), DTYPE), tl.zeros_like(row), tl.full([1, 1], UNITS, DTYPE)
    length, source = lengths_and_sources(lengths, order, row, exists, steps, RAGGED, SORTED)
    at_state = (d * rows + source)[:, None, None] * UNITS + unit
    at_seen = (d * rows + source)[:, None, None] * OUTPUTS + unit
    mask_h = nought + 1.0
    if MASKED:
        mask_h = read(mask + at_seen, outside)
    w_VECTOR = read(vectors + (d * VECTORS + VECTOR_N) * UNITS + unit, is_unit).to(DTYPE)  # each vector
    bx_GATE = read_if(BIAS, bias_w + (d * GATES + GATE_N) * UNITS + unit, is_unit, nought)  # each gate
    br_GATE = read_if(BIAS, bias_r + (d * GATES + GATE_N) * UNITS + unit, is_unit, nought)  # each gate
    s_STATE = read_if(BEGUN, state_STATE + at_seen, outside, nought)  # each seen
    s_STATE = read_if(BEGUN, state_STATE + at_state, inside, nought)  # each unseen
    if STASH:
        column = tl.arange(0, WIDTH)[None, :]
        from_column, within = own * (SEEN * OUTPUTS) + column, (column < OUTPUTS) & valid
        kept_STATE_GATE = weights_at(weights + from_column + (GATE_N * SEEN * UNITS + STATE_N) * OUTPUTS, within)  # each seen, gate
        r_GATE = nought + br_GATE  # each gate
        seen_STATE = nought.to(recurrent.dtype.element_ty)  # each seen
        r_GATE = tl.dot(kept_STATE_GATE, seen_STATE, r_GATE, input_precision=PRECISION, out_dtype=DTYPE)  # each seen, gate
    for turn in tl.range(first_turn, last_turn, num_stages=STAGES):
        step = nowhere + tl.where(d == 0, turn - 1, steps - turn)
        following = nowhere + tl.where(d == 0, turn, steps - 1 - turn)
        active = exists & (step >= 0) & (step < length)
        here, there = active[:, None, None] & is_unit, active[:, None, None] & is_output
        place = place_of(step, row, rows, steps, begins, RAGGED)
        anew = starts_anew(following, d, row, rows, steps, length, begins, resets, RAGGED, RESETS)
        at_input = (place * DIRECTIONS + d)[:, None, None] * (GATES * UNITS) + unit
        x_GATE = read(inputs + at_input + GATE_N * UNITS, here) + bx_GATE  # each gate
        at_noise = place[:, None, None] * noise_place + d * (NOISES * UNITS) + unit
        n_NOISE = read(noise + at_noise + NOISE_N * UNITS, here)  # each noise
        if not STASH:
            r_GATE = nought + br_GATE  # each gate
            if TOGETHER:
                wait_for_all(arrived, turn - first_turn)
            for start in tl.range(0, OUTPUTS, DEPTH, num_stages=INNER_STAGES):
                column = start + tl.arange(0, DEPTH)
                seen_then = active[None, :] & (column < OUTPUTS)[:, None]
                within = (column < OUTPUTS)[None, :] & valid
                from_column = own * (SEEN * OUTPUTS) + column[None, :]
                part_STATE = tl.load(left + left_at(turn + 1, STATE_N, d, rows, row[None, :], column[:, None], SEEN, DIRECTIONS, OUTPUTS), seen_then, 0.0, cache_modifier=".cg")  # each seen
                weight_STATE_GATE = tl.load(weights + from_column + (GATE_N * SEEN * UNITS + STATE_N) * OUTPUTS, within, 0.0)  # each seen, gate
                r_GATE = tl.dot(weight_STATE_GATE, part_STATE, r_GATE, input_precision=PRECISION, out_dtype=DTYPE)  # each seen, gate
        (
            new_STATE,  # each state
            kept_SAVED_N,  # each saved
        ) = forward_cell(
            x_GATE,  # each gate
            r_GATE,  # each gate
            s_STATE,  # each state
            w_VECTOR,  # each vector
            n_NOISE,  # each noise
            nought,
            valid,
            number,
        )
        if PROJECTED:
            new_STATE = projected(new_STATE, projection + d * (OUTPUTS * UNITS), opened + at_state, inside, opened + (d * rows + source) * UNITS, exists, own, own * UNITS, 1, UNITS, OUTPUTS, PRECISION, DEPTH)  # each output
        s_STATE = tl.where(active[None, :] & shown, new_STATE, s_STATE)  # each seen
        s_STATE = tl.where(active[None, :] & valid, new_STATE, s_STATE)  # each unseen
        s_STATE = tl.where(anew[None, :], read_if(FRESH, fresh_STATE + at_seen, outside & anew[:, None, None], nought), s_STATE)  # each seen
        s_STATE = tl.where(anew[None, :], read_if(FRESH, fresh_STATE + at_state, inside & anew[:, None, None], nought), s_STATE)  # each unseen
        seen_STATE = (s_STATE * mask_h).to(recurrent.dtype.element_ty)  # each seen
        if STASH:
            r_GATE = nought + br_GATE  # each gate
            r_GATE = tl.dot(kept_STATE_GATE, seen_STATE, r_GATE, input_precision=PRECISION, out_dtype=DTYPE)  # each seen, gate
        else:
            write(left + left_at(turn, STATE_N, d, rows, row[:, None, None], unit, SEEN, DIRECTIONS, OUTPUTS), seen_STATE, outside)  # each seen
            if TOGETHER:
                tell_all(arrived)
            else:
                tl.debug_barrier()
        write(y + output_of(step, place, d, rows, source, DIRECTIONS, SORTED) * OUTPUTS + unit, new_STATE, there)  # each output
        at_saved = (d * places + place)[:, None, None] * (SLOTS * UNITS) + unit
        if SLOTS > 0:
            write_all(saved + at_saved, UNITS, (
                kept_SAVED_N,  # each saved
            ), here)
        write(history + ((d * OTHERS + OTHER_N) * places + place)[:, None, None] * UNITS + unit, new_OTHER, here)  # each history
    write(state_STATE + at_seen, s_STATE, outside)  # each seen
    write(state_STATE + at_state, s_STATE, inside)  # each unseen


@triton.jit(do_not_specialize=["steps", "rows", "places", "noise_place", "first_turn", "last_turn"])
def backward(
    recurrent,  # as forward has them
    projection,
    vectors,
    noise,
    mask,
    resets,
    lengths,
    begins,
    order,
    arrived,
    first_STATE,  # each state
    fresh_STATE,  # each state
    carry_STATE,  # the cotangents of the last states, and then of the first  # each state
    d_fresh_STATE,  # of what resets bring; sums  # each state
    y,
    saved,
    history,
    dy,  # like y
    d_saved,  # like saved: the cotangents of watched signals
    d_history,  # like history: those of watched states
    d_inputs,  # [D, N, G, H]: the gradients of the input contributions
    d_recurrent,  # [D, N, G, H]: of the recurrent contributions; the same where they are equal
    entered,  # [D, N, C, P]: the states that entered the recurrent products
    projected_d,  # [D, N, P]: the cotangents of what is put out and carried on, if it is projected
    d_vectors,  # [D, vectors, B, H]; sums
    steps, rows, places, noise_place, first_turn, last_turn,
    UNITS: tl.constexpr, OUTPUTS: tl.constexpr, PROJECTED: tl.constexpr, DIRECTIONS: tl.constexpr, BEGUN: tl.constexpr, FIRST: tl.constexpr, FRESH: tl.constexpr, MASKED: tl.constexpr,
    RESETS: tl.constexpr, RAGGED: tl.constexpr, SORTED: tl.constexpr, HEARD_GATES: tl.constexpr,
    HEARD_STATES: tl.constexpr, STASH: tl.constexpr, TOGETHER: tl.constexpr, PRECISION: tl.constexpr, ROWS: tl.constexpr,
    WIDTH: tl.constexpr, DEPTH: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """The gradients of the gates of all steps, and what else can be known only step by step."""
    INNER_STAGES: tl.constexpr = 3 if TOGETHER else 1
    steps, rows, places = steps.to(tl.int64), rows.to(tl.int64), places.to(tl.int64)
    d = tl.program_id(1).to(tl.int64)
    weights = recurrent + d * (GATES * UNITS * SEEN * OUTPUTS)
    row, own, unit = rows_and_units(ROWS, WIDTH)
    exists, is_unit, is_output = row < rows, unit < UNITS, unit < OUTPUTS
    valid, shown = own < UNITS, own < OUTPUTS
    inside, outside = exists[:, None, None] & is_unit, exists[:, None, None] & is_output
    nought, nowhere, number = tl.zeros((WIDTH, ROWS), DTYPE), tl.zeros_like(row), tl.full([1, 1], UNITS, DTYPE)
    length, source = lengths_and_sources(lengths, order, row, exists, steps, RAGGED, SORTED)
    at_state = (d * rows + source)[:, None, None] * UNITS + unit
    at_seen = (d * rows + source)[:, None, None] * OUTPUTS + unit
    mask_h = nought + 1.0
    if MASKED:
        mask_h = read(mask + at_seen, outside)
    w_VECTOR = read(vectors + (d * VECTORS + VECTOR_N) * UNITS + unit, is_unit).to(DTYPE)  # each vector
    at_vector = (d * (VECTORS * rows) + row)[:, None, None] * UNITS + unit
    v_VECTOR = read(d_vectors + at_vector + VECTOR_N * rows * UNITS, inside)  # each vector
    c_STATE = read_if(BEGUN, carry_STATE + at_seen, outside, nought)  # each seen
    f_STATE = read_if(FRESH, d_fresh_STATE + at_seen, outside, nought)  # each seen
    c_STATE = read_if(BEGUN, carry_STATE + at_state, inside, nought)  # each unseen
    f_STATE = read_if(FRESH, d_fresh_STATE + at_state, inside, nought)  # each unseen
    if STASH:
        column = tl.arange(0, WIDTH)[None, :]
        to_column, within = column * (SEEN * OUTPUTS) + own, (column < UNITS) & shown
        kept_STATE_GATE = weights_at(weights + to_column + (GATE_N * SEEN * UNITS + STATE_N) * OUTPUTS, within)  # each seen, gate
        p_STATE = nought  # each seen
        p_STATE += tl.dot(kept_STATE_GATE, nought.to(recurrent.dtype.element_ty), input_precision=PRECISION, out_dtype=DTYPE)  # each seen, gate
    for turn in tl.range(first_turn, last_turn, num_stages=STAGES):
        step = nowhere + tl.where(d == 0, steps - 1 - turn, turn)
        active = exists & (step >= 0) & (step < length)
        here, there = active[:, None, None] & is_unit, active[:, None, None] & is_output
        place = place_of(step, row, rows, steps, begins, RAGGED)
        anew = starts_anew(step, d, row, rows, steps, length, begins, resets, RAGGED, RESETS) & active
        before = step - 1 + 2 * d
        followed = active & (before >= 0) & (before < length)
        begun = active & (followed == 0)
        place_before = place_of(before, row, rows, steps, begins, RAGGED)
        at_before = output_of(before, place_before, d, rows, source, DIRECTIONS, SORTED) * OUTPUTS + unit
        s_STATE = read(y + at_before, followed[:, None, None] & is_output).to(DTYPE)  # each output
        s_OTHER = read(history + ((d * OTHERS + OTHER_N) * places + place_before)[:, None, None] * UNITS + unit, followed[:, None, None] & is_unit)  # each other
        s_STATE = tl.where(begun[None, :], read_if(FIRST, first_STATE + at_seen, begun[:, None, None] & is_output, nought), s_STATE)  # each seen
        s_STATE = tl.where(anew[None, :], read_if(FRESH, fresh_STATE + at_seen, anew[:, None, None] & is_output, nought), s_STATE)  # each seen
        s_STATE = tl.where(begun[None, :], read_if(FIRST, first_STATE + at_state, begun[:, None, None] & is_unit, nought), s_STATE)  # each unseen
        s_STATE = tl.where(anew[None, :], read_if(FRESH, fresh_STATE + at_state, anew[:, None, None] & is_unit, nought), s_STATE)  # each unseen
        at_saved = (d * places + place)[:, None, None] * (SLOTS * UNITS) + unit
        kept_SAVED_N = read(saved + at_saved + SAVED_N * UNITS, here)  # each saved
        d_WATCHED = read_if(HEARD_GATES, d_saved + at_saved + WATCHED_N * UNITS, here, nought)  # each watched
        at_output = output_of(step, place, d, rows, source, DIRECTIONS, SORTED) * OUTPUTS + unit
        new_STATE = read(y + at_output, there).to(DTYPE)  # each output
        heard_STATE = read(dy + at_output, there).to(DTYPE)  # each output
        at_history = ((d * OTHERS) * places + place)[:, None, None] * UNITS + unit
        new_OTHER = read(history + at_history + OTHER_N * places * UNITS, here)  # each other
        heard_OTHER = read_if(HEARD_STATES, d_history + at_history + OTHER_N * places * UNITS, here, nought)  # each other
        at_noise = place[:, None, None] * noise_place + d * (NOISES * UNITS) + unit
        n_NOISE = read(noise + at_noise + NOISE_N * UNITS, here)  # each noise

        earlier = nowhere + tl.where(d == 0, steps - turn, turn - 1)
        was_active = exists & (earlier >= 0) & (earlier < length)
        anew_then = (starts_anew(earlier, d, row, rows, steps, length, begins, resets, RAGGED, RESETS) & was_active)[None, :]
        if not STASH:
            at_earlier = (d * places + place_of(earlier, row, rows, steps, begins, RAGGED))[None, :] * (GATES * UNITS)
            p_STATE = nought  # each seen
            if TOGETHER:
                wait_for_all(arrived, turn - first_turn)
            for start in tl.range(0, UNITS, DEPTH, num_stages=INNER_STAGES):
                column = start + tl.arange(0, DEPTH)
                seen_then = was_active[None, :] & (column < UNITS)[:, None]
                within = (column < UNITS)[None, :] & shown
                to_column = column[None, :] * (SEEN * OUTPUTS) + own
                part_GATE = tl.load(d_recurrent + at_earlier + column[:, None] + GATE_N * UNITS, seen_then, 0.0, cache_modifier=".cg").to(recurrent.dtype.element_ty)  # each gate
                weight_STATE_GATE = tl.load(weights + to_column + (GATE_N * SEEN * UNITS + STATE_N) * OUTPUTS, within, 0.0)  # each seen, gate
                p_STATE = tl.dot(weight_STATE_GATE, part_GATE, p_STATE, input_precision=PRECISION, out_dtype=DTYPE)  # each seen, gate
        c_STATE = tl.where(was_active[None, :] & shown, c_STATE + p_STATE * mask_h, c_STATE)  # each seen
        if FRESH:
            f_STATE = tl.where(anew_then, f_STATE + c_STATE, f_STATE)  # each state
        c_STATE = tl.where(anew_then, 0.0, c_STATE)  # each state

        d_STATE = c_STATE + heard_STATE  # each state
        if PROJECTED:
            d_STATE = projected(d_STATE, projection + d * (OUTPUTS * UNITS), projected_d + (d * places + place)[:, None, None] * OUTPUTS + unit, there, projected_d + (d * places + place) * OUTPUTS, active, own, own, UNITS, OUTPUTS, UNITS, PRECISION, DEPTH)  # each output
        (
            gx_GATE,  # each gate
            gr_GATE,  # each gate
            gs_STATE,  # each state
            gw_VECTOR,  # each vector
        ) = backward_cell(
            kept_SAVED_N,  # each saved
            d_WATCHED,  # each watched
            new_STATE,  # each again
            s_STATE,  # each state
            d_STATE,  # each state
            w_VECTOR,  # each vector
            n_NOISE,  # each noise
            nought,
            valid,
            number,
        )
        at_gate = (d * places + place)[:, None, None] * (GATES * UNITS) + unit
        if STASH:
            g_GATE = tl.where(active[None, :] & valid, gr_GATE, 0.0).to(recurrent.dtype.element_ty)  # each gate
            p_STATE = nought  # each seen
            p_STATE += tl.dot(kept_STATE_GATE, g_GATE, input_precision=PRECISION, out_dtype=DTYPE)  # each seen, gate
        write(d_recurrent + at_gate + GATE_N * UNITS, gr_GATE, here)  # each gate
        if TOGETHER:
            tell_all(arrived)
        elif not STASH:
            tl.debug_barrier()
        write(d_inputs + at_gate + GATE_N * UNITS, gx_GATE, here)  # each gate apart
        write(entered + ((d * places + place)[:, None, None] * SEEN + STATE_N) * OUTPUTS + unit, s_STATE * mask_h, there)  # each seen
        c_STATE = tl.where(active[None, :] & shown, gs_STATE, c_STATE)  # each seen
        c_STATE = tl.where(active[None, :] & valid, gs_STATE, c_STATE)  # each unseen
        v_VECTOR = tl.where(active[None, :] & valid, v_VECTOR + gw_VECTOR, v_VECTOR)  # each vector
    write(carry_STATE + at_seen, c_STATE, outside)  # each seen
    write(carry_STATE + at_state, c_STATE, inside)  # each unseen
    if FRESH:
        write(d_fresh_STATE + at_seen, f_STATE, outside)  # each seen
        write(d_fresh_STATE + at_state, f_STATE, inside)  # each unseen
    write(d_vectors + at_vector + VECTOR_N * rows * UNITS, v_VECTOR, inside)  # each vector
