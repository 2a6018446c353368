"""The run folder: recipe, weights, figures, samples, and what resuming needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from ..durable import write_whole
from ..errors import RunError
from .recipe import Recipe


@dataclass(frozen=True)
class RunFolder:
    """One run on disk. Made by `RunFolder.create`, or found by `RunFolder.open`."""

    path: Path

    @staticmethod
    def create(path: Path, recipe: Recipe, files: Mapping[str, bytes]) -> RunFolder:
        """A new run folder with its recipe and the task's files.

        Raises:
            RunError: something is there already, or the folder cannot be made.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RunError(
                f"a new run needs a folder of its own, but {str(path)!r} is taken; continue it with "
                f"--resume {path}, or give another --run"
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{str(path)!r} cannot be made: {error.strerror}; give another --run") from error
        folder = RunFolder(path)
        for name, content in files.items():
            folder.write(name, content)
        folder.write("recipe.json", recipe.to_json().encode())
        return folder

    @staticmethod
    def open(path: Path) -> RunFolder:
        """An existing run folder.

        Raises:
            RunError: there is none.
        """
        if not (path / "recipe.json").is_file():
            what = "holds no recipe.json" if path.is_dir() else "does not exist"
            raise RunError(f"a run is a folder that a training has made, but {str(path)!r} {what}; check the path")
        return RunFolder(path)

    @property
    def checkpoint(self) -> Path:
        """What resuming needs."""
        return self.path / "checkpoint.safetensors"

    def write(self, name: str, content: bytes) -> None:
        """Replace a file of the folder, all or nothing."""
        write_whole(self.path / name, content)

    def read(self, name: str) -> str:
        """The text of a file of the folder.

        Raises:
            RunError: it is missing or no text.
        """
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(
                f"{str(self.path / name)!r} belongs to the run, but cannot be read: {error}; put it back, or train anew"
            ) from error

    def recipe(self) -> Recipe:
        """How the run came about."""
        return Recipe.from_json(self.read("recipe.json"))

    def save_weights(self, network: nn.Module) -> None:
        """Keep these weights as the best."""
        weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
        self.write("weights.safetensors", save(weights))

    def load_weights(self, network: nn.Module) -> None:
        """Put the best weights into a network.

        Raises:
            RunError: there are none yet, they are damaged, or belong to another network.
        """
        path = self.path / "weights.safetensors"
        if not path.exists():
            raise RunError(f"{str(self.path)!r} has no weights yet; continue it first: --resume {self.path}")
        try:
            network.load_state_dict(load(path.read_bytes()))
        except (SafetensorError, RuntimeError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise RunError(
                f"{str(path)!r} must hold the weights of this run's network, but is damaged ({reason}); put "
                "it back, or train anew"
            ) from error

    def save_result(self, figures: Mapping[str, float]) -> None:
        """Write the figures of a finished run."""
        self.write("result.json", (json.dumps(figures, indent=2) + "\n").encode())

    def begin(self) -> None:
        """Take away the result of an earlier end: from here on the run is unfinished."""
        (self.path / "result.json").unlink(missing_ok=True)

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end."""
        return (self.path / "result.json").exists()


def free_folder(path: Path) -> Path:
    """The path, or the first of `path-2`, `path-3` and so on that is not taken.

    >>> import tempfile
    >>> taken = Path(tempfile.mkdtemp())
    >>> free_folder(taken).name == f"{taken.name}-2"
    True
    """
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found
