"""An inspection: everything that happened inside the recurrent layers of a model, and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from ..cells import Cell
from ..errors import InputError, nearest
from .passes import Pass
from .readout import Readout
from .tracks import Track

if TYPE_CHECKING:
    from .plots import Plots
    from .widget import InspectionWidget


@dataclass(frozen=True, eq=False)
class Inspection:
    """Every signal of every step, layer and direction, by name.

    Attributes:
        passes: each layer and direction, in the order in which they ran.
        tracks: what stands beside the signals, a value for each step.
        error: the largest difference between a signal as it was captured and as the equations give it.
        tolerance: up to which that is rounding.
        notes: what else is known, such as the figures of a run.
        readout: what the model says at each step, if that is a linear layer on what the last recurrent layer gives.
    """

    passes: Sequence[Pass]
    tracks: Sequence[Track] = ()
    error: float = 0.0
    tolerance: float = 1e-4
    notes: Mapping[str, Any] = field(default_factory=dict)
    readout: Readout | None = None

    def __post_init__(self) -> None:
        for each in self.tracks:
            if len(each) != self.steps:
                raise InputError(
                    f"a track has a value for each of the {self.steps:,} steps, but {each.name!r} has {len(each):,}; "
                    "put the sequences one behind the other, without padding"
                )

    def __getitem__(self, name: str) -> Pass:
        for each in self.passes:
            if each.name == name:
                return each
        names = [each.name for each in self.passes]
        raise InputError(f"there is no pass {name!r}; {nearest(name, names)}")

    def __repr__(self) -> str:
        names = ", ".join(each.name for each in self.passes)
        return f"Inspection of {names}: {self.steps:,} steps in {len(self.starts) - 1:,} sequences"

    @property
    def steps(self) -> int:
        """N, of all sequences."""
        return self.passes[0].steps

    @property
    def starts(self) -> np.ndarray:
        """Of the sequences, and N behind them: int64 `[S + 1]`."""
        return self.passes[0].starts

    @property
    def outputs(self) -> int:
        """How many numbers the last layer gives at each step, all directions together."""
        last = self.passes[-1]
        return sum(made.states["h"].shape[1] for made in self.passes if made.inputs[0] is last.inputs[0])

    def said(self, h: Tensor) -> Tensor:
        """What the model says for h of the last layer, `[..., D * H]`: its scores; without a readout h itself."""
        return h if self.readout is None else self.readout(h)

    @property
    def plot(self) -> Plots:
        """Figures: `plot.gates()`, `plot.memory()`, `plot.saturation()`, `plot.gradient_flow()`, `plot.ledger(...)`."""
        from .plots import Plots

        return Plots(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything as one file, which `Inspection.open` and `cellwright inspect` read.

        Raises:
            RunError: it cannot be written.
        """
        from .store import save

        save(self, Path(path))

    def html(self, path: str | PathLike[str]) -> None:
        """Write the page as one file that opens without a server.

        Raises:
            InputError: there is too much in it.
            RunError: it cannot be written.
        """
        from ..durable import write_whole
        from .api import Viewer
        from .export import single_page

        write_whole(Path(path), single_page(Viewer(self, Path(path).stem)))

    def widget(self, title: str = "inspection", height: int = 700) -> InspectionWidget:
        """The page for a notebook: put it last in a cell. It is the page that `html` writes, in a frame.

        Args:
            title: of the page.
            height: in pixels.

        >>> import torch, cellwright as cw
        >>> shown = cw.inspect(cw.LSTM(3, 4), torch.randn(7, 3)).widget(height=500)
        >>> shown.height
        500

        Raises:
            InputError: anywidget is not installed, or there is too much in the page.
        """
        try:
            from .widget import InspectionWidget
        except ModuleNotFoundError as error:
            raise InputError(
                f"a widget needs {error.name}, which is not installed; pip install 'cellwright[notebook]'"
            ) from error
        from .api import Viewer
        from .export import single_page

        return InspectionWidget(page=single_page(Viewer(self, title)).decode(), height=height)

    def show(self, title: str = "inspection", port: int = 0) -> None:
        """Serve the page and open the browser; until Ctrl-C.

        Args:
            title: of the page.
            port: of the server, on this machine alone; 0 for a free one.
        """
        from .api import Viewer
        from .server import serve

        serve(Viewer(self, title), port)

    @staticmethod
    def open(path: str | PathLike[str], own: Sequence[Cell] = ()) -> Inspection:
        """An inspection from its file; the numbers stay in the file until they are looked at.

        Args:
            path: of the file.
            own: cells that are not in this library.

        >>> import tempfile, torch, cellwright as cw
        >>> path = Path(tempfile.mkdtemp()) / "first.inspection"
        >>> cw.inspect(cw.LSTM(3, 4), torch.randn(7, 3)).save(path)
        >>> cw.Inspection.open(path)
        Inspection of l0: 7 steps in 1 sequences

        Raises:
            DataError: it is none, or damaged.
            InputError: it needs a cell that is not known.
        """
        from .store import opened

        return opened(Path(path), own)

    @property
    def right(self) -> bool:
        """Whether what was captured is what the equations give."""
        return self.error <= self.tolerance
