"""Sweeps: what is searched, what is refused, and that they go on."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from cellwright.cli import main
from cellwright.cli.sweep import SPACE
from cellwright.errors import InputError
from cellwright.tasks import families
from cellwright.training import Stopped
from cellwright.training import train as learning
from cellwright.training.search import AnyOf, Between, axis
from tests.tasks.small import MAKERS, OPTIONS

OVER = ["--over", "cell=lstm,gru", "--over", "learning-rate=1e-3..1e-1"]


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """A sweep of small networks; the number of trials is missing."""
    data = MAKERS["labels"](tmp_path / "learn.csv", 40, 1)
    return [
        "sweep",
        "labels",
        str(data),
        *OPTIONS["labels"],
        "--epochs",
        "1",
        "--sweep",
        str(tmp_path / "sweep"),
        *OVER,
    ]


def rows(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text().splitlines()))


def test_a_sweep_tries_what_it_should_and_goes_on(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = tmp_path / "sweep"
    assert main([*command, "--trials", "3"]) == 0
    assert main([*command, "--trials", "9"]) == 0
    assert capsys.readouterr().out.count("trial ") - 2 * 1 >= 9
    recipes = [json.loads((run / "recipe.json").read_text()) for run in sorted(sweep.glob("trial-*"))]
    assert len(recipes) == 9
    assert {each["settings"]["cell"] for each in recipes} == {"lstm", "gru"}
    assert all(1e-3 <= each["training"]["learning_rate"] <= 1e-1 for each in recipes)
    assert all(each["settings"]["hidden"] == 8 for each in recipes)
    best = rows(sweep / "best-trials.csv")[1:]
    assert [float(row[1]) for row in best] == sorted(float(row[1]) for row in best)
    figures = {}
    for run in sweep.glob("trial-*"):
        table = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))
        figures[str(int(run.name[-4:]))] = min(float(row["valid_error"]) for row in table)
    assert all(float(figure) == pytest.approx(figures[trial], abs=1e-4) for trial, figure, _ in best)
    assert {row[0] for row in rows(sweep / "importance.csv")[1:]} == {"cell", "learning_rate"}
    assert sum(int(row[1]) for row in rows(sweep / "each-cell.csv")[1:]) == 9
    assert "<img" in (sweep / "report.html").read_text()


def test_two_processes_share_a_sweep(command: list[str], tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "cellwright", *command, "--trials", "4"]
    both = [subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for each in both:
        _, told = each.communicate(timeout=240)
        assert each.returncode == 0, told
    assert 4 <= len(list((tmp_path / "sweep").glob("trial-*/result.json"))) <= 5


def test_a_trial_that_was_stopped_is_tried_again(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*arguments: object) -> None:
        raise Stopped("stopped", 2)

    with monkeypatch.context() as patch:
        patch.setattr(learning, "train", stopped)
        assert main([*command, "--trials", "1"]) == 130
    assert "stopped" in capsys.readouterr().err
    assert main([*command, "--trials", "1"]) == 0
    first, second = (
        json.loads((tmp_path / "sweep" / f"trial-{n:04}" / "recipe.json").read_text())["training"] for n in range(2)
    )
    assert first == second


def test_a_trial_that_fails_does_not_end_the_sweep(command: list[str], tmp_path: Path) -> None:
    command[command.index("learning-rate=1e-3..1e-1")] = "learning-rate=1e-2,1e30"
    assert main([*command, "--trials", "3"]) == 0
    assert len(list((tmp_path / "sweep").glob("trial-*/result.json"))) == 3


def test_settings_that_do_not_go_together_do_not_end_the_sweep(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("to be or not to be, " * 50)
    over = ["--over", "batch=2,16", "--over", "chunk=8,200"]
    given = ["--hidden", "4", "--layers", "1", "--epochs", "1", "--trials", "5"]
    assert main(["sweep", "text", str(text), "--sweep", str(tmp_path / "sweep"), *over, *given]) == 0


def test_something_must_be_searched(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--cell", "gru", "--learning-rate", "0.01", "--dropout", "0"]
    assert main([*command[: -len(OVER)], *given]) == 2
    assert "must have something to search" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ("cell", "must be NAME=A,B,C or NAME=LOW..HIGH, not 'cell'"),
        ("hiden=1,2", "has no setting 'hiden'; did you mean 'hidden'?"),
        ("hidden=9..3", "from a number up to another"),
        ("hidden=a..b", "has int values, and 'a' is none"),
        ("hidden=16..32.5", "has int values, and '32.5' is none"),
        ("unit=words,letters", "has no 'letters'"),
        ("cell=lstm,lstn", "did you mean 'lstm'?"),
        ("hidden=0..8", "--hidden must be from 1"),
        ("learning_rate=-1..1", "--learning-rate must be above 0"),
    ],
)
def test_what_cannot_be_searched_is_told_before_the_first_trial(
    over: str, told: str, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del command[command.index("--hidden") : command.index("--hidden") + 2]
    assert main([*command[: -len(OVER)], "--over", over]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "sweep").exists()


def test_what_is_given_is_not_searched(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--over", "hidden=4..8"]) == 2
    assert "--hidden is searched by --over; leave out one of them" in capsys.readouterr().err


def test_there_must_be_a_trial(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--trials", "0"]) == 2
    assert "--trials must be 1 or more" in capsys.readouterr().err


def test_another_space_needs_another_folder(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--trials", "1"]) == 0
    longer = ["--epochs", "2", "--trials", "1"]
    for changed in (["--over", "dropout=0.0..0.5", "--trials", "1"], longer):
        assert main([*command, *changed]) == 2
        assert "give another --sweep" in capsys.readouterr().err
    MAKERS["labels"](Path(command[2]), 40, 2)
    assert main([*command, "--trials", "1"]) == 2
    assert "give another --sweep" in capsys.readouterr().err


@pytest.mark.parametrize("name", list(families))
def test_what_is_searched_by_default_is_known_to_every_task(name: str) -> None:
    known = get_type_hints(families[name].settings) | {"learning_rate": float}
    assert all(axis(text, known) for text in SPACE)


def test_a_setting_is_named_once(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--over", "cell=rnn"]) == 2
    assert "--over names cell twice" in capsys.readouterr().err


def test_a_sitting_tries_other_things_than_the_one_before(command: list[str], tmp_path: Path) -> None:
    for count in (2, 4):
        assert main([*command, "--trials", str(count)]) == 0
    rates = [json.loads(path.read_text())["training"]["learning_rate"] for path in tmp_path.glob("sweep/*/recipe.json")]
    assert len(set(rates)) == 4


def test_a_hopeless_sweep_ends(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command[command.index("learning-rate=1e-3..1e-1")] = "learning-rate=1e30,1e31"
    assert main([*command, "--trials", "3"]) == 1
    assert "5 trials on end have come to no figure" in capsys.readouterr().err


def test_values_are_of_the_kind_of_their_setting() -> None:
    assert axis("hidden=4..8", {"hidden": int}) == Between("hidden", 4, 8)
    found = axis("dropout=0..1", {"dropout": float})
    assert isinstance(found, Between)
    assert isinstance(found.low, float)
    assert axis("layers=1,2", {"layers": int}) == AnyOf("layers", (1, 2))
    assert axis("causal=True,no", {"causal": bool}) == AnyOf("causal", (True, False))
    with pytest.raises(InputError):
        axis("dropout=0..inf", {"dropout": float})


@pytest.mark.parametrize("storage", ["nonsense", "postgresql://nobody/here", "sqlite:////no/such/folder/a.db"])
def test_a_storage_that_cannot_be_used_is_told(
    storage: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--storage", storage, "--trials", "1"]) == 2
    assert f"--storage must be the URL of a database that answers, not {storage!r}" in capsys.readouterr().err
