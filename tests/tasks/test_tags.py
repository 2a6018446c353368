"""Tags: reading, spans, the likeliest path, figures, and what goes back to a file."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest
import torch

from cellwright.errors import DataError, DataWarning, RunError
from cellwright.tasks import Parts
from cellwright.tasks.tags import TagSettings, TagTask, read_sentences
from cellwright.tasks.tags.spans import spans
from cellwright.tasks.tags.vocabulary import TagVocabulary

CONLLU = """\
# sent_id = 1
1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tdo\tdo\tAUX\t_\t_\t_\t_\t_\t_
2\tn't\tnot\tPART\t_\t_\t_\t_\t_\t_
2.1\tx\tx\tX\t_\t_\t_\t_\t_\t_
3\tgo\tgo\tVERB\t_\t_\t_\t_\t_\tSpaceAfter=No

# sent_id = 2
1\tYes\tyes\tINTJ\t_\t_\t_\t_\t_\t_
"""
SMALL = TagSettings(hidden=6, words=4, characters=3, spelling=3, batch=3)


def written(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def spans_task(tmp_path: Path) -> TagTask:
    lines = "rain O\nin O\nnew B-city\nyork I-city\nat O\nnoon B-time\n\ngo O\nto O\noslo B-city\n\nyes O\n\n"
    sentences = read_sentences(written(tmp_path / "slots.txt", lines))
    return TagTask(Parts(sentences, sentences), SMALL)


def test_conllu_is_read_word_by_word_and_written_back_line_by_line(tmp_path: Path) -> None:
    first, second = read_sentences(written(tmp_path / "a.conllu", CONLLU))
    assert first.words == ("do", "n't", "go")
    assert first.tags == ("AUX", "PART", "VERB")
    assert second.words == ("Yes",)
    changed = first.tagged(("A", "B", "C"), None)
    assert changed.count("\t_\t_\t_\t_\t_\t_\t_\t_") == CONLLU.split("\n\n")[0].count("1-2")
    assert [line.split("\t")[3] for line in changed.splitlines() if line[:1].isdigit()] == ["_", "A", "B", "X", "C"]
    assert changed.splitlines()[0] == "# sent_id = 1"


def test_words_alone_have_no_tags(tmp_path: Path) -> None:
    (only,) = read_sentences(written(tmp_path / "words.txt", "will\nit\nrain\n"))
    assert only.words == ("will", "it", "rain")
    assert only.tags is None
    assert only.tagged(("A", "B", "C"), "weather") == "# label = weather\nwill\tA\nit\tB\nrain\tC\n\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no sentence"),
        ("# only = a comment\n", "holds no sentence"),
        ("rain NOUN\nis VERB now\n", "a fault: line 2: 3 columns"),
        ("rain NOUN\n\nis\n", "a fault: line 3: a sentence has no tags, though others have"),
        ("rain NOUN\nis\nwet\n", "2 faults: line 2: the word 'is' has no tag; line 3: the word 'wet' has no tag"),
        ("1\tdo\tdo\tAUX\n", "line 1: 4 columns"),
        ("so many words can stand on one single long line\n", "line 1: 10 columns, without tabs"),
        ("rain NOUN\n#\n", "line 2: the word '#' has no tag"),
        ("a b c\n" * 30, "30 faults: .*line 20: 3 columns; and 10 more; bring CoNLL-U"),
        ("caf\udce9 NOUN", "must be UTF-8"),
    ],
)
def test_what_is_no_tagged_sentence_is_told_line_by_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=message):
        read_sentences(path)


def test_spans_may_be_marked_where_they_touch_only(tmp_path: Path) -> None:
    old = read_sentences(written(tmp_path / "old.txt", "Bonn I-LOC\nA I-LOC\nB B-LOC\nand O\nC I-PER\n"))
    new = read_sentences(written(tmp_path / "new.txt", "Bonn B-LOC\nA I-LOC\nB B-LOC\nand O\nC B-PER\n"))
    assert [each.tags for each in old] == [each.tags for each in new]
    [alone] = read_sentences(written(tmp_path / "alone.txt", "Bonn I-LOC\nfell O\n"))
    assert alone.tags == ("B-LOC", "O")


def test_white_space_is_no_part_of_a_tag(tmp_path: Path) -> None:
    [found] = read_sentences(written(tmp_path / "a.txt", "the \tDET\ndog\tNOUN \n"))
    assert (found.words, found.tags) == (("the", "dog"), ("DET", "NOUN"))


def test_one_tag_is_nothing_to_learn(tmp_path: Path) -> None:
    sentences = read_sentences(written(tmp_path / "same.txt", "rain NOUN\n\nsnow NOUN\n"))
    with pytest.raises(DataError, match="at least two different tags, but there are 1"):
        TagTask(Parts(sentences, sentences), SMALL)


def test_sentences_without_tags_cannot_be_learned(tmp_path: Path) -> None:
    tagged = read_sentences(written(tmp_path / "tagged.txt", "rain NOUN\nfalls VERB\n"))
    bare = read_sentences(written(tmp_path / "bare.txt", "rain\nfalls\n"))
    with pytest.raises(DataError, match=r"bare\.txt line 1: a sentence has no tags"):
        TagTask(Parts(tagged, bare), SMALL)


def test_too_few_sentences_are_refused(tmp_path: Path) -> None:
    sentences = read_sentences(written(tmp_path / "one.txt", "rain NOUN\nfalls VERB\n"))
    with pytest.raises(DataError, match="there are 1 and 0; bring more"):
        TagTask(Parts(sentences), SMALL)


def test_spans_end_where_something_else_begins() -> None:
    chance = random.Random(0)
    tags = ["O", "B-a", "I-a", "B-b", "I-b"]
    for _ in range(200):
        row = chance.choices(tags, k=8)
        found = list(spans(row))
        inside = [place for _, first, last in found for place in range(first, last + 1)]
        assert inside == [n for n, tag in enumerate(row) if tag != "O"]
        for kind, first, last in found:
            assert all(tag == f"I-{kind}" for tag in row[first + 1 : last + 1])
            assert last + 1 == len(row) or row[last + 1] != f"I-{kind}"


def test_the_likeliest_path_is_the_best_of_all_that_are_allowed(tmp_path: Path) -> None:
    task = spans_task(tmp_path)
    names, lengths = task.vocabulary.tags.names, torch.tensor([4, 2, 1])
    scores = torch.randn(3, 4, len(names), generator=torch.Generator().manual_seed(0))
    likely = scores.log_softmax(-1)
    for row, (length, found) in enumerate(zip(lengths.tolist(), task.decoded(scores, lengths), strict=True)):

        def allowed(path: tuple[int, ...]) -> bool:
            tags = ["O", *(names[tag] for tag in path)]
            return all(b[:2] != "I-" or a[2:] == b[2:] for a, b in itertools.pairwise(tags))

        def value(path: tuple[int, ...], row: int = row) -> float:
            return sum(float(likely[row, t, tag]) for t, tag in enumerate(path))

        paths = filter(allowed, itertools.product(range(len(names)), repeat=length))
        assert tuple(found) == max(paths, key=value)


def test_long_words_are_read_from_both_ends(tmp_path: Path) -> None:
    vocabulary = spans_task(tmp_path).vocabulary
    assert vocabulary.spelling("a" * 500 + "b" * 500) == vocabulary.spelling("a" * 12 + "b" * 12)


def test_the_vocabulary_comes_back_from_its_file(tmp_path: Path) -> None:
    task = spans_task(tmp_path)
    again = TagVocabulary.of_json(task.files["vocabulary.json"].decode())
    assert again.to_json() == task.vocabulary.to_json()
    with pytest.raises(RunError, match="must be JSON with words, counts"):
        TagVocabulary.of_json("{}")


def test_words_that_were_never_met_get_tags_too(tmp_path: Path) -> None:
    task = spans_task(tmp_path)
    strange = read_sentences(written(tmp_path / "new.txt", "überall\n日本\n"))
    assert len("".join(task.predict(task.network().eval(), strange)).split()) == 4


def test_tags_and_labels_that_were_never_learned_are_missed(tmp_path: Path) -> None:
    lines = "# label = x\nrain N\nfalls V\n\n# label = y\nit N\nsnows V\n"
    learned = read_sentences(written(tmp_path / "a.txt", lines))
    other = read_sentences(written(tmp_path / "b.txt", "# label = z\nrain N\nquickly ADV\n"))
    task = TagTask(Parts(learned, learned), SMALL)
    metric, network = task.metric(), task.network().eval()
    with (
        pytest.warns(DataWarning, match=r"count as missed, so often: ADV \(1\)$"),
        pytest.warns(DataWarning, match=r"labels of sentences that were never .*: z \(1\)$"),
    ):
        batches = task.batches(other)
    with torch.no_grad():
        for batch in batches:
            metric.update(task.step(network, batch, None))
    assert metric.loss.count == 2
    assert metric.right <= 1
    assert (metric.labels, metric.right_labels) == (1, 0)
    with pytest.raises(DataError, match=r"c\.txt line 1: a sentence has no tags"):
        task.batches(read_sentences(written(tmp_path / "c.txt", "rain\n")))


def test_a_sentence_without_a_known_tag_has_no_loss(tmp_path: Path) -> None:
    task = spans_task(tmp_path)
    strange = read_sentences(written(tmp_path / "new.txt", "rome B-place\n"))
    with pytest.warns(DataWarning, match="B-place"):
        (batch,) = task.batches(strange)
    assert task.step(task.network().eval(), batch, None).loss == 0


def test_words_may_begin_with_the_sign_of_comments(tmp_path: Path) -> None:
    [found] = read_sentences(written(tmp_path / "a.txt", "# a comment\n#label = x\n#1 NUM\n#\tSYM\n#go TAG\n"))
    assert (found.words, found.tags, found.label) == (("#1", "#", "#go"), ("NUM", "SYM", "TAG"), "x")
    conllu = "#newdoc\n" + "\t".join(["1", "do", "do", "AUX", *"______"]) + "\n"
    assert read_sentences(written(tmp_path / "b.txt", conllu))[0].words == ("do",)
