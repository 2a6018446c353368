"""The modules: recurrent layers of any cell, and drop-ins for torch's."""

from . import init
from .dropins import GRU, LSTM, RNN
from .explain import explain, verify
from .recurrent import Recurrent
from .stream import Stream
from .trace import Trace

__all__ = ["GRU", "LSTM", "RNN", "Recurrent", "Stream", "Trace", "explain", "init", "verify"]
