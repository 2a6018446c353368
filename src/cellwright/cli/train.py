"""The commands `train ...`, one for each kind of task, and what goes on with a trained network."""

from __future__ import annotations

import inspect
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, BadParameter, Option

from ..tasks import Family
from ..training import Machine, TrainingSettings
from .options import given, parameters, written_out

Run = Annotated[Path, Argument(help="Folder of a run, as training has printed it.")]
Skip = Annotated[bool, Option("--skip", help="Leave out what is faulty in the data, and say what that was.")]
FREE = ("data", "valid", "test", "minutes", "epochs", "resume", "devices", "nodes", "workers")
"""What may be given when a run goes on."""


def train_command(family: Family) -> Callable[..., None]:
    """The command that trains one kind of task."""

    def train(**options: Any) -> None:
        from .compare import compare
        from .launch import launch, to_launch
        from .runs import resume, start

        machine = Machine(**given(options, Machine))
        data, run, earlier = options["data"], options["run"], options["resume"]
        if machine.nodes > 1 and options["compare"] is not None:
            raise BadParameter("--compare trains one network after the other, on one machine; leave out --nodes")
        if earlier is None and data is None:
            raise BadParameter(f"DATA is missing; name {family.data}")
        fixed = [name for name, value in options.items() if value is not None and name not in FREE]
        if earlier is not None and fixed:
            raise BadParameter(f"--resume keeps the run's own recipe; leave out --{fixed[0].replace('_', '-')}")
        sources = {"learned": data, "validation": options["valid"], "test": options["test"]}
        sources = {name: path for name, path in sources.items() if path is not None}
        if machine.nodes > 1 and to_launch(machine):
            resumed = f"--resume {shlex.quote(str(earlier or run or 'FOLDER-OF-THE-RUN'))}"
            remedy = f"cellwright train {family.name} {resumed} --devices {machine.devices} --nodes {machine.nodes}"
            launch(machine, ["train", family.name, *written_out(options)], f"{remedy} (on all of them)")
        elif earlier is not None:
            budget = given({name: options[name] for name in ("minutes", "epochs")}, TrainingSettings)
            resume(earlier, sources, budget, machine)
        else:
            settings, training = given(options, family.settings), given(options, TrainingSettings)
            if options["compare"] is None:
                start(family, sources, run, settings, training, machine)
            else:
                compare(family, sources, run, options["compare"].split(","), settings, training, machine)

    train.__doc__ = f"{family.about}\n\nCtrl-C stops it so that it can be resumed."
    train.__signature__ = inspect.Signature(list(parameters(family)))  # type: ignore[attr-defined]
    train.__annotations__ = {each.name: each.annotation for each in parameters(family)}
    return train


def evaluate(
    run: Run,
    data: Annotated[Path, Argument(help="Data of the kind that the run has learned.")],
    skip: Skip = False,
) -> None:
    """Measure a trained network on other data."""
    from ..training import evaluate as figures_of
    from .runs import open_run, written

    family, problem, network = open_run(run, skip)
    figures = figures_of(network, problem.batches(family.read(data, skip)), problem.step, problem.metric())
    sys.stdout.write(f"{written(figures)}\n")


def predict(
    run: Run,
    data: Annotated[Path, Argument(help="Data of the kind that the run has learned; what it finds need not be there.")],
    output: Annotated[Path | None, Option(help="File for the result.  [default: the terminal]")] = None,
    skip: Skip = False,
) -> None:
    """Let a trained network say what it finds in new data."""
    from ..durable import replacing
    from .runs import open_run

    family, problem, network = open_run(run, skip)
    found = problem.predict(network.eval(), family.read(data, skip))
    if output is None:
        for piece in found:
            sys.stdout.write(piece)
    else:
        with replacing(output) as file:
            for piece in found:
                file.write(piece.encode())
