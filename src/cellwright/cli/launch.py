"""The same command in several processes, on this machine or on several, by PyTorch's own launcher."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from torch import distributed
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from ..errors import InputError, RunError
from ..training import Machine, Stopped

RUN = "cellwright"
"""What the processes call what they do together."""
PORT = "29500"
"""What torchrun takes where MASTER_PORT names no other."""


def to_launch(machine: Machine) -> bool:
    """Whether processes are to be started, and this is not one of them."""
    return machine.devices * machine.nodes > 1 and not distributed.is_torchelastic_launched()


def launch(machine: Machine, arguments: Sequence[str], remedy: str) -> None:
    """Run `cellwright` with some arguments in several processes, and wait for their end.

    Args:
        machine: how many, and on how many machines.
        arguments: of the command line.
        remedy: the command that goes on with what they do.

    Raises:
        InputError: it is not known which machine is the first.
        Stopped: a signal came; it was passed on to them.
        RunError: one of them has failed; the others were ended.
    """
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=machine.nodes,
        max_nodes=machine.nodes,
        nproc_per_node=machine.devices,
        run_id=RUN,
        rdzv_backend="c10d",
        rdzv_endpoint=meeting_point(machine),
        max_restarts=0,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "cellwright", *arguments)
    except SignalException as error:
        raise Stopped(f"stopped; continue with: {remedy}", int(error.sigval)) from error
    except ChildFailedError as error:
        raise RunError(
            f"one of {machine.devices * machine.nodes} processes has failed, and the others were ended; continue with: "
            f"{remedy}"
        ) from error


def meeting_point(machine: Machine) -> str:
    """Where the processes find each other.

    Raises:
        InputError: there are several machines, and nobody says which is the first.
    """
    if machine.nodes == 1:
        return "localhost:0"
    first = os.environ.get("MASTER_ADDR")
    if not first:
        raise InputError(
            f"--nodes {machine.nodes} must know the first machine; set MASTER_ADDR to its name, the same on all of them"
        )
    return f"{first}:{os.environ.get('MASTER_PORT', PORT)}"
