"""Lines of text: what is read, refused and computed."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cellwright.cli import main
from cellwright.errors import DataError
from cellwright.tasks.lines import LineSettings, read_lines
from cellwright.tasks.lines.images import Ink
from cellwright.tasks.lines.model import Eye, distorted
from cellwright.tasks.task import Step
from cellwright.tasks.transcripts.metric import TranscriptMetric
from tests.tasks.small import lines


def test_images_find_their_texts(tmp_path: Path) -> None:
    for name, mode in (("a.nrm.png", "L"), ("b.bin.png", "1"), ("c.tif", "RGB"), ("d.jpg", "L")):
        Image.new(mode, (30, 10)).save(tmp_path / name)
    for name in "abc":
        (tmp_path / f"{name}.gt.txt").write_text(f" the line {unicodedata.normalize('NFD', 'é')} ", encoding="utf-8")
    found = read_lines(tmp_path)
    assert [each.transcript for each in found] == ["the line é"] * 3 + [None]
    assert [each.length for each in found] == [3.0] * 4


def test_all_faults_of_a_folder_are_told_at_once(tmp_path: Path) -> None:
    Image.new("L", (30, 10)).save(tmp_path / "good.png")
    (tmp_path / "good.gt.txt").write_text("good")
    Image.new("L", (30, 1)).save(tmp_path / "flat.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:40])
    (tmp_path / "lone.gt.txt").write_text("lone")
    (tmp_path / "latin.png").write_bytes((tmp_path / "good.png").read_bytes())
    (tmp_path / "latin.gt.txt").write_bytes("é".encode("latin-1"))
    with pytest.raises(DataError) as error:
        read_lines(tmp_path)
    told = str(error.value)
    expected = {
        "flat.png": "is 1 pixels high", "empty.png": "is empty", "text.png": "cannot identify", "cut.png": "",
        "lone.gt.txt": "no image of this text", "latin.png": "must be UTF-8",
    }  # fmt: skip
    assert "has 6 faults" in told
    for name, what in expected.items():
        assert what in told.partition(f"{name}: ")[2].partition("; ")[0], told
    assert "cut.png: " in told


@pytest.mark.parametrize(("content", "told"), [(None, "there is no file"), ("folder", "holds no image")])
def test_where_nothing_is_that_is_said(content: str | None, told: str, tmp_path: Path) -> None:
    if content:
        (tmp_path / "x").mkdir()
    with pytest.raises(DataError, match=told):
        read_lines(tmp_path / "x")


def test_ink_is_scaled_whatever_paper_and_size(tmp_path: Path) -> None:
    pixels = np.full((40, 200), 250, np.uint8)
    pixels[10:30, 60:100] = 10
    for name, some in (("bright", pixels), ("dim", pixels // 2 + 20)):
        Image.fromarray(some).save(tmp_path / f"{name}.png")
    made = Ink(height=20)
    bright, dim = made(tmp_path / "bright.png"), made(tmp_path / "dim.png")
    assert bright.shape == (100, 20)
    assert bright[35:45, 7:13].ge(245).all()
    assert bright[:25].eq(0).all()
    torch.testing.assert_close(bright.int(), dim.int(), atol=3, rtol=0)


def test_an_image_of_one_grey_is_paper(tmp_path: Path) -> None:
    Image.new("L", (30, 10), 90).save(tmp_path / "a.png")
    assert not Ink(height=16)(tmp_path / "a.png").any()


def test_a_line_is_read_alone_as_among_others() -> None:
    torch.manual_seed(1)
    eye = Eye(LineSettings(height=16, channels=4)).eval()
    signals = torch.randint(0, 256, (3, 27, 16), dtype=torch.uint8)
    lengths = torch.tensor([27, 14, 5])
    for row, length in enumerate(lengths.tolist()):
        signals[row, length:] = 0
    together, steps = eye(signals, lengths)
    assert steps.tolist() == [7, 4, 2]
    for row, length in enumerate(lengths.tolist()):
        alone, _ = eye(signals[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(together[row : row + 1, : steps[row]], alone)


def test_distortion_keeps_the_ink_about_where_it_is() -> None:
    torch.manual_seed(1)
    ink = torch.zeros(64, 100, 48)
    ink[:, 30:70, 14:34] = 1
    found = distorted(ink, 1.0)
    assert found.shape == ink.shape
    assert found[:, 45:55, 22:26].mean() > 0.9
    assert found[:, :10].abs().mean() < 0.1
    assert (found[0] - found[1]).abs().max() > 0.5


def test_a_text_must_fit_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = lines(tmp_path / "pages", 6, 1)
    (data / "003.gt.txt").write_text("far more than can be read in so few columns")
    assert main(["train", "lines", str(data), "--epochs", "1", "--run", str(tmp_path / "run")]) == 1
    told = capsys.readouterr().err
    assert "003.nrm.png" in told
    assert "too few for its 43 characters" in told


def test_a_text_that_does_not_fit_is_left_out_if_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = lines(tmp_path / "pages", 6, 1), tmp_path / "run"
    (data / "003.gt.txt").write_text("far more than can be read in so few columns")
    options = ["--hidden", "4", "--height", "16", "--channels", "2", "--epochs", "1", "--run", str(run), "--skip"]
    assert main(["train", "lines", str(data), *options]) == 0
    found = capsys.readouterr()
    assert "left out of what is read: a fault" in found.err
    assert "Learning from 4 lines" in found.out


def test_what_was_never_learned_counts_as_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = lines(tmp_path / "pages", 12, 1), tmp_path / "run"
    options = ["--hidden", "4", "--height", "16", "--channels", "2", "--epochs", "1", "--run", str(run)]
    assert main(["train", "lines", str(data), *options]) == 0
    for each in data.glob("*.gt.txt"):
        each.write_text("ZZZZ")
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data)]) == 0
    assert float(capsys.readouterr().out.split("character_error ")[1].split(",")[0]) >= 1


def test_texts_are_needed_to_measure_but_not_to_predict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = lines(tmp_path / "pages", 12, 1), tmp_path / "run"
    options = ["--hidden", "4", "--height", "16", "--channels", "2", "--epochs", "1", "--run", str(run)]
    assert main(["train", "lines", str(data), *options]) == 0
    (data / "000.gt.txt").unlink()
    assert main(["evaluate", str(run), str(data)]) == 1
    assert "000.nrm.png: has no transcript" in capsys.readouterr().err
    assert main(["predict", str(run), str(data / "000.nrm.png")]) == 0


def test_errors_are_counted_by_the_length_of_what_is_true() -> None:
    metric = TranscriptMetric("characters")
    metric.update(Step(torch.tensor(1.0), 7, found=[("abcd", "abXd"), ("", "e"), ("fgh", "fh")]))
    found = metric.compute()
    assert found["character_error"] == pytest.approx(3 / 7)
    assert found["word_error"] == pytest.approx(3 / 2)
    assert found["wrong"] == 1
    assert metric.confusions == {("c", "X"): 1, ("", "e"): 1, ("g", ""): 1}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16", "P"])
def test_the_ink_is_found_in_every_kind_of_image(mode: str, tmp_path: Path) -> None:
    pixels = np.full((16, 64), 250, np.uint8)
    pixels[4:12, 20:40] = 10
    image = Image.fromarray(pixels)
    if mode in ("RGBA", "LA"):
        image = image.convert(mode)
        clear = Image.new("L", image.size, 255)
        clear.paste(0, (0, 0, 15, 16))
        image.putalpha(clear)
    elif mode == "I;16":
        image = Image.fromarray(pixels.astype(np.uint16) * 200)
    else:
        image = image.convert("P")
    image.save(tmp_path / "a.png")
    found = Ink(height=16)(tmp_path / "a.png")
    assert found[24:36, 6:10].ge(240).all()
    assert found[:12].le(20).all()


def test_a_name_may_have_dots(tmp_path: Path) -> None:
    for name in ("v1.2_p3", "v1.2_p4"):
        Image.new("L", (30, 10)).save(tmp_path / f"{name}.bin.png")
        (tmp_path / f"{name}.gt.txt").write_text(name)
    assert [each.transcript for each in read_lines(tmp_path)] == ["v1.2_p3", "v1.2_p4"]
