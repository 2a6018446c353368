"""Spans out of IOB tags, and how many of them are found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Span = tuple[str, int, int]
OUTSIDE = "O"


def are_spans(tags: Iterable[str]) -> bool:
    """Whether tags mark spans: all are `O`, `B-...` or `I-...`, and not all are `O`.

    >>> are_spans(["O", "B-city", "I-city"]), are_spans(["NOUN", "VERB"])
    (True, False)
    """
    known = set(tags)
    return all(tag == OUTSIDE or tag[:2] in ("B-", "I-") for tag in known) and bool(known - {OUTSIDE})


def spans(tags: Sequence[str]) -> Iterator[Span]:
    """The spans of one sentence: kind, first and last word, as the script `conlleval` of CoNLL-2000 reads them.

    A span begins at `B-`, and at an `I-` that does not go on with what stands before it.

    >>> list(spans(["O", "B-a", "I-a", "I-c", "I-c", "B-c"]))
    [('a', 1, 2), ('c', 3, 4), ('c', 5, 5)]
    """
    kind, first = "", 0
    for place, tag in enumerate([*tags, OUTSIDE]):
        if kind and tag != f"I-{kind}":
            yield kind, first, place - 1
            kind = ""
        if not kind and tag != OUTSIDE:
            kind, first = tag[2:], place


def begun(tags: Sequence[str]) -> tuple[str, ...]:
    """The same spans with `B-` where each begins, as in CoNLL-2002; in CoNLL-2003 it parts only spans of one kind.

    >>> begun(["I-a", "I-a", "B-a", "O", "I-b"])
    ('B-a', 'I-a', 'B-a', 'O', 'B-b')
    """
    starts = {first for _, first, _ in spans(tags)}
    return tuple(f"B-{tag[2:]}" if place in starts else tag for place, tag in enumerate(tags))


def follows(before: str, tag: str) -> bool:
    """Whether a tag may stand behind another: an `I-` only goes on with its own kind.

    >>> follows("B-a", "I-a"), follows("O", "I-a"), follows("B-a", "I-b")
    (True, False, False)
    """
    return not tag.startswith("I-") or before in (tag, f"B-{tag[2:]}")
