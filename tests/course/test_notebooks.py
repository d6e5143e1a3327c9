"""The lessons as they are stored: executed, in canonical form, in step with the ledger and the exercises.

That their outputs are what the code gives is nbval's part (pytest --nbval notebooks); here it is shown to notice.
"""

import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from stored import NOTEBOOKS, ROOT

from course.catalogue import lessons
from course.exercises import exercises, exercises_of
from course.ledger import claims_of, ledger
from course.notebooks import IGNORED, canonical, departures, run

SKIPPING = {"nbval-skip", "skip-execution", "raises-exception"}


def tags(cell):
    return cell["metadata"].get("tags", [])


def test_there_is_a_notebook_for_every_lesson_that_is_called_ready():
    ready = {f"{row.notebook}.ipynb" for row in lessons().values() if row.notebook}
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


def test_the_setup_cell_is_the_same_in_every_lesson(notebook):
    def without_names(stored):
        source = re.sub(r"from helpers import (\([^)]*\)|[^\n]*)", "from helpers import …", stored.code[0]["source"])
        return source.replace(f'lesson("{stored.lesson}")', "lesson(…)")

    assert without_names(notebook) == without_names(NOTEBOOKS[-1])
    assert 'lesson("' in notebook.code[0]["source"]


def test_exercises_stand_in_the_notebook_as_they_are_checked(notebook):
    sources = [cell["source"] for cell in notebook.code]
    for exercise_id in exercises_of(notebook.lesson):
        stub = exercises()[exercise_id].stub.strip()
        (cell,) = [source for source in sources if f'check("{exercise_id}"' in source]
        name = re.findall(r"^(?:def |class )?(\w+)", stub, flags=re.MULTILINE)[-1]
        assert cell == f'{stub}\n\n\ncheck("{exercise_id}", {name})'


def test_the_ledger_points_at_the_cells_that_show_it(notebook):
    cells = {cell["id"]: cell["source"] for cell in notebook.code}
    for claim_id in claims_of(notebook.lesson):
        item = ledger()[claim_id].evidence_in(notebook.lesson)
        assert item["status"] == "done", f"{claim_id} is still open in lesson {notebook.lesson}"
        assert f'"{claim_id}"' in cells[item["cell"]]


def test_nothing_is_done_in_a_lesson_that_is_not_there():
    done = {item["lesson"] for row in ledger().values() for item in row.evidence if item["status"] == "done"}
    assert done <= {row.id for row in lessons().values() if row.notebook}


def test_at_most_four_cards(notebook):
    cards = [cell["id"] for cell in notebook.code if re.search(r"^claim\(", cell["source"], flags=re.MULTILINE)]
    assert len(cards) <= 4


def altered(notebook, cell_id, kind, old, new):
    """Change one stored output of a cell; kind is a MIME type, or "stream"."""
    (cell,) = [cell for cell in notebook["cells"] if cell["id"] == cell_id]
    (output,) = cell["outputs"]
    held, key = (output, "text") if kind == "stream" else (output["data"], kind)
    before = json.dumps(held[key])
    held[key] = json.loads(before.replace(old, new))
    assert json.dumps(held[key]) != before


FIGURE = """
from course import explore, theme
from course.show.display import Page, Picture

def bars(count=2):
    return Picture(theme.layout(f"{count} bars"), [{"type": "bar", "y": [1] * count, "marker": {"color": "#8FBFE3"}}])
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
