"""Labels: reading tables and folders, weights of classes, figures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cellwright.cli import main
from cellwright.errors import DataError, DataWarning
from cellwright.tasks import Parts
from cellwright.tasks.confusion import Classified, Confusion
from cellwright.tasks.labels import Example, LabelSettings, TextLabelTask, read_examples
from cellwright.tasks.task import Step

SMALL = LabelSettings(hidden=4, embedding=3, batch=2)
EXAMPLES = [
    Example(f"a {word} day", label, word) for word, label in (("fine", "good"), ("grey", "bad"), ("warm", "good"))
]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz"])
@pytest.mark.parametrize("heading", ["", "text,label\n", "Text, LABEL\n", "label,text\n"])
def test_tables_of_all_kinds(tmp_path: Path, name: str, heading: str) -> None:
    import gzip

    rows = [("good", "fine"), ("bad", "grey")] if heading.startswith("label") else [("fine", "good"), ("grey", "bad")]
    content = heading + "".join(",".join(row) + "\n" for row in rows)
    content = content.replace(",", "\t") if "tsv" in name else content
    path = tmp_path / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith("gz") else content.encode())
    lines = (2, 3) if heading else (1, 2)
    assert read_examples(path) == [
        Example(text, label, f"{name} line {line}")
        for text, label, line in zip(("fine", "grey"), ("good", "bad"), lines, strict=True)
    ]


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for label, text in (("good", "fine"), ("bad", "grey")):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text(text)
    assert read_examples(tmp_path) == [Example("grey", "bad", "bad/1.txt"), Example("fine", "good", "good/1.txt")]
    (tmp_path / "stray.txt").write_text("x")
    with pytest.raises(DataError, match=r"stray.txt: lies in no folder of a class"):
        read_examples(tmp_path)


def test_new_data_need_no_labels(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("text\nfine\n\n")
    assert read_examples(tmp_path / "new.csv") == [Example("fine", None, "new.csv line 2")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no example"),
        ("text,label\n", "holds no example"),
        ("fine,good\na,b,c\n", "a fault: line 2: 3 columns"),
        ("fine,good\n ,bad\n", "a fault: line 2: the text is empty"),
        ('fine,good\n"grey,bad\n', "opens a quote in line 2 that is never closed"),
        ("text\nfine, good\n", "a fault: line 2: 2 columns"),
        (
            "sentence,label\nfine,good\n",
            "names the columns sentence, label; rename them: texts have 'text' and 'label'",
        ),
    ],
)
def test_what_is_no_table_is_told_line_by_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_examples(tmp_path / "bad.csv")


def test_there_must_be_something_to_tell_apart() -> None:
    with pytest.raises(DataError, match="at least two classes to tell apart, but there are 1"):
        TextLabelTask(Parts(EXAMPLES[::2], EXAMPLES[:1]), SMALL)
    with pytest.raises(DataError, match="fine: has no label"):
        TextLabelTask(Parts([Example("a fine day", None, "fine"), *EXAMPLES], EXAMPLES), SMALL)
    with pytest.raises(DataError, match=r"line 3: the label 'ugly' was never learned; .*examples to learn from"):
        TextLabelTask(Parts(EXAMPLES, [Example("x", "ugly", "line 3")]), SMALL)


def test_all_faults_of_what_is_measured_on_are_told_or_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("fine,good\ngrey,bad\nwarm,good\nwet,bad\n")
    (tmp_path / "b.csv").write_text("fine,good\ncold,ugly\nraw,\n")
    names = {each: str(tmp_path / each) for each in ("a.csv", "b.csv", "run", "other")}
    train = ["train", "labels", names["a.csv"], "--valid", names["b.csv"], "--hidden", "4", "--epochs", "1"]
    told = "b.csv line 2: the label 'ugly' was never learned; b.csv line 3: has no label"
    assert main([*train, "--run", names["run"]]) == 1
    assert f"what is read has 2 faults: {told}; bring" in capsys.readouterr().err
    assert main([*train, "--run", names["run"], "--skip"]) == 0
    assert f"left out of what is read: 2 faults: {told}\n" in capsys.readouterr().err
    assert main([*train, "--test", names["a.csv"], "--run", names["other"], "--skip"]) == 0
    capsys.readouterr()
    for place, skip, rc, found in (
        ("b.csv", [], 1, told),
        ("b.csv", ["--skip"], 0, "left out"),
        ("a.csv", [], 0, ""),
    ):
        assert main(["evaluate", names["run"], names[place], *skip]) == rc
        assert found in capsys.readouterr().err
    (tmp_path / "b.csv").write_text("cold,ugly\n")
    assert main(["evaluate", names["run"], names["b.csv"], "--skip"]) == 1
    assert "nothing is left" in capsys.readouterr().err


def test_balanced_classes_weigh_the_same() -> None:
    task = TextLabelTask(Parts(EXAMPLES, EXAMPLES), LabelSettings(hidden=4, balanced=True))
    counts = torch.tensor([1.0, 2.0])
    assert task.labels.names == ("bad", "good")
    assert torch.allclose(task.weights * counts, torch.full((2,), 1.5))


def test_an_empty_text_is_an_unknown_word() -> None:
    task = TextLabelTask(Parts(EXAMPLES, EXAMPLES), SMALL)
    assert task.numbers("") == [0]
    assert len(list(task.predict(task.network().eval(), [Example("", None, "1"), Example("fine", None, "2")]))) == 2


def test_figures_by_hand() -> None:
    metric = Confusion(["a", "b", "c"])
    for true, found in (([0, 0, 1], [0, 1, 1]), ([1], [0])):
        metric.update(Step(torch.tensor(1.0), len(true), found=Classified(torch.tensor(true), torch.tensor(found))))
    figures = metric.compute()
    assert figures["accuracy"] == 0.5
    assert figures["macro_f1"] == pytest.approx((2 * 1 / 4 + 2 * 1 / 4) / 2)


def test_after_a_line_with_a_bad_quote_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('text,label\none,a\n"two"x,b\n' + "three,c\n" * 50)
    with pytest.warns(DataWarning, match="a fault: line 3"):
        found = read_examples(tmp_path / "t.csv", skip=True)
    assert len(found) == 51


@pytest.mark.parametrize("heading", ["id,text,label", "text,label,source"])
def test_columns_beside_text_and_label_are_passed_over(heading: str, tmp_path: Path) -> None:
    cells = {"id": "7", "text": "fine", "label": "good", "source": "here"}
    (tmp_path / "t.csv").write_text(f"{heading}\n{','.join(cells[name] for name in heading.split(','))}\n")
    [found] = read_examples(tmp_path / "t.csv")
    assert (found.text, found.label) == ("fine", "good")


def test_a_folder_of_classes_is_read_without_what_is_faulty(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.txt").write_text("fine")
    (tmp_path / "good" / "b.txt").write_bytes(b"\xff")
    (tmp_path / "c.txt").write_text("lost")
    with pytest.raises(DataError, match=r"2 faults: c\.txt: lies in no folder of a class; good/b\.txt: "):
        read_examples(tmp_path)
    with pytest.warns(DataWarning, match="2 faults"):
        assert [each.text for each in read_examples(tmp_path, skip=True)] == ["fine"]


def test_a_quote_in_the_wrong_place_is_found_where_it_begins(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('text,label\none,a\n"two\nlines"x,b\nthree,c\n')
    with pytest.raises(DataError, match="a fault: line 3: "):
        read_examples(tmp_path / "t.csv")


def test_what_may_be_a_heading_is_told(tmp_path: Path) -> None:
    lines = "fine,good\ngrey,bad\n" * 3
    (tmp_path / "t.csv").write_text(f"review,sentiment\n{lines}")
    with pytest.warns(DataWarning, match="no other has its label 'sentiment': if it names the columns, call"):
        assert len(read_examples(tmp_path / "t.csv")) == 7
    (tmp_path / "t.csv").write_text(lines)
    assert len(read_examples(tmp_path / "t.csv")) == 6


def test_what_lies_in_a_hidden_folder_is_no_class(tmp_path: Path) -> None:
    for label in ("good", ".ipynb_checkpoints"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "a.txt").write_text("fine")
    assert read_examples(tmp_path) == [Example("fine", "good", "good/a.txt")]
