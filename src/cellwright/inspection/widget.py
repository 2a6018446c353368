"""The page inside of a notebook: Jupyter, JupyterLab, VS Code, without a server and without a network."""

from __future__ import annotations

from importlib.resources import files

from anywidget import AnyWidget
from traitlets import Int, Unicode


class InspectionWidget(AnyWidget):
    """A page that a notebook shows.

    Attributes:
        page: in one piece, with all that it will ask for.
        height: in pixels.
    """

    _esm = (files(__package__) / "widget.js").read_text()
    page = Unicode().tag(sync=True)
    height = Int().tag(sync=True)
