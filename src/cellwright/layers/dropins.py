"""Drop-ins for torch's modules: the same arguments, parameters, calls and results."""

from __future__ import annotations

from inspect import signature
from typing import Any

import torch

from ..cells import Cell
from ..errors import InputError, nearest
from .construction import found_cell
from .recurrent import Recurrent


class LSTM(Recurrent):
    """Takes the place of `torch.nn.LSTM`: same constructor, state_dict, call and results.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype: as in
            torch and `Recurrent`.
        proj_size: as in torch and `Recurrent`.
        cell: a variant with the states h and c, by name or as a `Cell`.
        options: the keyword-only arguments of `Recurrent`: forget_bias, zoneout, recurrent_dropout and so on.

    >>> import torch, cellwright as cw
    >>> theirs, ours = torch.nn.LSTM(80, 12), cw.LSTM(80, 12)
    >>> _ = ours.load_state_dict(theirs.state_dict())
    >>> x = torch.randn(50, 4, 80)
    >>> y, (h, c) = ours(x)
    >>> torch.allclose(y, theirs(x)[0], atol=1e-6)
    True

    Raises:
        InputError: as `Recurrent`; also for an option that this version lacks.
    """

    mode = "LSTM"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        cell: str | Cell = "lstm",
        **options: Any,
    ) -> None:
        if set(found_cell(cell).state) != {"h", "c"}:
            raise InputError(
                f"the cell of an LSTM has the states h and c, which {cell!r} has not; use cellwright.Recurrent"
            )
        super().__init__(
            cell,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
            proj_size=proj_size,
            **known(options),
        )

    def extra_repr(self) -> str:
        """The arguments that are not the usual ones."""
        return ", ".join([*self.arguments(), *[f"cell={self.cell.name!r}"] * (self.cell.name != "lstm")])


class GRU(Recurrent):
    """Takes the place of `torch.nn.GRU`: same constructor, state_dict, call and results.

    Further options are those of `Recurrent`.

    >>> import torch, cellwright as cw
    >>> y, h = cw.GRU(3, 5)(torch.randn(7, 2, 3))
    >>> y.shape, h.shape
    (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]))
    """

    mode = "GRU"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            "gru",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
            **known(options),
        )

    def extra_repr(self) -> str:
        """The arguments that are not the usual ones."""
        return ", ".join(self.arguments())


class RNN(Recurrent):
    """Takes the place of `torch.nn.RNN`: same constructor, state_dict, call and results.

    Further options are those of `Recurrent`.

    Args:
        nonlinearity: `tanh` or `relu`.

    >>> import torch, cellwright as cw
    >>> y, h = cw.RNN(3, 5, nonlinearity="relu")(torch.randn(7, 2, 3))
    >>> y.shape, h.shape
    (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **options: Any,
    ) -> None:
        kinds = {"tanh": "rnn", "relu": "rnn_relu"}
        if nonlinearity not in kinds:
            raise InputError(f"nonlinearity must be 'tanh' or 'relu', but is {nonlinearity!r}")
        super().__init__(
            kinds[nonlinearity], input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            device, dtype, **known(options),
        )  # fmt: skip
        self.nonlinearity = nonlinearity

    @property
    def mode(self) -> str:
        """What torch calls the kind of layer."""
        return f"RNN_{self.nonlinearity.upper()}"

    def extra_repr(self) -> str:
        """The arguments that are not the usual ones."""
        return ", ".join([*self.arguments(), *["nonlinearity='relu'"] * (self.nonlinearity == "relu")])


def known(options: dict[str, Any]) -> dict[str, Any]:
    """Options of `Recurrent`, as they are.

    Raises:
        InputError: there is no such option.
    """
    names = list(signature(Recurrent.__init__).parameters)[4:]
    for name in options:
        if name not in names:
            raise InputError(f"there is no argument {name}=; {nearest(name, names)}")
    return options
