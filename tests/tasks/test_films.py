"""Frames of video files: what is read, refused, made and learned."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from cellwright.cli import main
from cellwright.errors import DataError, DataWarning, InputError
from cellwright.tasks.frames import Filmed, FrameSettings, read_videos
from cellwright.tasks.frames.clips import DIRECTIONS, FRAMES, SIZE, clip, shapes, write_clips
from cellwright.tasks.frames.pixels import PixelNetwork
from cellwright.tasks.frames.video import count_frames, decoded, write_film


def film(path: Path, frames: int = 4) -> Path:
    write_film(path, np.random.default_rng(1).integers(0, 256, (frames, 16, 16), np.uint8))
    return path


def test_a_table_names_films_and_frames(tmp_path: Path) -> None:
    film(tmp_path / "a.mkv")
    film(tmp_path / "b.mkv", 2)
    (tmp_path / "t.csv").write_text("video,frame,label\na.mkv,1,x\na.mkv,3,y\nb.mkv,0,x\nb.mkv,1,y\n")
    first, second = read_videos(tmp_path / "t.csv")
    assert isinstance(first, Filmed)
    assert first.labels == ("", "x", "", "y")
    assert second.labels == ("x", "y")
    (tmp_path / "t.csv").write_text("video,label\na.mkv,x\na.mkv,y\n")
    assert read_videos(tmp_path / "t.csv")[0].labels == ("x", "y", "", "")


def test_films_alone_have_no_labels(tmp_path: Path) -> None:
    film(tmp_path / "a.mkv")
    assert [each.labels for each in read_videos(tmp_path)] == [("",) * 4]
    assert read_videos(tmp_path / "a.mkv")[0].name == "a.mkv"
    (tmp_path / "b.mkv").write_text("no film")
    with pytest.raises(DataError, match=r"a fault: b.mkv: .*cannot be read as a video"):
        read_videos(tmp_path)
    with pytest.warns(DataWarning, match="b.mkv"):
        assert [each.name for each in read_videos(tmp_path, skip=True)] == ["a.mkv"]


def test_all_faults_of_films_are_told_at_once(tmp_path: Path) -> None:
    content = film(tmp_path / "a.mkv").read_bytes()
    (tmp_path / "text.mkv").write_text("no film")
    (tmp_path / "empty.mkv").write_bytes(b"")
    (tmp_path / "head.mkv").write_bytes(content[:200])
    lines = ["a.mkv,0,x", "a.mkv,0,y", "a.mkv,4,x", "a.mkv,-1,x", "text.mkv,0,x", "empty.mkv,0,x", "none.mkv,0,x",
             "head.mkv,0,x", "a.mkv,1"]  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join(["video,frame,label", *lines]))
    with pytest.raises(DataError) as error:
        read_videos(tmp_path / "t.csv")
    told = str(error.value)
    expected = {
        3: "named before", 4: "no frame '4', but 4", 5: "no frame '-1'", 6: "cannot be read as a video",
        7: "cannot be read as a video", 8: "there is no file", 9: "head.mkv", 10: "2 columns, not 3",
    }  # fmt: skip
    for line, what in expected.items():
        assert what in told.partition(f"line {line}:")[2].partition("; line")[0], told


def test_frames_are_scaled_to_a_square(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mkv", np.full((2, 32, 64), 7, np.uint8))
    found = decoded(tmp_path / "a.mkv", size=24)
    assert found.shape == (2, 24, 24)
    assert found.eq(7).all()


def test_a_network_sees_a_film_alone_as_among_others() -> None:
    torch.manual_seed(1)
    network = PixelNetwork(3, FrameSettings(size=16, channels=4, hidden=8)).eval()
    frames = torch.randint(0, 256, (3, 7, 16, 16), dtype=torch.uint8)
    together = network(frames, torch.tensor([7, 4, 1]))
    alone = network(frames[1:2, :4], torch.tensor([4]))
    torch.testing.assert_close(together[1:2, :4], alone)


def test_a_thing_goes_as_its_labels_say_and_turns_once() -> None:
    chance = np.random.default_rng(1)
    for _ in range(20):
        image = np.zeros((9, 5), np.uint8)
        image[2, 1] = 255  # one bright point can be followed
        frames, names = clip(image, chance)
        places = np.array([np.argwhere(frame == 255)[0] for frame in frames])
        assert frames.shape == (FRAMES, SIZE, SIZE)
        for before, after, name in zip(places, places[1:], names[1:], strict=False):
            assert tuple(after - before) == DIRECTIONS[name]
        assert sum(one != other for one, other in pairwise(names[1:])) == 1


def test_clips_are_made_again_by_their_seed_and_need_a_folder_of_their_own(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_clips(tmp_path / name, 3, seed, shapes())
    tables = [(tmp_path / name / "directions.csv").read_text() for name in "abc"]
    assert tables[0] == tables[1] != tables[2]
    assert {video.labels[3] for video in read_videos(tmp_path / "a" / "things.csv")} <= set(shapes())
    with pytest.raises(InputError, match="a folder of their own"):
        write_clips(tmp_path / "a", 3, 1, shapes())


def test_directions_are_learned_from_pixels(tmp_path: Path) -> None:
    assert main(["clips", str(tmp_path / "clips"), "--count", "150"]) == 0
    options = [
        "--causal",
        "--hidden",
        "32",
        "--channels",
        "4",
        "--crop",
        "0",
        "--epochs",
        "6",
        "--dropout",
        "0",
        "--batch",
        "4",
    ]
    data, run = tmp_path / "clips" / "directions.csv", tmp_path / "run"
    assert main(["train", "frames", str(data), *options, "--run", str(run)]) == 0
    assert json.loads((run / "result.json").read_text())["accuracy"] > 0.45
    assert main(["predict", str(run), str(tmp_path / "clips" / "00000.mkv"), "--output", str(tmp_path / "p.csv")]) == 0
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 1 + FRAMES


def test_features_are_no_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clips(tmp_path / "clips", 8, 1, shapes())
    options = ["--hidden", "4", "--channels", "1", "--epochs", "1", "--run", str(tmp_path / "run")]
    assert main(["train", "frames", str(tmp_path / "clips" / "directions.csv"), *options]) == 0
    (tmp_path / "t.csv").write_text("x,label\n1,up\n")
    assert main(["predict", str(tmp_path / "run"), str(tmp_path / "t.csv")]) == 1
    assert "t.csv: t: has features, and no film" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "ffv1"), ("a.mp4", "mpeg4"), ("a.avi", "mpeg4")])
def test_a_film_that_is_cut_off_is_told(name: str, codec: str, tmp_path: Path) -> None:
    path, frames = tmp_path / name, np.random.default_rng(1).integers(0, 256, (40, 32, 32), np.uint8)
    with av.open(str(path), "w", options={"movflags": "faststart"} if name.endswith("mp4") else {}) as container:
        stream = container.add_stream(codec, rate=10)
        stream.width = stream.height = 32
        for each in frames:
            pictures = av.VideoFrame.from_ndarray(each, format="gray").reformat(format=stream.pix_fmt)
            container.mux(stream.encode(pictures))
        container.mux(stream.encode())
    assert count_frames(path) == 40
    content = path.read_bytes()
    for share in (0.8, 0.5):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(DataError, match=r"is cut off after \d+ frames"):
            count_frames(path)


def test_a_film_of_which_nothing_can_be_decoded_is_refused(tmp_path: Path) -> None:
    content = film(tmp_path / "a.mkv").read_bytes()
    told = 0
    for size in range(300, len(content), 50):
        (tmp_path / "cut.mkv").write_bytes(content[:size])
        try:
            frames = decoded(tmp_path / "cut.mkv", 8)
        except DataError:
            told += 1
        else:
            assert len(frames)
    assert told
