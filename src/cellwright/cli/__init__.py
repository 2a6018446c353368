"""The command line. It has no logic of its own: it reads options, calls, and prints.

What a command needs is imported when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from ..errors import CellwrightError, DataWarning, InputError
from ..tasks import families
from ..tasks.faults import brief
from .cells import describe, list_cells
from .clips import clips
from .demo import demo
from .inspect import inspect
from .lesson import lesson
from .sweep import sweep_command
from .teller import teller
from .text import generate
from .train import evaluate, predict, train_command

EXTRAS = dict.fromkeys(
    [
        "av",
        "jinja2",
        "kaldi_native_fbank",
        "lightning",
        "matplotlib",
        "optuna",
        "PIL",
        "rapidfuzz",
        "soundfile",
        "tensorboardX",
        "tokenizers",
    ],
    "tasks",
)
"""What brings the packages that not everyone needs."""

app = typer.Typer(
    name="cellwright",
    help="Train and use LSTM networks, and see what they are made of.",
    epilog="Example: cellwright demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
train = typer.Typer(
    help="Train a network on your own files.",
    epilog="Example: cellwright train text novel.txt --minutes 10",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(train, name="train")
sweep = typer.Typer(
    help="Find the cell and the settings that suit your own files, by trying many.",
    epilog="Example: cellwright sweep labels reviews.csv --trials 40 --epochs 3",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(sweep, name="sweep")
for family in families.values():
    command = sweep.command(family.name, epilog=f"Example: cellwright sweep {family.name} {family.example} --trials 40")
    command(sweep_command(family))
    command = train.command(family.name, epilog=f"Example: cellwright train {family.name} {family.example}")
    command(train_command(family))
app.command(epilog="Example: cellwright evaluate runs/novel another.txt")(evaluate)
app.command(epilog="Example: cellwright predict runs/train new-sentences.txt --output tagged.conllu")(predict)
app.command(epilog='Example: cellwright generate runs/novel --prompt "Once upon" --length 300')(generate)
app.command(epilog="Example: cellwright inspect runs/novel")(inspect)
app.command(epilog="Example: cellwright lesson")(lesson)
app.command("cells", epilog="Example: cellwright cells")(list_cells)
app.command(epilog="Example: cellwright describe lstm --input 80 --hidden 12")(describe)
app.command(epilog="Example: cellwright clips things --count 1000")(clips)
app.command(epilog="Example: cellwright demo")(demo)


@app.callback()
def options(debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error.")) -> None:
    """Train and use LSTM networks, and see what they are made of."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0, 1 for what went wrong, 2 for wrong usage, 130 after Ctrl-C.

    Every error that Cellwright raises on purpose becomes one line on stderr here, and nowhere else.

    >>> main(["describe", "lstn"])
    2
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", DataWarning)
            warnings.showwarning = teller()
            code: int = app(args=given, prog_name="cellwright", standalone_mode=False) or 0
            sys.stdout.flush()
            return code
    except BrokenPipeError:  # who reads has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (CellwrightError, TyperException, ModuleNotFoundError, OSError, typer.Abort) as error:
        if "--debug" in given:
            raise
        message, code = explained(error)
    if message:
        sys.stderr.write("cellwright: " + " ".join(message.split()) + "\n")
    return code


def explained(error: Exception) -> tuple[str, int]:
    """What to say about an error, and the exit code."""
    if isinstance(error, TyperException):
        return usage(error), error.exit_code
    if isinstance(error, ModuleNotFoundError):
        if error.name not in EXTRAS:
            raise error
        remedy = f"pip install 'cellwright[{EXTRAS[error.name]}]'"
        return f"this command needs {error.name}, which is not installed; {remedy}", 1
    if isinstance(error, CellwrightError):
        return str(error), getattr(error, "exit_code", 2 if isinstance(error, InputError) else 1)
    if isinstance(error, OSError):
        return f"{brief(str(error.filename))} cannot be used: {error.strerror}; check the path and its rights", 1
    return "stopped", 130


def usage(error: TyperException) -> str:
    """What is wrong with the options, and where help is; nothing where help was printed."""
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "cellwright"
    return f"{message}; see {command} --help" if message else ""
