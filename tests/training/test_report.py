"""What a run leaves to be looked at."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event

from cellwright.cli import main
from cellwright.tasks.exhibit import Exhibit, confusions
from cellwright.training import RunFolder
from cellwright.training.report import write_report
from tests.tasks.small import MAKERS, OPTIONS


def events(path: Path) -> list[tuple[int, str, float]]:
    """The scalars of an event file: records of a length, its checksum, the event, and its checksum."""
    content, found, place = path.read_bytes(), [], 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 8], "little")
        event = Event.FromString(content[place + 12 : place + 12 + size])
        found += [(event.step, each.tag, each.simple_value) for each in event.summary.value]
        place += 16 + size
    return found


def test_tensorboard_has_every_row(tmp_path: Path) -> None:
    data, run = MAKERS["labels"](tmp_path / "t.csv", 40, 1), tmp_path / "run"
    assert main(["train", "labels", str(data), "--epochs", "2", "--run", str(run), *OPTIONS["labels"]]) == 0
    [path] = run.glob("events*")
    rows = list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))
    expected = [(int(row["step"]), name, float(row[name])) for row in rows for name in row if name != "step"]
    for (step, name, value), (known_step, known_name, known) in zip(events(path), expected, strict=True):
        assert (step, name) == (known_step, known_name.replace(" ", "_"))
        assert value == pytest.approx(known, rel=1e-6, nan_ok=True)


def test_what_users_bring_is_text_on_the_page(tmp_path: Path) -> None:
    rows = [("true", "found"), ("<script>alert(1)</script>", "&")]
    write_report(RunFolder(tmp_path), "<b>from", {"loss": 0.5}, [Exhibit("One", "</p><i>", rows)])
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;script&gt;" in page


def test_the_commonest_confusions_come_first() -> None:
    found = confusions(Counter({("a", "b"): 1, ("c", ""): 3}), "letters")
    assert [row[:2] for row in found.rows[1:]] == [("c", "∅"), ("a", "b")]
    assert "4 in all, 2 kinds" in found.text


def test_letters_that_no_font_has_are_no_obstacle(tmp_path: Path) -> None:
    data, run = MAKERS["frames"](tmp_path / "t.csv", 8, 1), tmp_path / "run"
    data.write_text(data.read_text().replace("up", "\U0001f4a9").replace("down", "\u0e01"))
    assert main(["train", "frames", str(data), "--epochs", "1", "--run", str(run), *OPTIONS["frames"]]) == 0
    assert (run / "plot-labels-over-time.png").exists()
