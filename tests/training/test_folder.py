"""Run folders: made once, opened whole."""

import json

import pytest
import torch

from cellwright.errors import RunError
from cellwright.training import Recipe, RunFolder, TrainingSettings, free_folder

RECIPE = Recipe("text", {"learned": "novel.txt"}, {"learned": "0" * 64}, {"hidden": 8}, TrainingSettings(epochs=1))


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path / "run", RECIPE, {"vocabulary.json": b"{}"})


def test_a_folder_gives_its_recipe_and_files_back(folder):
    again = RunFolder.open(folder.path)
    assert again.recipe() == RECIPE
    assert again.read("vocabulary.json") == "{}"


def test_a_taken_folder_is_refused_with_both_ways_out(folder):
    with pytest.raises(RunError, match=f"continue it with --resume {folder.path}, or give another --run"):
        RunFolder.create(folder.path, RECIPE, {})


def test_an_empty_folder_can_be_used_and_a_file_cannot(tmp_path):
    (tmp_path / "empty").mkdir()
    RunFolder.create(tmp_path / "empty", RECIPE, {})
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is taken"):
        RunFolder.create(tmp_path / "file", RECIPE, {})
    with pytest.raises(RunError, match="cannot be made"):
        RunFolder.create(tmp_path / "file" / "below", RECIPE, {})


def test_what_is_no_run_folder_is_refused(tmp_path):
    with pytest.raises(RunError, match="does not exist; check the path"):
        RunFolder.open(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"holds no recipe\.json"):
        RunFolder.open(tmp_path)


def test_a_missing_file_of_the_folder_is_named(folder):
    (folder.path / "vocabulary.json").unlink()
    with pytest.raises(RunError, match=r"vocabulary\.json' belongs to the run, but cannot be read"):
        folder.read("vocabulary.json")


def test_weights_come_back(folder):
    network, other = torch.nn.LSTM(3, 4), torch.nn.LSTM(3, 4)
    folder.save_weights(network)
    folder.load_weights(other)
    torch.testing.assert_close(dict(other.state_dict()), dict(network.state_dict()), rtol=0, atol=0)


def test_damaged_or_foreign_weights_are_refused_in_one_line(folder):
    network = torch.nn.LSTM(3, 4)
    with pytest.raises(RunError, match="has no weights yet"):
        folder.load_weights(network)
    folder.save_weights(network)
    path = folder.path / "weights.safetensors"
    content = path.read_bytes()
    for damaged in (b"", content[:50], content[:-1], b"garbage" * 9):
        path.write_bytes(damaged)
        with pytest.raises(RunError, match="is damaged") as caught:
            folder.load_weights(network)
        assert "\n" not in str(caught.value)
    path.write_bytes(content)
    with pytest.raises(RunError, match="is damaged"):
        folder.load_weights(torch.nn.LSTM(3, 5))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda recipe: recipe.update(sead=1), "has no 'sead'"),
        (lambda recipe: recipe.pop("digest"), "must hold 'digest'"),
        (lambda recipe: recipe["training"].update(epocks=1), "did you mean 'epochs'"),
        (lambda recipe: recipe.update(training=3), "not 3"),
    ],
)
def test_a_recipe_with_a_wrong_key_is_refused(folder, change, message):
    recipe = json.loads(RECIPE.to_json())
    change(recipe)
    (folder.path / "recipe.json").write_text(json.dumps(recipe))
    with pytest.raises(RunError, match=message):
        folder.recipe()


def test_a_recipe_that_is_no_json_is_refused(folder):
    (folder.path / "recipe.json").write_text("{")
    with pytest.raises(RunError, match="a recipe must be JSON"):
        folder.recipe()


def test_a_free_folder_is_numbered(tmp_path):
    names = []
    for _ in range(3):
        path = free_folder(tmp_path / "demo")
        path.mkdir()
        names.append(path.name)
    assert names == ["demo", "demo-2", "demo-3"]


def test_a_run_of_another_version_says_what_it_needs():
    recipe = json.loads(RECIPE.to_json())
    recipe["versions"]["cellwright"] = "9.8.7"
    assert Recipe.from_json(json.dumps(recipe)).versions["cellwright"] == "9.8.7"
    recipe["training"]["momentum"] = 0.9
    with pytest.raises(RunError, match=r"made by Cellwright 9\.8\.7, and this is .*: install that, or train anew"):
        Recipe.from_json(json.dumps(recipe))
