"""What a person opens after a run: one page that needs nothing else, and the same plots as files."""

from __future__ import annotations

import base64
import io
import json
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from typing import TYPE_CHECKING

from ..tasks import Exhibit
from ..tasks.exhibit import new_figure
from .folder import RunFolder
from .progress import Figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_report(folder: RunFolder, title: str, figures: Mapping[str, float], exhibits: Iterable[Exhibit]) -> None:
    """Write `report.html`, and each figure as `plot-....png`.

    Args:
        folder: where.
        title: a line that says what was learned from what.
        figures: of the finished run.
        exhibits: what to show.
    """
    import jinja2

    shown = []
    for exhibit in exhibits:
        picture = b"" if exhibit.figure is None else drawn(exhibit.figure)
        if picture:
            folder.write(f"plot-{file_name(exhibit.title)}.png", picture)
        shown.append({**vars(exhibit), "picture": base64.b64encode(picture).decode()})
    template = resources.files(__package__).joinpath("report.html.jinja").read_text(encoding="utf-8")
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(template)
    recipe = asdict(folder.recipe()) if (folder.path / "recipe.json").exists() else {}
    text = page.render(title=title, name=folder.path.name, figures=figures, exhibits=shown, recipe=flat(recipe))
    folder.write("report.html", text.encode())


def drawn(figure: Figure) -> bytes:
    """A figure as the content of a PNG file."""
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a letter that no font here has becomes a box
        figure.savefig(content, format="png")
    return content.getvalue()


def file_name(title: str) -> str:
    """A title as the name of a file.

    >>> file_name("Labels over time")
    'labels-over-time'
    """
    return re.sub(r"\W+", "-", title.lower()).strip("-")


def flat(tree: Mapping[str, object], before: str = "") -> dict[str, str]:
    """A tree of settings as one table.

    >>> flat({"task": "text", "training": {"clip": 1.0}})
    {'task': 'text', 'training clip': '1.0'}
    """
    found: dict[str, str] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{before}{name} ")
        else:
            found[f"{before}{name}"] = value if isinstance(value, str) else json.dumps(value)
    return found


def curves(rows: Sequence[Figures]) -> Exhibit:
    """The losses of a run, and the figure by which its validations are judged, if it is another.

    Args:
        rows: one of each validation.
    """
    figure = new_figure()
    axes = figure.subplots()
    steps = [row["step"] for row in rows]
    judged = next(name for name in rows[0] if name.startswith("valid_"))
    for name, label in (("train_loss", "loss while learning"), ("valid_loss", "loss on what is watched")):
        axes.plot(steps, [row[name] for row in rows], marker=".", label=label)
    axes.set(xlabel="steps", ylabel="loss")
    if judged != "valid_loss":
        beside = axes.twinx()
        label = judged.removeprefix("valid_").replace("_", " ")
        beside.plot(steps, [row[judged] for row in rows], color="C2", marker=".", label=label)
        beside.set(ylabel=label)
    figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    text = "Over the validations. Dropout and noise are on while learning, and off on what is watched."
    return Exhibit("Learning", text, figure=figure)
