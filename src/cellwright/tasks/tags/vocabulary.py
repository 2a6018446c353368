"""What a tagger knows: words, characters, tags and labels, by number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import DataError
from ..symbols import Symbols, from_json, to_json
from .reading import Sentence

UNKNOWN = 0
"""The number of every word and character that was not learned."""
ENDS = 12
"""Of a word longer than twice this, only so many characters of each end are read."""
TABLES = ("words", "counts", "characters", "tags", "labels")


@dataclass(frozen=True)
class TagVocabulary:
    """Names by number.

    Attributes:
        words: in lower case; from 1 on.
        counts: how often each was met.
        characters: from 1 on.
        tags: in the order of the alphabet.
        labels: of sentences; none if the data have none.
    """

    words: Symbols
    counts: tuple[int, ...]
    characters: Symbols
    tags: Symbols
    labels: Symbols

    @staticmethod
    def learned(sentences: Sequence[Sentence]) -> TagVocabulary:
        """The vocabulary of sentences to learn from.

        Raises:
            DataError: they have no tags, or only one.
        """
        tags = sorted({tag for each in sentences for tag in each.tags or ()})
        if len(tags) < 2:
            raise DataError(f"to be learned, there must be at least two different tags, but there are {len(tags)}")
        counts = Counter(word.lower() for each in sentences for word in each.words)
        characters = sorted({character for each in sentences for word in each.words for character in word})
        labels = sorted({each.label for each in sentences if each.label is not None})
        return TagVocabulary(
            Symbols(counts, first=1),
            tuple(counts.values()),
            Symbols(characters, first=1),
            Symbols(tags),
            Symbols(labels if len(labels) > 1 else ()),
        )

    @staticmethod
    def of_json(content: str) -> TagVocabulary:
        """The vocabulary that a file holds."""
        words, counts, characters, tags, labels = from_json(content, TABLES)
        numbers = tuple(map(int, counts))
        return TagVocabulary(Symbols(words, 1), numbers, Symbols(characters, 1), Symbols(tags), Symbols(labels))

    def to_json(self) -> bytes:
        """The vocabulary as its file holds it."""
        tables = (self.words.names, self.counts, self.characters.names, self.tags.names, self.labels.names)
        return to_json(dict(zip(TABLES, tables, strict=True)))

    def word(self, word: str) -> int:
        """The number of a word."""
        return self.words.number(word.lower(), UNKNOWN)

    def spelling(self, word: str) -> list[int]:
        """The numbers of the characters of a word that are read."""
        read = word if len(word) <= 2 * ENDS else word[:ENDS] + word[-ENDS:]
        return [self.characters.number(each, UNKNOWN) for each in read]
