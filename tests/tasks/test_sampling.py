"""Writing: what is chosen, and that the same seed writes the same."""

import pytest
import torch

from cellwright.errors import InputError
from cellwright.tasks.text import Choice, LanguageModel, TextSettings, write
from cellwright.tasks.text.sampling import choose

SCORES = torch.tensor([1.0, 4.0, 2.0, 3.0]).log()


def chosen(choice: Choice, times: int = 4000) -> list[float]:
    generator = torch.Generator().manual_seed(0)
    counts = torch.zeros(4)
    for _ in range(times):
        counts[choose(SCORES, choice, generator)] += 1
    return (counts / times).tolist()


def test_temperature_one_chooses_as_the_network_expects():
    assert chosen(Choice(temperature=1)) == pytest.approx([0.1, 0.4, 0.2, 0.3], abs=0.03)


def test_a_low_temperature_sharpens():
    squares = [1 / 30, 16 / 30, 4 / 30, 9 / 30]
    assert chosen(Choice(temperature=0.5)) == pytest.approx(squares, abs=0.03)


def test_temperature_zero_takes_the_likeliest():
    assert chosen(Choice(temperature=0), times=10) == [0, 1, 0, 0]


def test_top_k_keeps_the_likeliest():
    assert chosen(Choice(temperature=1, top_k=2)) == pytest.approx([0, 4 / 7, 0, 3 / 7], abs=0.03)


def test_top_p_keeps_those_that_reach_the_probability():
    assert chosen(Choice(temperature=1, top_p=0.65)) == pytest.approx([0, 4 / 7, 0, 3 / 7], abs=0.03)
    assert chosen(Choice(temperature=1, top_p=1e-9), times=10) == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "0 or more, not -1"),
        ({"temperature": float("nan")}, "0 or more, not nan"),
        ({"top_k": 0}, "1 or more, not 0"),
        ({"top_p": 0.0}, "above 0 and at most 1, not 0"),
        ({"top_p": 1.1}, "above 0 and at most 1, not 1.1"),
    ],
)
def test_a_choice_out_of_range_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        Choice(**options)


def written(network: LanguageModel, seed: int, length: int = 40, temperature: float = 1.0) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return list(write(network, torch.tensor([3, 1]), length, Choice(temperature=temperature), generator))


def test_the_same_seed_writes_the_same_and_a_longer_text_begins_alike():
    torch.manual_seed(0)
    network = LanguageModel(20, TextSettings(hidden=8, dropout=0.5)).train()
    assert written(network, seed=1) == written(network, seed=1)
    assert written(network, seed=1) != written(network, seed=2)
    assert written(network, seed=1, length=60)[:40] == written(network, seed=1)
    assert network.training


def test_writing_is_what_the_network_predicts_of_the_whole_text():
    torch.manual_seed(0)
    network = LanguageModel(20, TextSettings(hidden=8)).eval()
    tokens = [3, 1, *written(network, seed=0, temperature=0)]
    with torch.no_grad():
        scores, _ = network(torch.tensor([tokens]))
    assert scores[0, 1:-1].argmax(1).tolist() == tokens[2:]
