"""make lab: what it copies, what it never overwrites, and that nothing of the user's own gets into it."""

import json
import os
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_core.paths import jupyter_runtime_dir
from stored import NOTEBOOKS

from course import lab
from course.errors import CourseError
from course.notebooks import canonical

# A note on widgets as Colab stores it has no state.
WIDGETS = "application/vnd.jupyter.widget-state+json"


@pytest.fixture
def started(tmp_path, monkeypatch):
    """A course with two lessons and no work/ yet; the commands with which JupyterLab would have been started."""
    (tmp_path / "notebooks").mkdir()
    for stored in NOTEBOOKS[:2]:
        (tmp_path / "notebooks" / stored.path.name).write_bytes(stored.path.read_bytes())
    monkeypatch.setattr(lab, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(lab, "WORK", tmp_path / "work")
    monkeypatch.setattr(lab, "LAB", tmp_path / "work" / ".lab")
    monkeypatch.setattr(lab.os, "environ", dict(os.environ))
    commands = []
    monkeypatch.setattr(lab.os, "execv", lambda program, command: commands.append(command))
    return commands


def test_it_copies_the_lessons_and_opens_the_first(started, tmp_path):
    lab.serve(["--no-browser"])
    first, *_ = names = [stored.path.name for stored in NOTEBOOKS[:2]]
    for name in names:
        assert (tmp_path / "work" / name).read_bytes() == (tmp_path / "notebooks" / name).read_bytes()
    (command,) = started
    assert f"--ServerApp.root_dir={tmp_path / 'work'}" in command
    assert f"--LabApp.default_url=/lab/tree/{first}" in command
    assert f"--FileContentsManager.pre_save_hook={lab.HOOK}" in command
    assert "--no-browser" in command


def test_a_students_work_and_settings_are_never_overwritten(started, tmp_path):
    lab.serve()
    work = tmp_path / "work"
    mine = [work / NOTEBOOKS[0].path.name, *(work / ".lab").rglob("*.jupyterlab-settings")]
    assert len(mine) == 3
    for path in mine:
        path.write_text('{"changed": "by the student"}')
    other = work / NOTEBOOKS[1].path.name
    other.unlink()
    lab.serve()
    assert {path.read_text() for path in mine} == {'{"changed": "by the student"}'}
    assert other.exists()


def test_a_copy_that_breaks_off_is_made_anew(started, tmp_path, monkeypatch):
    def half(source, target):
        Path(target).write_bytes(Path(source).read_bytes()[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(lab.shutil, "copyfile", half)
        with pytest.raises(OSError, match="No space left"):
            lab.serve()
    lab.serve()
    name = NOTEBOOKS[0].path.name
    assert (tmp_path / "work" / name).read_bytes() == (tmp_path / "notebooks" / name).read_bytes()
    assert not list((tmp_path / "work").glob("*.copy"))


def test_it_trusts_the_lessons_that_it_copies(started, tmp_path):
    from nbformat.sign import NotebookNotary

    lab.serve()
    notary = NotebookNotary(data_dir=str(tmp_path / "work" / ".lab" / "data"))
    copied = nbformat.read(tmp_path / "work" / NOTEBOOKS[0].path.name, as_version=4)
    assert notary.check_signature(copied)
    copied.cells[0].source = "changed by somebody else"
    assert not notary.check_signature(copied)


def test_without_lessons_it_says_where_it_looked(started, tmp_path):
    for path in (tmp_path / "notebooks").iterdir():
        path.unlink()
    with pytest.raises(CourseError, match="There are no lessons in") as raised:
        lab.serve()
    assert str(tmp_path / "notebooks") in str(raised.value)
    assert started == []


def test_without_jupyterlab_it_says_how_to_get_it(started, monkeypatch):
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="make lab"):
        lab.serve()
    assert started == []


# Where its files lie


def test_settings_and_work_lie_in_the_clone_and_runtime_files_where_jupyter_puts_them(tmp_path, monkeypatch):
    for variable in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.delenv(variable, raising=False)
    own = jupyter_runtime_dir()
    variables = lab.prepare(tmp_path)
    assert variables.pop("JUPYTER_RUNTIME_DIR") == own
    assert all(place.startswith(str(tmp_path)) for place in variables.values())


def test_a_runtime_folder_of_the_users_own_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", "/run/user/1000/jupyter")
    assert lab.prepare(tmp_path)["JUPYTER_RUNTIME_DIR"] == "/run/user/1000/jupyter"


def no_home():
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize("found", [no_home, lambda: Path("/proc/nowhere")], ids=["none", "not writable"])
def test_without_a_home_one_is_made_for_the_session(found, monkeypatch, capsys):
    monkeypatch.setattr(Path, "home", found)
    variables = lab.home()
    assert Path(variables["HOME"]).stat().st_mode & 0o777 == 0o700
    assert capsys.readouterr().out.count("\n") == 1


def test_a_home_that_can_be_written_is_left_alone(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert lab.home() == {}
    assert capsys.readouterr().out == ""


# The Python that runs a lesson


@pytest.fixture
def other_python(tmp_path, monkeypatch):
    """Another python3 on Jupyter's path, as other environments register theirs: it cannot even start."""
    kernel = tmp_path / "theirs" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": ["/bin/false"], "display_name": "theirs", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "theirs"))


def executed(folder, *sources):
    """What each cell prints, run by the kernel that Jupyter takes."""
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, kernel_name="python3", timeout=300, resources=resources).execute()
    return [cell.outputs[0]["text"].strip() for cell in notebook.cells]


def test_a_lesson_runs_in_the_courses_own_python(other_python, tmp_path, monkeypatch):
    for name, value in lab.prepare(tmp_path / "lab").items():
        monkeypatch.setenv(name, value)
    assert executed(tmp_path, "import sys; print(sys.executable)") == [sys.executable]


def test_another_environments_jupyterlab_is_not_taken(started):
    lab.os.environ["JUPYTERLAB_DIR"] = "/opt/theirs/share/jupyter/lab"
    lab.serve()
    assert "JUPYTERLAB_DIR" not in lab.os.environ


def test_a_students_file_hides_no_package_and_can_be_imported(tmp_path, monkeypatch):
    for name in ("filelock", "operator", "types"):  # Python needs the last two before a kernel's first line
        (tmp_path / f"{name}.py").write_text("raise ImportError('the student’s')")
    (tmp_path / "mine.py").write_text("answer = 42")
    for name, value in lab.prepare(tmp_path / "lab").items():
        monkeypatch.setenv(name, value)
    assert executed(tmp_path, "import filelock, mine; print(filelock.__name__, mine.answer)") == ["filelock 42"]


# Lessons that Colab has saved


def saved_by_colab(path, widgets):
    notebook = json.loads(NOTEBOOKS[0].path.read_text(encoding="utf-8"))
    notebook["metadata"] |= {"colab": {"provenance": []}, "widgets": widgets}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return notebook


@pytest.mark.parametrize("widgets", [{WIDGETS: {"1a2b": {"model_name": "VBoxModel"}}}, {WIDGETS: None}, []])
def test_a_notebook_saved_by_colab_loses_its_note_on_widgets(tmp_path, widgets, capsys):
    path = tmp_path / "00_start_here.ipynb"
    saved = saved_by_colab(path, widgets)
    lab.mend_copies(tmp_path)
    assert capsys.readouterr().out == (
        "00_start_here.ipynb was saved by Colab; its note on widgets, which Lab cannot read, is gone, and all else kept.\n"
    )
    mended = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in mended["metadata"]
    saved["metadata"].pop("widgets")
    assert mended == saved
    lab.mend_copies(tmp_path)
    assert capsys.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["00_start_here.ipynb"]


def test_a_notebook_that_cannot_be_mended_stays_as_it_is(tmp_path, capsys):
    path = tmp_path / "mine.ipynb"
    notebook = saved_by_colab(path, {WIDGETS: None})
    notebook["cells"][0]["source"] = "half a letter: \ud800"
    path.write_text(before := json.dumps(notebook), encoding="utf-8")
    lab.mend_copies(tmp_path)
    assert path.read_text(encoding="utf-8") == before
    assert [path.name for path in tmp_path.iterdir()] == ["mine.ipynb"]
    assert capsys.readouterr().out == ""


def test_the_stored_form_has_no_note_on_widgets(tmp_path):
    saved = saved_by_colab(tmp_path / "saved.ipynb", {WIDGETS: None})
    assert "widgets" not in json.loads(canonical(nbformat.reads(json.dumps(saved), as_version=4)))["metadata"]


def test_a_notebook_saved_by_lab_is_left_alone(tmp_path, capsys):
    saved_by_colab(tmp_path / "a.ipynb", {WIDGETS: {"state": {}, "version_major": 2}})
    (tmp_path / "b.ipynb").write_text("no notebook at all")
    (tmp_path / "c.ipynb").write_text("[" * 100_000)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    lab.mend_copies(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert capsys.readouterr().out == ""
