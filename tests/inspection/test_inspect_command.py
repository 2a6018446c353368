"""The command `inspect` with wrong input, and what it writes."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
import torch

import cellwright as cw
from cellwright.cli import main


@pytest.fixture
def made(tmp_path: Path) -> Path:
    cw.inspect(cw.LSTM(3, 4), torch.randn(50, 3)).save(tmp_path / "made.inspection")
    return tmp_path / "made.inspection"


def test_a_file_becomes_a_page(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = made.with_name("page.html")
    assert main(["inspect", str(made), "--html", str(page)]) == 0
    assert page.stat().st_size > 100_000
    assert f"The page is {page}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none"], "'none' does not exist"),
        (["{made}", "other.txt"], "is an inspection already; leave out 'other.txt'"),
        (["{folder}"], "holds no recipe.json"),
        (["{foreign}"], "must be an inspection that cellwright has saved"),
        (["{made}", "--save", "{folder}/none/made"], "cannot be written"),
        (["{made}", "--port", "99999"], "--port"),
        (["{made}", "--steps", "0"], "--steps"),
    ],
)
def test_wrong_input_is_told(
    made: Path, tmp_path: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tmp_path / "foreign.txt"
    foreign.write_text("nothing")
    given = [each.format(made=made, folder=tmp_path, foreign=foreign) for each in arguments]
    assert main(["inspect", *given]) in (1, 2)
    error = capsys.readouterr().err
    assert told in error
    assert len(error.splitlines()) == 1


def test_the_lesson_learns_and_shows_its_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_module("cellwright.cli.lesson"), "EPOCHS", 1)
    page = tmp_path / "lesson.html"
    assert main(["lesson", "--run", str(tmp_path / "lesson"), "--html", str(page)]) == 0
    assert "1,200 steps in 30 sequences" in capsys.readouterr().out
    assert page.stat().st_size > 100_000
    table = (tmp_path / "lesson-learn.csv").read_text().splitlines()
    assert len(table) == 1 + 120 * 40


def test_too_much_for_one_page_is_told(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cellwright.inspection.export.MOST", 100)
    assert main(["inspect", str(made), "--html", str(made.with_name("page.html"))]) == 2
    assert "a page holds at most 100 numbers, not 1,200" in capsys.readouterr().err
    assert not made.with_name("page.html").exists()
