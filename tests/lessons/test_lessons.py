"""Each lesson, run by a student who has been here before: memory, every control, and what must not change.

Its time is measured by tests/bench.py.
"""

import pytest
from execution import executed

from course.notebooks import IGNORED
from course.show.display import PLOTLY

pytestmark = pytest.mark.timeout(1800)  # a lesson is executed in one go


def test_a_lesson_needs_less_than_a_gigabyte(lesson_run):
    _, report = lesson_run
    # Python with torch takes 220 MB, and 700 with the build for GPUs, which is nothing that a lesson can change.
    assert report["megabytes"] < 1024 - 220


def test_every_control_moves_its_figure(lesson_run):
    _, report = lesson_run
    assert report["explorables"] >= 1
    assert [row for row in report["controls"] if row["different"] < 2] == [], "controls that change nothing"
    assert [row for row in report["controls"] if row["refused"]] == [], "values that give an error instead of a figure"


def test_what_a_student_did_before_is_not_in_the_compared_text(notebook, lesson_run):
    again, _ = lesson_run
    for before, cell in zip(notebook.code, (cell for cell in again.cells if cell.cell_type == "code"), strict=True):
        if IGNORED not in before["metadata"].get("tags", []):
            assert compared(cell) == compared(before), before["id"]


def compared(cell):
    """The text of a cell's outputs, as nbval compares it."""
    streams, shown = {}, []
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            streams[output["name"]] = streams.get(output["name"], "") + output["text"]
        else:
            shown.append(output["data"].get("text/plain"))
    return streams, shown


def test_what_the_lesson_draws_is_what_is_stored(notebook):
    """nbval compares no HTML and no plotly JSON; a figure's function is pure, so both must be as they are stored."""
    again, _, _ = executed(notebook, None)  # as lesson_run has it, which is remembered
    for before, cell in zip(notebook.code, (cell for cell in again.cells if cell.cell_type == "code"), strict=True):
        if "figures." in cell.source and IGNORED not in before["metadata"].get("tags", []):
            assert drawn(cell) == drawn(before), f"{before['id']}: its figure is old; run make notebooks"


def drawn(cell):
    """The figures among a cell's outputs, whatever the kernel's front end and the progress of the student."""
    shown = [output["data"] for output in cell["outputs"] if "data" in output]  # a cell may print, too
    return [data.get(PLOTLY) or data.get("text/html") for data in shown]
