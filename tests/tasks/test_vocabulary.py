"""Characters and byte pairs: there and back, and through their files."""

import pytest

from cellwright.errors import DataError
from cellwright.tasks.text import load_vocabulary
from cellwright.tasks.text.bytepairs import learn_byte_pairs
from cellwright.tasks.text.vocabulary import Characters

TEXT = "Ein süßer Apfel 🍎 fällt.\n日本語のテキスト\n" * 20


@pytest.fixture(params=["characters", "bpe"])
def vocabulary(request):
    return Characters(TEXT) if request.param == "characters" else learn_byte_pairs(TEXT, size=300)


def test_text_survives_encoding(vocabulary):
    tokens = vocabulary.encode(TEXT)
    assert vocabulary.decode(tokens.tolist()) == TEXT
    assert int(tokens.min()) >= 0
    assert int(tokens.max()) < vocabulary.size


def test_streaming_gives_the_same_text_as_decoding_at_once(vocabulary):
    decode = vocabulary.decoder()
    assert "".join(decode(token) for token in vocabulary.encode(TEXT).tolist()) == TEXT


def test_the_file_gives_the_same_vocabulary(vocabulary):
    again = load_vocabulary(vocabulary.to_json())
    assert again.size == vocabulary.size
    assert again.encode(TEXT).tolist() == vocabulary.encode(TEXT).tolist()


def test_characters_are_numbered_by_code_point():
    vocabulary = Characters("🍎za")
    assert vocabulary.encode("az🍎").tolist() == [0, 1, 2]


@pytest.mark.parametrize("text", ["abcX", "X", "\udc80"])
def test_an_unknown_character_is_named_with_its_place(text):
    with pytest.raises(DataError, match=f"character {len(text)}, 1 such in all") as caught:
        Characters("abc").encode(text)
    assert repr(text[-1]) in str(caught.value)


def test_byte_pairs_know_every_character():
    vocabulary = learn_byte_pairs("only plain letters " * 10, size=270)
    assert vocabulary.decode(vocabulary.encode("größer: 日本").tolist()) == "größer: 日本"


def test_half_a_surrogate_pair_is_refused(vocabulary):
    with pytest.raises(DataError, match="take it out"):
        vocabulary.encode("half \udc80")


def test_byte_pairs_shorten_the_text():
    vocabulary = learn_byte_pairs(TEXT, size=400)
    assert 257 < vocabulary.size <= 400
    assert len(vocabulary.encode(TEXT)) < len(TEXT.encode()) / 3


def test_a_vocabulary_without_room_for_pairs_is_refused():
    with pytest.raises(DataError, match="more than 256 tokens, not 256"):
        learn_byte_pairs(TEXT, size=256)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"characters": 3}', '{"model": {}}'])
def test_a_damaged_file_is_refused(content):
    with pytest.raises(DataError, match="take the run's own file back"):
        load_vocabulary(content)
