"""The tags task: a tag for every word, and perhaps a label for the sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..batches import IGNORED, padded
from ..examples import ExampleProblem, ExampleTask
from ..exhibit import Exhibit, confusions
from ..symbols import tell_unlearned
from ..task import Beside, Carried, Files, Parts, Step
from .metric import Tagged, TagMetric
from .model import TagBatch, Tagger
from .reading import Sentence
from .settings import TagSettings
from .spans import are_spans, follows
from .vocabulary import TagVocabulary

VOCABULARY_FILE = "vocabulary.json"
UNSEEN = -1
"""A tag or label that was never learned: it is missed whatever is found."""
SHOWN = 3


class Tagging(ExampleProblem):
    """What a tagger is for: tags, over a vocabulary."""

    unit = "words"
    settings: TagSettings
    remedy = "bring every sentence with tags"

    def __init__(self, vocabulary: TagVocabulary, settings: TagSettings) -> None:
        self.vocabulary = vocabulary
        self.settings = settings
        names = vocabulary.tags.names
        self.of_spans = are_spans(names)
        allowed = [[not self.of_spans or follows(before, tag) for tag in names] for before in names]
        self.forbidden = ~torch.tensor(allowed)
        self.never_first = torch.tensor([self.of_spans and not follows("O", tag) for tag in names])

    @staticmethod
    def open(settings: TagSettings, files: Files) -> Tagging:
        """The problem of a run."""
        return Tagging(TagVocabulary.of_json(files(VOCABULARY_FILE)), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The vocabulary as a file."""
        return {VOCABULARY_FILE: self.vocabulary.to_json()}

    @property
    def scored(self) -> Sequence[str]:
        """The tags."""
        return self.vocabulary.tags.names

    def network(self) -> Tagger:
        """A new tagger."""
        return Tagger(self.vocabulary, self.settings)

    def lengths(self, examples: Sequence[Sentence]) -> list[int]:
        """Words of each sentence."""
        return [len(each.words) for each in examples]

    def batch(self, examples: Sequence[Sentence], group: Sequence[int]) -> TagBatch:
        """Some sentences as tensors."""
        chosen, known = [examples[n] for n in group], self.vocabulary
        different: dict[str, int] = {}
        spelt = [[different.setdefault(word, len(different)) for word in each.words] for each in chosen]
        spellings = [torch.tensor(known.spelling(word)) for word in different]
        tags = [[known.tags.number(tag, UNSEEN) for tag in each.tags or [""] * len(each.words)] for each in chosen]
        return TagBatch(
            padded([torch.tensor([known.word(word) for word in each.words]) for each in chosen]),
            torch.tensor(self.lengths(chosen)),
            padded(spellings),
            torch.tensor([len(each) for each in spellings]),
            padded([torch.tensor(each) for each in spelt]),
            padded([torch.tensor(each) for each in tags], IGNORED),
            torch.tensor([known.labels.number(each.label, UNSEEN) if each.label else IGNORED for each in chosen]),
        )

    def read_one(self, network: nn.Module, example: Sentence) -> Beside:
        """Each word, its tag, and the tag that is found."""
        batch = self.batch([example], [0])
        scores, _ = network(batch)
        found = [self.vocabulary.tags.name(tag) for tag in self.decoded(scores, batch.lengths)[0]]
        return {"word": (example.words, ()), "tag": (example.tags or [""] * len(found), ()), "found": (found, ())}

    def unmeasurable(self, example: Sentence) -> str | None:
        """It has no tags."""
        return "a sentence has no tags" if example.tags is None else None

    def tell(self, examples: Sequence[Sentence]) -> None:
        """Warn of tags and labels that were never learned: they count as missed."""
        tell_unlearned("tags", (tag for each in examples for tag in each.tags or ()), self.vocabulary.tags)
        if len(self.vocabulary.labels):
            labels = (each.label for each in examples if each.label)
            tell_unlearned("labels of sentences", labels, self.vocabulary.labels)

    def step(self, network: nn.Module, batch: TagBatch, carried: Carried) -> Step:
        """Cross-entropy of the tags, and of the labels if there are any, in nats per word."""
        scores, of_labels = network(batch)
        tags = batch.tags.masked_fill(batch.tags == UNSEEN, IGNORED)
        total = functional.cross_entropy(scores.flatten(0, 1), tags.flatten(), ignore_index=IGNORED, reduction="sum")
        loss = total / (tags != IGNORED).sum().clamp(min=1)
        labelled = batch.labels >= 0
        if labelled.any():
            loss = loss + functional.cross_entropy(of_labels[labelled], batch.labels[labelled])
        count = int((batch.tags != IGNORED).sum())
        found = None if network.training else self.compared(batch, scores, of_labels)
        return Step(loss, count, found=found)

    def compared(self, batch: TagBatch, scores: Tensor, of_labels: Tensor) -> Tagged:
        """What was to be found in a batch, and what was found; what was never learned has a name of its own."""
        true, found, unseen = [], [], "B-unseen" if self.of_spans else "unseen"
        for tags, guessed in zip(batch.tags.tolist(), self.decoded(scores, batch.lengths), strict=True):
            pairs = [(tag, guess) for tag, guess in zip(tags, guessed, strict=False) if tag != IGNORED]
            true.append([self.vocabulary.tags.name(tag) if tag != UNSEEN else unseen for tag, _ in pairs])
            found.append([self.vocabulary.tags.name(guess) for _, guess in pairs])
        labels = [
            (self.vocabulary.labels.name(label) if label != UNSEEN else "", self.vocabulary.labels.name(guess))
            for label, guess in zip(batch.labels.tolist(), of_labels.argmax(-1).tolist(), strict=True)
            if label != IGNORED and len(self.vocabulary.labels)
        ]
        return Tagged(true, found, [label for label, _ in labels], [guess for _, guess in labels])

    def decoded(self, scores: Tensor, lengths: Tensor) -> list[list[int]]:
        """The likeliest tags that may stand behind one another: by dynamic programming (Viterbi, 1967).

        Args:
            scores: `[B, T, tags]`.
            lengths: `[B]`.
        """
        likely = scores.log_softmax(-1).cpu()
        if not self.of_spans:
            return [row[:length].tolist() for row, length in zip(likely.argmax(-1), lengths.tolist(), strict=True)]
        best = likely[:, 0].masked_fill(self.never_first, -torch.inf)
        cost = torch.zeros(self.forbidden.shape).masked_fill(self.forbidden, -torch.inf)
        sums, sources = [best], []
        for t in range(1, likely.shape[1]):
            top = (best[:, :, None] + cost).max(1)
            best = top.values + likely[:, t]
            sums.append(best)
            sources.append(top.indices)
        return [self.traced_back(n, length, sums, sources) for n, length in enumerate(lengths.tolist())]

    def traced_back(self, row: int, length: int, sums: list[Tensor], sources: list[Tensor]) -> list[int]:
        """The best path of one row, from its end."""
        tag = int(sums[length - 1][row].argmax())
        path = [tag]
        for source in reversed(sources[: length - 1]):
            tag = int(source[row, tag])
            path.append(tag)
        return path[::-1]

    def metric(self) -> TagMetric:
        """Accuracy of words; F1 of spans, if the tags mark spans; accuracy of labels."""
        return TagMetric(self.of_spans)

    @torch.no_grad()
    def predict(self, network: nn.Module, data: Sequence[Sentence]) -> Iterator[str]:
        """The sentences as they stand in their file, with the tags and labels that the network finds."""
        for start in range(0, len(data), self.settings.batch):
            group = range(start, min(start + self.settings.batch, len(data)))
            batch = self.batch(data, group)
            scores, of_labels = network(batch)
            labels = of_labels.argmax(-1).tolist() if len(self.vocabulary.labels) else [None] * len(group)
            for n, tags, label in zip(group, self.decoded(scores, batch.lengths), labels, strict=True):
                names = tuple(self.vocabulary.tags.name(tag) for tag in tags)
                yield data[n].tagged(names, None if label is None else self.vocabulary.labels.name(label))


class TagTask(ExampleTask, Tagging):
    """Sentences to learn from.

    Args:
        parts: sentences; where none are given to watch, some of the first are kept for it.
        settings: see `TagSettings`.
        files: those of an earlier run; None makes new ones from the sentences to learn from.

    Raises:
        DataError: there are too few sentences, or some have no tags.
    """

    def __init__(self, parts: Parts, settings: TagSettings, files: Files | None = None) -> None:
        ExampleTask.__init__(self, parts, settings.validation)
        known = TagVocabulary.learned(self.learned) if files is None else TagVocabulary.of_json(files(VOCABULARY_FILE))
        Tagging.__init__(self, known, settings)
        self.settle()

    @property
    def summary(self) -> str:
        """How many sentences, words and tags there are."""
        labels = f", {len(self.vocabulary.labels)} labels" if len(self.vocabulary.labels) else ""
        return (
            f"{len(self.learned):,} sentences ({sum(self.lengths(self.learned)):,} words, {len(self.vocabulary.tags)} "
            f"tags{labels}), measuring on {len(self.tested):,}"
        )

    advice: Mapping[str, Any] = {"learning_rate": 3e-3, "epochs": 15, "clip": 5.0}

    def sample(self, network: nn.Module) -> str:
        """A few sentences with the tags that the network finds; where one is wrong, behind it the right one."""
        chosen = [each for each in self.watched if 3 < len(each.words) < 15][:SHOWN] or self.watched[:1]
        batch = self.batch(chosen, range(len(chosen)))
        with torch.no_grad():
            scores, _ = network(batch)
        names = [[self.vocabulary.tags.name(tag) for tag in row] for row in self.decoded(scores, batch.lengths)]
        return "\n".join(
            " ".join(map(shown, each.words, found, each.tags or found))
            for each, found in zip(chosen, names, strict=True)
        )

    def exhibits(self, network: nn.Module, metric: TagMetric) -> Iterator[Exhibit]:
        """Which tags are taken for which."""
        yield confusions(metric.confusions, "tags")


def shown(word: str, found: str, true: str) -> str:
    """A word with its tag.

    >>> shown("rain", "VERB", "NOUN")
    'rain/VERB(NOUN)'
    """
    return f"{word}/{found}" if found == true else f"{word}/{found}({true})"
