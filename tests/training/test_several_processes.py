"""Several processes on one machine: the same result as one, and a run that outlives one of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from cellwright.cli import main
from tests.tasks.small import MAKERS, OPTIONS

PLAIN = {"text": ["--dropout", "0"], "labels": ["--dropout", "0", "--rare", "0"]}
"""What takes chance away: each process has its own."""
EPOCHS = ("--epochs", "2")
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


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Data, and what one process learns from them in two epochs."""
    folder = tmp_path_factory.mktemp("alone")
    data = MAKERS["labels"](folder / "learn.csv", 80, 1)  # of which 72 are learned from: whole batches of 8
    done = trained("labels", data, folder / "run", *EPOCHS)
    assert done.returncode == 0, done.stderr
    return data, folder / "run"


def test_two_processes_learn_what_one_does(alone: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = alone
    done = trained("labels", data, tmp_path / "run", *EPOCHS, "--devices", 2)
    assert done.returncode == 0, done.stderr
    assert "2 processes" in done.stdout
    assert done.stdout.count("Done after") == 1
    assert_same_weights(run, tmp_path / "run")


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A longer text, and what one process learns from it in four epochs."""
    folder = tmp_path_factory.mktemp("whole")
    data = MAKERS["text"](folder / "learn.txt", 400, 1)
    done = trained("text", data, folder / "run", "--epochs", 4)
    assert done.returncode == 0, done.stderr
    return data, folder / "run"


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_run_of_two_goes_on_after_one_is_gone(how: str, whole: tuple[Path, Path], tmp_path: Path) -> None:
    data, expected = whole
    run, options = tmp_path / "run", ("--epochs", 4, *OPTIONS["text"], *PLAIN["text"])
    arguments = command("train", "text", data, "--run", run, "--devices", 2, *options)
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
    assert_same_weights(expected, run)


def test_torchrun_starts_the_same_command(alone: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = alone
    options = [*EPOCHS, *OPTIONS["labels"], *PLAIN["labels"]]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    arguments = ["cellwright", "train", "labels", str(data), *options]
    done = subprocess.run([*torchrun, *arguments], cwd=tmp_path, capture_output=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    assert_same_weights(run, tmp_path / "runs" / "learn")


def meeting_point() -> dict[str, str]:
    """The environment of machines that meet here."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return os.environ | {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1])}


def test_two_machines_learn_what_one_process_does(alone: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = alone
    place = meeting_point()
    options = ("--run", tmp_path / "a run", "--nodes", 2, *EPOCHS, *OPTIONS["labels"], *PLAIN["labels"])
    machines = [
        subprocess.Popen(command("train", "labels", data, *options), env=place, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [each.communicate(timeout=LIMIT)[0] for each in machines]
    assert [each.returncode for each in machines] == [0, 0]
    assert sorted(each.count("Done after") for each in said) == [0, 1]
    assert_same_weights(run, tmp_path / "a run")


def test_processes_that_have_other_data_do_not_learn_together(tmp_path: Path) -> None:
    for place, seed in (("one", 1), ("other", 2)):
        (tmp_path / place).mkdir()
        MAKERS["labels"](tmp_path / place / "learn.csv", 80, seed)
    place = meeting_point()
    arguments = command("train", "labels", "learn.csv", "--run", tmp_path / "run", "--nodes", 2, *OPTIONS["labels"])
    machines = [
        subprocess.Popen(arguments, env=place, cwd=tmp_path / each, stderr=subprocess.PIPE, text=True)
        for each in ("one", "other")
    ]
    told = [each.communicate(timeout=LIMIT)[1] for each in machines]
    assert [each.returncode for each in machines] == [1, 1]
    assert all("but 1 of 2 have others than the first" in each for each in told)
    assert not (tmp_path / "run").exists()


def test_several_machines_must_know_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    data = MAKERS["labels"](tmp_path / "learn.csv", 80, 1)
    assert main(["train", "labels", str(data), "--nodes", "2"]) == 2
    assert "set MASTER_ADDR to its name" in capsys.readouterr().err
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.setenv("MASTER_PORT", "first")
    assert main(["train", "labels", str(data), "--nodes", "2"]) == 2
    assert "MASTER_PORT must be a number" in capsys.readouterr().err
    monkeypatch.setenv("MASTER_ADDR", "nowhere.invalid")
    monkeypatch.delenv("MASTER_PORT")
    assert main(["train", "labels", str(data), "--nodes", "2"]) == 2
    assert "MASTER_ADDR must name a machine, but 'nowhere.invalid' is not known here" in capsys.readouterr().err
    assert main(["train", "labels", str(data), "--nodes", "2", "--compare", "lstm,gru"]) == 2
    assert "leave out --nodes" in capsys.readouterr().err


def test_a_batch_must_go_round(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = MAKERS["text"](tmp_path / "learn.txt", 90, 1)
    assert main(["train", "text", str(data), "--run", str(tmp_path / "run"), "--devices", "5", *OPTIONS["text"]]) == 2
    assert "--batch 4 is shared by all processes" in capsys.readouterr().err


def test_batches_that_are_prepared_ahead_are_the_same(alone: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = alone
    done = trained("labels", data, tmp_path / "run", *EPOCHS, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert_same_weights(run, tmp_path / "run")
