"""What a compiled loop is told: one array of 64-bit integers, sizes and addresses, by these positions.

Arrays are row-major; sizes in the comments are in numbers of the kernel's dtype unless they say otherwise. Where the
caller stores numbers of half the size, X, Y, their cotangents and the matrices are of those; what enters a product
then stands in words, each of two such numbers that are next to one another along the sum.

    T steps, B rows, N places: the rows of all steps, step by step and without gaps (T * B if no row ends early),
    I inputs, H units, D directions, P blocks of BLOCK units (P * BLOCK >= H), S states, C of them multiplied by
    the recurrent weights,
    G gates, K = P * G * BLOCK: the gates of all units, block by block and gate by gate.

Where rows end early, the longest come first, so that the rows of a step are the first ones of the step before.
"""

(
    STEPS,  # T
    ROWS,  # B
    PLACES,  # N
    INPUTS,  # I
    UNITS,  # H
    OUTPUTS,  # features of Y and h: P with a projection, else H
    DIRECTIONS,  # D
    CHUNK,  # steps whose input products stand in memory at once
    STEPWISE,  # 1: backward leaves the gradients of the gates, step by step, and makes none of the weights
    BY_ROWS,  # 1: threads share the rows; 0: they share the units and meet after every step
    DIGEST,  # address of the digest of numbers; 0: pack the weights without looking
    PACKED,  # the digest of the weights that are packed
    FOUND,  # the kernel writes the digest of the weights here
    TEAM_SIZE,  # threads that work on one direction together
    THREADS,  # threads in all
    THREAD_NUMBER,  # address of a function that tells the thread's number; 0: there is one thread
    TILE,  # address of the register tile for products
    PLAIN_TILE,  # the same for numbers of the kernel's own dtype, one row and all gates of a block
    HALF_TILE,  # the same for the first halves of vectors; the second halves become zero
    DOTS,  # address of the dot products with a matrix as it is stored
    TURN,  # address of the transposition
    YIELD,  # address of a function that lets other threads run
    MEETINGS,  # [D] cache lines with the counters of the barriers and of alarms, as 64-bit integers
    LENGTHS,  # [B] 64-bit integers, the longest first; 0: no row ends early, and the next three are 0 too
    ORDER,  # [B] 64-bit integers: the row of the caller's batch that each row is; 0: the same
    BEGINS,  # [T + 1] 64-bit integers: the first place of each step
    SHARES,  # [TEAM_SIZE + 1] 64-bit integers: the first row of each thread, or 0
    RESETS,  # [N] bytes, or 0
    NOISE,  # [N, D, noise, H]: what the cell is given for every step; or one place for all
    NOISE_PLACE,  # numbers from one place of it to the next, or 0
    MASK,  # [D, B, OUTPUTS] in the order of the caller: what multiplies states before the recurrent product; or 0
    X,  # [N, I]
    Y,  # [N, D, OUTPUTS], or with ORDER [T, B, D, OUTPUTS] in the order of the caller, zero where rows have ended
    Z,  # [D, CHUNK * B, P, G, BLOCK]: input products; 0: they stand in SAVED until the cell overwrites them
    SAVED,  # [D, N, P, SLOTS, BLOCK]: what the cell saves for backward; [D, N, SLOTS, P * BLOCK] if it is watched
    HISTORY,  # [D, S - 1, N, P * BLOCK]: the states other than h, for backward
    STATE,  # [D, 2, S, B, P * BLOCK]: the working states, in turn
    SEEN,  # [D, 2, C, B, P * BLOCK]: the states as the recurrent product sees them; 0 if it sees them as they are
    SCRATCH,  # [THREADS, SCRATCH_SIZE]
    ROOM,  # what a cell in phases needs for a row, of each thread; see shared_loop
    ROOM_SIZE,  # its bytes for one thread
    PACKED_W,  # [D, P, I, G * BLOCK]; 0: matrices are read as the caller stores them
    PACKED_R,  # [D, P, C * OUTPUTS, G * BLOCK]
    PACKED_BX,  # [D, P, G * BLOCK]
    PACKED_BR,  # [D, P, G * BLOCK]
    PACKED_P,  # [D, vectors of OUTPUTS, H, LANES]: the projection with outputs along the lanes, or 0
    PACKED_VECTORS,  # [D, vectors, P * BLOCK]
    TURNED_W,  # [D, vectors of I, K, LANES]: the weights with inputs along the lanes
    TURNED_P,  # [D, vectors of P * BLOCK, OUTPUTS, LANES]: the projection with units along the lanes, or 0
    TURNED_R,  # [D, C, vectors of the blocks of OUTPUTS, K, LANES]
    DY,  # like Y
    D_SAVED,  # like SAVED, or 0: the cotangents of watched signals
    D_HISTORY,  # like HISTORY, or 0: the cotangents of watched states
    DX,  # [D, N, I], or 0
    DX_PADDED,  # [D, CHUNK, B, vectors of I * LANES]
    DZX,  # [D, CHUNK, B, K]: the gradients of the input contributions
    DZR,  # [D, CHUNK, B, K]: of the recurrent contributions; the same array where they are equal
    DZX_WORDS,  # the same two in words; the same arrays where a word is a number
    DZR_WORDS,
    H_BEFORE,  # [D, C, CHUNK, B, P * BLOCK]: the states that entered the recurrent products
    TURNED,  # [D, vectors of I, or of C * P, CHUNK * B]: what enters a step, turned; in words of two rows if narrow
    PANEL,  # [THREADS, CHUNK * B, G * BLOCK]: the gate gradients of one block, side by side, in words of two rows
    D_STATE,  # [D, S, B, P * BLOCK]: the cotangents that travel back
    D_MASKED,  # [D, C, B, P * BLOCK]: those of the masked states, or 0
    D_PACKED_W,  # like PACKED_W; sums
    D_PACKED_R,
    D_PACKED_BX,
    D_PACKED_BR,
    D_PACKED_P,  # [D, P, OUTPUTS, BLOCK]; sums
    D_OUT,  # [D, CHUNK * B, vectors of OUTPUTS * LANES]: the cotangents of what is projected
    D_OPEN,  # [D, B, P * BLOCK]: those of h before the projection
    D_PACKED_VECTORS,  # [D, vectors, B, P * BLOCK]
    ZEROS,  # [BLOCK], and at least four vectors
    ONE,  # [1]
    POINTERS,  # the first of the addresses below
) = range(75)

# From POINTERS on stand groups of addresses, one for each state [D, B, H or OUTPUTS]: the FIRST states, the LAST ones,
# the cotangents of the last and of the first, what a reset brings (0: zeros), and its cotangents, to which the kernel
# adds. Then per direction the addresses of W, R, b_x, b_r, the projection (0: none) and the vectors, and then, in the
# same order, of their gradients.

FIRST, LAST, D_LAST, D_FIRST, FRESH, D_FRESH, GROUPS = range(7)

LINE = 64  # bytes from one team's counter in MEETINGS to the next
ALARMS = 8  # bytes from a team's counter to its count of alarms
CROWDS = 16  # and to the mark that it went on with one thread because of them
