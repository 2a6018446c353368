"""Very long sequences: finite, equal to chunks, forward and backward."""

from __future__ import annotations

import torch

import cellwright as cw


def test_65536_steps_equal_their_chunks_forward_and_backward() -> None:
    torch.manual_seed(0)
    lstm, x = cw.LSTM(3, 8), torch.randn(65_536, 1, 3)
    x.requires_grad_()
    whole, last = lstm(x)
    outputs, state = [], None
    for part in x.split(8192):
        y, state = lstm(part, state)
        outputs.append(y)
    assert state is not None
    assert torch.equal(torch.cat(outputs), whole)
    assert all(map(torch.equal, state, last))
    (one,) = torch.autograd.grad(whole.square().sum(), x)
    (chunked,) = torch.autograd.grad(torch.cat(outputs).square().sum(), x)
    assert bool(torch.isfinite(one).all())
    assert float(one.abs().max()) > 0.01
    assert torch.equal(one, chunked)


def test_200000_steps_equal_their_chunks() -> None:
    torch.manual_seed(0)
    gru, x = cw.GRU(2, 5, bidirectional=True), torch.randn(200_000, 2, 2)
    with torch.no_grad():
        whole, last = gru(x)
        first, _ = gru(x[:100_000])
        _, second = gru(x[100_000:], torch.stack([first[-1, :, :5], last[1]]))
    assert bool(torch.isfinite(whole).all())
    assert torch.equal(first[:, :, :5], whole[:100_000, :, :5])
    assert torch.equal(second[0], last[0])


def test_200000_steps_train() -> None:
    torch.manual_seed(0)
    rnn = cw.RNN(2, 5)
    y, _ = rnn(torch.randn(200_000, 1, 2))
    y.square().mean().backward()
    for name, parameter in rnn.named_parameters():
        assert parameter.grad is not None
        assert bool(torch.isfinite(parameter.grad).all()), name
        assert float(parameter.grad.abs().max()) > 1e-4, name
