"""The text task: how a text is split, and the defaults for its size."""

import pytest
import torch

from cellwright.errors import DataError
from cellwright.tasks import Parts
from cellwright.tasks.text import TextSettings, TextTask, settings_for

TEXT = "the quick brown fox jumps over the lazy dog. " * 50
SMALL = TextSettings(hidden=8, embedding=4, batch=2, chunk=16)


def test_the_first_nine_tenths_are_learned_and_the_last_is_held_out():
    task = TextTask(Parts(TEXT), SMALL)
    cut = len(TEXT) - round(len(TEXT) / 10)
    assert task.vocabulary.decode(task.learned.tolist()) == TEXT[:cut]
    assert task.vocabulary.decode(task.final().tokens.tolist()) == TEXT[cut:]


def test_byte_pairs_are_learned_from_the_first_part_only():
    text = "abcabc " * 300 + "xyzxyz " * 33
    task = TextTask(Parts(text), TextSettings(vocabulary="bpe", hidden=8, batch=2, chunk=8, vocabulary_size=300))
    tokens = set(task.vocabulary.tokenizer.get_vocab())
    assert any("abc" in token for token in tokens)
    assert not any("xy" in token for token in tokens)
    assert task.final().characters == round(len(text) / 10) / len(task.final().tokens)


def test_an_earlier_vocabulary_is_kept():
    first = TextTask(Parts(TEXT), SMALL)
    again = TextTask(Parts(TEXT), SMALL, lambda name: first.files[name].decode())
    assert torch.equal(first.learned, again.learned)


@pytest.mark.parametrize("text", ["short", "x" * 47])
def test_a_text_shorter_than_a_chunk_is_refused(text):
    with pytest.raises(DataError, match="bring more text"):
        TextTask(Parts(text), SMALL)


def test_a_sample_is_the_same_every_time_and_leaves_chance_alone():
    task = TextTask(Parts(TEXT), SMALL)
    network = task.network()
    before = torch.get_rng_state()
    assert task.sample(network) == task.sample(network)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("characters", [300, 2_000, 20_000, 300_000, 1_115_394, 10**8, 10**10])
@pytest.mark.parametrize("vocabulary", ["characters", "bpe"])
def test_defaults_grow_with_the_text(characters, vocabulary):
    settings, larger = settings_for(characters, vocabulary), settings_for(100 * characters, vocabulary)
    assert settings.hidden <= larger.hidden
    assert settings.batch <= larger.batch
    assert settings.tie == (vocabulary == "bpe")


@pytest.mark.parametrize("characters", [200, 2_000, 2_001, 20_000, 20_001, 300_001])
def test_defaults_suit_the_smallest_texts_of_their_row(characters):
    task = TextTask(Parts("abcd " * (characters // 5)), settings_for(characters))
    assert len(task.training(0)) >= 1


def test_every_token_but_the_first_is_shown_with_its_surprise():
    task = TextTask(Parts("to be or not to be, " * 120), TextSettings(hidden=8, batch=2, chunk=16))
    shown = list(task.beside(task.network().eval(), "to be or not to be, " * 120))
    assert "".join("".join(each["input"][0]) for each in shown) == ("to be or not to be, " * 120)[:-1]
    assert sum(len(each["surprise"][0]) for each in shown) == 2399
