"""The trials of a sweep: where they are kept, and what they tell."""

from __future__ import annotations

import json
import shlex
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ..errors import InputError
from ..tasks import Exhibit
from ..training import RunFolder
from ..training.search import AnyOf, Axis, by_choice, written

if TYPE_CHECKING:
    from optuna import Study

BEAT, PATIENCE = 60, 180
"""Seconds between two signs of life of a trial, and without one after which it counts as dead."""
SHOWN = 10
LEAST = 8
"""Trials from which on it is said what matters."""


def opened(folder: Path, storage: str | None, about: Mapping[str, Any]) -> Study:
    """The study of a folder, new or from before.

    Raises:
        InputError: it was about something else, or its storage cannot be used.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    url = storage or f"sqlite:///{(folder / 'sweep.db').resolve()}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # signs of life, since 2021
        try:
            base = optuna.storages.RDBStorage(url, heartbeat_interval=BEAT, grace_period=PATIENCE)
        except (SQLAlchemyError, ImportError) as error:
            raise InputError(f"--storage must be the URL of a database that answers, not {url!r}: {error}") from error
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
        if isinstance(each, AnyOf):
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
