"""The commands `sweep ...`: which cell and which settings suit a task, by trying many."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from rich.console import Console
from typer import BadParameter, Option

from ..errors import DataError, InputError, RunError
from ..tasks import Family
from ..training import RunFolder, Stopped, TrainingSettings, processes
from ..training.search import AnyOf, Axis, axis, written
from .options import given, parameter, parameters
from .study import counted, opened, report

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

PARTS = "lstm,original,coupled,peephole,no_input_gate,no_output_gate,no_input_activation,no_output_activation"
SPACE = (f"cell={PARTS}", "hidden=16..256", "learning_rate=3e-4..3e-2", "dropout=0.0..0.6")
"""What Greff et al. (2017) searched, as far as every task has it."""
TRIALS = 30
HOPELESS = 5
"""Failed trials on end after which there is no point in going on."""
OWN = ("run", "resume", "compare", "test", "devices", "nodes", "workers")
"""Options of a single training."""


def sweep_command(family: Family) -> Callable[..., None]:
    """The command that sweeps one kind of task."""
    own = [
        parameter(name, kind, Option(help=text))
        for name, kind, text in (
            ("trials", int, f"How many to try, earlier ones included.  [default: {TRIALS}]"),
            ("over", list[str], f"NAME=A,B or NAME=LOW..HIGH; may be repeated.  [default: {' '.join(SPACE)}]"),
            ("sweep", Path, "Folder for the sweep; an earlier one goes on.  [default: runs/NAME-sweep]"),
            ("storage", str, "URL of a data base that many machines share.  [default: a file in the folder]"),
        )
    ]
    shared = [each for each in parameters(family) if each.name not in OWN]

    def command(**options: Any) -> None:
        from .runs import stem

        if options["data"] is None:
            raise BadParameter(f"DATA is missing; name {family.data}")
        settings, training = given(options, family.settings), given(options, TrainingSettings)
        kinds = get_type_hints(family.settings) | get_type_hints(TrainingSettings)
        space = [axis(text, kinds) for text in options["over"] or SPACE]
        twice = next((each.name for n, each in enumerate(space) if each.name in [one.name for one in space[:n]]), None)
        if twice:
            raise InputError(f"--over names {twice} twice; give all its values at once")
        fixed = next((each.name for each in space if each.name in settings | training), None)
        if fixed and options["over"]:
            raise InputError(f"--{fixed.replace('_', '-')} is searched by --over; leave out one of them")
        space = [each for each in space if each.name not in settings | training]
        if not space:
            raise InputError("a sweep must have something to search, but all of it is given; name more: --over")
        sources = {"learned": options["data"], "validation": options["valid"]}
        sources = {name: path for name, path in sources.items() if path is not None}
        trials = TRIALS if options["trials"] is None else options["trials"]
        if trials < 1:
            raise InputError(f"--trials must be 1 or more, not {trials}; {TRIALS} is usual")
        folder = options["sweep"] or Path("runs") / f"{stem(options['data'])}-sweep"
        console = Console(highlight=False, markup=False, soft_wrap=True)
        Sweep(family, sources, folder, space, settings, training).run(options["storage"], trials, console)

    command.__doc__ = (
        f"Try cells and settings: {family.about[0].lower()}{family.about[1:]}\n\n"
        "It can be stopped, goes on with the same command, and may run in several processes at once."
    )
    command.__signature__ = inspect.Signature([shared[0], *own, *shared[1:]])  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in (*own, *shared)}
    return command


@dataclass(frozen=True)
class Sweep:
    """What a sweep is about.

    Attributes:
        family: the kind of task.
        sources: where the data are.
        folder: where the trials go.
        space: what is searched.
        settings: those of the task that are the same in all trials.
        training: those of the training that are.
    """

    family: Family
    sources: Mapping[str, Path]
    folder: Path
    space: Sequence[Axis]
    settings: Mapping[str, Any]
    training: Mapping[str, Any]

    def run(self, storage: str | None, trials: int, console: Console) -> None:
        """Try settings until there are enough trials, then say what was best and what mattered.

        Args:
            storage: URL of Optuna's data base; None for a file in the folder.
            trials: how many, those of earlier sittings included.
            console: where each is shown.
        """
        import optuna
        from filelock import FileLock

        from .runs import read

        if processes.started() > 1:
            raise InputError(
                "a sweep shares its work by itself; run the command in several terminals, without torchrun"
            )
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        parts = read(self.family, self.sources, self.settings.get("skip", False))
        for end in ends(self.space):
            self.prepared(parts, end)  # a wrong one fails now
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):  # a data base is made by one process alone
            study = opened(self.folder, storage, self.about)
        where = shlex.quote(str(self.folder))
        console.print(f"Searching {', '.join(each.name for each in self.space)}; the sweep is in {where}")
        telling = Telling(console, trials)
        if counted(study) < trials:
            study.optimize(partial(self.trial, parts), callbacks=[telling], catch=[Failed])
        if telling.failed >= HOPELESS:
            raise RunError(f"{HOPELESS} trials on end have come to no figure; see {where}, and search less far")
        with FileLock(self.folder / ".lock"):
            report(study, self.space, self.folder, console)

    @property
    def about(self) -> dict[str, Any]:
        """What must be the same in all sittings."""
        from .runs import digest

        return {
            "task": self.family.name,
            "data": {name: digest(path) for name, path in self.sources.items()},
            "space": list(map(str, self.space)),
            "fixed": {**self.settings, **self.training},
        }

    def prepared(self, parts: Any, found: Mapping[str, Any]) -> tuple[Any, Any]:
        """Task and recipe of a trial."""
        from .runs import prepared

        every = {**self.settings, **self.training, **found}
        settings, training = given(every, self.family.settings), given(every, TrainingSettings)
        return prepared(self.family, parts, self.sources, settings, training)

    def trial(self, parts: Any, trial: Trial) -> float:
        """The best figure of a training on what it watches."""
        from ..training.train import train

        found = {each.name: each.suggest(trial) for each in self.space}
        try:
            task, recipe = self.prepared(parts, found)
            run = RunFolder.create(self.folder / f"trial-{trial.number:04}", recipe, task.files)
            outcome = train(task, recipe.training, run, "the same command", Console(quiet=True))
        except Stopped:
            trial.study.enqueue_trial(trial.params)
            raise
        except (InputError, DataError, RunError) as error:
            trial.set_user_attr("reason", str(error))
            raise Failed(str(error)) from error
        assert outcome is not None
        return outcome.best


class Telling:
    """What shows the trials, and ends a sweep when there are enough, or when it is hopeless."""

    def __init__(self, console: Console, trials: int) -> None:
        self.console, self.trials, self.failed = console, trials, 0

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Show a trial that has ended."""
        self.failed = self.failed + 1 if trial.value is None else 0
        reason = f": {trial.user_attrs['reason']}" if "reason" in trial.user_attrs else ""
        figure = "failed" if trial.value is None else f"{trial.value:.4f}"
        self.console.print(f"trial {trial.number}: {figure}  {written(trial.params)}{reason}")
        if counted(study) >= self.trials or self.failed >= HOPELESS:
            study.stop()


class Failed(RunError):
    """A trial that came to no figure; the others go on."""


def ends(space: Sequence[Axis]) -> list[dict[str, Any]]:
    """Each choice and each end of a range, alone."""
    return [
        {each.name: value}
        for each in space
        for value in (each.values if isinstance(each, AnyOf) else (each.low, each.high))
    ]
