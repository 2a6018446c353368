"""The inspection of a trained network while it reads data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ..errors import DataError
from ..tasks import Problem
from .capture import Capture
from .inspection import Inspection
from .tracks import track


def inspected(problem: Problem, network: nn.Module, data: Any, steps: int, notes: Mapping[str, Any]) -> Inspection:
    """Let a network read data until it has taken enough steps.

    Args:
        problem: what the network is for.
        network: trained.
        data: as the reader of the task gives it.
        steps: how many are enough; the last sequence is read to its end.
        notes: what else the page should tell.

    Raises:
        DataError: there is nothing to read.
    """
    parts: dict[str, list[Any]] = {}
    names: dict[str, Sequence[str]] = {}
    with torch.no_grad(), Capture(network) as capture:
        for beside in problem.beside(network, data):
            for name, (values, meanings) in beside.items():
                parts.setdefault(name, []).append(values)
                names[name] = meanings
            if capture.steps >= steps:
                break
    if not capture.steps:
        raise DataError("there is nothing to read in the data; bring some that are long enough")
    tracks = [track(name, joined(values), names[name]) for name, values in parts.items()]
    found = capture.inspection(tracks)
    readout, scored = found.readout, tuple(problem.scored)
    if readout is not None and len(scored) == len(readout.names):
        readout = replace(readout, names=scored)
    return replace(found, notes=dict(notes), readout=readout)


def joined(parts: Sequence[Any]) -> Any:
    """Lists or arrays, one behind the other."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return [each for part in parts for each in part]
