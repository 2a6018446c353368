"""A run that was stopped, killed or ran out of disk goes on as if nothing had happened."""

import dataclasses
import errno
import os
import signal

import pytest
import torch
from safetensors.torch import load_file

from cellwright.errors import RunError
from cellwright.tasks import Parts
from cellwright.tasks.text import TextTask
from cellwright.training import Stopped, TrainingSettings
from cellwright.training.checkpoint import SafeCheckpoints
from tests.training.made import SETTINGS, TEXT, Interrupted, new_folder, rows, run

EPOCHS = TrainingSettings(epochs=2.5, validations=4, learning_rate=1e-2, seed=3)
BY_THE_CLOCK = {"seconds", "characters_per_second"}
COUNTED = ("step", "total", "items", "best", "best_step", "samples")


def repeated(folder):
    """The metrics, apart from what depends on the clock."""
    return [{name: row[name] for name in row if name not in BY_THE_CLOCK} for row in rows(folder)]


def state(folder):
    """Everything in the checkpoint that must not depend on interruptions."""
    checkpoint = SafeCheckpoints().load_checkpoint(folder.checkpoint)
    progress = checkpoint["callbacks"]["Ledger"]["progress"]
    tensors = {name: checkpoint[name] for name in ("state_dict", "optimizer_states", "carried", "random")}
    return tensors, {name: progress[name] for name in COUNTED}


def assert_same_run(folder, whole):
    assert repeated(folder) == repeated(whole)
    assert (folder.path / "samples.txt").read_bytes() == (whole.path / "samples.txt").read_bytes()
    assert state(folder)[1] == state(whole)[1]
    torch.testing.assert_close(state(folder)[0], state(whole)[0], rtol=0, atol=0)
    best = [load_file(each.path / "weights.safetensors") for each in (folder, whole)]
    torch.testing.assert_close(*best, rtol=0, atol=0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One run without a break, to compare with: its folder and its report."""
    folder = new_folder(tmp_path_factory.mktemp("runs") / "whole", EPOCHS)
    return folder, run(folder, EPOCHS)[0]


@pytest.fixture
def folder(tmp_path):
    return new_folder(tmp_path / "run", EPOCHS)


@pytest.mark.parametrize("steps", [(1,), (2,), (17,), (18, 19), (7, 23, 40)])
def test_an_interrupted_run_goes_on_to_the_same_numbers(whole, folder, steps):
    task = Interrupted(*steps)
    for _ in steps:
        with pytest.raises(Stopped, match="continue with: resume-it"):
            run(folder, EPOCHS, task)
        assert not folder.finished
    report, _ = run(folder, EPOCHS, task)
    assert dataclasses.replace(report, seconds=0) == dataclasses.replace(whole[1], seconds=0)
    assert task.learned_from == report.step
    assert_same_run(folder, whole[0])


def test_the_average_of_the_weights_has_every_step(tmp_path):
    settings = dataclasses.replace(EPOCHS, average=0.1)
    whole, parted = (new_folder(tmp_path / name, settings) for name in ("whole", "parted"))
    run(whole, settings)
    task = Interrupted(7, 23, 40)
    for _ in range(3):
        with pytest.raises(Stopped):
            run(parted, settings, task)
    run(parted, settings, task)
    assert_same_run(parted, whole)


def test_a_finished_run_that_goes_on_is_unfinished_until_its_new_end(whole, folder):
    run(folder, EPOCHS)
    with pytest.raises(Stopped):
        run(folder, dataclasses.replace(EPOCHS, epochs=4), Interrupted(10))
    assert not folder.finished


def test_a_budget_smaller_than_what_is_used_up_ends_with_a_validation(folder):
    with pytest.raises(Stopped):
        run(folder, EPOCHS, Interrupted(10))
    report, _ = run(folder, dataclasses.replace(EPOCHS, epochs=0.1))
    assert report.step == 11
    assert int(rows(folder)[-1]["step"]) == 11


def test_a_killed_run_goes_on_from_its_last_checkpoint(whole, folder):
    class Killed(TextTask):
        left = 20

        def step(self, network, batch, carried):
            self.left -= network.training
            if self.left < 0:
                raise MemoryError
            return super().step(network, batch, carried)

    with pytest.raises(MemoryError):
        run(folder, EPOCHS, Killed(Parts(TEXT), SETTINGS))
    run(folder, EPOCHS)
    assert_same_run(folder, whole[0])


def test_after_the_last_validation_only_the_result_is_missing(whole, folder):
    task = Interrupted(whole[1].step)
    with pytest.raises(Stopped):
        run(folder, EPOCHS, task)
    assert not folder.finished
    report, _ = run(folder, EPOCHS, task)
    assert report.figures == whole[1].figures
    assert task.learned_from == report.step
    assert_same_run(folder, whole[0])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_run_and_is_told_by_the_exit_code(folder, number, code):
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as caught:
        run(folder, EPOCHS, Interrupted(5, number=number))
    assert caught.value.exit_code == code
    assert signal.getsignal(number) == before


def test_a_second_signal_stops_at_once(folder):
    class Impatient(Interrupted):
        def step(self, network, batch, carried):
            found = super().step(network, batch, carried)
            if network.training and self.learned_from in self.steps:
                signal.raise_signal(signal.SIGINT)
            return found

    with pytest.raises(Stopped, match="at once"):
        run(folder, EPOCHS, Impatient(5))
    assert state(folder)[1]["step"] < 5


def test_minutes_count_over_all_sittings(tmp_path):
    minutes = TrainingSettings(minutes=0.02, validations=3)
    folder = new_folder(tmp_path / "run", minutes)
    with pytest.raises(Stopped):
        run(folder, minutes, Interrupted(5))
    used = SafeCheckpoints().load_checkpoint(folder.checkpoint)["callbacks"]["Ledger"]["seconds"]
    report, _ = run(folder, minutes)
    assert 0 < used < 1.2 <= report.seconds
    seconds = [float(row["seconds"]) for row in rows(folder)]
    assert seconds == sorted(seconds)
    assert float(rows(folder)[-1]["learning_rate"]) < 1e-4


@pytest.mark.parametrize("writes", [2, 3, 4, 5])
def test_a_full_disk_leaves_a_run_that_goes_on(whole, folder, monkeypatch, writes):
    real, count = os.fsync, iter(range(1000))

    def full(number):
        if next(count) >= writes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunError, match="cannot be written: No space left on device; make room"):
            run(folder, EPOCHS)
    assert not list(folder.path.glob(".*"))
    run(folder, EPOCHS)
    assert_same_run(folder, whole[0])


def test_a_damaged_checkpoint_is_told_from_a_good_one(folder):
    with pytest.raises(Stopped):
        run(folder, EPOCHS, Interrupted(5))
    content = folder.checkpoint.read_bytes()
    for damaged in (b"", content[: len(content) // 2], b"\x00" * 100, content[100:]):
        folder.checkpoint.write_bytes(damaged)
        with pytest.raises(RunError, match=r"checkpoint\.safetensors' must be a checkpoint of a run"):
            run(folder, EPOCHS)
