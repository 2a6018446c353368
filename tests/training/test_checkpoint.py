"""Checkpoints: everything comes back as it was, without pickle."""

import json
import math

import pytest
import torch
from safetensors import safe_open

from cellwright.errors import RunError
from cellwright.training.checkpoint import SafeCheckpoints, flatten, from_bytes, to_bytes

TREE = {
    "numbers": [1, -2.5, True, None, "text", math.inf],
    "nested": {"tuple": (1, (2, torch.arange(3))), "empty": ({}, [], ())},
    "optimizer": {0: {"step": torch.tensor(3.0), "exp_avg": torch.randn(2, 3, dtype=torch.float64)}, 7: {}},
    "bytes": torch.arange(5, dtype=torch.uint8),
}


def test_a_tree_comes_back_with_its_types():
    again = from_bytes(to_bytes(TREE))
    assert again.keys() == TREE.keys()
    assert again["numbers"] == TREE["numbers"]
    assert isinstance(again["nested"]["tuple"][1], tuple)
    assert again["nested"]["empty"] == ({}, [], ())
    assert list(again["optimizer"]) == [0, 7]
    torch.testing.assert_close(again["optimizer"][0], TREE["optimizer"][0], rtol=0, atol=0)
    assert torch.equal(again["bytes"], TREE["bytes"])


def test_floats_come_back_to_the_last_bit():
    values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308]
    assert from_bytes(to_bytes({"values": values}))["values"] == values


def test_shared_and_strided_tensors_can_be_kept():
    base = torch.arange(12.0).view(3, 4)
    again = from_bytes(to_bytes({"a": base, "b": base.T, "c": base[:, 1]}))
    assert torch.equal(again["b"], base.T)
    assert torch.equal(again["c"], base[:, 1])


def test_anything_but_tensors_and_plain_data_is_refused():
    with pytest.raises(TypeError, match="not set"):
        flatten({"a": {1, 2}}, {})


def test_the_file_is_an_ordinary_safetensors_file(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    SafeCheckpoints().save_checkpoint(TREE, path)
    with safe_open(path, "pt") as file:
        assert len(list(file.keys())) == 4
        assert json.loads(file.metadata()["checkpoint"])["numbers"][0] == 1
    assert list(SafeCheckpoints().load_checkpoint(path)) == list(TREE)
    SafeCheckpoints().remove_checkpoint(path)
    assert not path.exists()


@pytest.mark.parametrize("keep", [0, 4, 8, 100, -1])
def test_a_truncated_file_is_refused_in_one_line(tmp_path, keep):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(to_bytes(TREE)[:keep])
    with pytest.raises(RunError, match="is damaged") as caught:
        SafeCheckpoints().load_checkpoint(path)
    assert "\n" not in str(caught.value)
