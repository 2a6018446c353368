"""The same command in several processes on this machine, by PyTorch's own launcher."""

from __future__ import annotations

import logging
import sys
import uuid
from collections.abc import Sequence

from torch import distributed
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from ..errors import RunError
from ..training import Machine, Stopped


def to_launch(machine: Machine) -> bool:
    """Whether processes are to be started, and this is not one of them."""
    return machine.devices > 1 and not distributed.is_torchelastic_launched()


def launch(devices: int, arguments: Sequence[str], remedy: str) -> None:
    """Run `cellwright` with some arguments in several processes, and wait for their end.

    Args:
        devices: how many.
        arguments: of the command line.
        remedy: the command that goes on with what they do.

    Raises:
        Stopped: a signal came; it was passed on to them.
        RunError: one of them has failed; the others were ended.
    """
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=devices,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "cellwright", *arguments)
    except SignalException as error:
        raise Stopped(f"stopped; continue with: {remedy}", int(error.sigval)) from error
    except ChildFailedError as error:
        raise RunError(
            f"one of {devices} processes has failed, and the others were ended; continue with: {remedy}"
        ) from error
