"""Each lesson, run by a student who has been here before: time, memory, every control, and what must not change."""

import ast
import functools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from stored import ROOT

from course.catalogue import find_lesson
from course.notebooks import IGNORED, run
from course.show.display import PLOTLY


@functools.cache
def executed(stored):
    """(notebook, seconds, report) of a lesson; `seconds` is without what the tests add to it."""
    notebook = nbformat.reads(stored.path.read_text(encoding="utf-8"), as_version=4)
    watch = f"import sys\nsys.path.append({str(Path(__file__).parent)!r})\nimport in_kernel\nin_kernel.watch()\n"
    known = {
        "predictions": predicted(stored),
        "passed": [f"{stored.lesson}.{name}" for name in find_lesson(stored.lesson).exercises],
    }
    remember = f"from course import progress\nprogress._session = {known}\n"
    first = nbformat.v4.new_code_cell(watch + remember + "import time\nstarted = time.perf_counter()")
    ended = nbformat.v4.new_code_cell("print(time.perf_counter() - started)")
    last = nbformat.v4.new_code_cell("in_kernel.report()")
    notebook.cells = [first, *notebook.cells, ended, last]
    begun = time.perf_counter()
    run(notebook, stored.path.parent)
    print(f"{stored.path.stem}: {time.perf_counter() - begun:.1f} s with the tests' own cells")
    seconds, report = (cell.outputs[0]["text"] for cell in notebook.cells[-2:])
    notebook.cells = notebook.cells[1:-2]
    return notebook, float(seconds), json.loads(report)


def predicted(stored):
    """{prediction id: the last of its choices}"""
    calls = [node for cell in stored.code for node in ast.walk(ast.parse(cell["source"])) if isinstance(node, ast.Call)]
    asked = [call.args for call in calls if getattr(call.func, "id", "") == "predict"]
    return {ast.literal_eval(name): ast.literal_eval(choices)[-1] for name, _, choices in asked}


def test_a_lesson_takes_less_than_45_seconds(notebook):
    _, seconds, _ = executed(notebook)
    print(f"{notebook.path.stem}: {seconds:.1f} s")
    # On two cores for itself; what else the machine has to do makes it longer, and is not the lesson's fault.
    others = os.getloadavg()[0] / os.cpu_count() if hasattr(os, "getloadavg") else 1
    assert seconds < 45 * max(1, others)


def test_a_lesson_needs_less_than_a_gigabyte(notebook):
    _, _, report = executed(notebook)
    print(f"{notebook.path.stem}: {report['megabytes']:.0f} MB more than torch itself")
    # Python with torch takes 220 MB, and 700 with the build for GPUs, which is nothing that a lesson can change.
    assert report["megabytes"] < 1024 - 220


def test_every_control_answers_within_100_ms(notebook):
    _, _, report = executed(notebook)
    slow = [row for row in report["controls"] if row["slowest"] > 0.1]
    print(f"{notebook.path.stem}: slowest {max(row['slowest'] for row in report['controls']) * 1e3:.0f} ms")
    assert slow == []


def test_every_control_moves_its_figure(notebook):
    _, _, report = executed(notebook)
    assert report["explorables"] >= 1
    assert [row for row in report["controls"] if row["different"] < 2] == [], "controls that change nothing"
    assert [row for row in report["controls"] if row["refused"]] == [], "values that give an error instead of a figure"


def test_what_a_student_did_before_is_not_in_the_compared_text(notebook):
    again, _, _ = executed(notebook)
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


def test_the_course_adds_little_to_the_import_of_torch():
    # A kernel has IPython, which takes longer than all of the course, before a lesson begins.
    code = "import torch, IPython, time; start = time.thread_time(); import course, helpers; print(time.thread_time() - start)"

    def seconds():
        return float(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout)

    assert min(seconds() for _ in range(3)) < 0.3


def test_what_the_lesson_draws_is_what_is_stored(notebook):
    """nbval compares no HTML and no plotly JSON; a figure's function is pure, so both must be as they are stored."""
    again, _, _ = executed(notebook)
    for before, cell in zip(notebook.code, (cell for cell in again.cells if cell.cell_type == "code"), strict=True):
        if "figures." in cell.source and IGNORED not in before["metadata"].get("tags", []):
            assert drawn(cell) == drawn(before), f"{before['id']}: its figure is old; run make notebooks"


def drawn(cell):
    """The figures among a cell's outputs, whatever the kernel's front end and the progress of the student."""
    return [output["data"].get(kind) for output in cell["outputs"] for kind in (PLOTLY, "text/html")]
