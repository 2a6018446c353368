"""The working memory of a CPU call: what it holds, and where."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from . import fields, host
from .printer import Layout
from .sharing import Team, team_for
from .sizes import Sizes

CACHE_LINE = 64


class Plan(NamedTuple):
    """What calls of the same sizes share: the team, fixed fields, and the working memory.

    Attributes:
        team: who works.
        fixed: the values of the fields up to POINTERS, those that are known.
        offsets: fields and where their memory begins, in bytes.
        cleared: so many bytes from the start must be zero.
        total: the size of the working memory, in bytes.
    """

    team: Team
    fixed: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    cleared: int
    total: int


@lru_cache(maxsize=512)
def plan_forward(layout: Layout, sizes: Sizes, masked: bool, pack: bool, threads: int) -> Plan:
    """The team and the memory of a forward call, which packs the matrices or reads them as they are stored."""
    team = team_for(sizes, layout, threads)
    rows, inputs, units, directions, outputs = sizes[1:]
    padded, panel = sizes.padded(layout), sizes.padded(layout) * layout.gates
    put_out = -(-outputs // layout.lanes) * layout.lanes
    sums = meetings(team, directions) | {fields.ZEROS: 4 * layout.lanes if layout.projected else 0}
    others = {
        fields.STATE: directions * 2 * layout.states * rows * padded,
        fields.SEEN: directions * 2 * layout.recurrent * rows * padded if masked or layout.narrow else 0,
        fields.SCRATCH: team.threads * layout.scratch // layout.size,
        fields.ROOM: team.threads * room_size(layout, sizes),
        fields.Z: 0 if layout.in_place else directions * chunk_steps(sizes, layout) * rows * panel,
        fields.PACKED_W: directions * inputs * panel if pack else 0,
        fields.PACKED_R: directions * layout.recurrent * outputs * panel if pack else 0,
        fields.PACKED_P: directions * put_out * units if layout.projected and pack else 0,
        fields.PACKED_BX: directions * panel,
        fields.PACKED_BR: directions * panel,
        fields.PACKED_VECTORS: directions * layout.vectors * padded,
    }
    return planned(layout, sizes, team, sums, others, {fields.CHUNK: chunk_steps(sizes, layout)})


@lru_cache(maxsize=512)
def plan_backward(layout: Layout, sizes: Sizes, masked: bool, apart: bool, threads: int) -> Plan:
    """The team and the memory of a backward call, of all steps at once if their gradients stay apart."""
    team = team_for(sizes, layout, threads)
    rows, inputs, _, directions, outputs = sizes[1:]
    padded, panel = sizes.padded(layout), sizes.padded(layout) * layout.gates
    put_out = -(-outputs // layout.lanes) * layout.lanes
    steps = sizes.steps if apart else chunk_steps(sizes, layout)
    chunk = directions * steps * rows
    widest = -(-max(inputs, outputs) // layout.lanes) * layout.lanes
    words = -(-steps * rows * layout.outer // (layout.size * layout.lanes)) * layout.lanes
    sums = meetings(team, directions) | {
        fields.D_PACKED_W: directions * inputs * panel,
        fields.D_PACKED_R: directions * layout.recurrent * outputs * panel,
        fields.D_PACKED_P: directions * outputs * padded if layout.projected else 0,
        fields.D_PACKED_BX: directions * panel,
        fields.D_PACKED_BR: directions * panel,
        fields.D_PACKED_VECTORS: directions * layout.vectors * rows * padded,
        fields.ZEROS: max(4 * layout.lanes, layout.block),
    }
    others = {
        fields.DZX: chunk * panel,
        fields.DZR: chunk * panel if layout.apart else 0,
        fields.H_BEFORE: chunk * layout.recurrent * padded,
        fields.DX_PADDED: chunk * -(-inputs // layout.lanes) * layout.lanes,
        fields.DZX_WORDS: chunk * panel // 2 if layout.narrow else 0,
        fields.DZR_WORDS: chunk * panel // 2 if layout.narrow and layout.apart else 0,
        fields.TURNED: 0 if apart else directions * words * widest,
        fields.PANEL: 0 if apart else team.threads * chunk // directions * layout.gates * layout.block,
        fields.D_STATE: directions * layout.states * rows * padded,
        fields.D_MASKED: directions * layout.recurrent * rows * padded if masked else 0,
        fields.SCRATCH: team.threads * layout.scratch // layout.size,
        fields.ROOM: team.threads * room_size(layout, sizes),
        fields.TURNED_W: directions * -(-inputs // layout.lanes) * layout.lanes * panel,
        fields.TURNED_R: directions * layout.recurrent * padded * panel,
        fields.TURNED_P: directions * padded * outputs if layout.projected else 0,
        fields.D_OUT: chunk * put_out if layout.projected else 0,
        fields.D_OPEN: directions * rows * padded if layout.projected else 0,
        fields.PACKED_VECTORS: directions * layout.vectors * padded,
    }
    plan = planned(layout, sizes, team, sums, others, {fields.CHUNK: max(1, steps), fields.STEPWISE: int(apart)})
    offsets = dict(plan.offsets)
    same = {
        fields.DZR: fields.DZX,
        fields.DZX_WORDS: fields.DZX,
        fields.DZR_WORDS: fields.DZR if layout.apart else fields.DZX_WORDS,
    }
    for name, other in same.items():
        if name not in offsets and other in offsets:
            offsets[name] = offsets[other]
    return plan._replace(offsets=tuple(offsets.items()))


def meetings(team: Team, directions: int) -> dict[int, int]:
    """The counters of a team; a single thread meets nobody."""
    return {fields.MEETINGS: directions * CACHE_LINE} if team.threads > 1 else {}


def planned(
    layout: Layout,
    sizes: Sizes,
    team: Team,
    sums: Mapping[int, int],
    others: Mapping[int, int],
    more: Mapping[int, int],
) -> Plan:
    """Place the sums, which start at zero, and the other parts of the working memory, given in numbers."""
    cleared_offsets, cleared = placed(sums, layout.size)
    offsets, total = placed(others, layout.size, cleared)
    several = team.threads > 1
    known = {
        fields.STEPS: sizes.steps,
        fields.ROWS: sizes.rows,
        fields.INPUTS: sizes.inputs,
        fields.UNITS: sizes.units,
        fields.OUTPUTS: sizes.outputs,
        fields.DIRECTIONS: sizes.directions,
        fields.ROOM_SIZE: room_size(layout, sizes) * layout.size,
        **more,
        fields.BY_ROWS: int(team.by_rows),
        fields.TEAM_SIZE: team.size,
        fields.THREADS: team.threads,
        fields.THREAD_NUMBER: host.thread_number() if several else 0,
        fields.YIELD: host.pause() if several else 0,
    }
    fixed = tuple(known.get(name, 0) for name in range(fields.POINTERS))
    return Plan(team, fixed, (*cleared_offsets, *offsets), cleared, total)


def room_size(layout: Layout, sizes: Sizes) -> int:
    """Numbers that a thread needs for whole rows, if the layer goes row by row; whole cache lines."""
    if not layout.by_rows:
        return 0
    padded, line = sizes.padded(layout), CACHE_LINE // layout.size
    tile = layout.rows_at_once * (layout.gates + layout.projected)
    numbers = layout.sums * layout.lanes + (layout.kept + tile) * padded
    return -(-numbers // line) * line


def chunk_steps(sizes: Sizes, layout: Layout) -> int:
    """Steps whose gates stand in memory at once: some hundred rows, but not much more than caches hold."""
    row = sizes.padded(layout) * layout.z_slots * layout.size
    rows = max(24, min(512, (1 << 22) // row))
    return max(1, min(sizes.steps, rows // max(1, sizes.rows)))


def placed(parts: Mapping[int, int], size: int, start: int = 0) -> tuple[tuple[tuple[int, int], ...], int]:
    """Put parts, given in numbers, one behind the other, each on its own cache lines: offsets, and the end.

    An empty part has no place.
    """
    offsets = []
    for name, numbers in parts.items():
        if numbers:
            offsets.append((name, start))
        start += -(-numbers * size // CACHE_LINE) * CACHE_LINE
    return tuple(offsets), start
