"""The recurrent part of a task's network: the same settings and the same layer for all tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..cells import cells
from ..errors import InputError, nearest
from ..layers import Recurrent
from .batches import inside

FORGET_BIAS = 1.0
"""Remember at first: Gers, Schmidhuber & Cummins (2000); Jozefowicz, Zaremba & Sutskever (2015)."""

THEIRS: dict[str, Callable[..., nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
"""The cells that PyTorch has too."""


@dataclass(frozen=True, kw_only=True)
class RecurrentSettings:
    """What every task's network has.

    Attributes:
        cell: name of the recurrent cell; see: cellwright cells.
        hidden: units per layer and direction.
        layers: recurrent layers on each other.
        dropout: probability to drop a unit.
        torch: take PyTorch's own layer, to compare.
        batch: examples side by side.
        validation: share of the data that is kept to be measured on, if no file is given for it.
        skip: leave out what is faulty in the data, and say what that was, instead of refusing them.

    Raises:
        InputError: a number is out of range, or there is no such cell.
    """

    cell: str = "lstm"
    hidden: int = 128
    layers: int = 1
    dropout: float = 0.3
    torch: bool = False
    batch: int = 32
    validation: float = 0.1
    skip: bool = False

    def __post_init__(self) -> None:
        if self.cell not in cells:
            raise InputError(f"--cell must name a cell, not {self.cell!r}; {nearest(self.cell, cells)}")
        if self.torch and self.cell not in THEIRS:
            raise InputError(f"--torch has the cells {', '.join(THEIRS)}, but not {self.cell!r}; leave out one of them")
        in_range(self, 1, 65_536, "hidden", "batch")
        in_range(self, 1, 100, "layers")
        if not 0 <= self.dropout < 1:
            raise InputError(f"--dropout must be from 0 to below 1, not {self.dropout:g}; 0.3 is usual")
        if not 0 < self.validation < 1:
            raise InputError(f"--validation must lie between 0 and 1, not {self.validation:g}; 0.1 is usual")


def in_range(settings: object, least: float, most: float, *names: str) -> None:
    """Some settings are numbers from the least to the most.

    Raises:
        InputError: one is not.
    """
    for name in names:
        value = getattr(settings, name)
        if not least <= value <= most:
            raise InputError(f"{option(name)} must be from {least} to {most}, not {value}; change it")


def option(name: str) -> str:
    """A setting as the command line spells it.

    >>> option("vocabulary_size")
    '--vocabulary-size'
    """
    return "--" + name.replace("_", "-")


def recurrent_layers(inputs: int, settings: RecurrentSettings, bidirectional: bool = False) -> nn.Module:
    """The layers, batch first, with forget gates that begin open; PyTorch's with the same numbers in them."""
    dropout = settings.dropout if settings.layers > 1 else 0.0
    ours = Recurrent(
        settings.cell,
        inputs,
        settings.hidden,
        settings.layers,
        dropout=dropout,
        batch_first=True,
        bidirectional=bidirectional,
        forget_bias=FORGET_BIAS if "f" in cells[settings.cell].gates else None,
    )
    if not settings.torch:
        return ours
    with torch.random.fork_rng(devices=[]):  # the rest of the network begins with the same numbers, too
        theirs = THEIRS[settings.cell](
            inputs, settings.hidden, settings.layers, dropout=dropout, batch_first=True, bidirectional=bidirectional
        )
    theirs.load_state_dict(ours.state_dict())
    return theirs


class Encoder(nn.Module):
    """Reads sequences of different lengths.

    Args:
        inputs: features of a step.
        settings: cell, hidden, layers, dropout and torch are read.
        bidirectional: whether it reads from both ends.

    >>> encoder = Encoder(3, RecurrentSettings(hidden=4))
    >>> encoder(torch.zeros(2, 5, 3), torch.tensor([5, 2])).shape
    torch.Size([2, 5, 8])
    """

    def __init__(self, inputs: int, settings: RecurrentSettings, bidirectional: bool = True) -> None:
        super().__init__()
        self.recurrent = recurrent_layers(inputs, settings, bidirectional)
        self.width = settings.hidden * (1 + bidirectional)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Outputs `[B, T, width]` for x `[B, T, inputs]`; zero behind the lengths `[B]`."""
        if isinstance(self.recurrent, Recurrent):
            outputs: Tensor = self.recurrent(x, lengths=lengths)[0]
            return outputs
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.recurrent(packed)[0], batch_first=True, total_length=x.shape[1])[0]


def pooled(outputs: Tensor, lengths: Tensor) -> Tensor:
    """One vector for each sequence: the largest and the mean output of each unit, `[B, 2 * width]`.

    Args:
        outputs: `[B, T, width]`, zero behind the lengths.
        lengths: `[B]`, at least 1.
    """
    largest = outputs.masked_fill(~inside(lengths, outputs.shape[1])[..., None], -torch.inf).amax(1)
    return torch.cat([largest, outputs.sum(1) / lengths[:, None]], -1)
