"""What stands on the page about the inspector runs, and its pictures are there."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cellwright.cli import main
from tests.tasks.small import MAKERS, OPTIONS

PAGE = Path(__file__).parents[2] / "docs" / "inspector.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(3))
def test_the_python_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = blocks("python")
    assert len(found) == 3
    names: dict[str, Any] = {}
    exec(found[number], names)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == ({"first.inspection", "first.html"}, set(), {"gates.png"})[number]
    assert names["inspection"].right


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    served: list[object] = []
    monkeypatch.setattr("cellwright.inspection.server.serve", lambda *given: served.append(given))
    monkeypatch.setattr(import_module("cellwright.cli.lesson"), "EPOCHS", 1)
    learned = MAKERS["text"](tmp_path / "novel.txt", 90, 1)
    MAKERS["text"](tmp_path / "other.txt", 50, 2)
    assert main(["train", "text", str(learned), "--run", "runs/novel", "--epochs", "1", *OPTIONS["text"]]) == 0
    lines = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]
    for program, *arguments in lines:
        assert program == "cellwright"
        assert main(arguments) == 0
    assert len(served) == 3
    assert (tmp_path / "novel.inspection").exists()
    assert (tmp_path / "novel.html").exists()


def test_the_pictures_are_there() -> None:
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", PAGE.read_text())
    assert len(pictures) == 11
    for picture in pictures:
        assert (PAGE.parent / picture).read_bytes()[:4] == b"\x89PNG"
