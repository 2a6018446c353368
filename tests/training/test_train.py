"""Training: it learns, repeats, and ends when it should."""

import dataclasses
import json
import math

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from cellwright.errors import DataError, RunError
from cellwright.tasks import Parts
from cellwright.tasks.text import TextTask
from cellwright.training import TrainingSettings, evaluate
from cellwright.training.train import train
from tests.training.made import SETTINGS, TEXT, new_folder, rows, run

EPOCHS = TrainingSettings(epochs=2.5, validations=4, learning_rate=1e-2, seed=3)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One run from beginning to end: its folder, its report, and what it showed."""
    folder = new_folder(tmp_path_factory.mktemp("runs") / "whole", EPOCHS)
    return folder, *run(folder, EPOCHS)


def test_the_loss_falls(finished):
    folder, report, _ = finished
    losses = [float(row["valid_loss"]) for row in rows(folder)]
    assert losses[0] > losses[-1] + 0.3
    assert report.figures["loss"] == pytest.approx(min(losses))
    assert report.step == math.ceil(2.5 * len(TextTask(Parts(TEXT), SETTINGS).training(0)))


def test_the_folder_holds_what_a_run_consists_of(finished):
    folder, report, _ = finished
    task = TextTask(Parts(TEXT), SETTINGS)
    result = json.loads((folder.path / "result.json").read_text())
    assert result["loss"] == report.figures["loss"]
    assert folder.finished
    assert (folder.path / "samples.txt").read_text().count("==") == 2 * len(rows(folder))
    network = task.network()
    folder.load_weights(network)
    assert evaluate(network, task.final(), task.step, task.metric()) == report.figures


def test_where_there_is_no_terminal_rows_and_samples_are_shown(finished):
    _, _, shown = finished
    lines = shown.splitlines()
    assert sum("train loss" in line and "perplexity" in line for line in lines) == 4
    assert lines[0].startswith("  8%")
    assert any(line.startswith("      | ") for line in lines)
    assert "\x1b" not in shown


def test_the_same_seed_gives_the_same_bits(finished, tmp_path):
    folder, report, _ = finished
    again, other = new_folder(tmp_path / "again", EPOCHS), new_folder(tmp_path / "other", EPOCHS)
    assert run(again, EPOCHS)[0].figures == report.figures
    assert (again.path / "weights.safetensors").read_bytes() == (folder.path / "weights.safetensors").read_bytes()
    assert run(other, dataclasses.replace(EPOCHS, seed=4))[0].figures != report.figures


def test_another_seed_is_another_order(tmp_path):
    class Recorded(TextTask):
        met = None

        def step(self, network, batch, carried):
            if network.training and self.met is None:
                self.met = batch.tokens.clone()
            return super().step(network, batch, carried)

    met = []
    for seed in (1, 2):
        task = Recorded(Parts(TEXT), SETTINGS)
        settings = dataclasses.replace(EPOCHS, epochs=0.2, seed=seed)
        run(new_folder(tmp_path / str(seed), settings), settings, task)
        met.append(task.met)
    assert not torch.equal(*met)


def test_the_metrics_agree_with_the_loss_of_each_batch(tmp_path):
    losses = []

    class Recorded(TextTask):
        def step(self, network, batch, carried):
            step = super().step(network, batch, carried)
            if network.training:
                losses.append((step.loss.item(), step.count))
            return step

    folder = new_folder(tmp_path / "run", EPOCHS)
    task = Recorded(Parts(TEXT), SETTINGS)
    run(folder, EPOCHS, task)
    begin = 0
    for row in rows(folder):
        part, begin = losses[begin : int(row["step"])], int(row["step"])
        mean = sum(loss * count for loss, count in part) / sum(count for _, count in part)
        assert float(row["train_loss"]) == pytest.approx(mean, rel=1e-12)
        assert float(row["valid_perplexity"]) == pytest.approx(math.exp(float(row["valid_loss"])))
        assert float(row["epoch"]) == pytest.approx(int(row["step"]) / len(task.training(0)))


def test_a_larger_budget_trains_a_finished_run_further(tmp_path):
    folder = new_folder(tmp_path / "run", EPOCHS)
    first, _ = run(folder, EPOCHS)
    second, _ = run(folder, dataclasses.replace(EPOCHS, epochs=4))
    assert folder.finished
    assert second.step > first.step
    assert second.figures["loss"] < first.figures["loss"]


def test_early_stopping_ends_a_run_that_gains_nothing(tmp_path):
    hopeless = TrainingSettings(epochs=50, validations=400, patience=0.005, learning_rate=30.0, warm_up=0.001)
    folder = new_folder(tmp_path / "run", hopeless)
    report, _ = run(folder, hopeless)
    found = {int(row["step"]): float(row["valid_loss"]) for row in rows(folder)}
    budget = 50 * len(TextTask(Parts(TEXT), SETTINGS).training(0))
    assert report.early
    assert report.best_step == min(found, key=found.__getitem__)
    assert 0.005 * budget <= report.step - report.best_step < 0.05 * budget


def test_a_loss_that_is_no_number_ends_the_run_with_a_remedy(tmp_path):
    class Broken(TextTask):
        def step(self, network, batch, carried):
            step = super().step(network, batch, carried)
            return dataclasses.replace(step, loss=step.loss * math.nan)

    with pytest.raises(RunError, match="became nan at step 1; train anew with a lower --learning-rate"):
        run(new_folder(tmp_path / "run", EPOCHS), EPOCHS, Broken(Parts(TEXT), SETTINGS))


def test_an_error_of_a_worker_is_told_as_any_other(tmp_path):
    class Torn(TextTask):
        def training(self, epoch):
            batches = super().training(epoch)

            class Faulty(type(batches)):
                def __getitem__(self, index):
                    raise DataError("a film is cut off: mend it")

            batches.__class__ = Faulty
            return batches

    folder = new_folder(tmp_path / "run", EPOCHS)
    with pytest.raises(DataError, match=r"^a film is cut off: mend it$"):
        train(Torn(Parts(TEXT), SETTINGS), EPOCHS, folder, "resume-it", Console(quiet=True), workers=1)


def test_the_gradient_is_clipped(tmp_path):
    frozen = dataclasses.replace(EPOCHS, clip=1e-30, weight_decay=0.0)
    folder = new_folder(tmp_path / "run", frozen)
    run(folder, frozen)
    torch.manual_seed(EPOCHS.seed)
    start = TextTask(Parts(TEXT), SETTINGS).network().state_dict()
    torch.testing.assert_close(load_file(folder.path / "weights.safetensors"), dict(start), rtol=0, atol=1e-4)
