"""From one sequence to another: numbers in words become digits, with attention and without.

An encoder reads the words; a decoder begins with the state that the encoder ends with, and says one digit after the
other (Sutskever, Vinyals & Le 2014). With attention it also looks back at each word (Luong, Pham & Manning 2015), so
that not all of the number must fit into one state. Run it with

    python examples/transduce.py
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

import cellwright as cw

# fmt: off
SMALL = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
# fmt: on
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
WORDS = ["", *SMALL, *TENS, "hundred", "thousand"]
LARGEST = 1_000_000
END, BEGIN = 10, 11  # beside the digits


def words(number):
    """A number below a million in words.

    >>> " ".join(words(40_312))
    'forty thousand three hundred twelve'
    """
    if number >= 1000:
        rest = number % 1000
        return [*words(number // 1000), "thousand", *(words(rest) if rest else [])]
    if number >= 100:
        rest = number % 100
        return [SMALL[number // 100], "hundred", *(words(rest) if rest else [])]
    if number >= 20:
        return [TENS[number // 10 - 2], *([SMALL[number % 10]] if number % 10 else [])]
    return [SMALL[number]]


def batch_of(numbers):
    """Words `[B, S]` and how many there are, digits to read `[B, T]`, and those to say; -100 behind the end."""
    read = [torch.tensor([WORDS.index(word) for word in words(n)]) for n in numbers]
    said = [torch.tensor([*map(int, str(n)), END]) for n in numbers]
    begun = [torch.cat([torch.tensor([BEGIN]), each[:-1]]) for each in said]
    lengths = torch.tensor([len(each) for each in read])
    targets = pad_sequence(said, batch_first=True, padding_value=-100)
    return pad_sequence(read, batch_first=True), lengths, pad_sequence(begun, batch_first=True), targets


class Transducer(nn.Module):
    """Scores of the next digit, for every digit that was said."""

    def __init__(self, attention, units=96):
        super().__init__()
        self.attention = attention
        self.words = nn.Embedding(len(WORDS), 32)
        self.digits = nn.Embedding(12, 32)
        self.encoder = cw.LSTM(32, units, batch_first=True)
        self.decoder = cw.LSTM(32, units, batch_first=True)
        self.output = nn.Linear(units * (1 + attention), 11)

    def read(self, read, lengths):
        """What the encoder gives at each word, and its last state: that of the last word of each row."""
        return self.encoder(self.words(read), lengths=lengths)

    def say(self, digits, state, encoded, lengths):
        """Scores `[B, T, 11]` after some digits `[B, T]`, and the state of the decoder."""
        y, state = self.decoder(self.digits(digits), state)
        if self.attention:
            behind = torch.arange(encoded.shape[1]) >= lengths[:, None]
            alike = (y @ encoded.transpose(1, 2)).masked_fill(behind[:, None], -torch.inf)
            y = torch.cat([y, alike.softmax(-1) @ encoded], -1)
        return self.output(y), state

    def forward(self, read, lengths, digits):
        """Scores for digits that are known, all at once."""
        encoded, state = self.read(read, lengths)
        return self.say(digits, state, encoded, lengths)[0]

    @torch.no_grad()
    def write(self, numbers, longest=8):
        """The digits of numbers, each from those that were said before."""
        read, lengths, *_ = batch_of(numbers)
        encoded, state = self.read(read, lengths)
        digits, said = torch.full((len(numbers), 1), BEGIN), []
        for _ in range(longest):
            scores, state = self.say(digits, state, encoded, lengths)
            digits = scores.argmax(-1)
            said.append(digits)
        rows = torch.cat(said, 1).tolist()
        return ["".join(map(str, row[: row.index(END)] if END in row else row)) for row in rows]


def learn(attention, steps):
    """The share of numbers that are right, of those that were not learned from."""
    torch.manual_seed(1)
    chance = torch.Generator().manual_seed(1)
    unseen = set(torch.randint(LARGEST, (500,), generator=chance).tolist())
    network = Transducer(attention)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    for _ in range(steps):
        # As many short numbers as long ones.
        below = 10.0 ** torch.randint(1, 7, (64,), generator=chance)
        numbers = (torch.rand(64, generator=chance) * below).long().tolist()
        read, lengths, digits, targets = batch_of([n for n in numbers if n not in unseen])
        loss = cross_entropy(network(read, lengths, digits).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    tested = sorted(unseen)
    found = network.write(tested)
    print(f"attention {attention!s:5}: {' '.join(words(tested[250]))} -> {found[250]} ({tested[250]})")
    return sum(text == str(n) for text, n in zip(found, tested, strict=True)) / len(tested)


def main(steps=1000):
    """Learn both, and compare them."""
    with_attention, without = learn(True, steps), learn(False, steps)
    print(
        f"right of 500 numbers that were not learned from: {with_attention:.0%} with attention, {without:.0%} without"
    )
    return with_attention, without


if __name__ == "__main__":
    main()
