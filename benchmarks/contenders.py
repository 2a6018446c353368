"""The calls that are timed against each other."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import cellwright

from .cases import Case
from .onnx_lstm import session_call
from .timing import Call


def contenders(case: Case) -> dict[str, Call]:
    """A call for each library that can do what the case asks, with the same weights and the same input."""
    torch.manual_seed(0)
    dtype = torch.float64 if case.way == "float64" else torch.float32
    sizes = (case.shape.inputs, case.shape.hidden, case.shape.layers)
    bidirectional = case.shape.directions == 2
    theirs = nn.LSTM(*sizes, bidirectional=bidirectional, dtype=dtype).eval()
    ours = cellwright.LSTM(*sizes, bidirectional=bidirectional, dtype=dtype).eval()
    ours.load_state_dict(theirs.state_dict())

    x = torch.randn(case.shape.steps, case.shape.batch, case.shape.inputs, dtype=dtype)
    lengths = torch.randint(1, case.shape.steps + 1, (case.shape.batch,))
    if case.way == "PackedSequence":
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        x = packed.data
        calls: dict[str, Call] = {"cellwright": lambda: ours(packed), "torch": lambda: theirs(packed)}
    elif case.way == "lengths=":
        calls = {
            "cellwright": lambda: ours(x, lengths=lengths),
            "torch": lambda: torchs_own_way(theirs, x, lengths),
        }
    else:
        calls = {"cellwright": lambda: ours(x), "torch": lambda: theirs(x)}

    if case.mode == "forward+backward":
        x.requires_grad_()
        return {
            "cellwright": with_backward(calls["cellwright"], [x, *ours.parameters()]),
            "torch": with_backward(calls["torch"], [x, *theirs.parameters()]),
        }
    if case.way == "plain":
        calls["onnxruntime"] = session_call(theirs, x)
    return calls


def torchs_own_way(lstm: nn.LSTM, x: Tensor, lengths: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Rows of unlike lengths, as users of torch write it: padded in, padded out."""
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    y, state = lstm(packed)
    padded, _ = pad_packed_sequence(y, total_length=len(x))
    return padded, state


def with_backward(call: Call, leaves: list[Tensor]) -> Call:
    """The call, then the gradients of its output for the input and every parameter."""
    y = output(call())
    torch.manual_seed(1)
    cotangent = torch.randn_like(y)
    return lambda: torch.autograd.grad(output(call()), leaves, cotangent)


def output(result: Any) -> Tensor:
    """The output of every step, of a packed sequence its rows."""
    y = result[0]
    return y.data if isinstance(y, PackedSequence) else y
