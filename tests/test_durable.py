"""A file is there whole, or as it was before."""

import errno
import os

import pytest

from cellwright.durable import replacing, write_whole
from cellwright.errors import RunError


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_failure_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path, monkeypatch, fails):
    path = tmp_path / "weights.bin"
    write_whole(path, b"earlier")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((os, "fsync") if fails == "fsync" else (type(path), "replace")), full)
    with pytest.raises(RunError, match=r"weights\.bin' cannot be written: No space left on device"):
        write_whole(path, b"later")
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(RunError, match="No such file or directory"):
        write_whole(tmp_path / "gone" / "file", b"")


def test_a_device_is_written_to_and_stays_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", b"content")
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_whatever_ends_the_writing_leaves_nothing(tmp_path):
    writing = replacing(tmp_path / "file")
    writing.__enter__().write(b"half")
    assert not writing.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not list(tmp_path.iterdir())
