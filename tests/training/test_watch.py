"""What is watched while a network learns, and what is told when something is wrong."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import cellwright as cw
from cellwright.cli import main
from cellwright.training import watch
from cellwright.training.watch import figures_of
from tests.tasks.small import MAKERS, OPTIONS


def trained(run: Path, *options: str) -> list[dict[str, str]]:
    """The rows of a run."""
    data = MAKERS["labels"](run.with_suffix(".csv"), 60, 1)
    arguments = ["train", "labels", str(data), "--run", str(run), "--epochs", "4", *OPTIONS["labels"], *options]
    assert main(arguments) == 0
    return list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))


def test_figures_go_into_the_rows_and_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = trained(tmp_path / "unwatched")
    assert not [name for name in before[0] if name.startswith("inside")]
    monkeypatch.setattr(watch, "SHARE", math.inf)
    rows = trained(tmp_path / "watched")
    names = {f"inside_encoder.recurrent_l0{direction}_{what}" for direction in ("", "_reverse") for what in (
        "i_closed", "i_open", "f_closed", "f_open", "o_closed", "o_open", "memory", "left_1", "horizon")}  # fmt: skip
    assert names <= rows[0].keys()
    for row in rows:
        assert all(math.isfinite(float(row[name])) for name in names)
        assert 0 < float(row["gradient_clipped"]) <= 1.0
        assert float(row["gradient_clipped"]) <= float(row["gradient"])
    one, other = (load_file(tmp_path / name / "weights.safetensors") for name in ("watched", "unwatched"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_layer_of_pytorch_is_watched_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SHARE", math.inf)
    rows = trained(tmp_path / "run", "--torch")
    assert "inside_encoder.recurrent_l0_memory" in rows[0]


def test_watching_has_its_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(watch, "FIRST", 0.0)
    monkeypatch.setattr(watch, "BATCHES", 0)
    monkeypatch.setattr(watch, "SHARE", 1e-9)
    monkeypatch.setattr(watch, "figures_of", lambda made: looks.append(1) or ({}, {}))
    rows = trained(tmp_path / "run")
    assert len(rows) > 3
    assert len(looks) == 2  # the first look alone, at two directions


def test_a_first_look_waits_until_it_is_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(watch, "FIRST", 0.0)
    monkeypatch.setattr(watch, "BATCHES", 10_000)
    monkeypatch.setattr(watch, "figures_of", lambda made: looks.append(1) or ({}, {}))
    trained(tmp_path / "run")
    assert not looks


def test_vanishing_gradients_are_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch, "SHARE", math.inf)
    arguments = ["train", "memory", "order", "--run", str(tmp_path / "run"), "--epochs", "1", "--batch", "4"]
    assert main([*arguments, "--cell", "rnn", "--hidden", "6", "--steps", "60"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("      ! ")]
    assert len(told) == 1
    assert "vanishing gradients: of encoder.recurrent l0 less than 1 % is left after" in told[0]


def test_dead_gates_and_growing_gradients_are_told() -> None:
    torch.manual_seed(1)
    dead = cw.LSTM(3, 5)
    with torch.no_grad():
        dead.bias_ih_l0[5:10] = -99
    figures, alarms = figures_of(cw.inspect(dead, torch.randn(90, 3)).passes[0])
    assert figures["inside_l0_f_closed"] == 1
    assert "dead gates: f of l0 is closed in 100% of the steps" in alarms["l0 f closed"]
    growing = cw.Recurrent("rnn_relu", 3, 5)
    with torch.no_grad():
        growing.weight_hh_l0.copy_(1.4 * torch.eye(5))
    x = torch.rand(50, 3)
    _, alarms = figures_of(cw.inspect(growing, x).passes[0])
    assert list(alarms) == ["l0 exploding"]
    assert figures_of(cw.inspect(cw.LSTM(3, 5, forget_bias=3.0), torch.randn(90, 3)).passes[0])[1] == {}
