"""The commands on the pages of the tasks run as they stand there, on small data."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cellwright.cli import main
from cellwright.tasks import families
from tests.tasks.small import MAKERS, OPTIONS, windows

PAGES = Path(__file__).parents[2] / "docs" / "tasks"
EXAMPLES = {"text": 40, "tags": 40, "labels": 40, "frames": 10, "series": 150, "speech": 40, "lines": 40, "memory": 1}
OTHER_KINDS = {"windows.csv": windows, "new-windows.csv": windows}
"""What makes a file that is not of its page's first kind."""
NAMES = re.compile(r"[\w-]+(?:\.(?:txt|csv|tsv)|/)")


def commands(page: Path) -> list[list[str]]:
    """The commands of a page."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines() if line.strip()]


def test_every_task_has_a_page() -> None:
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README"}
    assert pages == set(families) == set(EXAMPLES)
    overview = (PAGES / "README.md").read_text()
    assert all(f"| `{name}` |" in overview for name in families)


@pytest.mark.parametrize("page", list(EXAMPLES))
def test_the_commands_of_a_page_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = commands(PAGES / f"{page}.md")
    given = {name for line in lines for place, name in enumerate(line) if NAMES.fullmatch(name)}
    written = {line[place + 1] for line in lines for place, word in enumerate(line) if word == "--output"}
    for name in given - written:
        OTHER_KINDS.get(name, MAKERS[page])(tmp_path / name, EXAMPLES[page], 1)
    for program, *arguments in lines:
        assert program == "cellwright"
        more = [*OPTIONS[page], "--epochs", "1"] if arguments[0] == "train" else []
        more = ["--epochs", "2"] if "--resume" in arguments else more
        assert main([*arguments, *more]) == 0
    for name in written:
        assert (tmp_path / name).read_text()


@pytest.mark.parametrize(("page", "count"), [("sweeps", 3), ("scaling", 3)])
def test_the_commands_for_many_runs_run(page: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    MAKERS["labels"](tmp_path / "reviews.csv", 40, 1)
    lines = commands(PAGES.parent / f"{page}.md")
    assert len(lines) == count
    for _, *arguments in lines:
        if "--trials" in arguments:
            place = arguments.index("--trials") + 1  # 40, 60 and 10 become 1, 3 and 1
            arguments[place] = str(max(1, int(arguments[place]) // 10 - 3))
        more = [] if "--resume" in arguments else [*OPTIONS["labels"], "--epochs", "1"]
        searched = any(each.startswith("hidden=") for each in arguments)
        assert main([*arguments, *(more[2:] if searched else more)]) == 0
