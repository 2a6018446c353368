"""Several processes on one machine: the same result as one, and a run that outlives one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.tasks.small import MAKERS, OPTIONS

PLAIN = {"text": ["--dropout", "0"], "labels": ["--dropout", "0", "--rare", "0"]}
"""What takes chance away: each process has its own."""
LIMIT = 240


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "cellwright", *map(str, arguments)]


def trained(name: str, data: Path, run: Path, *options: object) -> subprocess.CompletedProcess[str]:
    arguments = ("train", name, data, "--run", run, *OPTIONS[name], *PLAIN[name], *options)
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=LIMIT, check=False)


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = (load_file(run / "weights.safetensors") for run in (one, other))
    assert first.keys() == second.keys()
    for name, weights in first.items():
        assert (weights - second[name]).abs().max() < 1e-5, name


@pytest.mark.parametrize("name", list(PLAIN))
def test_two_processes_learn_what_one_does(name: str, tmp_path: Path) -> None:
    data = MAKERS[name](tmp_path / "learn.csv", 80, 1)  # of which 72 are learned from: whole batches of 8
    for devices in (1, 2):
        done = trained(name, data, tmp_path / f"{devices}", "--epochs", 1, "--devices", devices)
        assert done.returncode == 0, done.stderr
        assert ("2 processes" in done.stdout) == (devices == 2)
        assert done.stdout.count("Done after") == 1
    assert_same_weights(tmp_path / "1", tmp_path / "2")


def children(process: int) -> list[int]:
    """The processes that one has started."""
    lists = Path(f"/proc/{process}/task").glob("*/children")
    return [int(each) for path in lists for each in path.read_text().split()]


def until_checkpoint(process: subprocess.Popen[bytes], run: Path) -> None:
    """Wait until something was measured and kept."""
    end = time.monotonic() + LIMIT
    while not (run / "metrics.csv").exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_run_of_two_goes_on_after_one_is_gone(how: str, tmp_path: Path) -> None:
    data, options = MAKERS["text"](tmp_path / "learn.txt", 400, 1), ("--epochs", 4)
    assert trained("text", data, tmp_path / "whole", *options).returncode == 0
    run = tmp_path / "run"
    arguments = command("train", "text", data, "--run", run, "--devices", 2, *OPTIONS["text"], *PLAIN["text"], *options)
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        until_checkpoint(process, run)
        if how == "killed":
            os.kill(children(process.pid)[-1], signal.SIGKILL)
        else:
            process.send_signal(signal.SIGINT)
        code, told = process.wait(LIMIT), process.stderr.read().decode()
    assert code == (1 if how == "killed" else 128 + signal.SIGINT), told
    assert f"train text --resume {run} --devices 2" in told.splitlines()[-1]
    assert not (run / "result.json").exists()
    resumed = command("train", "text", "--resume", run, "--devices", 2)
    done = subprocess.run(resumed, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    assert_same_weights(tmp_path / "whole", run)


def test_torchrun_starts_the_same_command(tmp_path: Path) -> None:
    data = MAKERS["labels"](tmp_path / "learn.csv", 80, 1)
    options = ["--epochs", "1", *OPTIONS["labels"], *PLAIN["labels"]]
    assert trained("labels", data, tmp_path / "one", "--epochs", 1).returncode == 0
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    arguments = ["cellwright", "train", "labels", str(data), *options]
    done = subprocess.run([*torchrun, *arguments], cwd=tmp_path, capture_output=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    assert_same_weights(tmp_path / "one", tmp_path / "runs" / "learn")


def test_a_batch_must_go_round(tmp_path: Path) -> None:
    data = MAKERS["text"](tmp_path / "learn.txt", 90, 1)
    done = trained("text", data, tmp_path / "run", "--epochs", 1, "--devices", 5)
    assert done.returncode == 2
    assert "--batch 4 is shared by all processes" in done.stderr


def test_batches_that_are_prepared_ahead_are_the_same(tmp_path: Path) -> None:
    data = MAKERS["labels"](tmp_path / "learn.csv", 90, 1)
    for workers in (0, 2):
        done = trained("labels", data, tmp_path / f"{workers}", "--epochs", 2, "--workers", workers)
        assert done.returncode == 0, done.stderr
    assert_same_weights(tmp_path / "0", tmp_path / "2")
