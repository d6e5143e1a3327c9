"""Each lesson, run by a student who has been here before: memory, every control, and what must not change.

With these packages a lesson is executed by nbval, by the instructor's edition and in a browser; here with Colab's. Its
time is measured by tests/bench.py.
"""

import pytest

from course.notebooks import IGNORED

pytestmark = [pytest.mark.test_all, pytest.mark.timeout(1800)]  # a lesson is executed in one go


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
