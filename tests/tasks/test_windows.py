"""Labels of measured sequences: reading, scaling, and a network that learns them from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from cellwright.cli import main
from cellwright.errors import DataError, DataWarning
from cellwright.inspection import Inspection
from cellwright.tasks import Parts
from cellwright.tasks.labels import LABELS, Example, LabelSettings, Window, WindowTask, read_examples
from cellwright.tasks.measurements import Scale, disturbed
from tests.tasks.small import texts, windows


def window(steps: int, label: str | None = "up", columns: tuple[str, ...] = ("time", "parity")) -> Window:
    features = torch.stack([torch.arange(float(steps)), torch.arange(float(steps)) % 2], 1)
    return Window(f"of {steps}", columns, features, label, f"of {steps}")


def task(**settings: object) -> WindowTask:
    examples = [window(3), window(5, "down"), window(4)]
    return WindowTask(Parts(examples, examples), LabelSettings(**{"hidden": 4, "batch": 2, **settings}))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_lines_of_a_sequence_belong_together_wherever_they_are(tmp_path: Path, name: str) -> None:
    content = "label,x,sequence,y\nup,1,a,2\n,5,b,6\nup,3,a,4\n"
    (tmp_path / name).write_text(content.replace(",", "\t") if name == "a.tsv" else content)
    first, second = read_examples(tmp_path / name)
    assert isinstance(first, Window)
    assert isinstance(second, Window)
    assert (first.name, first.columns, first.label) == ("a", ("x", "y"), "up")
    assert first.features.tolist() == [[1, 2], [3, 4]]
    assert (second.features.tolist(), second.label) == ([[5, 6]], None)


def test_a_table_of_letters_in_sequence_is_no_table_of_measurements(tmp_path: Path) -> None:
    (tmp_path / "proteins.csv").write_text("text,sequence,label\nMKV,1,a\n")
    assert read_examples(tmp_path / "proteins.csv") == [Example("MKV", "a", "proteins.csv line 2")]


def test_a_folder_for_each_class_with_a_table_for_each_sequence(tmp_path: Path) -> None:
    for label, height in (("high", 9), ("low", 1)):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.csv").write_text(f"x,y\n{height},0\n{height},1\n")
    high, low = read_examples(tmp_path)
    assert isinstance(high, Window)
    assert (high.name, high.label, high.features.tolist()) == ("high/1.csv", "high", [[9, 0], [9, 1]])
    assert low.label == "low"
    (tmp_path / "low" / "2.csv").write_text("x,z\n1,0\n")
    (tmp_path / "low" / "3.csv").write_text("x,y\n")
    (tmp_path / "low" / "4.csv").write_text("x,y\none,0\n5,0\n")
    (tmp_path / "lost.csv").write_text("x,y\n1,0\n")
    with pytest.raises(
        DataError,
        match=r"4 faults: lost.csv: lies in no folder of a class; low/2.csv: has the columns x, z, not x, y; "
        r"low/3.csv: holds no steps; low/4.csv line 2: 'one' in the column x; bring",
    ):
        read_examples(tmp_path)
    with pytest.warns(DataWarning, match="4 faults"):
        assert [len(each.features) for each in read_examples(tmp_path, skip=True)] == [2, 2, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("2.csv", "x,label\n1,1\n", "low/2.csv: has the column 'label', which its folder tells"),
        ("2.csv", "0\n1\n", "low/2.csv: the first line of .* must name the columns, but has numbers alone"),
        ("notes.txt", "calm", "low/notes.txt: is no CSV or TSV file, as others here are"),
    ],
)
def test_what_is_no_sequence_in_a_folder_is_told(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / "low").mkdir()
    (tmp_path / "low" / "1.CSV").write_text("x\n1\n")
    assert isinstance(read_examples(tmp_path)[0], Window)
    (tmp_path / "low" / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_examples(tmp_path)


def test_names_of_columns_may_be_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Sequence, X,LABEL\na,1,Up\n")
    (found,) = read_examples(tmp_path / "a.csv")
    assert isinstance(found, Window)
    assert (found.columns, found.label) == (("X",), "Up")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sequence,x,label\n", "holds no example"),
        ("sequence,x,label\na,1,up\na,2\n", "a fault: line 3: 2 columns, not 3"),
        ("sequence,x,label\na,inf,up\na,one,up\n", "2 faults: line 2: 'inf' in the column x; line 3: 'one' in the"),
        ("sequence,x,label\na,1,up\na,2,down\n", "line 3: 'a' is 'down' here, and 'up' before; .* train frames"),
        ("sequence,x,x,label\na,1,2,up\n", "must have a name of its own, but 'x' is there twice"),
        (",sequence,x,label\n0,a,1,up\n", "must have a name, but one has none; name it, or take it out"),
        ("sequence,x,label\na,1,up\n,1,up\n", "a fault: line 3: no sequence is named"),
        ("sequence,label\nMKV,up\n", "names the columns sequence, label; rename them: texts have 'text' and 'label'"),
        ("sequence,x,label\na,1e39,up\n", "a fault: line 2: '1e39' in the column x"),
        (
            "time,x,label\n1,1,up\n",
            "names the columns time, x, label; rename them: texts .* measured sequences 'sequence'",
        ),
    ],
)
def test_what_is_no_table_of_sequences_is_told_line_by_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_examples(tmp_path / "bad.csv")


def test_features_are_scaled_and_one_that_does_not_vary_is_zero() -> None:
    examples = [window(3), window(5, "down"), window(4)]
    for each in examples:
        each.features[:, 1] = 0.1
    with pytest.warns(DataWarning, match="one value everywhere: parity$"):
        made = WindowTask(Parts(examples, examples), LabelSettings(hidden=4))
    features = torch.cat([made.seen(each) for each in made.learned])
    assert torch.allclose(features.mean(0), torch.zeros(2), atol=1e-6)
    assert torch.allclose(features.std(0, correction=0), torch.tensor([1.0, 0.0]), atol=1e-6)


@pytest.mark.parametrize(("unit", "level"), [(1e-9, 5e-9), (1e6, 0), (3e-5, 52.52)])
def test_features_of_any_unit_and_level_are_seen_alike(unit: float, level: float) -> None:
    plain = torch.randn(30, 2, generator=torch.Generator().manual_seed(1))
    other = (level + unit * plain.double()).float()
    seen, expected = (Scale.of(("x", "y"), each)(each) for each in (other, plain))
    assert torch.allclose(
        seen, expected, atol=0.2 if level > 50 else 1e-4
    )  # single precision rounds there by 0.13 units


def test_hidden_features_are_hidden_at_all_steps_and_the_mean_stays() -> None:
    torch.manual_seed(1)
    found = disturbed(torch.ones(400, 3, 5), noise=0.0, hide=0.25)
    assert found.unique().tolist() == [0, pytest.approx(4 / 3)]
    assert torch.equal(found[:, 0], found[:, 2])
    assert found.mean().item() == pytest.approx(1, abs=0.05)
    noisy = disturbed(torch.zeros(400, 3, 5), noise=0.5, hide=0.0)
    assert noisy.std().item() == pytest.approx(0.5, rel=0.05)


def test_features_keep_their_digits(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sequence,x\n" + "".join(f"a,{5_400_000 + n / 10}\n" for n in range(8)))
    [found] = read_examples(tmp_path / "a.csv")
    assert isinstance(found, Window)
    scaled = Scale.of(found.columns, found.features)(found.features)
    assert torch.allclose(scaled.diff(dim=0), scaled[1] - scaled[0], atol=1e-5)


def test_other_features_texts_and_labels_are_refused() -> None:
    made = task()
    network = made.network().eval()
    for other, message in (
        (window(4, columns=("time", "place")), "of 4: has the columns time, place, not time, parity"),
        (Example("a fine day", "up", "line 9"), "line 9: is a text, without the columns time, parity"),
    ):
        with pytest.raises(DataError, match=message):
            list(made.predict(network, [other]))
        with pytest.raises(DataError, match=message):
            made.batches([other])
    with pytest.raises(DataError, match=r"of 4: the label 'left' was never learned; .*examples to learn from"):
        made.batches([window(4, "left")])
    with pytest.raises(DataError, match="of 4: has no label"):
        WindowTask(Parts([window(4, None), window(3), window(5, "down")], [window(3)]), LabelSettings())
    learned = [Example("fine", "up", "line 1"), Example("grey", "down", "line 2")]
    of_texts = LABELS.begin(Parts(learned, learned), {})
    with pytest.raises(DataError, match="of 4: is a measured sequence, not a text"):
        of_texts.batches([window(4)])


def test_it_learns_measures_says_and_shows_what_it_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, other = windows(tmp_path / "learn.csv", 48, 1), windows(tmp_path / "other.csv", 20, 2)
    run = tmp_path / "run"
    options = ["--epochs", "20", "--hidden", "8", "--batch", "8", "--learning-rate", "0.02", "--dropout", "0.1"]
    assert main(["train", "labels", str(data), "--test", str(other), "--run", str(run), *options]) == 0
    assert "Learning from 44 sequences (" in capsys.readouterr().out
    result = json.loads((run / "result.json").read_text())
    assert result["accuracy"] > 0.9
    assert main(["evaluate", str(run), str(other)]) == 0
    assert f"accuracy {result['accuracy']:.4f}" in capsys.readouterr().out
    assert main(["predict", str(run), str(other)]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [name for _, _, name in rows] == [f"wave{n}" for n in range(20)]
    assert sum(label == ("slow", "fast")[n % 2] for n, (label, _, _) in enumerate(rows)) == 20 * result["accuracy"]
    assert main(["inspect", str(run), str(other), "--save", str(tmp_path / "made.inspection")]) == 0
    inspection = Inspection.open(tmp_path / "made.inspection")
    assert inspection.right
    assert [each.name for each in inspection.tracks] == ["features", "class", "found"]
    steps = result["step"]
    assert main(["train", "labels", "--resume", str(run), "--epochs", "21"]) == 0
    assert json.loads((run / "result.json").read_text())["step"] == steps * 21 // 20
    assert main(["evaluate", str(run), str(texts(tmp_path / "texts.csv", 4, 1))]) == 1
    assert "texts.csv line 2: is a text" in capsys.readouterr().err
