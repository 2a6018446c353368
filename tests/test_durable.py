"""A file is there whole, or as it was before."""

import errno
import os

import pytest

from cellwright.durable import write_whole
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
