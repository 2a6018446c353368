"""No time is worth anything unless all contenders compute the same: checked before each is timed."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch

from .timing import Call

TOLERANCE = 1e-4


class DisagreementError(Exception):
    """Two libraries gave different numbers for the same weights and input."""


def check_agreement(calls: Mapping[str, Call]) -> None:
    """Compare every number that each contender returns with torch's.

    Raises:
        DisagreementError: the largest difference is over the tolerance times the largest number.
    """
    expected = list(tensors(calls["torch"]()))
    for name, call in calls.items():
        for theirs, torchs in zip(tensors(call()), expected, strict=True):
            difference, size = (theirs - torchs).abs().max(), torchs.abs().max()
            if not difference <= TOLERANCE * size:
                raise DisagreementError(
                    f"{name} differs from torch by {difference:.1e} where the largest is {size:.1e}"
                )


def tensors(result: object) -> Iterator[torch.Tensor]:
    """The floating-point tensors of a nested result, arrays included."""
    if isinstance(result, tuple | list):
        for part in result:
            yield from tensors(part)
    elif isinstance(result, np.ndarray):
        yield torch.from_numpy(result)
    elif isinstance(result, torch.Tensor) and result.is_floating_point():
        yield result
