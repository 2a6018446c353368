"""What does not fit a layer is refused: the message states the rule, the value and the remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import cellwright as cw

X = torch.zeros(6, 2, 3)  # T, B, I
STATE = torch.zeros(1, 2, 4)

CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    "input of another size": (
        lambda: cw.LSTM(3, 4)(torch.zeros(6, 2, 5)),
        r"must be \[T, B, input_size\], or \[T, input_size\] for one sequence, with input_size 3, but is \[6, 2, 5\]",
    ),
    "input of another size, batch first": (
        lambda: cw.LSTM(3, 4, batch_first=True)(torch.zeros(2, 6, 5)),
        r"must be \[B, T, input_size\].*but is \[2, 6, 5\]",
    ),
    "input of four dimensions": (lambda: cw.GRU(3, 4)(torch.zeros(1, 6, 2, 3)), r"but is \[1, 6, 2, 3\]"),
    "input of one dimension": (lambda: cw.GRU(3, 4)(torch.zeros(3)), r"but is \[3\]"),
    "input of another dtype": (
        lambda: cw.LSTM(3, 4)(X.double()),
        r"one dtype, but are torch.float64 and torch.float32; convert one of them with \.to\(dtype\)",
    ),
    "input of integers": (lambda: cw.LSTM(3, 4)(X.long()), r"torch.int64 and torch.float32"),
    "input on another device": (
        lambda: cw.LSTM(3, 4)(X.to("meta")),
        r"on one device, but are on meta and cpu; move one of them with \.to\(device\)",
    ),
    "parameters on another device": (lambda: cw.LSTM(3, 4, device="meta")(X), r"are on cpu and meta"),
    "one state of two": (
        lambda: cw.LSTM(3, 4)(X, STATE),
        r"the state of lstm is h, c of the shapes \[1, 2, 4\], \[1, 2, 4\], but has \[1, 2, 4\]$",
    ),
    "one state that is none": (
        lambda: cw.LSTM(3, 4)(X, (STATE, None)),
        "the state of lstm must be tensors, h, c, or None alone",
    ),
    "a number for a state": (lambda: cw.LSTM(3, 4)(X, 5), "the state of lstm must be tensors, h, c, or None alone"),
    "two states of one": (lambda: cw.GRU(3, 4)(X, (STATE, STATE)), "the state of gru is h of the shapes"),
    "a state for another batch": (
        lambda: cw.GRU(3, 4)(X, torch.zeros(1, 3, 4)),
        r"of the shapes \[1, 2, 4\], but has \[1, 3, 4\]",
    ),
    "a state for fewer layers": (
        lambda: cw.GRU(3, 4, num_layers=2, bidirectional=True)(X, STATE),
        r"of the shapes \[4, 2, 4\], but has \[1, 2, 4\]",
    ),
    "a state with a batch for one sequence": (
        lambda: cw.GRU(3, 4)(X[:, 0], STATE),
        r"of the shapes \[1, 4\], but has \[1, 2, 4\]",
    ),
    "a state of another dtype": (
        lambda: cw.LSTM(3, 4)(X, (STATE, STATE.double())),
        "the state c must be torch.float32 on cpu as the input, but is torch.float64 on cpu",
    ),
    "a state on another device": (
        lambda: cw.LSTM(3, 4)(X, (STATE.to("meta"), STATE)),
        "the state h must be torch.float32 on cpu as the input, but is torch.float32 on meta",
    ),
    "lengths of another batch": (
        lambda: cw.LSTM(3, 4)(X, lengths=torch.tensor([1, 2, 3])),
        r"lengths must be integers of shape \[2\], one for each sequence.*but are \[3\] of torch.int64",
    ),
    "lengths of two dimensions": (
        lambda: cw.LSTM(3, 4)(X, lengths=torch.tensor([[1], [2]])),
        r"but are \[2, 1\] of torch.int64",
    ),
    "lengths that are no integers": (
        lambda: cw.LSTM(3, 4)(X, lengths=torch.tensor([1.0, 2.0])),
        r"lengths must be integers.*of torch.float32",
    ),
    "lengths that are truth values": (
        lambda: cw.LSTM(3, 4)(X, lengths=torch.tensor([True, False])),
        r"lengths must be integers.*of torch.bool",
    ),
    "a length that is too long": (
        lambda: cw.LSTM(3, 4)(X, lengths=torch.tensor([1, 7])),
        "lengths must lie in 0 to 6, the number of steps, but reach from 1 to 7",
    ),
    "a negative length": (
        lambda: cw.LSTM(3, 4)(X, lengths=torch.tensor([-1, 6])),
        "lengths must lie in 0 to 6.*but reach from -1 to 6",
    ),
    "resets turned round": (
        lambda: cw.LSTM(3, 4)(X, reset=torch.zeros(2, 6, dtype=torch.bool)),
        r"reset must be truth values \(torch.bool\) of shape \[6, 2\], \[T, B\] as the input, but is \[2, 6\]",
    ),
    "resets turned round, batch first": (
        lambda: cw.LSTM(3, 4, batch_first=True)(X, reset=torch.zeros(2, 6, dtype=torch.bool)),
        r"of shape \[6, 2\], \[B, T\] as the input, but is \[2, 6\]",
    ),
    "resets with a batch for one sequence": (
        lambda: cw.LSTM(3, 4)(X[:, 0], reset=torch.zeros(6, 1, dtype=torch.bool)),
        r"of shape \[6\], \[T\] as the input, but is \[6, 1\]",
    ),
    "resets that are numbers": (
        lambda: cw.LSTM(3, 4)(X, reset=torch.zeros(6, 2)),
        r"reset must be truth values \(torch.bool\).*of torch.float32",
    ),
}

CONSTRUCTIONS: dict[str, tuple[Callable[[], Any], str]] = {
    "no inputs": (lambda: cw.LSTM(0, 4), "input_size must be a whole number of at least 1, but is 0"),
    "negative units": (lambda: cw.GRU(3, -1), "hidden_size must be a whole number of at least 1, but is -1"),
    "no layers": (lambda: cw.RNN(3, 4, num_layers=0), "num_layers must be a whole number .* but is 0"),
    "half a unit": (lambda: cw.LSTM(3, 4.5), r"hidden_size must be a whole number of at least 1, but is 4\.5"),
    "a size in words": (lambda: cw.LSTM("3", 4), "input_size must be a whole number of at least 1, but is '3'"),
    "dropout above 1": (
        lambda: cw.LSTM(3, 4, 2, dropout=1.5),
        r"dropout is a probability between 0 and 1, but is 1\.5",
    ),
    "negative dropout": (lambda: cw.LSTM(3, 4, 2, dropout=-0.1), r"between 0 and 1, but is -0\.1"),
    "dropout that is no number": (lambda: cw.LSTM(3, 4, 2, dropout=float("nan")), "between 0 and 1, but is nan"),
    "dropout in words": (lambda: cw.LSTM(3, 4, 2, dropout="0.5"), "between 0 and 1, but is '0.5'"),
    "a mistyped cell": (lambda: cw.LSTM(3, 4, cell="lstn"), "there is no cell 'lstn'; did you mean 'lstm'?"),
    "an unknown cell": (
        lambda: cw.Recurrent("xyz", 3, 4),
        "there is no cell 'xyz'; known: 'lstm', 'original', 'peephole'",
    ),
    "a cell of another kind": (lambda: cw.Recurrent(torch.tanh, 3, 4), "cell"),
    "an unknown nonlinearity": (
        lambda: cw.RNN(3, 4, nonlinearity="sigmoid"),
        "nonlinearity must be 'tanh' or 'relu', but is 'sigmoid'",
    ),
    "a projection that is none": (
        lambda: cw.LSTM(3, 4, proj_size=4),
        r"proj_size must be a whole number from 0 to hidden_size - 1 \(3\), but is 4",
    ),
    "a projection of what the cell mixes": (
        lambda: cw.LSTM(3, 4, proj_size=2, zoneout=0.1),
        "combines its last output with its units one by one",
    ),
    "zoneout out of range": (lambda: cw.LSTM(3, 4, zoneout=(0.1, 1.1)), "zoneout is a probability .* 1.1"),
    "zoneout of three": (lambda: cw.LSTM(3, 4, zoneout=(0.1, 0.1, 0.1)), "a pair for h and c, but is"),
    "zoneout on c without c": (lambda: cw.GRU(3, 4, zoneout=(0.2, 0.1)), "gru has no cell state c"),
    "clipping without c": (lambda: cw.GRU(3, 4, cell_clip=3.0), "gru has no cell state c"),
    "clipping to nothing": (lambda: cw.LSTM(3, 4, cell_clip=0.0), "cell_clip must be a positive number, but is 0.0"),
    "dropout on no candidate": (lambda: cw.RNN(3, 4, candidate_dropout=0.1), "rnn names no candidate"),
    "a forget bias without a gate": (
        lambda: cw.Recurrent("gru", 3, 4, forget_bias=1.0),
        "the gates r z n, but no f",
    ),
    "a forget bias without biases": (lambda: cw.LSTM(3, 4, bias=False, forget_bias=1.0), "no biases; make it with"),
    "recurrent dropout": (lambda: cw.LSTM(3, 4, recurrent_dropout=-0.1), "recurrent_dropout is a probability"),
    "weight dropout": (lambda: cw.LSTM(3, 4, weight_dropout="0.1"), "weight_dropout is a probability"),
    "an unknown precision": (
        lambda: cw.LSTM(3, 4, precision="tf23"),
        "precision is one of ieee, tf32x3, tf32, bf16, not 'tf23'; did you mean 'tf32'",
    ),
    "a mistyped argument": (lambda: cw.LSTM(3, 4, num_layer=2), "no argument num_layer=; did you mean 'num_layers'"),
    "a GRU as an LSTM": (lambda: cw.LSTM(3, 4, cell="gru"), "gru"),
}


@pytest.mark.parametrize(("call", "message"), CALLS.values(), ids=CALLS)
def test_calls(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(cw.InputError, match=message):
        call()


@pytest.mark.parametrize(("construct", "message"), CONSTRUCTIONS.values(), ids=CONSTRUCTIONS)
def test_constructions(construct: Callable[[], Any], message: str) -> None:
    with pytest.raises(cw.InputError, match=message):
        construct()


def test_errors_are_value_errors_of_this_library() -> None:
    assert issubclass(cw.InputError, cw.CellwrightError)
    assert issubclass(cw.InputError, ValueError)


def test_lengths_as_a_list_are_taken() -> None:
    lstm = cw.LSTM(3, 4)
    assert torch.equal(lstm(X, lengths=[1, 6])[0], lstm(X, lengths=torch.tensor([1, 6]))[0])
