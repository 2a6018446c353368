"""Frames: reading, scaling, pieces to learn from, segments and their figures."""

from __future__ import annotations

import csv
import dataclasses
import functools
from pathlib import Path

import pytest
import torch

from cellwright.cli import main
from cellwright.errors import DataError, DataWarning
from cellwright.tasks import Parts
from cellwright.tasks.frames import FrameSettings, Measured, read_videos
from cellwright.tasks.frames.features import FeatureTask
from cellwright.tasks.frames.gates import AFTER, BEFORE, changes, gates_around, gates_exhibit, interval
from cellwright.tasks.frames.segments import edit_distance, edit_score, hits


def video(frames: int, name: str = "clip", seed: int = 0) -> Measured:
    chance = torch.Generator().manual_seed(seed)
    features = torch.stack(
        [torch.arange(float(frames)), torch.randn(frames, generator=chance), torch.arange(frames) % 2], 1
    )
    return Measured(name, tuple("ab"[t % 7 > 3] for t in range(frames)), name, ("time", "noise", "parity"), features)


def task(**settings: object) -> FeatureTask:
    videos = [video(30), video(50, seed=1)]
    return FeatureTask(Parts(videos, videos), FrameSettings(**{"hidden": 4, "batch": 3, **settings}))  # type: ignore[arg-type]


def test_a_column_tells_which_frames_belong_together(tmp_path: Path) -> None:
    (tmp_path / "clips.tsv").write_text("video\tx\tlabel\na\t1\tup\na\t2\t\nb\t3\tdown\n")
    first, second = read_videos(tmp_path / "clips.tsv")
    assert (first.name, first.features.tolist(), first.labels) == ("a", [[1.0], [2.0]], ("up", ""))
    assert (second.name, second.labels) == ("b", ("down",))


def test_a_folder_has_a_video_in_each_file(tmp_path: Path) -> None:
    for name in ("two.csv", "one.csv"):
        (tmp_path / name).write_text("x\n1\n")
    (tmp_path / "notes.md").write_text("no table")
    assert [each.name for each in read_videos(tmp_path)] == ["one", "two"]
    (tmp_path / "three.csv").write_text("y\n1\n")
    with pytest.raises(DataError, match=r"three\.csv: has the columns y, not x"):
        read_videos(tmp_path)


def test_faults_of_all_files_of_a_folder_are_told_at_once(tmp_path: Path) -> None:
    for name, content in (("a", "x\n1\n"), ("b", "x\none\n"), ("c", "x\n"), ("d", '"x\n1\n')):
        (tmp_path / f"{name}.csv").write_text(content)
    told = r"3 faults: b.csv: .*line 2: 'one' in the column x.*; c.csv: .*no frames.*; d.csv: .*never closed"
    with pytest.raises(DataError, match=told):
        read_videos(tmp_path)
    with pytest.warns(DataWarning):
        assert [each.name for each in read_videos(tmp_path, skip=True)] == ["a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no features in its first line"),
        ("label\nup\n", "no features in its first line"),
        ("x,label\n", "holds no frames"),
        ("x,label\n1,up\n2\n", "a fault: line 3: 1 columns, not 2"),
        ("x,label\n1,up\nnan,up\none,up\n", "2 faults: line 3: 'nan' in the column x; line 4: 'one' in the column x"),
        ("x\n\n", "holds no frames"),
    ],
)
def test_what_is_no_table_of_frames_is_told_line_by_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_videos(tmp_path / "bad.csv")


@pytest.mark.parametrize("scaled", ["all", "each"])
def test_features_are_scaled_and_one_that_does_not_vary_is_zero(scaled: str) -> None:
    videos = [video(30), video(50, seed=1)]
    for each in videos:
        each.features[:, 2] = 0.1
    with pytest.warns(DataWarning, match="one value everywhere: parity$"):
        made = FeatureTask(Parts(videos, videos), FrameSettings(hidden=4, scaled=scaled))  # type: ignore[arg-type]
    features = torch.cat([made.seen(each) for each in made.learned])
    assert torch.allclose(features.mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(features.std(0, correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-5)


def test_each_epoch_cuts_pieces_anew_that_cover_as_many_frames() -> None:
    made = task(crop=20)
    epochs = [made.training(epoch) for epoch in (0, 0, 1)]
    first, again, second = ([batch.frames for batch in batches] for batches in epochs)
    assert sum(len(batch) for batch in first) == 2 + 3
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert {batch.shape[1] for batch in first} == {20}


def test_unknown_labels_and_other_features_are_refused() -> None:
    strange = Measured("new", ("a", "z"), "new", ("time", "noise", "parity"), torch.ones(2, 3))
    with pytest.raises(DataError, match="new: the label 'z' of frame 1 was never learned"):
        FeatureTask(Parts([video(9)], [strange]), FrameSettings())
    other = Measured("other", ("a", "b"), "other", ("time",), torch.ones(2, 1))
    made = task()
    with pytest.raises(DataError, match="other: has the columns time, not time, noise, parity"):
        list(made.predict(made.network().eval(), [other]))
    with pytest.raises(DataError, match="at least two labels to tell apart, but there are 1"):
        FeatureTask(
            Parts([Measured("same", ("a", "a"), "same", ("x",), torch.ones(2, 1))], [video(5)]), FrameSettings()
        )


def test_a_causal_network_sees_no_later_frame() -> None:
    made = task(causal=True)
    network = made.network().eval()
    features = torch.randn(1, 12, 3)
    changed = features.clone()
    changed[:, 8:] += 1
    with torch.no_grad():
        one, other = (network(each, torch.tensor([12])) for each in (features, changed))
    assert torch.equal(one[:, :8], other[:, :8])
    assert not torch.equal(one[:, 8:], other[:, 8:])


def test_the_edit_distance_is_that_of_its_definition() -> None:
    @functools.cache
    def defined(one: tuple[int, ...], other: tuple[int, ...]) -> int:
        if not one or not other:
            return len(one) + len(other)
        changed = defined(one[1:], other[1:]) + (one[0] != other[0])
        return min(changed, defined(one[1:], other) + 1, defined(one, other[1:]) + 1)

    chance = torch.Generator().manual_seed(0)
    for _ in range(50):
        one, other = (
            torch.randint(3, (int(n),), generator=chance).tolist() for n in torch.randint(7, (2,), generator=chance)
        )
        assert edit_distance(one, other) == defined(tuple(one), tuple(other))


def test_figures_of_segments_by_hand() -> None:
    true, found = [1] * 10 + [2] * 10, [1] * 4 + [3] * 2 + [1] * 4 + [2] * 10
    assert edit_score(true, found) == 1 - 2 / 4
    assert hits(true, found, 0.10) == (2, 2, 0)
    assert hits(true, found, 0.50) == (1, 3, 1)
    assert hits(true, true, 1.0) == (2, 0, 0)


def test_frames_without_labels_cannot_be_measured() -> None:
    bare = Measured("bare", ("", "", ""), "bare", ("time", "noise", "parity"), torch.ones(3, 3))
    with pytest.raises(DataError, match="some frames must have a label, but none has"):
        task().batches([bare])


def test_balanced_labels_weigh_the_same() -> None:
    plain, balanced = task(crop=0, dropout=0.0), task(crop=0, dropout=0.0, balanced=True)
    torch.manual_seed(1)
    network = plain.network()
    torch.nn.init.zeros_(network.output.weight)
    network.output.bias.data.copy_(torch.tensor([0.0, 3.0]))
    counts = torch.tensor([sum(each.labels.count(name) for each in plain.learned) for name in "ab"])
    [batch] = plain.training(0)
    losses = -network.output.bias.log_softmax(-1)
    shares = counts / counts.sum()
    assert plain.step(network, batch, None).loss.item() == pytest.approx((shares * losses).sum().item(), rel=1e-5)
    assert balanced.step(network, batch, None).loss.item() == pytest.approx(losses.mean().item(), rel=1e-5)
    assert balanced.step(network.eval(), batch, None).loss == plain.step(network, batch, None).loss


def test_gates_around_a_change_are_those_of_the_trace() -> None:
    made = task(crop=0, causal=True)
    network = made.network().eval()
    one = dataclasses.replace(video(40), labels=tuple("a" * 17 + "b" * 20 + "a" * 3))
    places = changes(one.labels)
    assert places == [17, 37]
    found = gates_around(made, network, [one], "f")
    assert found.shape == (len(places), BEFORE + 1 + AFTER, 4)
    gate = network.layers.trace(made.seen(one)[None])["f"][0, :, 0]
    near = {t + lag for t in places for lag in range(-BEFORE, AFTER + 1)}
    elsewhere = gate[[t for t in range(40) if t not in near]].mean(0)
    for row, place in enumerate(places):
        for column, lag in enumerate(range(-BEFORE, AFTER + 1)):
            if 0 <= place + lag < 40:
                torch.testing.assert_close(found[row, column], gate[place + lag] - elsewhere)
            else:
                assert found[row, column].isnan().all()


def test_where_labels_change_all_the_time_there_is_no_elsewhere() -> None:
    made = task(crop=0)
    network = made.network().eval()
    assert gates_exhibit(made, network, [video(40)]) is None
    calm = dataclasses.replace(video(40), labels=tuple("a" * 20 + "b" * 20))
    found = gates_exhibit(made, network, [calm, calm])
    assert found is not None
    assert [len(row) for row in found.rows] == [5] * (2 + BEFORE + AFTER)


def test_an_interval_holds_the_mean_and_narrows_with_more_rows() -> None:
    values = torch.randn(400, 3, generator=torch.Generator().manual_seed(1))
    wide, narrow = (interval(values[:count]) for count in (20, 400))
    assert ((narrow[0] < values.mean(0)) & (values.mean(0) < narrow[1])).all()
    assert ((narrow[1] - narrow[0]) < (wide[1] - wide[0])).all()


def test_a_batch_without_any_label_teaches_nothing(tmp_path: Path) -> None:
    rows = [f"clip{n},{t},{'' if n < 6 else 'ab'[t % 2]}" for n in range(12) for t in range(4)]
    (tmp_path / "t.csv").write_text("\n".join(["video,x,label", *rows]))
    options = ["--batch", "1", "--hidden", "4", "--epochs", "1", "--run", str(tmp_path / "run")]
    assert main(["train", "frames", str(tmp_path / "t.csv"), *options]) == 0


def test_a_frame_number_is_a_feature_beside_others(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("frame,x,label\n0,1.5,a\n1,2.5,b\n")
    [found] = read_videos(tmp_path / "t.csv")
    assert isinstance(found, Measured)
    assert found.columns == ("frame", "x")


def test_names_with_dollars_and_commas_are_shown_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f'"clip, ${n}",{t},{"$a_{$" if t < 9 else "$5, $6"!r}' for n in range(6) for t in range(20)]
    rows = [row.replace("'", '"') for row in rows]
    (tmp_path / "t.csv").write_text("\n".join(["video,x,label", *rows]))
    run = tmp_path / "run"
    options = ["--hidden", "4", "--epochs", "1", "--run", str(run)]
    assert main(["train", "frames", str(tmp_path / "t.csv"), *options]) == 0
    capsys.readouterr()
    assert main(["predict", str(run), str(tmp_path / "t.csv")]) == 0
    found = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert {len(row) for row in found} == {4}
    assert found[1][0] == "clip, $0"


def test_frames_of_a_video_need_not_be_neighbours(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("video,x,label\na,1,up\nb,2,down\na,3,down\n")
    first, second = read_videos(tmp_path / "t.csv")
    assert (first.name, first.labels, first.features[:, 0].tolist()) == ("a", ("up", "down"), [1, 3])
    assert second.name == "b"


def test_a_quote_that_is_never_closed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('x,label\n1,u\n2,"d\n' + "3,u\n" * 500)
    for skip in (False, True):
        with pytest.raises(DataError, match="opens a quote in line 3 that is never closed"):
            read_videos(tmp_path / "t.csv", skip)
