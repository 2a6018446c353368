"""Memory: the sequences are what their sources say, and the gradient against the lag is that of its definition."""

from __future__ import annotations

import gzip
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cellwright.cli import main
from cellwright.errors import DataError, InputError
from cellwright.tasks import Parts
from cellwright.tasks.memory import PROBLEMS, MemorySettings, MemoryTask, read_problem
from cellwright.tasks.memory.digits import images_as_batch
from cellwright.tasks.memory.drawn import strings_as_batch
from cellwright.tasks.memory.lags import gradient_by_lag
from cellwright.tasks.memory.reber import LETTERS, legal_after, reber_string


def chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def task(problem: str, **settings: object) -> MemoryTask:
    return MemoryTask(Parts(PROBLEMS[problem]), MemorySettings(**{"hidden": 6, "steps": 20, **settings}))  # type: ignore[arg-type]


def test_adding_marks_one_number_in_each_half() -> None:
    inputs, lengths, targets, _ = PROBLEMS["adding"].draw(chance(), 50, 21)
    numbers, marks = inputs.unbind(-1)
    assert torch.equal(marks[:, :10].sum(1), torch.ones(50))
    assert torch.equal(marks[:, 10:].sum(1), torch.ones(50))
    assert torch.allclose((numbers * marks).sum(1), targets)
    assert lengths.tolist() == [21] * 50


def test_copy_asks_for_the_first_symbols_after_the_sign() -> None:
    inputs, lengths, targets, _ = PROBLEMS["copy"].draw(chance(), 9, 30)
    symbols = inputs.argmax(-1)
    assert symbols.shape[1] == lengths[0] == 10 + 30 + 10
    assert torch.equal(symbols[:, :10], targets[:, -10:])
    assert set(symbols[:, 10:].unique().tolist()) == {8, 9}
    assert torch.equal((symbols == 9).nonzero()[:, 1], torch.full((9,), 40))
    assert (targets[:, :-10] == -100).all()


def test_order_has_two_marks_in_their_places_and_asks_at_the_end() -> None:
    inputs, lengths, targets, _ = PROBLEMS["order"].draw(chance(), 300, 100)
    symbols = inputs.argmax(-1)
    assert int(lengths.min()) == 100
    assert int(lengths.max()) == 110
    for row, length in enumerate(lengths.tolist()):
        (first, second), asked = (symbols[row, :length] >= 6).nonzero()[:, 0].tolist(), targets[row, length - 1]
        assert 10 <= first <= 20
        assert 50 <= second <= 60
        assert asked == 2 * (symbols[row, first] - 6) + symbols[row, second] - 6
        assert (targets[row] >= 0).sum() == 1


def test_strings_are_of_the_grammar() -> None:
    source, seen = chance(), set()
    for _ in range(400):
        string = reber_string(source)
        legal = legal_after(string)
        assert all(letter in allowed for letter, allowed in zip(string[1:], legal, strict=True))
        assert string[1] == string[-2]
        seen.add(len(string))
    assert min(seen) == 9


def test_a_string_is_right_when_every_legal_letter_comes_before_every_other() -> None:
    made = task("reber")
    batch = strings_as_batch(["BTBTXSETE", "BPBPVVEPE"])
    asked, answers = batch.targets >= 0, batch.legal.float()
    assert made.right(answers, batch, asked).tolist() == [True, True]
    answers[1, 6] = torch.eye(len(LETTERS))[LETTERS.index("T")]
    assert made.right(answers, batch, asked).tolist() == [True, False]


def test_what_is_measured_is_never_learned_from() -> None:
    made = task("adding", batch=8)
    drawn = [made.training(0)[0], made.training(1)[0], made.validation()[0], made.final()[0]]
    rows = {tuple(row.flatten().tolist()) for batch in drawn for row in batch.inputs}
    assert len(rows) == 32
    assert torch.equal(made.training(1)[0].inputs, drawn[1].inputs)


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_the_gradient_against_the_lag_is_that_of_its_definition(cell: str) -> None:
    made = task("order", cell=cell)
    network, batch = made.network().double().eval(), PROBLEMS["order"].draw(chance(), 3, 20)
    batch = batch._replace(inputs=batch.inputs.double())
    found = gradient_by_lag(network, batch)

    @torch.no_grad()
    def last(inputs: Tensor, row: int) -> Tensor:
        answers: Tensor = network(inputs[None], batch.lengths[row : row + 1])
        return answers[0, batch.lengths[row] - 1].sum()

    for lag in (0, 1, 7, 19):
        slopes = []
        for row, length in enumerate(batch.lengths.tolist()):
            place, step, slope = length - 1 - lag, 1e-6, []
            for feature in range(8):
                moved = torch.zeros_like(batch.inputs[row])
                moved[place, feature] = step
                ends = [last(batch.inputs[row] + sign * moved, row) for sign in (1, -1)]
                slope.append(float(ends[0] - ends[1]) / (2 * step))
            slopes.append(math.hypot(*slope))
        assert float(found[lag]) == pytest.approx(sum(slopes) / len(slopes), rel=1e-5, abs=1e-10)


def test_the_layer_of_pytorch_begins_with_the_same_memory() -> None:
    found = []
    for theirs in (False, True):
        torch.manual_seed(0)
        found.append(task("copy", chrono=500, torch=theirs).network().state_dict())
    ours, torchs = found
    assert ours.keys() == torchs.keys()
    assert all(torch.equal(ours[name], torchs[name]) for name in ours)


def test_chrono_opens_the_forget_gates_of_cells_that_have_some() -> None:
    before, after = (task("copy", chrono=longest).network().state_dict() for longest in (0, 500))
    bias = "encoder.recurrent.bias_ih_l0"
    assert float(after[bias][6:12].mean()) > float(before[bias][6:12].mean()) + 1
    task("copy", chrono=500, cell="rnn").network()


def digits(folder: Path, count: int = 5010, broken: bool = False) -> Path:
    """Files in the format of MNIST, in which the row that is lit is the digit."""
    for part, number in (("train", count), ("t10k", 20)):
        labels = torch.arange(number, dtype=torch.uint8) % 10
        images = torch.zeros(number, 28, 28, dtype=torch.uint8)
        images[torch.arange(number), labels.long()] = 255
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, values.dim()]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
            content = gzip.compress(head + values.numpy().tobytes()[: -1 if broken else None], 1)
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(content)
    return folder


def test_digits_are_read_by_rows_and_by_pixels(tmp_path: Path) -> None:
    found = read_problem(digits(tmp_path))
    assert found.images.shape == (5010, 28, 28)
    rows, pixels = (images_as_batch(found.test_images, found.test_labels, by) for by in ("rows", "pixels"))
    assert rows.inputs.shape == (20, 28, 28)
    assert rows.inputs[3, 3].tolist() == [1.0] * 28
    assert pixels.inputs.shape == (20, 196, 1)
    assert torch.allclose(pixels.inputs[3, 14:28, 0], torch.full((14,), 0.5))
    assert rows.targets[3].tolist() == [-100] * 27 + [3]
    made = MemoryTask(Parts(found), MemorySettings(hidden=4))
    assert sum(len(batch.inputs) for batch in made.training(0)) == 10
    assert sum(len(batch.inputs) for batch in made.final()) == 20


def test_damaged_digits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file '.*train-images-idx3-ubyte.gz'"):
        read_problem(tmp_path)
    with pytest.raises(DataError, match="must be a whole IDX file"):
        read_problem(digits(tmp_path, broken=True))
    with pytest.raises(DataError, match="more than 5,000 images to learn from, but there are 60"):
        read_problem(digits(tmp_path, count=60))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(b"no gzip")
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_problem(tmp_path)


def test_a_mistyped_problem_gets_the_nearest_name() -> None:
    with pytest.raises(DataError, match="did you mean 'adding'"):
        read_problem(Path("addig"))


def test_cells_are_compared_with_the_same_budget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--steps", "30", "--hidden", "8", "--epochs", "1", "--run", str(tmp_path / "both")]
    assert main(["train", "memory", "adding", "--compare", "lstm,rnn", *options]) == 0
    shown = capsys.readouterr().out
    heading, lstm, rnn = (tmp_path / "both" / "figures.csv").read_text().splitlines()
    assert heading.startswith("cell,weights,mse")
    assert (lstm.split(",")[0], rnn.split(",")[0]) == ("lstm", "rnn")
    assert "gradient at lag" in shown
    assert (tmp_path / "both" / "lstm" / "weights.safetensors").exists()
    (tmp_path / "both" / "rnn" / "result.json").unlink()
    (tmp_path / "both" / "figures.csv").unlink()
    for _ in range(2):
        assert main(["train", "memory", "adding", "--compare", "lstm,rnn", *options]) == 0
        shown = capsys.readouterr().out
        assert "lstm, 1 x 8 units" not in shown
        again = (tmp_path / "both" / "figures.csv").read_text().splitlines()[1:]
        assert [each.rpartition(",")[0] for each in again] == [each.rpartition(",")[0] for each in (lstm, rnn)]
    assert main(["train", "memory", "adding", "--compare", "lstm,rnn", *options, "--dropout", "0.5"]) == 2
    assert "lstm' is a run with other data, options or versions; give another --run" in capsys.readouterr().err
    assert main(["train", "memory", "adding", "--compare", "lstm,rnm", *options[:-2]]) == 2
    assert "did you mean 'rnn'" in capsys.readouterr().err
    assert main(["train", "memory", "adding", "--compare", "lstm,lstm", *options[:-2]]) == 2
    assert "must name each cell once" in capsys.readouterr().err
    assert main(["train", "memory", "adding", "--compare", "lstm", "--cell", "rnn", *options[:-2]]) == 2


def test_another_problem_is_not_what_was_learned(tmp_path: Path) -> None:
    made = task("adding")
    with pytest.raises(DataError, match="what was learned is 'adding', not 'copy'"):
        made.batches(PROBLEMS["copy"])
    shown = MemoryTask(Parts(read_problem(digits(tmp_path))), MemorySettings(hidden=4))
    with pytest.raises(DataError, match="what was learned is 'digits', not 'adding'"):
        shown.batches(PROBLEMS["adding"])
    assert shown.summary == "10 images by rows, measuring on 20"


def test_there_must_be_steps_for_all_marks() -> None:
    with pytest.raises(InputError, match="--steps must be at least 8 for order, not 7"):
        task("order", steps=7)
    for batch in task("order", steps=8, batch=100).training(0):
        assert torch.equal(
            (batch.inputs[..., 6:].sum(-1) * (batch.inputs.argmax(-1) >= 6)).sum(1), torch.full((100,), 2.0)
        )


def test_what_is_watched_and_measured_on_can_be_named(tmp_path: Path) -> None:
    for parts in (Parts(PROBLEMS["copy"], PROBLEMS["adding"]), Parts(PROBLEMS["copy"], test=PROBLEMS["adding"])):
        with pytest.raises(DataError, match="what was learned is 'copy', not 'adding'"):
            MemoryTask(parts, MemorySettings())
    found = read_problem(digits(tmp_path))
    other = replace(found, test_images=found.test_images[:7], test_labels=found.test_labels[:7])
    named = MemoryTask(Parts(found, other, other), MemorySettings(hidden=4))
    assert [sum(len(batch.inputs) for batch in part) for part in (named.validation(), named.final())] == [7, 7]


def test_epochs_of_large_batches_are_apart() -> None:
    made = task("adding", batch=500)
    first, second = ({tuple(batch.inputs[0, :, 0].tolist()) for batch in made.training(epoch)} for epoch in (0, 1))
    assert len(first) == len(second) == 50
    assert not first & second


@pytest.mark.parametrize(("side", "count"), [(27, 20), (28, 0)])
def test_digits_must_be_images_of_their_size(side: int, count: int, tmp_path: Path) -> None:
    digits(tmp_path)
    for kind, shape in (("images-idx3", (count, side, side)), ("labels-idx1", (count,))):
        head = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
        (tmp_path / f"t10k-{kind}-ubyte.gz").write_bytes(gzip.compress(head + bytes(math.prod(shape)), 1))
    with pytest.raises(DataError, match=f"must have images of 28 x 28 .* t10k has {count}"):
        read_problem(tmp_path)
