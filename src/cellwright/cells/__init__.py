"""The mathematics: what a cell is, and the cells that come with Cellwright."""

from collections.abc import Mapping
from types import MappingProxyType

from .baselines import gru, rnn, rnn_relu
from .cell import Cell, Dimension, Terms, cell
from .lstm import lstm
from .variants import (
    coupled,
    forget_only,
    hard,
    layer_norm,
    ltm_stm,
    no_input_activation,
    no_input_gate,
    no_output_activation,
    no_output_gate,
    original,
    peephole,
    slstm,
)

FAMILY = (
    lstm, original, peephole, coupled, no_input_gate, no_output_gate, no_input_activation, no_output_activation,
    ltm_stm, hard, layer_norm, slstm, forget_only, rnn, rnn_relu, gru,
)  # fmt: skip
cells: Mapping[str, Cell] = MappingProxyType({each.name: each for each in FAMILY})

__all__ = ["Cell", "Dimension", "Terms", "cell", "cells"]
