"""The loops of a layer on a GPU. A template: the printer puts a printed cell in front of it, and repeats lines.

A line that ends in `# each gate` stands once for every gate, with its name for GATE and its number for GATE_N; so for
the other lists of a cell, by the names in `gpu_printer.lists`, and for two of them once for every pair.

A program has some rows, some units and one direction. Its loop takes one turn more than there are steps. In turn n
forward computes step n - 1, from what turn n - 1 has left of the states, and leaves what step n is to see of them;
backward takes the products with the gate gradients of step n - 1, then the derivative of step n. A turn needs of the
one before only what stands in memory when that has ended. Where a program has all units of its rows, a loop runs in
one launch. Where several share them, it does so if all of them run at once, and they wait for each other in every
turn: what the others need is stored first, and the rest while they wait. Else every turn is a launch. The compiler moves
no load to an earlier turn (`num_stages=1`).

With a projection one program has all units; the outputs P of a row are fewer than its units H, without one as many.
"""

import triton
import triton.language as tl


@triton.jit
def if_given(at, mask, nought, GIVEN: tl.constexpr):
    """Numbers that may not be given: then zeros."""
    if GIVEN:
        found = tl.load(at, mask, 0.0)
    else:
        found = nought
    return found


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
    """Whether the state of a row is replaced before a step: forward at the first of a piece, else at its last."""
    if RESETS:
        marked = step + d
        inside = (row < rows) & (step >= 0) & (marked < steps) & (marked < length)
        anew = tl.load(resets + place_of(marked, row, rows, steps, begins, RAGGED), inside, 0) != 0
    else:
        anew = row < 0
    return anew[:, None]


@triton.jit
def output_of(step, place, d, rows, source, DIRECTIONS: tl.constexpr, SORTED: tl.constexpr):
    """Where the outputs of a step stand: [M, 1]."""
    if SORTED:
        place = step * rows + source
    return (place * DIRECTIONS + d)[:, None]


@triton.jit
def left_at(turn, k, d, rows, row, unit, SEEN: tl.constexpr, DIRECTIONS: tl.constexpr, OUTPUTS: tl.constexpr):
    """Where a turn leaves a state for the products of the next: two places, in turn."""
    return (row + rows * (d + DIRECTIONS * (k + SEEN * (turn % 2))))[:, None] * OUTPUTS + unit


@triton.jit
def projected(
    values, matrix, target, rows, inside, exists, unit, output, step, FROM: tl.constexpr, TO: tl.constexpr,
    PRECISION: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """Some rows times a matrix: from FROM values of each, which go through memory, to TO.

    Args:
        values: [M, W].
        matrix: where it begins; the weights of an output begin at `output` [1, W], and are `step` apart.
        target: where the values may stand, [M, W], and `rows`, [M, 1], where their rows begin.
    """
    tl.debug_barrier()
    tl.store(target, values, inside)
    tl.debug_barrier()
    found = tl.zeros_like(values)
    for start in range(0, FROM, DEPTH):
        column = start + tl.arange(0, DEPTH)
        part = tl.load(rows + column[None, :], exists[:, None] & (column < FROM)[None, :], 0.0)
        weight = tl.load(matrix + output + column[:, None] * step, (column < FROM)[:, None] & (unit < TO), 0.0)
        found = tl.dot(part.to(matrix.dtype.element_ty), weight, found, input_precision=PRECISION, out_dtype=DTYPE)
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
    bias,  # [D, 2, G, H]: of the input and of the recurrent contributions
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
    UNITS: tl.constexpr, OUTPUTS: tl.constexpr, PROJECTED: tl.constexpr, DIRECTIONS: tl.constexpr, BIAS: tl.constexpr, FRESH: tl.constexpr, MASKED: tl.constexpr,
    RESETS: tl.constexpr, RAGGED: tl.constexpr, SORTED: tl.constexpr, STASH: tl.constexpr, TOGETHER: tl.constexpr, PRECISION: tl.constexpr,
    ROWS: tl.constexpr, WIDTH: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """The states and outputs of all steps."""
    steps, rows, places = steps.to(tl.int64), rows.to(tl.int64), places.to(tl.int64)
    d = tl.program_id(1).to(tl.int64)
    weights = recurrent + d * (GATES * UNITS * SEEN * OUTPUTS)
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    unit = (tl.program_id(2) * WIDTH + tl.arange(0, WIDTH))[None, :]
    exists, valid, shown = row < rows, unit < UNITS, unit < OUTPUTS
    inside, outside = exists[:, None] & valid, exists[:, None] & shown
    nought, units_ = tl.zeros((ROWS, WIDTH), DTYPE), tl.full([1, 1], UNITS, DTYPE)
    nowhere = tl.zeros_like(row)
    length, source = nowhere + steps, row
    if RAGGED:
        length = tl.load(lengths + row, exists, 0)
    if SORTED:
        source = tl.load(order + row, exists, 0)
    at_state, at_seen = (d * rows + source)[:, None] * UNITS + unit, (d * rows + source)[:, None] * OUTPUTS + unit
    mask_h = nought + 1.0
    if MASKED:
        mask_h = tl.load(mask + at_seen, outside, 0.0)
    w_VECTOR = tl.load(vectors + (d * VECTORS + VECTOR_N) * UNITS + unit, valid, 0.0)  # each vector
    bx_GATE = if_given(bias + (d * 2 * GATES + GATE_N) * UNITS + unit, valid, nought, BIAS)  # each gate
    br_GATE = if_given(bias + ((d * 2 + 1) * GATES + GATE_N) * UNITS + unit, valid, nought, BIAS)  # each gate
    s_STATE = tl.load(state_STATE + at_seen, outside, 0.0)  # each seen
    s_STATE = tl.load(state_STATE + at_state, inside, 0.0)  # each unseen
    seen_STATE = nought.to(recurrent.dtype.element_ty)  # each seen
    if STASH:
        column = tl.arange(0, WIDTH)[:, None]
        from_column, within = unit * (SEEN * OUTPUTS) + column, (column < OUTPUTS) & valid
        kept_STATE_GATE = tl.load(weights + from_column + (GATE_N * SEEN * UNITS + STATE_N) * OUTPUTS, within, 0.0)  # each seen, gate
    for turn in tl.range(first_turn, last_turn, num_stages=1):
        step = nowhere + tl.where(d == 0, turn - 1, steps - turn)
        active = exists & (step >= 0) & (step < length)
        here, there = active[:, None] & valid, active[:, None] & shown
        place = place_of(step, row, rows, steps, begins, RAGGED)
        at_input = (place * DIRECTIONS + d)[:, None] * (GATES * UNITS) + unit
        x_GATE = tl.load(inputs + at_input + GATE_N * UNITS, here, 0.0) + bx_GATE  # each gate
        at_noise = place[:, None] * noise_place + d * (NOISES * UNITS) + unit
        n_NOISE = tl.load(noise + at_noise + NOISE_N * UNITS, here, 0.0)  # each noise
        following = nowhere + tl.where(d == 0, turn, steps - 1 - turn)
        anew = starts_anew(following, d, row, rows, steps, length, begins, resets, RAGGED, RESETS)
        r_GATE = nought + br_GATE  # each gate
        if TOGETHER:
            wait_for_all(arrived, turn - first_turn)
        if STASH:
            r_GATE = tl.dot(seen_STATE, kept_STATE_GATE, r_GATE, input_precision=PRECISION, out_dtype=DTYPE)  # each seen, gate
        else:
            for start in range(0, OUTPUTS, DEPTH):
                column = start + tl.arange(0, DEPTH)
                read = active[:, None] & (column < OUTPUTS)[None, :]
                within = (column < OUTPUTS)[:, None] & valid
                from_column = unit * (SEEN * OUTPUTS) + column[:, None]
                part_STATE = tl.load(left + left_at(turn + 1, STATE_N, d, rows, row, column[None, :], SEEN, DIRECTIONS, OUTPUTS), read, 0.0, cache_modifier=".cg")  # each seen
                weight_STATE_GATE = tl.load(weights + from_column + (GATE_N * SEEN * UNITS + STATE_N) * OUTPUTS, within, 0.0)  # each seen, gate
                r_GATE = tl.dot(part_STATE, weight_STATE_GATE, r_GATE, input_precision=PRECISION, out_dtype=DTYPE)  # each seen, gate
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
            units_,
        )
        if PROJECTED:
            new_STATE = projected(new_STATE, projection + d * (OUTPUTS * UNITS), opened + at_state, opened + (d * rows + source)[:, None] * UNITS, inside, exists, unit, unit * UNITS, 1, UNITS, OUTPUTS, PRECISION, DEPTH)  # each output
        s_STATE = tl.where(there, new_STATE, s_STATE)  # each seen
        s_STATE = tl.where(here, new_STATE, s_STATE)  # each unseen
        s_STATE = tl.where(anew, if_given(fresh_STATE + at_seen, outside & anew, nought, FRESH), s_STATE)  # each seen
        s_STATE = tl.where(anew, if_given(fresh_STATE + at_state, inside & anew, nought, FRESH), s_STATE)  # each unseen
        seen_STATE = (s_STATE * mask_h).to(recurrent.dtype.element_ty)  # each seen
        if not STASH:
            tl.store(left + left_at(turn, STATE_N, d, rows, row, unit, SEEN, DIRECTIONS, OUTPUTS), seen_STATE, outside)  # each seen
            if TOGETHER:
                tell_all(arrived)
            else:
                tl.debug_barrier()
        tl.store(y + output_of(step, place, d, rows, source, DIRECTIONS, SORTED) * OUTPUTS + unit, new_STATE, there)  # each output
        at_saved = (d * places + place)[:, None] * (SLOTS * UNITS) + unit
        tl.store(saved + at_saved + SAVED_N * UNITS, kept_SAVED_N, here)  # each saved
        tl.store(history + ((d * OTHERS + OTHER_N) * places + place)[:, None] * UNITS + unit, new_OTHER, here)  # each history
    tl.store(state_STATE + at_seen, s_STATE, outside)  # each seen
    tl.store(state_STATE + at_state, s_STATE, inside)  # each unseen


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
    UNITS: tl.constexpr, OUTPUTS: tl.constexpr, PROJECTED: tl.constexpr, DIRECTIONS: tl.constexpr, FIRST: tl.constexpr, FRESH: tl.constexpr, MASKED: tl.constexpr,
    RESETS: tl.constexpr, RAGGED: tl.constexpr, SORTED: tl.constexpr, HEARD_GATES: tl.constexpr,
    HEARD_STATES: tl.constexpr, STASH: tl.constexpr, TOGETHER: tl.constexpr, PRECISION: tl.constexpr, ROWS: tl.constexpr,
    WIDTH: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """The gradients of the gates of all steps, and what else can be known only step by step."""
    steps, rows, places = steps.to(tl.int64), rows.to(tl.int64), places.to(tl.int64)
    d = tl.program_id(1).to(tl.int64)
    weights = recurrent + d * (GATES * UNITS * SEEN * OUTPUTS)
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    unit = (tl.program_id(2) * WIDTH + tl.arange(0, WIDTH))[None, :]
    exists, valid, shown = row < rows, unit < UNITS, unit < OUTPUTS
    inside, outside = exists[:, None] & valid, exists[:, None] & shown
    nought, units_ = tl.zeros((ROWS, WIDTH), DTYPE), tl.full([1, 1], UNITS, DTYPE)
    nowhere = tl.zeros_like(row)
    length, source = nowhere + steps, row
    if RAGGED:
        length = tl.load(lengths + row, exists, 0)
    if SORTED:
        source = tl.load(order + row, exists, 0)
    at_state, at_seen = (d * rows + source)[:, None] * UNITS + unit, (d * rows + source)[:, None] * OUTPUTS + unit
    mask_h = nought + 1.0
    if MASKED:
        mask_h = tl.load(mask + at_seen, outside, 0.0)
    w_VECTOR = tl.load(vectors + (d * VECTORS + VECTOR_N) * UNITS + unit, valid, 0.0)  # each vector
    at_vector = (d * (VECTORS * rows) + row)[:, None] * UNITS + unit
    v_VECTOR = tl.load(d_vectors + at_vector + VECTOR_N * rows * UNITS, inside, 0.0)  # each vector
    c_STATE = tl.load(carry_STATE + at_seen, outside, 0.0)  # each seen
    f_STATE = if_given(d_fresh_STATE + at_seen, outside, nought, FRESH)  # each seen
    c_STATE = tl.load(carry_STATE + at_state, inside, 0.0)  # each unseen
    f_STATE = if_given(d_fresh_STATE + at_state, inside, nought, FRESH)  # each unseen
    g_GATE = nought  # each gate
    if STASH:
        column = tl.arange(0, WIDTH)[:, None]
        to_column, within = column * (SEEN * OUTPUTS) + unit, (column < UNITS) & shown
        kept_STATE_GATE = tl.load(weights + to_column + (GATE_N * SEEN * UNITS + STATE_N) * OUTPUTS, within, 0.0)  # each seen, gate
    for turn in tl.range(first_turn, last_turn, num_stages=1):
        step = nowhere + tl.where(d == 0, steps - 1 - turn, turn)
        active = exists & (step >= 0) & (step < length)
        here, there = active[:, None] & valid, active[:, None] & shown
        place = place_of(step, row, rows, steps, begins, RAGGED)
        at_noise = place[:, None] * noise_place + d * (NOISES * UNITS) + unit
        n_NOISE = tl.load(noise + at_noise + NOISE_N * UNITS, here, 0.0)  # each noise
        anew = starts_anew(step, d, row, rows, steps, length, begins, resets, RAGGED, RESETS) & active[:, None]
        before = step - 1 + 2 * d
        followed = (active & (before >= 0) & (before < length))[:, None] & (anew == 0)
        begun = active[:, None] & (followed == 0) & (anew == 0)
        place_before = place_of(before, row, rows, steps, begins, RAGGED)
        at_before = output_of(before, place_before, d, rows, source, DIRECTIONS, SORTED) * OUTPUTS + unit
        s_STATE = tl.load(y + at_before, followed & shown, 0.0).to(DTYPE)  # each output
        s_OTHER = tl.load(history + ((d * OTHERS + OTHER_N) * places + place_before)[:, None] * UNITS + unit, followed & valid, 0.0)  # each other
        s_STATE = tl.where(begun, if_given(first_STATE + at_seen, begun & shown, nought, FIRST), s_STATE)  # each seen
        s_STATE = tl.where(anew, if_given(fresh_STATE + at_seen, anew & shown, nought, FRESH), s_STATE)  # each seen
        s_STATE = tl.where(begun, if_given(first_STATE + at_state, begun & valid, nought, FIRST), s_STATE)  # each unseen
        s_STATE = tl.where(anew, if_given(fresh_STATE + at_state, anew & valid, nought, FRESH), s_STATE)  # each unseen
        at_saved = (d * places + place)[:, None] * (SLOTS * UNITS) + unit
        kept_SAVED_N = tl.load(saved + at_saved + SAVED_N * UNITS, here, 0.0)  # each saved
        at_output = output_of(step, place, d, rows, source, DIRECTIONS, SORTED) * OUTPUTS + unit
        new_STATE = tl.load(y + at_output, there, 0.0).to(DTYPE)  # each output
        new_OTHER = tl.load(history + ((d * OTHERS + OTHER_N) * places + place)[:, None] * UNITS + unit, here, 0.0)  # each other
        heard_OTHER = if_given(d_history + ((d * OTHERS + OTHER_N) * places + place)[:, None] * UNITS + unit, here, nought, HEARD_STATES)  # each other
        d_WATCHED = if_given(d_saved + at_saved + WATCHED_N * UNITS, here, nought, HEARD_GATES)  # each watched
        dy_STATE = tl.load(dy + at_output, there, 0.0).to(DTYPE)  # each output

        earlier = nowhere + tl.where(d == 0, steps - turn, turn - 1)
        was_active = exists & (earlier >= 0) & (earlier < length)
        earlier_place = place_of(earlier, row, rows, steps, begins, RAGGED)
        anew_then = starts_anew(earlier, d, row, rows, steps, length, begins, resets, RAGGED, RESETS) & was_active[:, None]
        at_earlier = (d * places + earlier_place)[:, None] * (GATES * UNITS)
        p_STATE = nought  # each seen
        if TOGETHER:
            wait_for_all(arrived, turn - first_turn)
        if STASH:
            p_STATE = tl.dot(g_GATE.to(recurrent.dtype.element_ty), kept_STATE_GATE, p_STATE, input_precision=PRECISION, out_dtype=DTYPE)  # each seen, gate
        else:
            for start in range(0, UNITS, DEPTH):
                column = start + tl.arange(0, DEPTH)
                read = was_active[:, None] & (column < UNITS)[None, :]
                within = (column < UNITS)[:, None] & shown
                to_column = column[:, None] * (SEEN * OUTPUTS) + unit
                part_GATE = tl.load(d_recurrent + at_earlier + column[None, :] + GATE_N * UNITS, read, 0.0, cache_modifier=".cg").to(recurrent.dtype.element_ty)  # each gate
                weight_STATE_GATE = tl.load(weights + to_column + (GATE_N * SEEN * UNITS + STATE_N) * OUTPUTS, within, 0.0)  # each seen, gate
                p_STATE = tl.dot(part_GATE, weight_STATE_GATE, p_STATE, input_precision=PRECISION, out_dtype=DTYPE)  # each seen, gate
        c_STATE = tl.where(was_active[:, None] & shown, c_STATE + p_STATE * mask_h, c_STATE)  # each seen
        if FRESH:
            f_STATE = tl.where(anew_then, f_STATE + c_STATE, f_STATE)  # each state
        c_STATE = tl.where(anew_then, 0.0, c_STATE)  # each state

        d_STATE = c_STATE + dy_STATE  # each output
        if PROJECTED:
            d_STATE = projected(d_STATE, projection + d * (OUTPUTS * UNITS), projected_d + (d * places + place)[:, None] * OUTPUTS + unit, projected_d + (d * places + place)[:, None] * OUTPUTS, there, active, unit, unit, UNITS, OUTPUTS, UNITS, PRECISION, DEPTH)  # each output
        d_OTHER = c_OTHER + heard_OTHER  # each other
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
            units_,
        )
        at_gate = (d * places + place)[:, None] * (GATES * UNITS) + unit
        tl.store(d_recurrent + at_gate + GATE_N * UNITS, gr_GATE, here)  # each gate
        if TOGETHER:
            tell_all(arrived)
        elif not STASH:
            tl.debug_barrier()
        tl.store(d_inputs + at_gate + GATE_N * UNITS, gx_GATE, here)  # each gate apart
        tl.store(entered + ((d * places + place)[:, None] * SEEN + STATE_N) * OUTPUTS + unit, s_STATE * mask_h, there)  # each seen
        c_STATE = tl.where(there, gs_STATE, c_STATE)  # each seen
        c_STATE = tl.where(here, gs_STATE, c_STATE)  # each unseen
        v_VECTOR = tl.where(here, v_VECTOR + gw_VECTOR, v_VECTOR)  # each vector
        g_GATE = tl.where(here, gr_GATE, 0.0)  # each gate
    tl.store(carry_STATE + at_seen, c_STATE, outside)  # each seen
    tl.store(carry_STATE + at_state, c_STATE, inside)  # each unseen
    if FRESH:
        tl.store(d_fresh_STATE + at_seen, f_STATE, outside)  # each seen
        tl.store(d_fresh_STATE + at_state, f_STATE, inside)  # each unseen
    tl.store(d_vectors + at_vector + VECTOR_N * rows * UNITS, v_VECTOR, inside)  # each vector
