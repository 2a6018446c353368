"""Reading sentences with a tag for every word: CoNLL-U, or two columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import DataError
from ..faults import Faults, brief
from ..files import read_file
from .spans import are_spans, begun

CONLLU_COLUMNS = 10
FORM, UPOS = 1, 3
NO_TAG = "_"
NOT_A_WORD = re.compile(r"\d+[-.]\d+")  # a range of words that are written as one, or a word that is not written
LABEL = re.compile(r"#\s*label\s*=\s*(.*\S)")


@dataclass(frozen=True)
class Sentence:
    """A sentence as it stands in a file.

    Attributes:
        words: at least one.
        tags: of each word, or None if the file has none; where they mark spans, each span begins with `B-`.
        label: of the sentence, from a comment `# label = ...`, or None.
        lines: all lines of the sentence, comments included.
        places: the number of each word's line among them.
        place: its file, and its first line there.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] | None
    label: str | None
    lines: tuple[str, ...]
    places: tuple[int, ...]
    place: str

    def tagged(self, tags: tuple[str, ...], label: str | None) -> str:
        """The lines of the sentence with other tags, and with another label if there is one."""
        lines = list(self.lines)
        for place, tag in zip(self.places, tags, strict=True):
            columns = split(lines[place])
            if is_conllu(lines[place]):
                columns[UPOS] = tag
            else:
                columns[1:] = [tag]
            lines[place] = "\t".join(columns)
        if label is not None:
            lines = [f"# label = {label}", *(line for line in lines if not LABEL.fullmatch(line))]
        return "\n".join(lines) + "\n\n"


def read_sentences(path: Path, skip: bool = False) -> list[Sentence]:
    r"""The sentences of a file, in order.

    A sentence ends at a blank line. In CoNLL-U (10 columns, by tabs) lines that begin with `#` are comments, the words
    are those with a whole number, and the tags are in the column UPOS. Else a line is a word and, behind white space,
    its tag; or a word alone, if no line of the file has a tag; comments begin with `# `, as a word may begin with `#`.

    Args:
        path: of the file.
        skip: leave out sentences in which something is wrong, with a warning.

    Raises:
        DataError: the file cannot be read, holds no word, or some lines are neither; it names up to twenty of them.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tags.txt"
    >>> _ = path.write_text("# label = weather\nwill O\nit O\nrain B-condition\n\nyes O\n")
    >>> first, second = read_sentences(path)
    >>> first.words, first.tags, first.label
    (('will', 'it', 'rain'), ('O', 'O', 'B-condition'), 'weather')
    """
    faults = Faults(path, skip)
    sentences = [sentence_of(lines, start, path.name, faults) for start, lines in pieces(read_file(path))]
    found = [each for each in sentences if each is not None]
    bare = sum(each.tags is None for each in found)
    if 0 < bare < len(found):
        for each, (start, _) in zip(sentences, pieces(read_file(path)), strict=True):
            if each is not None and each.tags is None:
                faults.add(start, "a sentence has no tags, though others have")
        found = [each for each in found if each.tags is not None]
    faults.check("bring CoNLL-U with 10 columns, or a word and its tag on each line")
    if are_spans(tag for each in found for tag in each.tags or ()):
        found = [replace(each, tags=each.tags and begun(each.tags)) for each in found]
    if not found:
        raise DataError(f"{str(path)!r} holds no sentence; bring CoNLL-U, or a word and its tag on each line")
    return found


def pieces(text: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the first line of each sentence, from 1, and its lines."""
    lines: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line.strip():
            lines.append(line)
        elif lines:
            yield number - len(lines), lines
            lines = []


def sentence_of(lines: list[str], start: int, name: str, faults: Faults) -> Sentence | None:
    """The sentence of some lines of a file, if there are words in them; what is wrong goes to the faults."""
    words, tags, places, label, before = [], [], [], None, len(faults.found)
    whole = any(map(is_conllu, lines))
    for place, line in enumerate(lines):
        if line.startswith("#" if whole else "# ") or LABEL.fullmatch(line):
            found = LABEL.fullmatch(line)
            label = found[1] if found else label
            continue
        columns, ten = split(line), is_conllu(line)
        if ten and NOT_A_WORD.fullmatch(columns[0]):
            continue
        if not ten and len(columns) > 2:
            lacking = ", without tabs" if len(columns) == CONLLU_COLUMNS else ""
            faults.add(start + place, f"{len(columns)} columns{lacking}")
            continue
        words.append(columns[FORM] if ten else columns[0])
        tag = columns[UPOS] if ten else columns[1] if len(columns) == 2 else NO_TAG
        tags.append(tag)
        places.append(place)
        if not words[-1].strip():
            faults.add(start + place, "the word is empty")
    missing = [place for place, tag in zip(places, tags, strict=True) if tag in (NO_TAG, "")]
    if missing and len(missing) < len(words):
        for place in missing:
            faults.add(start + place, f"the word {brief(split(lines[place])[0])} has no tag")
    if not words or len(faults.found) > before:
        return None
    own = None if missing else tuple(tags)
    return Sentence(tuple(words), own, label, tuple(lines), tuple(places), f"{name} line {start}")


def is_conllu(line: str) -> bool:
    """Whether a line has the columns of CoNLL-U."""
    return line.count("\t") == CONLLU_COLUMNS - 1


def split(line: str) -> list[str]:
    """The columns of a line: by tabs if there are any, else by white space."""
    return [each.strip() for each in line.split("\t")] if "\t" in line else line.split()
