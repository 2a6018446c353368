"""The command `demo`: an LSTM learns from the text that Python carries, and writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from rich.console import Console
from typer import Option

from ..tasks import families

UNSEEN = 0.1
PROMPT = "The "


def demo(
    run: Annotated[Path | None, Option(help="Folder for the run.  [default: runs/demo]")] = None,
    minutes: Annotated[float, Option(help="Minutes of training.")] = 2.4,
) -> None:
    """Train on Python's own help texts for two minutes, measure on unseen ones, and write."""
    from ..training import free_folder
    from .runs import start
    from .text import generate
    from .train import evaluate

    console = Console(highlight=False, markup=False, soft_wrap=True)
    place = run or free_folder(Path("runs") / "demo")
    texts = place.with_name(f"{place.name}-text")
    learn, unseen = write_help_texts(texts)
    console.print(f"$ cellwright train text {learn} --run {place} --minutes {minutes:g}")
    start(families["text"], {"learned": learn}, place, {}, {"minutes": minutes})
    console.print(f"\n$ cellwright evaluate {place} {unseen}")
    evaluate(place, unseen)
    console.print(f"\n$ cellwright generate {place} --prompt '{PROMPT}' --temperature 0.6")
    generate(place, prompt=PROMPT, length=700, temperature=0.6)
    console.print(
        f"\nThe run is in {place}: recipe, weights, figures, samples. Look inside, gate by gate, in the browser:\n"
        f"  cellwright inspect {place} {unseen}\n"
        "Try next:\n"
        f"  cellwright generate {place} --prompt 'class ' --temperature 0.4 --seed 2\n"
        f"  cellwright train text --resume {place} --minutes {4 * minutes:g}\n"
        "  cellwright train text YOUR-OWN.txt\n"
        "  cellwright describe lstm"
    )


def write_help_texts(folder: Path) -> tuple[Path, Path]:
    """Python's help topics as two files, one to learn from and one to be measured on.

    What is measured has no character that cannot be learned.
    """
    from pydoc_data.topics import topics

    named: Mapping[str, str] = topics
    text = "\n\n".join(named[name] for name in sorted(named))
    cut = round(len(text) * (1 - UNSEEN))
    known = set(text[:cut])
    folder.mkdir(parents=True, exist_ok=True)
    learn, unseen = folder / "learn.txt", folder / "unseen.txt"
    learn.write_text(text[:cut], encoding="utf-8")
    unseen.write_text("".join(each for each in text[cut:] if each in known), encoding="utf-8")
    return learn, unseen
