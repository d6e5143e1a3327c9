"""A lesson run by a student who has been here before, and what it cost: for the editions and for tests/bench.py."""

import ast
import functools
import json
from pathlib import Path

import nbformat

from course.catalogue import find_lesson
from course.notebooks import run

REPORT = "in_kernel.report()"


@functools.cache
def executed(stored):
    """(notebook, seconds, report) of a lesson; `seconds` is without what the tests add to it."""
    notebook = nbformat.reads(stored.path.read_text(encoding="utf-8"), as_version=4)
    first = nbformat.v4.new_code_cell(watch(stored) + "import time\nstarted = time.perf_counter()")
    ended = nbformat.v4.new_code_cell("print(time.perf_counter() - started)")
    last = nbformat.v4.new_code_cell(REPORT)
    notebook.cells = [first, *notebook.cells, ended, last]
    run(notebook, stored.path.parent)
    seconds, report = (cell.outputs[0]["text"] for cell in notebook.cells[-2:])
    notebook.cells = notebook.cells[1:-2]
    return notebook, float(seconds), json.loads(report)


def watch(stored):
    """Code for a lesson's kernel: from here on it is watched, and has solved and predicted everything before."""
    passed = [f"{stored.lesson}.{name}" for name in find_lesson(stored.lesson).exercises]
    known = {"predictions": predicted(stored), "passed": passed}
    here = f"import sys\nsys.path.append({str(Path(__file__).parent)!r})\nimport in_kernel\nin_kernel.watch()\n"
    return here + f"from course import progress\nprogress._session = {known}\n"


def predicted(stored):
    """{prediction id: the last of its choices}"""
    calls = [node for cell in stored.code for node in ast.walk(ast.parse(cell["source"])) if isinstance(node, ast.Call)]
    asked = [call.args for call in calls if getattr(call.func, "id", "") == "predict"]
    return {ast.literal_eval(name): ast.literal_eval(choices)[-1] for name, _, choices in asked}
