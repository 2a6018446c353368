"""The command line: what it prints, what it refuses, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cellwright.cells import cells
from cellwright.cli import main
from cellwright.tasks.text import load_vocabulary
from tests.training.made import TEXT

SMALL = ("--hidden", "12", "--embedding", "6", "--batch", "4", "--chunk", "16")
COMMANDS = ["train text", "evaluate", "generate", "cells", "describe", "demo"]


def called(capsys, *arguments):
    """Run a command; its exit code, what it printed, and what it complained of."""
    code = main([str(each) for each in arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def refused(capsys, *arguments, code=1):
    """The one line with which a command refuses."""
    found, _, complaint = called(capsys, *arguments)
    assert found == code, complaint
    assert complaint.startswith("cellwright: ")
    assert complaint.count("\n") == 1
    assert "Traceback" not in complaint
    return complaint


@pytest.fixture(scope="module")
def novel(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "novel.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def run(novel):
    """A trained run; tests must not change it."""
    path = novel.with_name("run")
    assert main(["train", "text", str(novel), "--run", str(path), "--epochs", "2", *SMALL]) == 0
    return path


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", ["", "train", *COMMANDS])
def test_help_shows_an_example(capsys, command):
    code, shown, _ = called(capsys, *command.split(), "--help")
    assert code == 0
    assert re.search(r"Example: cellwright \w+", shown)


def test_help_and_cells_need_no_lightning():
    program = (
        "import sys; from cellwright.cli import main; main(['--help']); main(['cells']); "
        "sys.exit(any(name in sys.modules for name in ('lightning', 'tokenizers')))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0


def test_cells_lists_every_cell(capsys):
    _, shown, _ = called(capsys, "cells")
    for cell in cells.values():
        assert cell.name in shown
        assert f"{cell.parameters(128, 128):,}" in shown


def test_describe_prints_equations_shapes_parameters_and_flow(capsys):
    code, shown, _ = called(capsys, "describe", "lstm", "--input", 80, "--hidden", 12)
    assert code == 0
    assert "c_t = f_t * c_t-1 + i_t * g_t" in shown
    for shape in (r"W_f +12 × 80", r"R_f +12 × 12", r"b_f +12 ", r"b'_f +12 "):
        assert re.search(shape, shown)
    assert "4,512, 4 times the 1,128 of a plain recurrent network" in shown
    assert re.search(r"x_t \[80\] +-> W x_t \+ b", shown)


@pytest.mark.parametrize("name", list(cells))
def test_describe_knows_every_cell_also_as_latex(capsys, name):
    assert called(capsys, "describe", name)[0] == 0
    _, shown, _ = called(capsys, "describe", name, "--latex")
    assert shown == cells[name].latex() + "\n"


def test_training_prints_where_the_run_is_and_what_to_do_next(capsys, novel):
    code, shown, _ = called(capsys, "train", "text", novel, "--epochs", 1, *SMALL)
    assert code == 0
    assert "run in runs/novel" in shown
    assert "Next: cellwright generate runs/novel" in shown
    assert re.search(r"Done after \d+ steps in .*: loss [\d.]+, perplexity [\d.]+, bits [\d.]+", shown)
    recipe = json.loads(Path("runs/novel/recipe.json").read_text())
    assert recipe["data"] == {"learned": str(novel)}
    assert recipe["settings"]["hidden"] == 12
    assert set(recipe["versions"]) == {"cellwright", "python", "torch", "lightning"}
    called(capsys, "train", "text", novel, "--epochs", 1, *SMALL)
    assert Path("runs/novel-2/result.json").exists()


def test_a_folder_of_texts_with_byte_pairs_and_tied_weights(capsys, novel):
    Path("texts").mkdir()
    for name in ("one.txt", "two.txt"):
        Path("texts", name).write_text(TEXT)
    options = ("--vocabulary", "bpe", "--vocabulary-size", 300, "--epochs", 1, "--cell", "gru", "--layers", 2)
    code, shown, _ = called(capsys, "train", "text", "texts", *options, *SMALL)
    assert code == 0
    assert "tokens (290 different)" in shown
    code, shown, _ = called(capsys, "generate", "runs/texts", "--prompt", "größer", "--length", 9)
    assert code == 0
    assert shown.startswith("größer")
    _, shown, _ = called(capsys, "evaluate", "runs/texts", novel)
    nats, bits = (float(re.search(rf"{name} ([\d.]+)", shown)[1]) for name in ("loss", "bits"))
    tokens = len(load_vocabulary(Path("runs/texts/vocabulary.json").read_text()).encode(TEXT))
    assert bits == pytest.approx(nats * tokens / len(TEXT) / 0.693147, rel=1e-3)


def test_evaluate_agrees_with_the_end_of_training(capsys, run):
    Path("held-out.txt").write_text(TEXT[len(TEXT) - round(len(TEXT) / 10) :])
    code, shown, _ = called(capsys, "evaluate", run, "held-out.txt")
    assert code == 0
    result = json.loads((run / "result.json").read_text())
    assert shown == ", ".join(f"{name} {result[name]:.4f}" for name in ("loss", "perplexity", "bits")) + "\n"


def test_generate_repeats_with_its_seed(capsys, run):
    first, again, other = (
        called(capsys, "generate", run, "--prompt", "the ", "--length", 50, "--seed", seed)[1] for seed in (1, 1, 2)
    )
    assert first == again != other
    assert first.startswith("the ")
    assert len(first) == len("the ") + 50 + len("\n")


def test_generate_at_temperature_zero_needs_no_chance(capsys, run):
    first, other = (
        called(capsys, "generate", run, "--temperature", 0, "--length", 30, "--seed", seed)[1] for seed in (1, 2)
    )
    assert first == other


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no text"),
        (b"PK\x03\x04\x00\x00", "is binary (byte 0 at offset 4)"),
        (b"caf\xe9", "byte 0xe9 at offset 3"),
        (b"too short", "bring more text"),
        (b"x" * 60, "bring more text"),
    ],
)
def test_a_text_that_cannot_be_learned_is_refused_and_leaves_no_run(capsys, content, message):
    Path("input.txt").write_bytes(content)
    assert message in refused(capsys, "train", "text", "input.txt", *SMALL)
    assert not Path("runs").exists()


def test_a_missing_text_is_refused(capsys, run):
    assert "there is no file or folder 'no.txt'" in refused(capsys, "train", "text", "no.txt")
    assert "there is no file or folder 'no.txt'" in refused(capsys, "evaluate", run, "no.txt")
    assert "DATA is missing" in refused(capsys, "train", "text", code=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hiden", 3], "--hidden"),
        (["--hidden", "many"], "'--hidden'"),
        (["--hidden", 0], "--hidden must be from 1 to 65536, not 0"),
        (["--dropout", 1.5], "--dropout must be from 0 to below 1, not 1.5"),
        (["--minutes", -1], "--minutes must be above 0, not -1"),
        (["--vocabulary", "words"], "--vocabulary"),
        (["--vocabulary-size", 12], "--vocabulary-size must be from 257 to 1000000, not 12"),
        (["--cell", "lstn"], "did you mean 'lstm'?"),
        (["--seed", -1], "--seed must be from 0"),
        (["--batch", 500], None),
    ],
)
def test_a_wrong_option_is_refused_and_leaves_no_run(capsys, novel, options, message):
    complaint = refused(capsys, "train", "text", novel, *options, code=2 if message else 1)
    assert (message or "lower --batch or --chunk") in complaint
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "No such command"),
        (["train", "txt"], "No such command"),
        (["describe", "lstm", "--hidden", 0], "'--hidden'"),
        (["describe", "gruu"], "did you mean 'gru'?"),
        (["--colour"], "--colour"),
    ],
)
def test_a_wrong_command_is_refused(capsys, arguments, message):
    assert message in refused(capsys, *arguments, code=2)


def test_a_run_that_is_not_there_is_refused(capsys, novel):
    for arguments in (
        ["generate", "runs/no"],
        ["evaluate", "runs/no", novel],
        ["train", "text", "--resume", "runs/no"],
    ):
        assert "'runs/no' does not exist" in refused(capsys, *arguments)


def test_a_second_training_into_a_run_is_refused(capsys, run, novel):
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    assert f"--resume {run}" in refused(capsys, "train", "text", novel, "--run", run, *SMALL)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_finished_run_is_not_resumed_without_a_larger_budget(capsys, run):
    assert "for example --epochs 4" in refused(capsys, "train", "text", "--resume", run)
    assert "leave out --hidden" in refused(capsys, "train", "text", "--resume", run, "--hidden", 3, code=2)


def test_a_finished_run_goes_on_with_a_larger_budget(capsys, novel):
    called(capsys, "train", "text", novel, "--epochs", 1, *SMALL)
    code, shown, _ = called(capsys, "train", "text", "--resume", "runs/novel", "--epochs", 2)
    assert code == 0
    assert "100%" in shown
    assert json.loads(Path("runs/novel/recipe.json").read_text())["training"]["epochs"] == 2


def test_a_text_that_has_changed_is_not_gone_on_with(capsys):
    Path("diary.txt").write_text(TEXT)
    called(capsys, "train", "text", "diary.txt", "--epochs", 1, *SMALL)
    Path("diary.txt").write_text(TEXT + "More.")
    assert "has changed" in refused(capsys, "train", "text", "--resume", "runs/diary", "--epochs", 2)
    Path("moved.txt").write_text(TEXT)
    assert called(capsys, "train", "text", "moved.txt", "--resume", "runs/diary", "--epochs", 2)[0] == 0


def test_all_data_of_a_run_may_have_moved(capsys):
    for name in ("a.txt", "b.txt"):
        Path(name).write_text(TEXT + name)
    called(capsys, "train", "text", "a.txt", "--test", "b.txt", "--epochs", 1, *SMALL)
    for name in ("a.txt", "b.txt"):
        Path(name).rename(f"moved-{name}")
    moved = ["moved-a.txt", "--test", "moved-b.txt", "--resume", "runs/a", "--epochs", 2]
    assert called(capsys, "train", "text", *moved)[0] == 0
    assert called(capsys, "train", "text", "--resume", "runs/a", "--epochs", 3)[0] == 0
    assert "no data for validation" in refused(
        capsys, "train", "text", "--resume", "runs/a", "--valid", "moved-b.txt", "--epochs", 4, code=2
    )


def test_hidden_files_are_no_data_and_a_run_must_not_become_some(capsys):
    Path("texts").mkdir()
    Path("texts/a.txt").write_text(TEXT)
    assert "must not lie in its own data" in refused(
        capsys, "train", "text", "texts", "--run", "texts/run", *SMALL, code=2
    )
    called(capsys, "train", "text", "texts", "--epochs", 1, *SMALL)
    Path("texts/.DS_Store").write_text("x")
    assert called(capsys, "train", "text", "--resume", "runs/texts", "--epochs", 2)[0] == 0


def test_a_text_in_the_place_of_a_file_is_told(capsys):
    assert "cannot be used: File name too long" in refused(capsys, "train", "text", "It was a long day. " * 200)


def test_a_recipe_with_a_wrong_type_is_told(capsys, run, tmp_path):
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    recipe = json.loads((run / "recipe.json").read_text())
    recipe["training"]["clip"] = "1"
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    assert "a value of the wrong type" in refused(capsys, "evaluate", tmp_path, "novel.txt")


def test_characters_that_were_never_learned_are_refused(capsys, run):
    assert "'é' (character 4, 1 such in all)" in refused(capsys, "generate", run, "--prompt", "café")
    Path("other.txt").write_text("the cell ¿ of ¿")
    assert "'¿' (character 10, 2 such in all)" in refused(capsys, "evaluate", run, "other.txt")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--temperature", -1], "the temperature must be 0 or more, not -1"),
        (["--top-k", 0], "top-k must be 1 or more, not 0"),
        (["--top-p", 2], "top-p must be above 0 and at most 1, not 2"),
        (["--length", -3], "'--length'"),
    ],
)
def test_a_wrong_choice_is_refused(capsys, run, options, message):
    assert message in refused(capsys, "generate", run, *options, code=2)


@pytest.mark.parametrize("name", ["weights.safetensors", "recipe.json", "vocabulary.json"])
def test_a_damaged_run_is_refused(capsys, run, tmp_path, name):
    for path in run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:20])
    assert "cellwright: " in refused(capsys, "generate", tmp_path)


def test_debug_shows_the_traceback():
    with pytest.raises(Exception, match="there is no file"):
        main(["--debug", "train", "text", "no.txt"])


def test_what_is_not_installed_is_named_with_its_extra(capsys, monkeypatch, novel):
    monkeypatch.setitem(sys.modules, "cellwright.cli.runs", None)
    monkeypatch.setattr("cellwright.cli.EXTRAS", {"cellwright.cli.runs": "tasks"})
    assert "pip install 'cellwright[tasks]'" in refused(capsys, "train", "text", novel)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_run_that_its_own_message_resumes(capsys, novel, number, code):
    command = ["train", "text", str(novel), "--run", "stopped", "--epochs", "2000", *SMALL]
    program = "import sys; from cellwright.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not Path("stopped/metrics.csv").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == code, complaint
    assert complaint.count("\n") == 1
    assert re.search(
        r"stopped after step [\d,]+, and kept; continue with: cellwright train text --resume stopped",
        complaint,
    )
    done = re.search(r"step ([\d,]+)", complaint)[1].replace(",", "")
    code, shown, _ = called(capsys, "train", "text", "--resume", "stopped", "--epochs", int(done) // 20)
    assert code == 0
    assert "Done after" in shown


def test_the_demo_trains_measures_writes_and_says_what_next(capsys, monkeypatch):
    monkeypatch.setattr("pydoc_data.topics.topics", {f"topic {each}": "The cell.\n" + TEXT for each in range(3)})
    code, shown, _ = called(capsys, "demo", "--minutes", 0.02)
    assert code == 0
    for part in (
        "$ cellwright train text",
        "$ cellwright evaluate",
        "$ cellwright generate",
        "cellwright inspect runs/demo",
    ):
        assert part in shown
    assert Path("runs/demo/weights.safetensors").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes are closed as POSIX has it")
def test_a_reader_that_has_had_enough_is_no_error():
    program = "import sys; from cellwright.cli import main; sys.exit(main(['cells']))"
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
