"""Every family of tasks from the command line: it learns, measures, says what it finds, and goes on."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cellwright.cli import main
from cellwright.cli.runs import open_run
from cellwright.inspection import Inspection
from cellwright.tasks import families
from tests.tasks.small import MAKERS, OPTIONS

EXAMPLES = {"text": 90, "tags": 64, "labels": 64, "frames": 24, "series": 90, "speech": 96, "lines": 96, "memory": 1}
MISSED = {
    "text": 0.9,
    "tags": 0.1,
    "labels": 0.1,
    "frames": 0.25,
    "series": 0.05,
    "speech": 0.1,
    "lines": 0.1,
    "memory": 0.5,
}
"""The most that each may miss: errors, and for text nats per character, of which it starts with three."""
SAID = {"text": "likeliest next", "frames": "found", "memory": "answer"}
"""The track that has the name of the largest score of each step."""
READERS = [name for name in families if name not in ("text", "memory")]


def called(*arguments: object) -> int:
    return main([str(each) for each in arguments])


@pytest.fixture(scope="module", params=list(families))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """The name of a family, a run of it, and other data of its kind."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    data = MAKERS[name](folder / "learn.csv", EXAMPLES[name], 1)
    other = MAKERS[name](folder / "other.csv", EXAMPLES[name] // 2, 2)
    budget = ("--epochs", 12, "--learning-rate", 0.02, "--dropout", 0.1)
    assert called("train", name, data, "--test", other, "--run", folder / "run", *budget, *OPTIONS[name]) == 0
    return name, folder / "run", other


def test_there_are_small_data_for_every_family() -> None:
    assert list(MAKERS) == list(OPTIONS) == list(EXAMPLES) == list(families)


def test_it_learns(trained: tuple[str, Path, Path]) -> None:
    name, run, _ = trained
    result = json.loads((run / "result.json").read_text())
    assert next(iter(result.values())) < MISSED[name]


def test_a_report_shows_it_and_needs_nothing_else(trained: tuple[str, Path, Path]) -> None:
    name, run, _ = trained
    page = (run / "report.html").read_text()
    assert page.count("<h2>") > 1 + (name != "tags")
    assert not re.search(r"(?:src|href)=\"(?!data:)|https?:|@import|url\(", page)
    plots = list(run.glob("plot-*.png"))
    assert page.count("<img") == len(plots) > 0
    for plot in plots:
        with Image.open(plot) as image:
            assert np.asarray(image.convert("L")).std() > 5
    result = json.loads((run / "result.json").read_text())
    assert f"<dd>{next(iter(result.values())):,.4g}</dd>" in page


def test_evaluate_agrees_with_the_final_figures(
    trained: tuple[str, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, run, other = trained
    assert called("evaluate", run, other) == 0
    shown = dict(each.split() for each in capsys.readouterr().out.split(", "))
    result = json.loads((run / "result.json").read_text())
    assert {name: float(value) for name, value in shown.items()} == {
        name: pytest.approx(result[name], abs=1e-4) for name in shown
    }


def test_inspect_shows_what_happens_beside_the_data(
    trained: tuple[str, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    name, run, other = trained
    place = run.with_name("made.inspection")
    for data in ([], [other]):
        assert called("inspect", run, *data, "--steps", 300, "--save", place) == 0
        assert "signals differ from the equations by at most" in capsys.readouterr().out
    inspection = Inspection.open(place)
    assert inspection.right
    assert inspection.steps > 30
    assert len(inspection.tracks) > 1
    assert all(len(each) == inspection.steps for each in inspection.tracks)
    assert next(iter(json.loads((run / "result.json").read_text()))) in inspection.notes
    assert (inspection.readout is None) == (name in ("labels", "series"))
    if name in SAID:
        (track,) = (each for each in inspection.tracks if each.name == SAID[name])
        assert inspection.readout is not None
        passes = inspection.passes[-1 - inspection.passes[-1].reverse :]
        scores = inspection.said(torch.from_numpy(np.concatenate([each.signal("h") for each in passes], -1)))
        assert [inspection.readout.names[n] for n in scores.argmax(-1)] == [track.names[n] for n in track.values]


def test_a_network_that_learns_is_as_it_was_after_measuring(trained: tuple[str, Path, Path]) -> None:
    family, problem, network = open_run(trained[1])
    batch = problem.batches(family.read(trained[2]))[0]
    network.eval()
    first, again = (problem.step(network, batch, None).loss.item() for _ in range(2))
    assert first == again
    assert math.isfinite(first)


@pytest.mark.parametrize("name", READERS)
def test_predict_writes_what_it_finds(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = MAKERS[name](tmp_path / "learn.csv", EXAMPLES[name], 1)
    assert called("train", name, data, "--run", tmp_path / "run", "--epochs", 1, *OPTIONS[name]) == 0
    capsys.readouterr()
    assert called("predict", tmp_path / "run", data) == 0
    shown = capsys.readouterr().out
    assert called("predict", tmp_path / "run", data, "--output", tmp_path / "found.txt") == 0
    assert (tmp_path / "found.txt").read_text() == shown
    known = families[name].read(data)
    if name == "tags":
        found = families[name].read(tmp_path / "found.txt")
        assert [each.words for each in found] == [each.words for each in known]
    elif name in ("speech", "lines"):
        assert shown.startswith("path\ttranscript\n")
        assert len(shown.splitlines()) == 1 + len(known)
    elif name == "labels":
        assert len(shown.splitlines()) == len(known)
    elif name == "series":
        assert len(shown.splitlines()) == 1 + 8
    else:
        assert len(shown.splitlines()) == 1 + sum(len(each.features) for each in known)


@pytest.mark.parametrize("name", list(families))
def test_a_finished_run_goes_on_with_a_larger_budget(name: str, tmp_path: Path) -> None:
    data = MAKERS[name](tmp_path / "learn.csv", EXAMPLES[name], 1)
    run = tmp_path / "run"
    assert called("train", name, data, "--run", run, "--epochs", 1, "--patience", 1, *OPTIONS[name]) == 0
    steps = json.loads((run / "result.json").read_text())["step"]
    assert called("train", name, "--resume", run, "--epochs", 2) == 0
    assert json.loads((run / "result.json").read_text())["step"] == 2 * steps


@pytest.mark.parametrize("name", list(families))
def test_with_the_layer_of_pytorch_it_learns_the_same(name: str, tmp_path: Path) -> None:
    data = MAKERS[name](tmp_path / "learn.csv", EXAMPLES[name], 1)
    results = []
    for switch in ("--torch", "--no-torch"):
        run = tmp_path / switch
        options = ("--epochs", 1, "--dropout", 0, switch)
        assert called("train", name, data, "--run", run, *options, *OPTIONS[name]) == 0
        results.append(json.loads((run / "result.json").read_text()))
        assert called("inspect", run, "--steps", 50, "--save", tmp_path / "made.inspection") == 0
        assert Inspection.open(tmp_path / "made.inspection").right
    theirs, ours = results
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)


@pytest.mark.parametrize("name", list(families))
def test_a_cell_that_pytorch_lacks_learns_too(name: str, tmp_path: Path) -> None:
    data = MAKERS[name](tmp_path / "learn.csv", EXAMPLES[name], 1)
    options = ("--epochs", 1, "--cell", "coupled", "--run", tmp_path / "run", *OPTIONS[name])
    assert called("train", name, data, *options) == 0
    assert called("train", name, data, *options[:-2], "--torch") == 2


@pytest.mark.parametrize("name", READERS)
def test_changed_data_are_noticed(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = MAKERS[name](tmp_path / "learn.csv", EXAMPLES[name], 1)
    assert called("train", name, data, "--run", tmp_path / "run", "--epochs", 1, *OPTIONS[name]) == 0
    MAKERS[name](data, EXAMPLES[name], 2)
    assert called("train", name, "--resume", tmp_path / "run", "--epochs", 2) == 1
    assert "has changed" in capsys.readouterr().err


FAULTS = {
    "tags": "\n\none two three four\n",
    "labels": "\n,nothing",
    "frames": "\nclip,high,0.5,up",
    "series": "\nyesterday,1.5",
    "speech": "\nmissing.wav,low",
}


@pytest.mark.parametrize("name", [name for name in families if name != "memory"])
def test_what_is_faulty_is_left_out_if_asked(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = MAKERS[name](tmp_path / "learn.csv", EXAMPLES[name], 1)
    if name == "text":
        data = tmp_path / "texts"
        data.mkdir()
        (tmp_path / "learn.csv").rename(data / "good.txt")
    if name in FAULTS:
        data.write_text(data.read_text() + FAULTS[name])
    else:
        (data / "empty.png").write_bytes(b"\x00")
    options = ["--epochs", 1, *OPTIONS[name], "--run", tmp_path / "run"]
    assert called("train", name, data, *options) == 1
    assert "or leave them out: --skip" in capsys.readouterr().err
    assert called("train", name, data, *options, "--skip") == 0
    told = capsys.readouterr().err
    assert told.startswith(f"cellwright: left out of {str(data)!r}: a fault: ")
    assert len(told.splitlines()) == 1
    assert called("train", name, "--resume", tmp_path / "run", "--epochs", 2) == 0
    assert called("evaluate", tmp_path / "run", data) == 1
    assert called("evaluate", tmp_path / "run", data, "--skip") == 0


@pytest.mark.parametrize("name", [name for name in READERS if name != "series"])
def test_a_row_does_not_see_the_others(name: str, tmp_path: Path) -> None:
    family = families[name]
    data = family.read(MAKERS[name](tmp_path / "learn.csv", EXAMPLES[name], 1))
    assert called("train", name, tmp_path / "learn.csv", "--run", tmp_path / "run", "--epochs", 1, *OPTIONS[name]) == 0
    _, problem, network = open_run(tmp_path / "run")
    network.eval()
    together, alone = problem.metric(), problem.metric()
    with torch.no_grad():
        for batch in problem.batches(data):
            together.update(problem.step(network, batch, None))
        for each in data:
            alone.update(problem.step(network, problem.batches([each])[0], None))
    for key, value in together.compute().items():
        if name != "tags" or key != "loss":  # there the loss of labels is a mean over the sentences of a batch
            assert value == pytest.approx(alone.compute()[key], rel=1e-4), key


def test_the_same_warning_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = MAKERS["tags"](tmp_path / "learn.csv", 20, 1)
    other = tmp_path / "other.csv"
    other.write_text("oslo B-place\n\n")
    options = ("--epochs", 1, "--compare", "lstm,gru", "--run", tmp_path / "run", *OPTIONS["tags"])
    assert called("train", "tags", data, "--valid", other, *options) == 0
    assert capsys.readouterr().err.count("count as missed, so often: B-place (1)\n") == 1
