"""The student's models, from one lesson to another: whatever happens to the file costs the memory, never the lesson."""

import pytest
import torch
from torch import nn

from course.training import store


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_STATE_DIR", str(tmp_path))
    return tmp_path


RECIPE = {"in_features": 3, "out_features": 2}


def test_a_model_comes_back_with_what_was_said_about_it(capsys):
    net = nn.Linear(3, 2)
    assert store.save("mine", net, RECIPE, alphabet="abc", seed=1)
    stored = store.load("mine", nn.Linear)
    assert torch.equal(stored.model.weight, net.weight)
    assert stored.about == {"alphabet": "abc", "seed": 1}
    assert not stored.model.training
    assert capsys.readouterr().out == ""


def test_a_missing_one_is_none_and_one_sentence(capsys):
    assert store.load("mine", nn.Linear) is None
    assert capsys.readouterr().out == "There is no model 'mine' of yours yet.\n"


@pytest.mark.parametrize("damage", [b"", b"no model", "half", "other sizes", "no recipe"])
def test_a_damaged_one_is_none_and_one_sentence(damage, capsys):
    store.save("mine", nn.Linear(3, 2), RECIPE)
    path = store.place("mine")
    if damage == "half":
        damage = path.read_bytes()[: path.stat().st_size // 2]
    elif damage == "other sizes":
        store.save("mine", nn.Linear(3, 2), {"in_features": 5, "out_features": 2})
    elif damage == "no recipe":
        torch.save({"weights": {}}, path)
    if isinstance(damage, bytes):
        path.write_bytes(damage)
    assert store.load("mine", nn.Linear) is None
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Your model 'mine' cannot be read (")


def test_a_file_that_would_run_code_is_not_run(capsys, folder):
    store.save("mine", nn.Linear(3, 2), RECIPE)
    torch.save({"weights": {}, "recipe": {}, "about": _Runs(folder / "it ran")}, store.place("mine"))
    assert store.load("mine", nn.Linear) is None
    assert not (folder / "it ran").exists()


class _Runs:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_folder_that_cannot_be_made_is_one_sentence(folder, capsys):
    (folder / store.FOLDER).write_text("a file of this name is in the way")
    assert not store.save("mine", nn.Linear(3, 2), RECIPE)
    assert capsys.readouterr().out.startswith("Your model cannot be saved (")


def test_a_user_without_a_home_has_no_model(monkeypatch, capsys):
    monkeypatch.setattr(store.progress, "path", lambda: None)
    assert not store.save("mine", nn.Linear(3, 2), RECIPE)
    assert store.load("mine", nn.Linear) is None
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_failed_save_leaves_the_old_model_and_no_scraps(monkeypatch):
    store.save("mine", nn.Linear(3, 2), RECIPE, seed=1)

    def full(stored, file):
        raise RuntimeError("[enforce fail at inline_container.cc:863] . PytorchStreamWriter failed writing file")

    monkeypatch.setattr(store.torch, "save", full)
    assert not store.save("mine", nn.Linear(3, 2), RECIPE, seed=2)
    assert store.load("mine", nn.Linear).about == {"seed": 1}
    assert [file.name for file in store.place("mine").parent.iterdir()] == ["mine.pt"]


def test_a_name_with_a_path_is_refused():
    with pytest.raises(ValueError, match="letters, figures, blanks and hyphens"):
        store.place("../mine")
