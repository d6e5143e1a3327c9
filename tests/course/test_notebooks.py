"""The lessons as they are stored: executed, in canonical form, in step with the lesson's folder.

That their outputs are what the code gives is nbval's part (pytest --nbval notebooks); here it is shown to notice.
"""

import ast
import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from stored import NOTEBOOKS, ROOT

from course.catalogue import find_lesson, written
from course.notebooks import IGNORED, canonical, departures, execute, is_plumbing, run

SKIPPING = {"nbval-skip", "skip-execution", "raises-exception"}


def tags(cell):
    return cell["metadata"].get("tags", [])


def test_there_is_a_notebook_for_every_lesson_that_is_called_ready():
    ready = {f"{row.notebook}.ipynb" for row in written()}
    assert ready == {path.name for path in (ROOT / "notebooks").iterdir() if path.suffix == ".ipynb"}


def test_stored_in_canonical_form(notebook):
    assert departures(notebook.path) == []
    assert notebook.json["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in notebook.json["metadata"]


def test_every_cell_was_executed_without_error(notebook):
    counts = [cell["execution_count"] for cell in notebook.code]
    assert counts == list(range(1, len(counts) + 1))
    outputs = [output for cell in notebook.code for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"] == []


def test_cells_are_named(notebook):
    ids = [cell["id"] for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    # A word or two that the ledger can point to, not the eight random characters of an editor.
    assert [name for name in ids if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name)] == []


def test_what_is_not_compared_is_followed_by_what_is(notebook):
    compared = [IGNORED not in tags(cell) for cell in notebook.code]
    assert compared.count(False) <= 0.15 * len(compared)
    assert compared[-1]
    assert (False, False, False) not in zip(compared, compared[1:], compared[2:], strict=False)
    marked = [cell["id"] for cell in notebook.code if SKIPPING & {*tags(cell)} or "NBVAL_" in cell["source"]]
    assert marked == [], "these cells are not run or not compared"


GUARD = """try:
    from course import NAMES
except ImportError as error:
    raise SystemExit(
        f"{error}\\nIn the course's folder, `make lab` opens a Jupyter that has the course, and `pip install .` installs it. "
        "If a file or folder of yours is called course or helpers, give it another name."
    ) from None
"""


def test_the_setup_cell_says_what_to_do_where_the_course_is_missing_or_another(notebook):
    source = notebook.code[0]["source"]
    assert notebook.code[0]["id"] == "setup"
    guard, end, imports = source.partition(") from None\n")
    assert re.sub("import [a-z_, ]+", "import NAMES", guard + end, count=1) == GUARD
    assert f'lesson("{notebook.lesson}")' in imports


@pytest.mark.parametrize("file", ["course.py", "course/__init__.py"])
def test_a_file_of_the_students_that_hides_the_course_is_named(tmp_path, file):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    source = NOTEBOOKS[0].code[0]["source"]
    message = subprocess.run([sys.executable, "-c", source], cwd=tmp_path, capture_output=True, text=True).stderr
    assert f"({path})\nIn the course's folder" in message
    assert "Traceback" not in message


def test_plumbing_is_folded(notebook):
    """Cells that only predict, reveal, claim or explore; make notebooks folds them."""
    hidden = [cell["id"] for cell in notebook.code if cell["metadata"].get("jupyter", {}).get("source_hidden")]
    plumbing = [cell["id"] for cell in notebook.code if is_plumbing(cell["source"])]
    assert [name for name in plumbing if name not in hidden] == [], "these are not folded"


def test_each_exercise_stands_in_one_cell_as_a_stub_and_its_check(notebook):
    for exercise_id in find_lesson(notebook.lesson).exercises:
        (cell,) = [cell["source"] for cell in notebook.code if f'check("{exercise_id}"' in cell["source"]]
        stub, name = re.fullmatch(rf'(.*)\n\n\ncheck\("{exercise_id}", (\w+)\)', cell, re.DOTALL).groups()
        made = [getattr(node, "name", None) or node.targets[0].id for node in ast.parse(stub).body]
        assert made == [name], "the cell holds what is checked and nothing else"
        assert "..." in stub


def altered(notebook, cell_id, kind, old, new):
    """Change one stored output of a cell; kind is a MIME type, or "stream"."""
    (cell,) = [cell for cell in notebook["cells"] if cell["id"] == cell_id]
    (output,) = cell["outputs"]
    held, key = (output, "text") if kind == "stream" else (output["data"], kind)
    before = json.dumps(held[key])
    held[key] = json.loads(before.replace(old, new))
    assert json.dumps(held[key]) != before


FIGURE = """
from course import explore
from course.show.display import Page, Picture
from course.show.marks import figure

def bars(count=2):
    return Picture(figure(f"{count} bars", y="length").add_bar(y=[1] * count, marker={"color": "#8FBFE3"}))
"""


def test_nbval_notices_altered_text_and_only_that(tmp_path):
    figure = 'explore(bars, count=[2, 3], bake="count")'
    sources = {
        "setup": FIGURE,
        "text": "print('equal to below 1e-12:', True)",
        "altered-text": "print('equal to below 1e-12:', True)",
        "figure": figure,
        "altered-picture": figure,
        "altered-alternative": figure,
        "altered-page": "Page('<svg></svg>', 'An empty page.')",
        "unexpected": "print('one line more')",
    }
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code, id=key) for key, code in sources.items()])
    stored = json.loads(canonical(run(made, tmp_path)))
    altered(stored, "altered-text", "stream", "True", "False")
    altered(stored, "altered-picture", "application/vnd.plotly.v1+json", "#8FBFE3", "#000000")
    altered(stored, "altered-alternative", "text/plain", "2 bars", "3 bars")
    altered(stored, "altered-page", "text/html", "<svg", "<p></p><svg")
    stored["cells"][-1]["outputs"] = []
    (tmp_path / "altered.ipynb").write_text(json.dumps(stored), encoding="utf-8")
    shutil.copy(ROOT / "conftest.py", tmp_path)

    # The folder itself is the root, so that the course's arrangement is all that is in force.
    options = ["--nbval", "--nbval-current-env", "-v", "--color=no", "--rootdir=.", "altered.ipynb"]
    command = [sys.executable, "-m", "pytest", *options]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    outcomes = dict(re.findall(r"^.*::Cell (\d) (PASSED|FAILED)", result.stdout, flags=re.MULTILINE))
    noticed = [name for number, name in enumerate(sources) if outcomes[str(number)] == "FAILED"]
    assert noticed == ["altered-text", "altered-alternative", "unexpected"], result.stdout


@pytest.mark.parametrize("count", [None, 7])
def test_a_notebook_that_was_not_run_here_is_named(tmp_path, count):
    cell = nbformat.v4.new_code_cell("1 + 1", id="sum", execution_count=count)
    path = tmp_path / "never.ipynb"
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])), encoding="utf-8")
    assert departures(path)


# The stored form


def small(tmp_path, *sources, tags=()):
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    cells[0].metadata["tags"] = list(tags)
    path = tmp_path / "small.ipynb"
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)), encoding="utf-8")
    return path


def test_executed_twice_changes_no_byte(tmp_path):
    clock = "import time, ipywidgets\nprint(time.perf_counter())"
    more = ("ipywidgets.IntSlider()", "print('a', flush=True)\nprint('b')")
    path = small(tmp_path, clock, *more, tags=[IGNORED])
    assert execute(path)
    once = path.read_bytes()
    assert not execute(path)
    assert path.read_bytes() == once
    assert b"widget-view" not in once
    assert execute(path, refresh=True)
    assert path.read_bytes() != once


def test_changed_code_renews_the_ignored_output(tmp_path):
    path = small(tmp_path, "import time\nprint(time.perf_counter())", tags=[IGNORED])
    execute(path)
    once = json.loads(path.read_text())["cells"][0]
    path.write_text(path.read_text().replace("import time", "import time  # anew"))
    assert execute(path)
    assert json.loads(path.read_text())["cells"][0]["outputs"] != once["outputs"]


def test_it_runs_in_this_python_whatever_lies_on_jupyters_path(tmp_path, monkeypatch):
    kernel = tmp_path / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": ["/bin/false"], "display_name": "another", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    path = small(tmp_path, "import sys; print(sys.executable)")
    execute(path)
    assert json.loads(path.read_text())["cells"][0]["outputs"][0]["text"] == f"{sys.executable}\n"


def test_the_canonical_form_of_a_stored_lesson_is_itself():
    stored = NOTEBOOKS[0].path.read_text(encoding="utf-8")
    assert canonical(nbformat.reads(stored, as_version=4)) == stored


def test_it_keeps_what_folds_a_cell_and_folds_plumbing_by_itself():
    sources = [
        "1 + 1",
        "import this",
        'predict("keys", "Which?", ["one", "two"])',
        "answer = 2\nreveal('keys', answer)",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata |= {"collapsed": False, "cellView": "form"}
    cells[1].metadata |= {"jupyter": {"outputs_hidden": True}}
    stored = json.loads(canonical(nbformat.v4.new_notebook(cells=cells)))["cells"]
    assert [cell["metadata"] for cell in stored] == [
        {"cellView": "form"},
        {"jupyter": {"outputs_hidden": True}},
        {"jupyter": {"source_hidden": True}},
        {},
    ]


def test_plumbing_that_is_not_folded_is_named(tmp_path):
    path = tmp_path / "open.ipynb"
    cell = nbformat.v4.new_code_cell("explore(figures.walk)", id="explore-walk", execution_count=1)
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])), encoding="utf-8")
    assert departures(path) == ["cell explore-walk is not folded; run make notebooks"]


@pytest.mark.parametrize(
    "source", ["", "x = 1", "claim", "%time claim('S0-01')", "figures.explore()", "print(claim('1'))"]
)
def test_what_is_no_plumbing(source):
    assert not is_plumbing(source)
