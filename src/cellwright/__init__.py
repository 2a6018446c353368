"""Cellwright: an LSTM is six equations, written once; trained, watched and shipped at full speed."""

from .cells import Cell, Terms, cell, cells
from .errors import CellError, CellwrightError, DataError, InputError, RunError
from .inspection import Inspection, inspect
from .kernels.plan import backend
from .kernels.scan import Weights, scan
from .layers import GRU, LSTM, RNN, Recurrent, Stream, Trace, explain, init, verify
from .version import __version__

__all__ = [
    "GRU", "LSTM", "RNN", "Cell", "CellError", "CellwrightError", "DataError", "InputError", "Inspection", "Recurrent",
    "RunError", "Stream", "Terms", "Trace", "Weights", "__version__", "backend", "cell", "cells", "explain", "init",
    "inspect", "scan", "verify",
]  # fmt: skip
