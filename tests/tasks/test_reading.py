"""Reading the files that a user brings."""

import pytest

from cellwright.errors import DataError
from cellwright.tasks.text import read_text


def test_a_folder_is_read_in_the_order_of_paths_without_hidden_files(tmp_path):
    (tmp_path / "b.txt").write_text("second")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "z.txt").write_text("first")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "objects").write_bytes(b"\x00")
    assert read_text(tmp_path) == "first\nsecond"


def test_line_ends_and_the_byte_order_mark_are_made_plain(tmp_path):
    path = tmp_path / "windows.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_text(path) == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no text"),
        (b" \n\n", "holds no text"),
        (b"text\x00more", r"binary \(byte 0 at offset 4\)"),
        (b"caf\xe9 au lait", "byte 0xe9 at offset 3 .line 1. is not; convert it"),
        (b"\xef\xbb\xbfna\xefve", "byte 0xef at offset 5"),
        ("text".encode("utf-16"), "mark of UTF-16"),
    ],
)
def test_what_is_no_text_is_refused_with_the_place_and_the_remedy(tmp_path, content, message):
    path = tmp_path / "input.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_text(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file or folder"):
        read_text(tmp_path / "nowhere.txt")
    with pytest.raises(DataError, match="holds no text"):
        read_text(tmp_path)


def test_a_bad_file_in_a_folder_is_named(tmp_path):
    (tmp_path / "good.txt").write_text("good")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\x00")
    with pytest.raises(DataError, match=r"photo\.jpg"):
        read_text(tmp_path)
