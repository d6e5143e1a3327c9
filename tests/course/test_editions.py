"""The editions for a class: what is in them, and what is not. test_setup_cell.py and test_editions_slow.py run them."""

import ast
import base64
import builtins
import dataclasses
import io
import json
import lzma
import os
import re
import subprocess
import sys
import zipfile

import nbformat
import pytest
from stored import NOTEBOOKS, ROOT

from course.catalogue import find_lesson, written
from course.editions.colab import Place, form_title, with_badges, write_colab
from course.editions.common import emptied, source_of
from course.editions.handout import write_handout
from course.editions.instructor import expected, for_instructor, incomplete, notes_of, unsolved
from course.editions.wheel import build_wheel
from course.errors import CourseError
from course.notebooks import IGNORED, is_plumbing

PLACE = Place("some-school", "rnn.course", "v1.2")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def cells_of(notebook):
    return {cell["id"]: cell for cell in notebook["cells"]}


@pytest.fixture(scope="session")
def colab(tmp_path_factory):
    """dist/colab, built once."""
    folder = tmp_path_factory.mktemp("dist") / "colab"
    write_colab(folder, wheel=build_wheel(tmp_path_factory.mktemp("wheel")))
    return folder


@pytest.fixture(scope="session")
def handout(tmp_path_factory):
    """dist/handout, built once."""
    folder = tmp_path_factory.mktemp("dist") / "handout"
    write_handout(folder)
    return folder


@pytest.fixture(params=["colab", "handout"])
def edition(request):
    return request.getfixturevalue(request.param)


def carried_wheel(path):
    """The wheel that a Colab notebook carries."""
    source = cells_of(read(path))["setup"]["source"]
    content = lzma.decompress(base64.b64decode(re.search(r'_COURSE = """(.*?)"""', source, re.DOTALL)[1]))
    return zipfile.ZipFile(io.BytesIO(content))


# For Colab


def test_every_lesson_is_there_small_and_asks_for_a_gpu(edition):
    assert {path.name for path in edition.glob("*.ipynb")} == {stored.path.name for stored in NOTEBOOKS}
    for path in edition.glob("*.ipynb"):
        assert path.stat().st_size < 2_000_000
        metadata = nbformat.read(path, as_version=4).metadata
        assert (metadata.accelerator, metadata.colab.gpuType, metadata.kernelspec.name) == ("GPU", "T4", "python3")
        nbformat.validate(read(path))


def test_the_set_up_stands_before_what_the_lessons_own_setup_cell_says(colab, notebook):
    source = cells_of(read(colab / notebook.path.name))["setup"]["source"]
    compile(source, "setup", "exec")
    own = source_of(cells_of(notebook.json)["setup"])
    assert source.endswith("\n\n" + own)
    assert "_SetUp(" not in own


def test_plumbing_is_folded_under_a_title_and_no_other_cell_differs(colab, notebook):
    cells = cells_of(read(colab / notebook.path.name))
    assert list(cells) == [cell["id"] for cell in notebook.cells]
    for cell in notebook.cells[1:]:
        copied = cells[cell["id"]]
        if cell["cell_type"] == "code" and is_plumbing(source_of(cell)):
            title, _, source = copied["source"].partition("\n")
            assert (title.startswith("# @title "), source) == (True, source_of(cell))
            assert copied["metadata"]["cellView"] == "form"
        elif cell["id"] != "setup":
            assert copied == cell


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ('predict("keys", "Which?", ["one", "two"])', "Your prediction"),
        ('reveal("keys", answer)', "What came out"),
        ('claim("S0-17", difference=difference)', "The verdict"),
        ("explore(figures.state_walk, step=[0, 1])", "Move it: state walk"),
        ("explore(reads)", "Move it: reads"),
    ],
)
def test_a_title_says_what_is_under_it(source, title):
    assert form_title(source) == title


def test_the_carried_wheel_is_the_course(colab, notebook):
    names = set(carried_wheel(colab / notebook.path.name).namelist())
    kinds = ("*.py", "*.toml", "*.json", "*.pt", "*.mjs", "*.js", "*.css", "*.j2")
    files = [path for folder in ("course", "helpers") for kind in kinds for path in (ROOT / folder).rglob(kind)]
    assert {str(path.relative_to(ROOT)) for path in files} <= names


def test_a_public_copy_is_named_in_every_badge_and_every_set_up(tmp_path):
    write_colab(tmp_path, PLACE)
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    for stored in NOTEBOOKS:
        path = tmp_path / "notebooks" / stored.path.name
        address = f"https://colab.research.google.com/github/some-school/rnn.course/blob/v1.2/notebooks/{path.name}"
        assert read(path)["cells"][0]["source"].endswith(f"({address})")
        assert f"](notebooks/{path.name}) [![Open in Colab]" in readme
        assert readme.count(address) == 1
        assert (
            "'https://github.com/some-school/rnn.course/archive/v1.2.tar.gz'" in cells_of(read(path))["setup"]["source"]
        )


def test_a_lesson_that_the_readme_does_not_link_is_listed_with_its_badge():
    page = with_badges("# Title\n\nText.\n", PLACE)
    first = written()[0]
    assert page.startswith(f"# Title\n\n- {first.id} {first.title} [![")
    assert page.count("colab-badge.svg") == len(NOTEBOOKS)


@pytest.mark.parametrize("given", [("", "v1"), ("owner", "v1"), ("owner/name", ""), ("a/b/c", "v1"), ("a/b", "v 1")])
def test_a_place_needs_owner_name_and_ref(given):
    with pytest.raises(CourseError, match="REPO=owner/name and REF="):
        Place.of(*given)


def test_addresses_of_the_repository_are_made_in_one_file():
    files = [path for folder in ("course", "helpers", "notebooks") for path in (ROOT / folder).rglob("*.*")]
    texts = {path: path.read_text("utf-8") for path in files if path.suffix in (".py", ".ipynb")}
    address = r"colab\.research\.google|github\.com/\{|/archive/"
    assert [path.name for path, text in texts.items() if re.search(address, text)] == ["colab.py"]


# The folder that an edition is written to


def test_what_no_edition_writes_is_named_and_kept(tmp_path):
    (tmp_path / "old.ipynb").write_text("{}")
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(CourseError, match=r"mine\.txt"):
        emptied(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"old.ipynb", "mine.txt"}


@pytest.mark.parametrize(
    "name", [".DS_Store", "._00_start_here.ipynb", "Desktop.ini", "Thumbs.db", ".directory", ".localized"]
)
def test_files_of_the_operating_system_are_swept_away(tmp_path, name):
    for folder in (tmp_path, tmp_path / "notebooks"):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("")
    assert list(emptied(tmp_path).iterdir()) == []


@pytest.mark.parametrize("name", ["__MACOSX", ".Spotlight-V100", "$RECYCLE.BIN", "@eaDir", ".ipynb_checkpoints"])
def test_so_are_its_folders_with_all_that_is_in_them(tmp_path, name):
    inside = tmp_path / "notebooks" / name / "deeper"
    inside.mkdir(parents=True)
    (inside / "index.store").write_text("")
    assert list(emptied(tmp_path).iterdir()) == []


def test_a_repository_in_the_editions_place_is_named_and_kept(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main")
    with pytest.raises(CourseError, match=r"HEAD"):
        emptied(tmp_path)
    assert (tmp_path / ".git" / "HEAD").exists()


# Without solutions


def test_no_solution_wrong_answer_or_note_is_in_a_handout(handout):
    (wheel,) = handout.glob("*.whl")
    texts = {path.name: path.read_text(encoding="utf-8") for path in handout.glob("*.ipynb")}
    for archive in (zipfile.ZipFile(wheel), *map(carried_wheel, handout.glob("*.ipynb"))):
        assert "course/exercises/__init__.py" in archive.namelist()
        assert [name for name in archive.namelist() if name.endswith(("solutions.py", "notes.toml"))] == []
        texts |= {name: archive.read(name).decode(errors="replace") for name in archive.namelist()}
    assert [name for name, text in texts.items() if re.search(r"^@(wrong|reference)\(", text, re.MULTILINE)] == []
    for stored in NOTEBOOKS:
        row = find_lesson(stored.lesson)
        for exercise_id in row.exercises:
            solution = row.answers.source_of(exercise_id).strip()
            forms = [solution, json.dumps(solution)[1:-1]]
            if len(solution) > 20:  # a number that solves an exercise stands in many files
                assert [name for name, text in texts.items() if any(form in text for form in forms)] == []


ASK = """
from course import lesson, session, solution
lesson("05")
session.display = lambda page: print(page.text)
solution("1")
"""


def test_a_handout_says_who_has_the_solutions(handout, tmp_path):
    (wheel,) = handout.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.stdout.endswith("The solutions are with your instructor.\n"), run.stderr


def test_students_get_no_notes(colab):
    for path in colab.glob("*.ipynb"):
        assert "Expect to hear" not in path.read_text(encoding="utf-8")


# For the instructor


def test_the_notes_say_something_of_everything(notebook):
    row = find_lesson(notebook.lesson)
    assert incomplete(notebook.json, row, notes_of(row)) == []


def test_what_is_missing_from_the_notes_is_named(notebook):
    row = find_lesson(notebook.lesson)
    notes = notes_of(row)

    def complaint(**changed):
        return "\n".join(incomplete(notebook.json, row, {**notes, **changed}))

    first_part, asked = next(iter(notes["parts"])), next(iter(notes["predictions"]))
    assert "nothing about 'short'" in complaint(short="")
    assert "the parts take" in complaint(parts={first_part: {"minutes": 1, "do": "x"}})
    assert "no cell 'no-such-cell'" in complaint(parts={"no-such-cell": {"minutes": 1, "do": "x"}})
    assert f"part '{first_part}' needs minutes and do" in complaint(parts={first_part: {"minutes": 1}})
    assert f"say nothing of '{asked}'" in complaint(predictions={asked: {"ask": "why?"}})
    assert "speak of 'no-such-cell', which is not there" in complaint(times={"no-such-cell": {"cpu": "", "gpu": ""}})
    timed = [cell["id"] for cell in notebook.code if IGNORED in cell["metadata"].get("tags", [])]
    assert complaint(times={}).count("times say nothing of") == len(timed)


def test_a_lesson_without_notes_is_named():
    row = dataclasses.replace(find_lesson("00"), id="98")
    with pytest.raises(CourseError, match=r"Lesson 98 has no notes for the instructor: write course/lessons/l98/notes"):
        notes_of(row)


def test_solutions_wrong_answers_and_notes_stand_in_the_instructors_edition(notebook):
    row = find_lesson(notebook.lesson)
    notes = notes_of(row)
    cells = cells_of(for_instructor(notebook.json, row, notes))
    for exercise_id in row.exercises:
        (solved,) = [cell for cell in cells.values() if f'check("{exercise_id}"' in source_of(cell)]
        assert row.answers.source_of(exercise_id) in source_of(solved)
        wrong = source_of(cells[f"wrong-{exercise_id}"])
        assert all(sentence in wrong.replace("  \n", "\n") for _, sentence in row.answers.of(exercise_id)[2])
    assert f"{row.minutes} minutes" in source_of(cells["instructor"])
    assert len([name for name in cells if name.startswith("expect-")]) == len(notes.get("times", {}))
    for name, entry in notes["predictions"].items():
        assert any(entry["ask"].strip() in source_of(cell).replace("\n> ", "\n") for cell in cells.values()), name


def names(source, kind):
    """The names that a piece of Python loads (ast.Load), or binds (ast.Store) by assignment, definition or import."""
    bound = {node.id for node in ast.walk(source) if isinstance(node, ast.Name) and isinstance(node.ctx, kind)}
    if kind is ast.Store:
        bound |= {node.name for node in ast.walk(source) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        bound |= {node.arg for node in ast.walk(source) if isinstance(node, ast.arg)}
        imports = [node.names for node in ast.walk(source) if isinstance(node, (ast.Import, ast.ImportFrom))]
        bound |= {(alias.asname or alias.name).partition(".")[0] for aliases in imports for alias in aliases}
    return bound


def test_a_solution_needs_no_name_that_its_notebook_lacks(notebook):
    row = find_lesson(notebook.lesson)
    known = names(ast.parse("\n".join(map(source_of, notebook.code))), ast.Store) | set(dir(builtins))
    for exercise_id in row.exercises:
        solution = ast.parse(row.answers.source_of(exercise_id))
        assert names(solution, ast.Load) - names(solution, ast.Store) - known == set(), f"{row.id}.{exercise_id}"


def test_what_a_timed_cell_has_shown_is_text_and_not_a_thousand_lines(notebook):
    cells, times = cells_of(notebook.json), notes_of(find_lesson(notebook.lesson)).get("times", {})
    for note in (source_of(expected(cells[name], entry)) for name, entry in times.items()):
        assert len(note.splitlines()) < 80
        assert not re.search(r"&#?\w+;|</?\w+>|\{[\w-]+:[^ ]", note)


def test_an_exercise_that_does_not_pass_is_named(notebook):
    row = find_lesson(notebook.lesson)
    sentences = [f"{row.id}.{name}: its solution does not pass in the notebook" for name in row.exercises]
    assert unsolved(notebook.json, row) == sentences
