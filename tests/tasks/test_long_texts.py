"""Texts that do not fit into the memory are read piece by piece, and learned like any other."""

from __future__ import annotations

import functools
import random
import tracemalloc
from pathlib import Path

import pytest
import torch

from cellwright.errors import DataError
from cellwright.tasks import Parts, files, numbers
from cellwright.tasks.text import TextSettings, TextTask, reading, vocabulary
from cellwright.tasks.text.reading import LongText, part, pieces, read_text

SMALL = TextSettings(hidden=8, batch=2, chunk=16)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Texts with all kinds of line ends and letters of several bytes, read in tiny chunks, each cut somewhere."""
    chance = random.Random(1)
    for name in ("a.txt", "b.txt"):
        lines = ["".join(chance.choices("aé漢😀b ", k=chance.randrange(30))) for _ in range(60)]
        text = "".join(line + chance.choice(["\n", "\r\n", "\r"]) for line in lines)
        (tmp_path / name).write_bytes((b"\xef\xbb\xbf" if name == "a.txt" else b"") + text.encode())
    monkeypatch.setattr(files, "CHUNK", 7)
    return tmp_path


def long(path: Path, monkeypatch: pytest.MonkeyPatch) -> LongText:
    with monkeypatch.context() as patch:
        patch.setattr(reading, "SHORT", 10)
        found = read_text(path)
    assert isinstance(found, LongText)
    return found


def test_pieces_make_the_text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, text = read_text(folder), long(folder, monkeypatch)
    assert isinstance(whole, str)
    expected = [
        (folder / name).read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        for name in ("a.txt", "b.txt")
    ]
    assert whole == "\n".join(expected)
    assert "".join(text.pieces()) == whole
    assert len(text) == len(whole)
    for first, end in ((0, 5), (3, 900), (len(whole) - 2, len(whole)), (500, 501)):
        assert "".join(pieces(part(text, first, end))) == whole[first:end]


@pytest.mark.parametrize("settings", [SMALL, TextSettings(hidden=8, batch=2, chunk=16, vocabulary="bpe")])
def test_a_long_text_is_learned_like_a_short_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, settings: TextSettings
) -> None:
    monkeypatch.setattr(files, "CHUNK", 1 << 20)  # byte pairs are found within a piece
    short, far = (TextTask(Parts(text), settings) for text in (read_text(folder), long(folder, monkeypatch)))
    if settings.vocabulary == "characters":
        assert short.files == far.files
        assert torch.equal(short.learned, far.learned)
        for one, other in zip(short.final(), far.final(), strict=True):
            assert torch.equal(one.tokens, other.tokens)
    assert far.vocabulary.decode(far.learned.tolist()) == short.vocabulary.decode(short.learned.tolist())


def test_the_memory_that_a_long_text_takes_does_not_grow_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", 1 << 14)
    monkeypatch.setattr(vocabulary, "Numbers", functools.partial(numbers.Numbers, few=1 << 14))
    most = []
    for megabytes in (1, 4):
        (tmp_path / "long.txt").write_text("to be or not to be\n" * (megabytes * 2**20 // 19))
        text = long(tmp_path / "long.txt", monkeypatch)
        tracemalloc.start()
        TextTask(Parts(text), SMALL)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < 1.2 * most[0]
    assert most[1] < 2**20


def test_a_byte_that_is_no_letter_is_found_where_it_is(folder: Path) -> None:
    text = "a😀\n漢漢b\n".encode() * 5
    for place in (len(text) - 3, 20):
        (folder / "bad.txt").write_bytes(text[:place] + b"\xff" + text[place:])
        if text[place - 1] >= 0x80 or text[place] >= 0x80:
            continue
        with pytest.raises(DataError) as error:
            read_text(folder / "bad.txt")
        assert f"byte 0xff at offset {place} (line {text.count(10, 0, place) + 1})" in str(error.value)
    (folder / "bad.txt").write_bytes(text[:2])
    with pytest.raises(DataError, match=r"byte 0xf0 at offset 1 \(line 1\)"):
        read_text(folder / "bad.txt")
