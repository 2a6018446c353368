"""The same command in several processes, on this machine or on several, by PyTorch's own launcher."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import sys
import uuid
from collections.abc import Sequence

from torch import distributed
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from ..errors import InputError, RunError
from ..training import Machine, Stopped

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
        RunError: the machines did not meet; or a process has failed, and the others were ended.
    """
    place = meeting_point(machine)
    # Machines that were given other commands do not meet.
    run = hashlib.sha256("\0".join(arguments).encode()).hexdigest() if machine.nodes > 1 else uuid.uuid4().hex
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=machine.nodes,
        max_nodes=machine.nodes,
        nproc_per_node=machine.devices,
        run_id=run,
        rdzv_backend="c10d",
        rdzv_endpoint=place,
        max_restarts=0,
    )
    if machine.nodes > 1:
        sys.stderr.write(f"cellwright: waiting at {place} until {machine.nodes} machines have the same command\n")
    try:
        elastic_launch(config, sys.executable)("-m", "cellwright", *arguments)
    except SignalException as error:
        raise Stopped(f"stopped; continue with: {remedy}", int(error.sigval)) from error
    except RendezvousError as error:
        raise RunError(
            f"{machine.nodes} machines must meet at {place}, with the same command, but have not: {error}; check "
            "MASTER_ADDR and MASTER_PORT, and start all of them again"
        ) from error
    except ChildFailedError as error:
        raise RunError(
            f"one of {machine.devices * machine.nodes} processes has failed, as told above, and the others were ended; "
            f"continue with: {remedy}"
        ) from error


def meeting_point(machine: Machine) -> str:
    """Where the processes find each other.

    Raises:
        InputError: there are several machines, and nobody says which is the first, or it is not known.
    """
    if machine.nodes == 1:
        return "localhost:0"
    first = os.environ.get("MASTER_ADDR")
    if not first:
        raise InputError(
            f"--nodes {machine.nodes} must know the first machine; set MASTER_ADDR to its name, the same on all of them"
        )
    port = os.environ.get("MASTER_PORT", PORT)
    if not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise InputError(f"MASTER_PORT must be a number from 1 to 65535, not {port!r}; {PORT} is usual")
    try:
        socket.getaddrinfo(first, port)
    except OSError as error:
        raise InputError(
            f"MASTER_ADDR must name a machine, but {first!r} is not known here: {error.strerror}"
        ) from error
    return f"[{first}]:{port}" if ":" in first else f"{first}:{port}"
