"""Cellwright: an LSTM is six equations, written once; trained, watched and shipped at full speed."""

from .cells import Cell, cell, cells
from .errors import CellError, CellwrightError, DataError, InputError, RunError

__version__ = "0.1.0"

__all__ = ["Cell", "CellError", "CellwrightError", "DataError", "InputError", "RunError", "cell", "cells"]
