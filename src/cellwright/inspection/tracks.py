"""What stands beside the signals on the same axis of time: tokens, labels, curves, frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError

LASTING = 2
"""Steps that a text stays the same, in the mean, from which on it is a label."""
KINDS = ("tokens", "labels", "curves", "frames")


@dataclass(frozen=True, eq=False)
class Track:
    """Something for each step.

    Attributes:
        name: what it is: `input`, `target`, `loss`.
        kind: `tokens`: a text each; `labels`: a number each, which means one of the names; `curves`: some numbers each,
            one for each name; `frames`: a grey picture each.
        values: int32 `[N]` of tokens and labels; float32 `[N, C]` of curves; uint8 `[N, height, width]` of frames.
        names: the different tokens, the labels, or the curves.
    """

    name: str
    kind: str
    values: np.ndarray
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)


def track(name: str, values: object, names: Sequence[str] = ()) -> Track:
    """A track of whatever there is for each step.

    Args:
        name: what it is.
        values: texts, which are labels where they mostly stay the same for a while; whole numbers, with the names of
            what they mean; numbers `[N]` or `[N, C]`; grey pictures `[N, height, width]`, 0 to 255.
        names: of labels, or of curves.

    >>> track("input", ["the", "cat", "the"]).values
    array([0, 1, 0], dtype=int32)
    >>> track("label", [0, 1, 1], ["off", "on"]).kind
    'labels'

    Raises:
        InputError: they are something else, or there are not as many names as needed.
    """
    found = np.asarray(values)
    if found.dtype.kind in "US":
        different = {text: number for number, text in enumerate(dict.fromkeys(map(str, found.tolist())))}
        numbers = np.array([different[text] for text in found], np.int32)
        changes = int((np.diff(numbers) != 0).sum())
        return Track(name, "labels" if changes < len(numbers) / LASTING - 1 else "tokens", numbers, tuple(different))
    if found.dtype == np.uint8 and found.ndim == 3:
        return Track(name, "frames", found)
    if found.dtype.kind in "iub" and found.ndim == 1 and names:
        if found.size and not 0 <= found.min() <= found.max() < len(names):
            raise InputError(
                f"the labels {name!r} must be numbers from 0 to {len(names) - 1}, one for each of the {len(names)} "
                f"names, but go from {found.min()} to {found.max()}"
            )
        return Track(name, "labels", found.astype(np.int32), tuple(map(str, names)))
    if found.dtype.kind not in "iubf" or found.ndim not in (1, 2):
        raise InputError(
            f"the track {name!r} must be texts, whole numbers with names, numbers [N] or [N, C], or pictures "
            f"[N, height, width] of uint8, but is {list(found.shape)} of {found.dtype}"
        )
    curves = found.reshape(len(found), -1).astype(np.float32)
    numbered = tuple(map(str, range(curves.shape[1]))) if curves.shape[1] > 1 else (name,)
    names = tuple(map(str, names)) or numbered
    if len(names) != curves.shape[1]:
        raise InputError(f"the track {name!r} has {curves.shape[1]} curves, but {len(names)} names; give one for each")
    return Track(name, "curves", curves, names)
