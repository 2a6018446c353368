"""Events: reading, what is asked, shifting, and figures by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from cellwright.errors import DataError
from cellwright.tasks import Parts
from cellwright.tasks.series import SERIES, EventTask, Piece, Series, SeriesSettings, read_series
from cellwright.tasks.series.events import EventMetric

KEYS = ("c", "d", "e", "f")


def pieces(count: int = 6) -> list[Piece]:
    """A key after the other, from the lowest to the highest and again."""
    return [Piece(f"piece{n}", KEYS, torch.eye(4)[torch.arange(7 + n) % 4], f"piece{n}") for n in range(count)]


def task(**settings: object) -> EventTask:
    return EventTask(Parts(pieces(), pieces(2)), SeriesSettings(hidden=6, batch=4, **settings))  # type: ignore[arg-type]


def test_lines_of_a_sequence_belong_together(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sequence,c,d\nx,0,1\nx,1,1\n\ny,0,0\n")
    found = read_series(tmp_path / "a.csv")
    assert isinstance(found, list)
    assert [(each.name, each.events.tolist()) for each in found] == [("x", [[0, 1], [1, 1]]), ("y", [[0, 0]])]
    assert found[0].columns == ("c", "d")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sequence,c\n", "holds no steps"),
        ("sequence,c\nx,2\nx,0,1\n", "2 faults: line 2: an event that is neither 0 nor 1; line 3: 3 columns, not 2"),
    ],
)
def test_what_are_no_events_is_told_line_by_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_series(tmp_path / "bad.csv")


def test_the_next_step_is_asked_for() -> None:
    batch = task().batch(pieces(), [0, 2])
    assert batch.lengths.tolist() == [6, 8]
    assert torch.equal(batch.events[1, 1:8], batch.targets[1, :7])
    assert torch.equal(batch.targets[0, :6], pieces()[0].events[1:])


def test_a_new_network_knows_how_often_each_event_happens() -> None:
    made = task()
    network, metric = made.network().eval(), made.metric()
    torch.nn.init.zeros_(network.output.weight)
    for batch in made.final():
        metric.update(made.step(network, batch, None))
    shares = made.shares
    targets = torch.cat([each.events[1:] for each in pieces(2)])
    expected = -(targets * shares.log() + (1 - targets) * (1 - shares).log()).sum(1).mean()
    assert metric.compute()["nats"] == pytest.approx(float(expected), rel=1e-5)


def test_what_stands_behind_an_end_does_not_count() -> None:
    made = task()
    network = made.network().eval()
    alone, together = made.metric(), made.metric()
    together.update(made.step(network, made.batch(pieces(), [0, 5]), None))
    for n in (0, 5):
        alone.update(made.step(network, made.batch(pieces(), [n]), None))
    assert together.compute()["nats"] == pytest.approx(alone.compute()["nats"], rel=1e-5)


def test_shifting_is_for_learning_alone() -> None:
    made = task(shift=3)
    network, batch = made.network(), made.batch(pieces(), [0])
    measured = {made.step(network.eval(), batch, None).loss.item() for _ in range(5)}
    torch.manual_seed(0)
    learned = {round(made.step(network.train(), batch, None).loss.item(), 5) for _ in range(20)}
    assert len(measured) == 1
    assert len(learned) > 2


def test_a_run_of_events_is_opened_as_one() -> None:
    made = task()
    opened = SERIES.open(made.settings, lambda name: made.files[name].decode())
    heading, *rows = "".join(opened.predict(opened.network().eval(), pieces(2))).splitlines()
    assert heading == "sequence,c,d,e,f"
    assert [row.split(",")[0] for row in rows] == ["piece0", "piece1"]
    assert all(0 <= float(value) <= 1 for row in rows for value in row.split(",")[1:])


def test_a_single_step_and_other_columns_are_refused() -> None:
    with pytest.raises(DataError, match="short: has 1 step; bring sequences of at least 2 steps"):
        EventTask(Parts([*pieces(), Piece("short", KEYS, torch.eye(4)[:1], "short")]), SeriesSettings())
    other = Piece("other", ("c",), torch.ones(3, 1), "other")
    with pytest.raises(DataError, match="other: has the columns c, not c, d, e, f"):
        EventTask(Parts(pieces(), [other]), SeriesSettings())


def test_no_steps_are_no_number() -> None:
    assert math.isnan(EventMetric().compute()["nats"])


def test_lines_of_a_sequence_need_not_be_neighbours(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Sequence,c\nx,0\ny,1\nx,1\n")
    found = read_series(tmp_path / "a.csv")
    assert isinstance(found, list)
    assert [(each.name, each.events[:, 0].tolist()) for each in found] == [("x", [0, 1]), ("y", [1])]


def test_other_events_and_series_are_refused_before_anything_is_said() -> None:
    made, other = task(), [Piece("other", ("x", "y"), torch.ones(3, 2), "other")]
    dated = Series("dated", KEYS, torch.arange(9), torch.ones(9, 4), torch.ones(9, 4), 1)
    for use in (made.batches, lambda data: list(made.predict(made.network(), data))):
        with pytest.raises(DataError, match="other: has the columns x, y, not c, d, e, f"):
            use(other)
        with pytest.raises(DataError, match="sequences of events, as learned, but 'dated' is a series"):
            use(dated)
    with pytest.raises(DataError, match="'dated' is a series"):
        EventTask(Parts(pieces(), dated), SeriesSettings())


def test_a_name_with_a_comma_has_quotes() -> None:
    made = task()
    lines = list(made.predict(made.network().eval(), [Piece("p, q", KEYS, torch.ones(2, 4), "p, q")]))
    assert lines[1].startswith('"p, q",')
