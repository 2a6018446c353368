"""Cellwright: an LSTM is six equations, written once; trained, watched and shipped at full speed."""

from .cells import Cell, Terms, cell, cells
from .errors import CellError, CellwrightError, DataError, InputError, RunError
from .kernels.plan import backend
from .kernels.scan import Weights, scan
from .layers import GRU, LSTM, RNN, Recurrent, Stream, Trace, explain, init, verify

__version__ = "0.1.0"

__all__ = [
    "GRU", "LSTM", "RNN", "Cell", "CellError", "CellwrightError", "DataError", "InputError", "Recurrent", "RunError",
    "Stream", "Terms", "Trace", "Weights", "backend", "cell", "cells", "explain", "init", "scan", "verify",
]  # fmt: skip
