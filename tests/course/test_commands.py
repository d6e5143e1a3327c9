"""The command line behind make: what it copies, what it never overwrites, what it says."""

import json
import subprocess
import sys

import nbformat
import pytest
from stored import NOTEBOOKS, ROOT

from course import __main__ as commands
from course.catalogue import lessons
from course.notebooks import canonical, execute


def course(*arguments):
    return subprocess.run([sys.executable, "-m", "course", *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A course with two lessons and no work/ yet; JupyterLab is not started."""
    (tmp_path / "notebooks").mkdir()
    for stored in NOTEBOOKS[:2]:
        (tmp_path / "notebooks" / stored.path.name).write_bytes(stored.path.read_bytes())
    monkeypatch.setattr(commands, "ROOT", tmp_path)
    monkeypatch.setattr(commands, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(commands, "WORK", tmp_path / "work")
    monkeypatch.setattr(commands, "LAB", tmp_path / "work" / ".lab")
    monkeypatch.setattr(commands.os, "environ", dict(commands.os.environ))
    monkeypatch.setattr(commands.os, "execv", lambda program, command: started.append(command))
    started.clear()
    return tmp_path


started = []


def called(monkeypatch, *arguments):
    """Run a command in this process; returns what it exits with."""
    monkeypatch.setattr(sys, "argv", ["course", *arguments])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    return ended.value.code


def test_list_names_every_lesson_and_its_state():
    lines = course("list").stdout.splitlines()
    assert [line[:2] for line in lines] == list(lessons())
    assert [line.split()[1] for line in lines] == ["ready" if row.notebook else "planned" for row in lessons().values()]


def test_lab_copies_the_lessons_and_opens_the_first(clone, monkeypatch):
    assert not called(monkeypatch, "lab", "--", "--no-browser")
    first, *_ = names = [stored.path.name for stored in NOTEBOOKS[:2]]
    for name in names:
        assert (clone / "work" / name).read_bytes() == (clone / "notebooks" / name).read_bytes()
    (command,) = started
    assert f"--ServerApp.root_dir={clone / 'work'}" in command
    assert f"--LabApp.default_url=/lab/tree/{first}" in command
    assert "--no-browser" in command


def test_lab_keeps_its_own_files_in_work(clone, monkeypatch):
    called(monkeypatch, "lab")
    variables = ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "JUPYTER_DATA_DIR")
    for variable in variables:
        assert commands.os.environ[variable].startswith(str(clone / "work"))
    settings = list((clone / "work" / ".lab").rglob("*.jupyterlab-settings"))
    assert settings
    for file in settings:
        json.loads(file.read_text())
        file.write_text('{"changed": "by the student"}')
    called(monkeypatch, "lab")
    assert {file.read_text() for file in settings} == {'{"changed": "by the student"}'}


def test_lab_trusts_the_lessons_that_it_copies(clone, monkeypatch):
    from nbformat.sign import NotebookNotary

    called(monkeypatch, "lab")
    notary = NotebookNotary(data_dir=str(clone / "work" / ".lab" / "data"))
    copied = nbformat.read(clone / "work" / NOTEBOOKS[0].path.name, as_version=4)
    assert notary.check_signature(copied)
    copied.cells[0].source = "changed by somebody else"
    assert not notary.check_signature(copied)


def test_a_students_work_is_never_overwritten(clone, monkeypatch):
    called(monkeypatch, "lab")
    mine = clone / "work" / NOTEBOOKS[0].path.name
    mine.write_text("my work")
    other = clone / "work" / NOTEBOOKS[1].path.name
    other.unlink()
    called(monkeypatch, "lab")
    assert mine.read_text() == "my work"
    assert other.exists()


def test_lab_without_lessons_says_where_it_looked(clone, monkeypatch):
    for path in (clone / "notebooks").iterdir():
        path.unlink()
    assert str(clone / "notebooks") in called(monkeypatch, "lab")
    assert started == []


def test_lab_without_jupyterlab_says_how_to_get_it(clone, monkeypatch):
    monkeypatch.setattr(commands.importlib.util, "find_spec", lambda name: None)
    assert "make lab" in called(monkeypatch, "lab")
    assert started == []


def test_reset_keeps_the_students_copy(clone, monkeypatch, capsys):
    called(monkeypatch, "lab")
    stored = NOTEBOOKS[0]
    mine = clone / "work" / stored.path.name
    for number in (1, 2):
        mine.write_text(f"my work {number}")
        assert not called(monkeypatch, "reset", stored.lesson)
        assert mine.read_bytes() == stored.path.read_bytes()
        kept = mine.with_suffix(f".yours-{number}.ipynb")
        assert kept.read_text() == f"my work {number}"
        assert kept.name in capsys.readouterr().out


def test_reset_before_the_first_lab(clone, monkeypatch):
    assert not called(monkeypatch, "reset", NOTEBOOKS[0].lesson)
    assert (clone / "work" / NOTEBOOKS[0].path.name).exists()


@pytest.mark.parametrize("command", ["reset", "notebooks"])
def test_an_unknown_lesson_names_the_nearest(command):
    result = course(command, "5")
    assert result.returncode
    assert "05" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["reset", "notebooks"])
def test_a_planned_lesson_is_not_written_yet(command):
    planned = next((row.id for row in lessons().values() if not row.notebook), None)
    if planned is None:
        pytest.skip("every lesson is written")
    result = course(command, planned)
    assert result.returncode
    assert "not written yet" in result.stderr


def small(tmp_path, *sources, tags=()):
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    cells[0].metadata["tags"] = list(tags)
    path = tmp_path / "small.ipynb"
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)), encoding="utf-8")
    return path


def test_executed_twice_changes_no_byte(tmp_path):
    clock = "import time, ipywidgets\nprint(time.perf_counter())"
    path = small(
        tmp_path, clock, "ipywidgets.IntSlider()", "print('a', flush=True)\nprint('b')", tags=["nbval-ignore-output"]
    )
    assert execute(path)
    once = path.read_bytes()
    assert not execute(path)
    assert path.read_bytes() == once
    assert b"widget-view" not in once
    assert execute(path, refresh=True)
    assert path.read_bytes() != once


def test_changed_code_renews_the_ignored_output(tmp_path):
    path = small(tmp_path, "import time\nprint(time.perf_counter())", tags=["nbval-ignore-output"])
    execute(path)
    once = json.loads(path.read_text())["cells"][0]
    path.write_text(path.read_text().replace("import time", "import time  # anew"))
    assert execute(path)
    assert json.loads(path.read_text())["cells"][0]["outputs"] != once["outputs"]


def test_a_cell_that_fails_stores_nothing(tmp_path, monkeypatch):
    path = small(tmp_path, "print('fine')", "1 / 0")
    before = path.read_bytes()
    monkeypatch.setattr(commands, "NOTEBOOKS", tmp_path)
    path = path.rename(tmp_path / f"{lessons()['05'].notebook}.ipynb")
    said = called(monkeypatch, "notebooks", "05")
    assert "ZeroDivisionError" in said
    assert "nothing is stored" in said
    assert path.read_bytes() == before


def test_check_reports_what_departs(clone, monkeypatch, capsys):
    called(monkeypatch, "check")
    assert NOTEBOOKS[0].path.name not in capsys.readouterr().out
    path = clone / "notebooks" / NOTEBOOKS[0].path.name
    changed = json.loads(path.read_text(encoding="utf-8"))
    next(cell for cell in changed["cells"] if cell["cell_type"] == "code")["execution_count"] = None
    changed["metadata"]["widgets"] = {}
    path.write_text(json.dumps(changed), encoding="utf-8")
    assert called(monkeypatch, "check")
    said = capsys.readouterr().out
    assert "was never executed" in said
    assert "run make notebooks" in said


def test_canonical_form_is_stable(tmp_path):
    stored = nbformat.read(NOTEBOOKS[0].path, as_version=4)
    once = canonical(stored)
    assert canonical(nbformat.reads(once, as_version=4)) == once
