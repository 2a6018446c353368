"""Checkpoints without pickle: one safetensors file that holds the tensors, and the rest as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..durable import write_whole
from ..errors import RunError

TENSOR, TUPLE, ITEMS = "$tensor", "$tuple", "$items"
HEADER_LENGTH = 8  # safetensors: the first 8 bytes give the length of the JSON header


def flatten(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """A tree of plain data for JSON; the tensors in it go to `tensors`.

    >>> tensors = {}
    >>> flatten({"a": (1, None), "b": {0: "zero"}}, tensors)
    {'a': {'$tuple': [1, None]}, 'b': {'$items': [[0, 'zero']]}}
    """
    match tree:
        case Tensor():
            name = str(len(tensors))
            # A copy: safetensors refuses tensors that share memory.
            tensors[name] = tree.detach().to("cpu", copy=True).contiguous()
            return {TENSOR: name}
        case tuple():
            return {TUPLE: [flatten(each, tensors) for each in tree]}
        case list():
            return [flatten(each, tensors) for each in tree]
        case dict() if all(isinstance(key, str) for key in tree):
            return {key: flatten(value, tensors) for key, value in tree.items()}
        case dict():
            return {ITEMS: [[key, flatten(value, tensors)] for key, value in tree.items()]}
        case None | bool() | int() | float() | str():
            return tree
    raise TypeError(f"a checkpoint holds tensors and plain data, not {type(tree).__name__}")


def unflatten(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """The tree that `flatten` was given.

    >>> unflatten({"a": {"$tuple": [1, None]}, "b": {"$items": [[0, "zero"]]}}, {})
    {'a': (1, None), 'b': {0: 'zero'}}
    """
    match tree:
        case {"$tensor": name}:
            return tensors[name]
        case {"$tuple": parts}:
            return tuple(unflatten(each, tensors) for each in parts)
        case {"$items": items}:
            return {key: unflatten(value, tensors) for key, value in items}
        case list():
            return [unflatten(each, tensors) for each in tree]
        case dict():
            return {key: unflatten(value, tensors) for key, value in tree.items()}
    return tree


def to_bytes(checkpoint: dict[str, Any]) -> bytes:
    """A checkpoint as the content of one safetensors file."""
    tensors: dict[str, Tensor] = {}
    tree = flatten(checkpoint, tensors)
    return bytes(save(tensors, metadata={"checkpoint": json.dumps(tree)}))


def from_bytes(content: bytes) -> dict[str, Any]:
    """The checkpoint that `to_bytes` was given.

    Raises:
        ValueError, KeyError, SafetensorError: the content is damaged.

    >>> from_bytes(to_bytes({"step": 3, "state": {0: ("a", None)}}))
    {'step': 3, 'state': {0: ('a', None)}}
    """
    tensors = load(content)
    length = int.from_bytes(content[:HEADER_LENGTH], "little")
    header = json.loads(content[HEADER_LENGTH : HEADER_LENGTH + length])
    return dict(unflatten(json.loads(header["__metadata__"]["checkpoint"]), tensors))


class SafeCheckpoints(CheckpointIO):
    """How Lightning writes and reads checkpoints here."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write a checkpoint, all or nothing."""
        write_whole(Path(path), to_bytes(checkpoint))

    def load_checkpoint(
        self, path: str | Path, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint; its tensors are on the CPU.

        Raises:
            RunError: the file is damaged.
        """
        try:
            return from_bytes(Path(path).read_bytes())
        except (SafetensorError, ValueError, KeyError, OSError) as error:
            raise RunError(
                f"{str(path)!r} must be a checkpoint of a run, but is damaged ({error}); train anew, "
                "or go on using the weights beside it with evaluate and generate"
            ) from error

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a checkpoint."""
        Path(path).unlink()
