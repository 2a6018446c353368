"""The embedded Reber grammar: a Reber string between two equal marks (Cleeremans et al., 1989)."""

from __future__ import annotations

import torch

LETTERS = "BTSXPVE"
ARROWS: dict[int, tuple[tuple[str, int], ...]] = {
    0: (("B", 1),),
    1: (("T", 2), ("P", 3)),
    2: (("S", 2), ("X", 4)),
    3: (("T", 3), ("V", 5)),
    4: (("X", 3), ("S", 6)),
    5: (("P", 4), ("V", 6)),
    6: (("E", 7),),
}
"""From each state of the inner grammar: a letter, and the state behind it."""
LAST = 7


def reber_string(chance: torch.Generator) -> str:
    """A string; at each fork both ways are equally likely.

    >>> reber_string(torch.Generator().manual_seed(0))
    'BTBPVPSETE'
    """
    mark = "TP"[flip(chance)]
    state, letters = 0, []
    while state != LAST:
        arrows = ARROWS[state]
        letter, state = arrows[flip(chance) if len(arrows) > 1 else 0]
        letters.append(letter)
    return f"B{mark}{''.join(letters)}{mark}E"


def flip(chance: torch.Generator) -> int:
    """0 or 1."""
    return int(torch.randint(2, (1,), generator=chance))


def legal_after(string: str) -> list[str]:
    """Which letters may follow each beginning of a string, but for the whole of it.

    >>> legal_after("BTBTXSETE")
    ['TP', 'B', 'TP', 'SX', 'XS', 'E', 'T', 'E']
    """
    found, state = ["TP", "B"], 0
    for letter in string[2:-2]:
        state = dict(ARROWS[state])[letter]
        found.append(string[1] if state == LAST else "".join(arrow for arrow, _ in ARROWS[state]))
    return [*found, "E"]
