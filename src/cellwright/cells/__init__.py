"""The mathematics: what a cell is, and the cells that come with Cellwright."""

from collections.abc import Mapping
from types import MappingProxyType

from .baselines import gru, rnn, rnn_relu
from .cell import Cell, Dimension, Terms, cell
from .lstm import lstm

cells: Mapping[str, Cell] = MappingProxyType({each.name: each for each in (lstm, rnn, rnn_relu, gru)})

__all__ = ["Cell", "Dimension", "Terms", "cell", "cells"]
