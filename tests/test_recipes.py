"""The recipes: their commands are known, published formats are read, and what is run has a verdict."""

from __future__ import annotations

import csv
import gzip
import importlib
import itertools
import json
import math
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

from cellwright.cli.options import parameters
from cellwright.tasks import families
from recipes.__main__ import beside, found, main
from recipes.pace import Side, pace
from recipes.recipe import Command, Recipe, without_seeds
from recipes.runs import Outcome, noted
from tests.tasks.small import MAKERS, OPTIONS


def recipe(name: str) -> Recipe:
    made: Recipe = importlib.import_module(f"recipes.{name}").RECIPE
    return made


def rows_of(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text().splitlines()))


@pytest.mark.parametrize("name", found())
def test_every_option_of_a_recipe_is_known(name: str) -> None:
    made = recipe(name)
    if callable(made.commands):
        return
    assert made.reached(made.good, made.reach)
    for command in made.commands:
        task, *arguments = shlex.split(command.arguments)
        known = {f"--{each.name.replace('_', '-')}" for each in parameters(families[task])}
        assert {each for each in arguments if each.startswith("--")} <= known


def test_the_figure_of_several_commands_is_their_mean_or_their_worst() -> None:
    parts = dict(source="", prepare=lambda source, target: None, commands=[], figure="x", reach=1, good=2, minutes=1)
    assert Recipe("", **parts).of_all([1.0, 4.0], [3, 1]) == 1.75  # type: ignore[arg-type]
    assert Recipe("", **parts, worst=True).of_all([1.0, 4.0], [3, 1]) == 1.0  # type: ignore[arg-type]
    assert Recipe("", **parts, worst=True, lower=True).of_all([1.0, 4.0], [3, 1]) == 4.0  # type: ignore[arg-type]


def test_names_are_split_before_the_empty_ones_go(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    names = {"One": ["a", "b", "", "d", "e "], "Two": ["f", "", "h"]}
    (source / "names.json").write_text(json.dumps(names))
    recipe("names").prepare(source, target)
    rows = {part: rows_of(target / f"{part}.csv")[1:] for part in ("train", "test")}
    assert rows["test"] == [["a", "One"], ["f", "Two"]]
    assert rows["train"] == [["b", "One"], ["d", "One"], ["e", "One"], ["h", "Two"]]


def test_slots_lie_in_three_files_some_of_them_compressed(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    for part in ("train", "valid", "test"):
        for kind, line in (("seq.in", "play  it "), ("seq.out", "O B-what"), ("label", "Play")):
            name = f"{part}.{kind}" + (".gz" if part == "train" else "")
            content = f"{line}\n".encode()
            (source / name).write_bytes(gzip.compress(content) if part == "train" else content)
    recipe("slots").prepare(source, target)
    for part in ("train", "valid", "test"):
        assert (target / f"{part}.txt").read_text() == "# label = Play\nplay O\nit B-what\n\n"


def test_falls_are_told_from_their_numbers(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    for kind in ("adls", "falls"):
        lines = [
            f"{kind[:-1]}-0{n},{frame},{frame % 3 - 1},1,1,1,1,1,1,{frame},1" for n in (4, 5) for frame in range(8)
        ]
        (source / f"urfall-cam0-{kind}.csv").write_text("\n".join(lines))
    recipe("falls").prepare(source, target)
    assert sorted(path.name for path in (target / "test").iterdir()) == ["adl-05.csv", "fall-05.csv"]
    heading, *rows = rows_of(target / "train" / "fall-04.csv")
    assert len(heading) == 17
    assert [row[-1] for row in rows[:3]] == ["not lying", "falling", "lying"]
    assert float(rows[7][14]) == 5


def test_each_part_of_the_grid_begins_with_the_history_of_its_first_forecast(tmp_path: Path) -> None:
    lines = ["date,OT", *(f"row {n},{n}" for n in range(14_500))]
    (tmp_path / "ETTh1.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    recipe("electricity").prepare(tmp_path, tmp_path)
    first = {part: (tmp_path / f"{part}.csv").read_text().splitlines() for part in ("train", "valid", "test")}
    assert {part: (rows[1], len(rows) - 1) for part, rows in first.items()} == {
        "train": ("row 0,0", 8640), "valid": ("row 8544,8544", 2976), "test": ("row 11424,11424", 2976),
    }  # fmt: skip


def test_what_was_run_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def prepare(source: Path, target: Path) -> None:
        MAKERS["labels"](target / "train.csv", 40, 1)

    command = Command(f"labels train.csv --epochs 20 --dropout 0.1 --learning-rate 0.02 {' '.join(OPTIONS['labels'])}")
    easy = Recipe("", "", prepare, [command], "accuracy", 0.9, 1.0, 1)
    monkeypatch.setattr(importlib.import_module("recipes.reviews"), "RECIPE", easy)
    arguments = [str(tmp_path), "reviews", "--runs", str(tmp_path / "runs")]
    assert main(arguments) == 0
    assert "$ cellwright train labels" in capfd.readouterr().out
    assert main(arguments) == 0
    shown = capfd.readouterr().out
    assert "$ cellwright" not in shown
    assert "accuracy" in shown
    assert "good" in shown


def test_a_recipe_stands_beside_the_layer_of_pytorch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def prepare(source: Path, target: Path) -> None:
        MAKERS["labels"](target / "train.csv", 40, 1)

    command = Command(f"labels train.csv --epochs 1 --dropout 0 {' '.join(OPTIONS['labels'])}")
    monkeypatch.setattr(
        importlib.import_module("recipes.reviews"),
        "RECIPE",
        Recipe("", "", prepare, [command], "accuracy", 0.9, 1.0, 1),
    )
    assert main([str(tmp_path), "reviews", "--runs", str(tmp_path / "runs"), "--against-torch", "2"]) == 0
    assert "Cellwright" in capfd.readouterr().out
    found = {
        re.sub("-[0-9a-f]{6}", "", run.name): json.loads((run / "result.json").read_text())
        for run in (tmp_path / "runs").glob("reviews-0-*")
    }
    assert len(found) == 4
    for seed in (1, 2):
        ours, theirs = found[f"reviews-0---seed-{seed}"], found[f"reviews-0---seed-{seed}---torch"]
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)


def test_seeds_of_commands_give_way_to_those_that_are_asked_for() -> None:
    commands = [Command(f"memory adding --seed {seed} --steps {steps}") for steps in (100, 200) for seed in (1, 2)]
    assert without_seeds(commands) == [Command("memory adding --steps 100"), Command("memory adding --steps 200")]


def test_the_mean_and_the_spread_of_seeds_are_shown() -> None:
    ours, theirs = ([Outcome(0.5, 9.0, 1.0), Outcome(0.7, 9.0, 1.0)], [Outcome(0.5, 9.0, 2.0), Outcome(0.5, 9.0, 2.0)])
    table = beside({"reviews": (recipe("reviews"), ours, theirs)})
    cells = [next(iter(column.cells)) for column in table.columns]
    assert cells == ["reviews", "accuracy", "0.6000 (0.5000 to 0.7000)", "0.5000 (0.5000 to 0.5000)", "0.50"]


def test_the_minutes_of_all_pieces_of_a_run_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, clock = tmp_path / "run", iter([0.0, 60.0, 100.0, 220.0])
    monkeypatch.setattr("recipes.runs.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("recipes.runs.worked_for", lambda: 0.0)

    def broken_off() -> None:
        with noted(run):
            run.mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    with noted(run):
        pass
    assert json.loads((run / "minutes.json").read_text()) == [3.0, 0.0]


def test_what_an_unknown_piece_took_is_no_number(tmp_path: Path) -> None:
    with noted(tmp_path):
        pass
    assert all(math.isnan(each) for each in json.loads((tmp_path / "minutes.json").read_text()))


def test_windows_lie_within_one_activity_and_overlap_by_half(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    steps = [(1, 60), (0, 30), (5, 40), (7, 50)]  # labels, and for how many steps of five samples
    labels = np.concatenate([np.full(5 * count, label) for label, count in steps])
    axes = np.arange(3.0 * len(labels)).reshape(-1, 3)
    np.savez(
        source / "hapt.npz", acc=axes, gyro=axes, acc_scale=1.0, gyro_scale=1.0, label=labels, user=[4],
        offsets=[0, len(labels)],
    )  # fmt: skip
    names = ["WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING", "STAND_TO_SIT"]
    (source / "activity_labels.txt").write_text("\n".join(f"{n} {name}" for n, name in enumerate(names, 1)))
    (source / "split.json").write_text(json.dumps({"train_users": [4]}))
    recipe("movements").prepare(source, target)
    heading, *rows = rows_of(target / "train.csv")
    assert len(heading) == 1 + 12 + 1
    windows = {name: [row for row in rows if row[0] == name] for name in dict.fromkeys(row[0] for row in rows)}
    starts = [(name, {row[-1] for row in of}) for name, of in windows.items()]
    assert starts == [
        ("00-00000", {"WALKING"}), ("00-00012", {"WALKING"}), ("00-00024", {"WALKING"}),
        ("00-00090", {"STANDING"}), ("00-00102", {"STANDING"}),
    ]  # fmt: skip
    assert {len(of) for of in windows.values()} == {25}
    assert float(windows["00-00012"][0][1]) == pytest.approx(axes[60:65, 0].mean())
    assert rows_of(target / "test.csv") == [heading]


def test_a_step_is_timed_with_both_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepare(source: Path, target: Path) -> None:
        MAKERS["text"](target / "learn.txt", 200, 1)

    commands = [Command(f"text learn.txt --epochs 1 --seed {seed} {' '.join(OPTIONS['text'])}") for seed in (1, 2)]
    monkeypatch.setattr(
        importlib.import_module("recipes.shakespeare"), "RECIPE", Recipe("", "", prepare, commands, "loss", 2, 1, 1)
    )
    assert main([str(tmp_path), "shakespeare", "--runs", str(tmp_path / "runs"), "--pace", "4"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip().startswith("shakespeare")]
    assert len(rows) == 1
    _, ours, _, theirs, _, share = rows[0]
    assert min(float(ours), float(theirs), float(share)) > 0


def test_the_pace_is_that_of_the_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    MAKERS["labels"](tmp_path / "train.csv", 40, 1)
    clock = itertools.count(0, 2)
    monkeypatch.setattr("recipes.pace.time.perf_counter", lambda: float(next(clock)))
    networks = []
    original = Side.step

    def step(side: Side, batch: object, seed: int) -> float:
        networks.append(type(side.network.encoder.recurrent))
        return original(side, batch, seed) * (1 if networks[-1] is torch.nn.LSTM else 3)

    monkeypatch.setattr(Side, "step", step)
    found = pace(f"labels train.csv {' '.join(OPTIONS['labels'])}", tmp_path, 5)
    assert found == (6, 2, 3)
    assert networks.count(torch.nn.LSTM) == len(networks) / 2 == 8
    assert networks[:4] == [torch.nn.LSTM, networks[1], networks[1], torch.nn.LSTM]
