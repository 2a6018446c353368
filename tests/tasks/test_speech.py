"""Speech: what is read, refused and computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from cellwright.cli import main
from cellwright.errors import DataError, InputError
from cellwright.tasks.speech.features import LogMel, frames
from cellwright.tasks.speech.model import Ear, spans
from cellwright.tasks.speech.reading import read_recordings
from cellwright.tasks.speech.settings import SpeechSettings
from tests.tasks.small import RATE, recordings


def tone(path: Path, samples: int = 1600, rate: int = RATE) -> Path:
    soundfile.write(path, 0.5 * np.sin(np.arange(samples)), rate)
    return path


def log_mel(samples: np.ndarray, rate: int, bands: int) -> np.ndarray:
    """The formula of the docstring, in NumPy alone."""
    size, shift = rate * 25 // 1000, rate * 10 // 1000
    count = (len(samples) + shift // 2) // shift
    width = 1 << (size - 1).bit_length()
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / (size - 1))) ** 0.85
    edges = np.linspace(1127 * np.log1p(20 / 700), 1127 * np.log1p(rate / 2 / 700), bands + 2)
    place = 1127 * np.log1p(np.arange(width // 2) * rate / width / 700)
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.clip(np.minimum((place - left) / (middle - left), (right - place) / (right - middle)), 0, None)
    rows = []
    for n in range(count):
        at = np.arange(size) + n * shift + shift // 2 - size // 2
        at = np.where(at < 0, -at - 1, at)  # Kaldi mirrors what lies outside
        at = np.where(at >= len(samples), 2 * len(samples) - 1 - at, at)
        frame = samples[at] - samples[at].mean()
        frame = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
        power = np.abs(np.fft.rfft(frame * window, width)[: width // 2]) ** 2
        rows.append(np.log(np.maximum(triangles @ power, 1.1920929e-07)))
    found = np.array(rows)
    return found - found.mean()


@pytest.mark.parametrize("rate", [8000, 16000])
def test_features_follow_their_formula(rate: int, tmp_path: Path) -> None:
    samples = np.random.default_rng(1).normal(size=rate // 4 + 37) * 0.1
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    found = LogMel(rate, bands=24)(tmp_path / "a.wav").numpy()
    assert found.shape == (frames(len(samples) / rate), 24)
    np.testing.assert_allclose(found, log_mel(samples.astype(np.float32), rate, 24), atol=2e-3)


def test_features_do_not_depend_on_how_loud_it_is(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).normal(size=RATE)
    for name, level in (("loud", 0.2), ("soft", 0.002)):
        soundfile.write(tmp_path / f"{name}.wav", level * samples, RATE, subtype="FLOAT")
    made = LogMel(RATE, bands=20)
    torch.testing.assert_close(made(tmp_path / "loud.wav"), made(tmp_path / "soft.wav"), atol=1e-3, rtol=0)


def test_silence_gives_zeros(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    assert LogMel(RATE, bands=20)(tmp_path / "a.wav").abs().max() < 1e-5


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_formats_are_read(ending: str, tmp_path: Path) -> None:
    tone(tmp_path / f"a.{ending}")
    (tmp_path / "t.tsv").write_text(f"path\ttranscript\na.{ending}\tone, two\n")
    [found] = read_recordings(tmp_path / "t.tsv")
    assert (found.transcript, found.length, found.rate) == ("one, two", 0.2, RATE)
    assert [each.path for each in read_recordings(tmp_path)] == [found.path]
    assert read_recordings(found.path)[0].transcript is None


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    whole = tone(tmp_path / "whole.wav").read_bytes()
    tone(tmp_path / "fast.wav", rate=16000)
    (tmp_path / "cut.wav").write_bytes(whole[:1000])
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    names = ["whole", "fast", "cut", "empty", "text", "silent", "none", "x" * 300]
    table = "".join(f"{name}.wav,one\n" for name in names) + "whole.wav,one,two\n,three\n"
    (tmp_path / "table.csv").write_text(table)
    with pytest.raises(DataError) as error:
        read_recordings(tmp_path / "table.csv")
    told = str(error.value)
    expected = {
        2: "16,000 samples per second, not 8,000", 3: "cut off: 1,000 of", 4: "is empty", 5: "cannot be read",
        6: "is silent", 7: "has no samples", 8: "there is no file", 9: "3 columns", 10: "the path is empty",
    }  # fmt: skip
    assert "has 9 faults" in told
    for line, what in expected.items():
        assert what in told.partition(f"line {line}:")[2].partition("; line")[0]


def test_a_recording_that_was_written_as_a_stream_is_whole(tmp_path: Path) -> None:
    content = bytearray(tone(tmp_path / "a.wav").read_bytes())
    content[4:8] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(content)
    assert read_recordings(tmp_path / "a.wav")[0].length == 0.2


def test_a_transcript_must_fit_its_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tone(tmp_path / "a.wav")
    (tmp_path / "t.csv").write_text("path,transcript\na.wav,a long transcript\na.wav,one\na.wav,one\n")
    assert main(["train", "speech", str(tmp_path / "t.csv"), "--epochs", "1", "--run", str(tmp_path / "run")]) == 1
    told = capsys.readouterr().err
    assert "10 steps are too few for its 17 characters" in told
    assert not (tmp_path / "run").exists()


def test_another_sample_rate_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = recordings(tmp_path / "t.csv", 8, 1)
    options = ["--unit", "words", "--hidden", "4", "--epochs", "1", "--run", str(tmp_path / "run")]
    assert main(["train", "speech", str(data), *options]) == 0
    tone(tmp_path / "b.wav", rate=16000)
    (tmp_path / "u.csv").write_text("b.wav,low\n")
    for command in ("evaluate", "predict"):
        capsys.readouterr()
        assert main([command, str(tmp_path / "run"), str(tmp_path / "u.csv")]) == 1
        assert "b.wav: has 16,000 samples per second, not 8,000" in capsys.readouterr().err


def test_whole_words_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = recordings(tmp_path / "t.csv", 60, 1)
    single = [row for row in data.read_text().splitlines() if " " not in row]
    data.write_text("\n".join(single))
    options = ["--unit", "whole", "--hidden", "8", "--layers", "1", "--epochs", "20", "--learning-rate", "0.02"]
    assert main(["train", "speech", str(data), *options, "--run", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "run"), str(data)]) == 0
    found = [row.split("\t")[1] for row in capsys.readouterr().out.splitlines()[1:]]
    assert found == [row.split(",")[1] for row in single[1:]]
    (tmp_path / "one.csv").write_text("\n".join(row for row in single if row.endswith(("transcript", "low"))))
    assert main(["train", "speech", str(tmp_path / "one.csv"), *options, "--run", str(tmp_path / "other")]) == 1
    assert "at least two words" in capsys.readouterr().err
    (tmp_path / "new.csv").write_text(single[1].split(",")[0] + ",between\n")
    assert main(["evaluate", str(tmp_path / "run"), str(tmp_path / "new.csv")]) == 1
    assert "'between'" in capsys.readouterr().err


def test_a_beam_reads_a_run_as_well(tmp_path: Path) -> None:
    data = recordings(tmp_path / "t.csv", 48, 1)
    options = ["--unit", "words", "--hidden", "12", "--beam", "4", "--epochs", "1", "--run", str(tmp_path / "run")]
    assert main(["train", "speech", str(data), *options]) == 0


def test_frames_are_hidden_only_while_learning() -> None:
    ear = Ear(torch.zeros(20), torch.ones(20), SpeechSettings(stack=3))
    signals, lengths = torch.ones(4, 31, 20), torch.tensor([31, 30, 29, 1])
    kept, steps = ear.eval()(signals, lengths)
    assert kept.shape == (4, 11, 60)
    assert steps.tolist() == [11, 10, 10, 1]
    frames = kept.unflatten(2, (3, 20)).flatten(1, 2)
    for row, length in zip(frames, lengths.tolist(), strict=True):
        assert row[:length].eq(1).all()
        assert row[length:].eq(0).all()
    torch.manual_seed(1)
    assert not ear.train()(signals, lengths)[0][:2, :10].all()


def test_spans_are_no_longer_than_they_may_be() -> None:
    torch.manual_seed(1)
    hidden = spans(200, 30, 5, 1, torch.device("cpu"))
    assert 0 < hidden.sum(1).float().mean() < 4
    assert hidden.sum(1).max() <= 5
    assert hidden.any(0).all()


def test_what_is_damaged_within_is_told(tmp_path: Path) -> None:
    made = LogMel(RATE, bands=20)
    tone(tmp_path / "a.flac", samples=8000)
    (tmp_path / "cut.flac").write_bytes((tmp_path / "a.flac").read_bytes()[:-200])
    soundfile.write(tmp_path / "short.wav", np.ones(30), RATE)
    soundfile.write(tmp_path / "nan.wav", np.full(800, np.nan), RATE, subtype="FLOAT")
    for name, told in (("cut.flac", "to its end"), ("short.wav", "shorter than a frame"), ("nan.wav", "no numbers")):
        with pytest.raises(DataError, match=told):
            made(tmp_path / name)
    with pytest.raises(InputError, match="--bands 400 do not fit 8,000"):
        LogMel(RATE, bands=400)


@pytest.mark.parametrize("ending", ["wav", "aiff", "flac", "ogg", "opus"])
@pytest.mark.parametrize("share", [0.3, 0.97])
def test_a_recording_that_is_cut_off_is_told_before_it_is_learned(ending: str, share: float, tmp_path: Path) -> None:
    whole = tmp_path / f"a.{ending}"
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * RATE)
    soundfile.write(whole, noise, RATE, **({"format": "OGG", "subtype": "OPUS"} if ending == "opus" else {}))
    assert read_recordings(whole)[0].length == 3
    content = whole.read_bytes()
    whole.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"cut off|cannot be read"):
        read_recordings(whole)


def test_samples_that_are_no_numbers_are_told_before_they_are_learned(tmp_path: Path) -> None:
    samples = np.sin(np.arange(3.0 * RATE))
    samples[20_000] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(DataError, match="samples that are no numbers"):
        read_recordings(tmp_path / "a.wav")


def test_a_format_without_a_head_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(b"abcd" * 100)
    (tmp_path / "t.csv").write_text("a.raw,one\n")
    with pytest.raises(DataError, match=r"line 1: .*a.raw' cannot be read as a recording"):
        read_recordings(tmp_path / "t.csv")


def test_what_is_measured_on_must_fit_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = recordings(tmp_path / "t.csv", 8, 1)
    tone(tmp_path / "short.wav", samples=400)
    (tmp_path / "u.csv").write_text("short.wav,low high low\n")
    for option in ("--valid", "--test"):
        run = ["--run", str(tmp_path / "run"), "--epochs", "1"]
        assert main(["train", "speech", str(data), option, str(tmp_path / "u.csv"), *run]) == 1
        assert "are too few for its 12 characters" in capsys.readouterr().err
