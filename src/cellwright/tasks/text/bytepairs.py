"""A vocabulary of frequent byte sequences: byte-pair encoding, Sennrich, Haddow & Birch (2016)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers.decoders import DecodeStream
from torch import Tensor

from ...errors import DataError
from .reading import Text, pieces

BYTES = 256


class BytePairs:
    """Byte pairs over UTF-8: every text has tokens, nothing is unknown.

    Args:
        json: what `tokenizers` wrote; see `learn_byte_pairs` for a new one.

    >>> vocabulary = learn_byte_pairs("the cat and the hat and the bat " * 9, size=280)
    >>> vocabulary.decode(vocabulary.encode("the bath!").tolist())
    'the bath!'
    """

    unit = "tokens"

    def __init__(self, json: str) -> None:
        try:
            self.tokenizer = Tokenizer.from_str(json)
        except Exception as error:  # `tokenizers` raises nothing narrower
            raise DataError(f"this is no vocabulary of byte pairs: {error}; take the run's own file back") from error

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return int(self.tokenizer.get_vocab_size())

    def encode(self, text: str) -> Tensor:
        """The token numbers of a text, int32 `[tokens]`.

        Raises:
            DataError: the text holds half of a surrogate pair, which is no character.
        """
        try:
            return torch.tensor(self.tokenizer.encode(text).ids, dtype=torch.int32)
        except (UnicodeEncodeError, TypeError) as error:
            raise DataError(f"a text must be Unicode, but {text!r} holds what is none; take it out") from error

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of token numbers; bytes that form no character become U+FFFD."""
        return str(self.tokenizer.decode(list(tokens)))

    def decoder(self) -> Callable[[int], str]:
        """Token by token: a character that spans tokens comes with its last one."""
        stream = DecodeStream(skip_special_tokens=False)
        return lambda token: stream.step(self.tokenizer, token) or ""

    def to_json(self) -> str:
        """The vocabulary in the format of `tokenizers`."""
        return str(self.tokenizer.to_str())


def learn_byte_pairs(text: Text, size: int) -> BytePairs:
    """The vocabulary of at most `size` tokens that the pairs of this text suggest.

    Raises:
        DataError: the size leaves no room beside the 256 single bytes.
    """
    if size <= BYTES:
        raise DataError(
            f"a vocabulary of byte pairs must have more than {BYTES} tokens, not {size}; raise --vocabulary-size"
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    lines = (line for piece in pieces(text) for line in piece.splitlines(keepends=True))
    tokenizer.train_from_iterator(lines, trainer)
    return BytePairs(tokenizer.to_str())
