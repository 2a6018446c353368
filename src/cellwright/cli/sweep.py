"""The commands `sweep ...`: which cell and which settings suit a task, by trying many."""

from __future__ import annotations

import inspect
import json
import shlex
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from rich.console import Console
from typer import BadParameter, Option

from ..errors import InputError, RunError
from ..tasks import Exhibit, Family
from ..training import RunFolder, Stopped, TrainingSettings, processes
from ..training.search import Axis, Choice, axis, by_choice, written
from .options import given, parameter, parameters

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

PARTS = "lstm,original,coupled,peephole,no_input_gate,no_output_gate,no_input_activation,no_output_activation"
SPACE = (f"cell={PARTS}", "hidden=16..256", "learning_rate=3e-4..3e-2", "dropout=0.0..0.6")
"""What Greff et al. (2017) searched, as far as every task has it."""
BEAT, PATIENCE = 60, 180
"""Seconds between two signs of life of a trial, and without one after which it counts as dead."""
TRIALS, SHOWN = 30, 10
HOPELESS = 5
"""Failed trials on end after which there is no point in going on."""
LEAST = 8
"""Trials from which on it is said what matters."""
OWN = ("run", "resume", "compare", "test", "devices", "workers")
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
        sources = {"learned": options["data"], "validation": options["valid"]}
        sources = {name: path for name, path in sources.items() if path is not None}
        trials = TRIALS if options["trials"] is None else options["trials"]
        if trials < 1:
            raise InputError(f"--trials must be 1 or more, not {trials}; {TRIALS} is usual")
        sweep(family, sources, options["sweep"], options["storage"], trials, space, settings, training)

    command.__doc__ = (
        f"Try cells and settings: {family.about[0].lower()}{family.about[1:]}\n\n"
        "It can be stopped, goes on with the same command, and may run in several processes at once."
    )
    command.__signature__ = inspect.Signature([shared[0], *own, *shared[1:]])  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in (*own, *shared)}
    return command


def sweep(
    family: Family,
    sources: Mapping[str, Path],
    place: Path | None,
    storage: str | None,
    trials: int,
    space: Sequence[Axis],
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
) -> None:
    """Try settings until there are enough trials, then say what was best and what mattered.

    Args:
        family: the kind of task.
        sources: where the data are.
        place: the folder; None for one beside the runs.
        storage: URL of Optuna's data base; None for a file in the folder.
        trials: how many, those of earlier sittings included.
        space: what is searched.
        settings: those of the task that are the same in all trials.
        training: those of the training that are.
    """
    import optuna
    from filelock import FileLock

    from .runs import digest, prepared, read, stem

    if processes.started() > 1:
        raise InputError("a sweep shares its work by itself; run the command in several terminals, without torchrun")

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    folder = place or Path("runs") / f"{stem(sources['learned'])}-sweep"
    parts = read(family, sources, settings.get("skip", False))
    for end in ends(space):
        prepared(family, parts, sources, *shares(family, {**settings, **training, **end}))  # a wrong one fails now
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "task": family.name,
        "data": {name: digest(path) for name, path in sources.items()},
        "space": list(map(str, space)),
        "fixed": {**settings, **training},
    }
    with FileLock(folder / ".lock"):  # a data base is made by one process alone
        study = opened(folder, storage, about)

    def one(trial: Trial) -> float:
        found = {each.name: each.suggest(trial) for each in space}
        task, recipe = prepared(family, parts, sources, *shares(family, {**settings, **training, **found}))
        run = RunFolder.create(folder / f"trial-{trial.number:04}", recipe, task.files)
        try:
            return judged(task, recipe, run)
        except Stopped:
            study.enqueue_trial(trial.params)
            raise

    failed: list[int] = []

    def tell(study: Study, trial: FrozenTrial) -> None:
        failed[:] = [*failed, trial.number] if trial.value is None else []
        figure = "failed" if trial.value is None else f"{trial.value:.4f}"
        console.print(f"trial {trial.number}: {figure}  {written(trial.params)}")
        if counted(study) >= trials or len(failed) >= HOPELESS:
            study.stop()

    console.print(f"Searching {', '.join(each.name for each in space)}; the sweep is in {shlex.quote(str(folder))}")
    if counted(study) < trials:
        study.optimize(one, callbacks=[tell], catch=[Failed])
    if len(failed) >= HOPELESS:
        raise RunError(
            f"{HOPELESS} trials on end have come to no figure; see {shlex.quote(str(folder))}, and search less far"
        )
    report(study, space, folder, console)


class Failed(RunError):
    """A trial that came to no figure; the others go on."""


def judged(task: Any, recipe: Any, run: RunFolder) -> float:
    """The best figure of a training on what it watches."""
    from ..training.train import train

    try:
        report = train(task, recipe.training, run, "the same command", Console(quiet=True))
    except Stopped:
        raise
    except RunError as error:
        raise Failed(str(error)) from error
    assert report is not None
    return report.best


def opened(folder: Path, storage: str | None, about: Mapping[str, Any]) -> Study:
    """The study of a folder, new or from before.

    Raises:
        InputError: it was about something else.
    """
    import optuna

    url = storage or f"sqlite:///{(folder / 'sweep.db').resolve()}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # signs of life, since 2021
        base = optuna.storages.RDBStorage(url, heartbeat_interval=BEAT, grace_period=PATIENCE)
    study = optuna.create_study(storage=base, study_name=folder.name, load_if_exists=True)
    before = study.user_attrs.get("about")
    if before is None:
        study.set_user_attr("about", json.dumps(about))
    elif json.loads(before) != json.loads(json.dumps(about)):
        raise InputError(f"{str(folder)!r} is a sweep with other data or options, {before}; give another --sweep")
    sitting = study.user_attrs.get("sittings", 0) + 1
    study.set_user_attr("sittings", sitting)
    # Each sitting has a chance of its own, or it would try again what others have tried.
    study.sampler = optuna.samplers.TPESampler(seed=about["fixed"].get("seed", 1) + sitting, constant_liar=True)
    return study


def counted(study: Study) -> int:
    """How many trials have come to a figure."""
    return sum(trial.value is not None for trial in study.get_trials(deepcopy=False))


def ends(space: Sequence[Axis]) -> list[dict[str, Any]]:
    """Each choice and each end of a range, alone."""
    return [
        {each.name: value}
        for each in space
        for value in (each.values if isinstance(each, Choice) else (each.low, each.high))
    ]


def shares(family: Family, found: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of the task, and those of the training."""
    return given(found, family.settings), given(found, TrainingSettings)


def report(study: Study, space: Sequence[Axis], folder: Path, console: Console) -> None:
    """The best trials, how much each setting matters, and each choice by itself."""
    import optuna

    from ..tasks.exhibit import new_figure
    from ..training.report import file_name, write_report
    from .compare import shown

    found = [trial for trial in study.get_trials(deepcopy=False) if trial.value is not None]
    best = sorted(found, key=lambda trial: trial.value or 0.0)[:SHOWN]
    rows = [
        ("trial", "figure", "settings"),
        *((str(each.number), f"{each.value:.4f}", written(each.params)) for each in best),
    ]
    exhibits = [Exhibit("Best trials", "By the best figure on what is watched; small is good.", rows)]
    if len(found) >= LEAST:
        judge = optuna.importance.PedAnovaImportanceEvaluator()
        importances = optuna.importance.get_param_importances(study, evaluator=judge)
        figure = new_figure(7, 1 + 0.4 * len(importances))
        figure.subplots().barh(list(importances)[::-1], list(importances.values())[::-1])
        text = "How much a setting decides whether a trial is among the best tenth (PED-ANOVA: Watanabe et al., 2023)."
        table = [("setting", "importance"), *((name, f"{share:.3f}") for name, share in importances.items())]
        exhibits.append(Exhibit("Importance", text, table, figure))
    for each in space:
        if isinstance(each, Choice):
            choices = [
                (name, str(count), f"{least:.4f}", f"{middle:.4f}")
                for name, count, least, middle in by_choice(found, each.name)
            ]
            heading = (each.name, "trials", "best", "median")
            exhibits.append(Exhibit(f"Each {each.name}", "The best first.", [heading, *choices]))
    for exhibit in exhibits:
        console.print(f"\n{exhibit.title}")
        shown(exhibit.rows, folder / f"{file_name(exhibit.title)}.csv")
    write_report(RunFolder(folder), f"{len(found)} trials", {"best": study.best_value}, exhibits)
    console.print(f"Plots and figures: {shlex.quote(str(folder / 'report.html'))}")
