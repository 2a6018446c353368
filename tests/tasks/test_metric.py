"""Nats, perplexity, bits: against numbers worked out by hand."""

import math

import pytest
import torch

from cellwright.tasks import Step
from cellwright.tasks.text import LanguageModel, Nats, TextSettings, Windows, text_step
from cellwright.tasks.text.metric import perplexity
from cellwright.training import evaluate


def test_batches_count_by_their_tokens():
    nats = Nats()
    nats.update(Step(torch.tensor(2.0), count=3, found=6))
    nats.update(Step(torch.tensor(1.0), count=1, found=2))
    figures = nats.compute()
    assert figures["loss"] == 7 / 4
    assert figures["perplexity"] == math.exp(7 / 4)
    assert figures["bits"] == pytest.approx(7 / 4 / 2 / math.log(2))


def test_perplexity_of_a_hopeless_loss_is_infinite():
    assert perplexity(1e4) == math.inf


def test_no_batch_is_no_number():
    assert math.isnan(Nats().compute()["loss"])


def test_a_network_that_knows_nothing_needs_the_logarithm_of_the_vocabulary():
    network = LanguageModel(16, TextSettings(hidden=3))
    for weight in network.parameters():
        torch.nn.init.zeros_(weight)
    figures = evaluate(network, Windows(torch.arange(500) % 16), text_step, Nats())
    assert figures["loss"] == pytest.approx(math.log(16), rel=1e-6)
    assert figures["perplexity"] == pytest.approx(16, rel=1e-5)
    assert figures["bits"] == pytest.approx(4, rel=1e-6)


def test_windows_measure_what_one_pass_measures():
    torch.manual_seed(0)
    network = LanguageModel(5, TextSettings(hidden=8, dropout=0.5)).eval()
    tokens = torch.randint(0, 5, (3000,), dtype=torch.int32)
    with torch.no_grad():
        scores, _ = network(tokens[None, :-1].long())
    expected = torch.nn.functional.cross_entropy(scores[0], tokens[1:].long()).item()
    for windows in (
        Windows(tokens),
        Windows(tokens, rows=1, length=3000),
        Windows(tokens, rows=7, length=50),
    ):
        assert evaluate(network, windows, text_step, Nats())["loss"] == pytest.approx(expected, rel=1e-5)


def test_measuring_leaves_the_network_learning():
    network = LanguageModel(5, TextSettings(hidden=8)).train()
    evaluate(network, Windows(torch.zeros(9, dtype=torch.int32)), text_step, Nats())
    assert network.training
    assert all(weight.grad is None for weight in network.parameters())
