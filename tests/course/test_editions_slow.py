"""The editions at work: each Colab notebook with Colab's versions in an empty folder, by a student who has been here
before, with its memory, its controls, and its figures in Chromium; and the instructor's edition executed. Where an
environment or Chromium is missing, the tests say so and are skipped. Times are measured by tests/bench.py."""

import json
import os

import nbformat
import pytest
from colab_like import VENV, Colab, missing
from execution import REPORT, watch
from stored import NOTEBOOKS

from course.catalogue import find_lesson
from course.editions.colab import setup_source, write_colab
from course.editions.common import first_code_cell, joined
from course.editions.handout import write_handout
from course.editions.instructor import write_instructor
from course.editions.wheel import CarriedWheel
from course.errors import CourseError
from course.notebooks import IGNORED, canonical
from course.show.browser import open_chromium
from course.show.display import PLOTLY, WIDGET

pytestmark = [pytest.mark.test_all, pytest.mark.timeout(1800)]  # a lesson is executed in one go

MILLISECONDS = 120_000  # the most that a page may take: this ends what hangs, also on a busy machine
# From here on the kernel refuses what a T4 has not got; the course must not have asked for it.
NO_BF16 = """
import torch
from torch.overrides import TorchFunctionMode

class LikeT4(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        if getattr(made, "dtype", None) is torch.bfloat16:
            raise RuntimeError(f"{function.__name__} made bf16, which a T4 only imitates")
        return made

LikeT4().__enter__()
try:
    torch.zeros(1).to(torch.bfloat16)
except RuntimeError:
    print("refused")
"""


def text_of(output):
    """What is compared of an output: its stream, or its text alternative."""
    return joined(output.get("text") or output.get("data", {}).get("text/plain", ""))


def code_cell(name, source, **metadata):
    cell = {"cell_type": "code", "id": name, "metadata": metadata, "source": source}
    return cell | {"outputs": [], "execution_count": None}


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    write_colab(folder)
    return folder


class Executed:
    """A lesson as it ran on a machine like Colab's, its setup cell run twice."""

    def __init__(self, stored, built, folder):
        self.stored, machine = stored, Colab(folder)
        notebook = json.loads((built / stored.path.name).read_text(encoding="utf-8"))
        setup = first_code_cell(notebook)
        place = notebook["cells"].index(setup) + 1
        first = [setup | {"id": "test-setup"}, code_cell("test-t4", NO_BF16), code_cell("test-watch", watch(stored))]
        notebook["cells"] = [
            *notebook["cells"][:place],
            *first,
            *notebook["cells"][place:],
            code_cell("test-report", REPORT),
        ]
        self.had_course = machine.run("-c", "import course").returncode == 0
        before = machine.installed()
        executed = machine.execute(notebook)
        self.new, self.own = machine.installed() - before, machine.own()
        self.left = set(os.listdir(machine.content))
        self.bundles = {
            cell["id"]: [output.get("data", {}) for output in cell.get("outputs", [])] for cell in executed["cells"]
        }
        whole = json.loads(canonical(nbformat.reads(json.dumps(executed), as_version=4)))  # streams in one piece
        self.cells = {cell["id"]: cell for cell in whole["cells"]}
        self.report = json.loads(text_of(self.cells["test-report"]["outputs"][0]))


@pytest.fixture(scope="session", params=NOTEBOOKS, ids=lambda stored: stored.path.stem)
def executed(request, built, tmp_path_factory):
    if reason := missing():
        pytest.skip(reason)
    return Executed(request.param, built, tmp_path_factory.mktemp(request.param.path.stem))


def test_it_starts_with_nothing_and_installs_only_the_course(executed):
    assert not executed.had_course
    assert {entry.partition("==")[0] for entry in executed.new} <= {"rnn-to-attention"}
    assert executed.own == {"course", "helpers", "rnn_to_attention-0.1.0.dist-info"}
    assert executed.left == set(), "nothing of ours lies in the student's folder"


def test_what_it_shows_is_what_is_stored(executed):
    for stored in executed.stored.code[1:]:
        if IGNORED not in stored["metadata"].get("tags", []):
            shown = [text_of(output) for output in executed.cells[stored["id"]]["outputs"]]
            assert shown == [text_of(output) for output in stored["outputs"]], stored["id"]


def test_it_needs_less_than_a_gigabyte(executed):
    # Python with torch takes 220 MB, and 700 with the build for GPUs, which is nothing that a lesson can change.
    assert executed.report["megabytes"] < 1024 - 220


def test_every_control_moves_its_figure(executed):
    controls = executed.report["controls"]
    assert executed.report["explorables"] >= 1
    assert [row for row in controls if row["different"] < 2] == [], "controls that change nothing"
    assert [row for row in controls if row["refused"]] == [], "values that give an error instead of a figure"


def test_the_setup_cell_may_be_run_twice_and_says_what_there_is(executed):
    (stored,) = [text_of(output) for output in executed.stored.code[0]["outputs"]]
    for name in ("setup", "test-setup"):
        arrival, page = executed.cells[name]["outputs"]
        lines = text_of(arrival).splitlines()
        assert [line.split(":")[0] for line in lines] == ["GPU", "Versions", "Course"]
        assert "plotly 5.24.1, ipywidgets 7.7.1." in lines[1]
        assert text_of(page) == stored


def test_it_was_run_where_bf16_is_refused(executed):
    assert text_of(executed.cells["test-t4"]["outputs"][0]) == "refused\n"


def figures(executed):
    """{cell id: (HTML, all kinds)} of the plotly figures, as Colab would put them into an iframe each."""
    bundles = [(name, data) for name, outputs in executed.bundles.items() for data in outputs]
    pages = [(name, joined(data.get("text/html", "")), data) for name, data in bundles]
    return {name: (html, data) for name, html, data in pages if "Plotly.newPlot" in html}


def test_no_explorable_draws_plotly_from_a_callback(executed):
    drawn = {cell["id"] for cell in executed.stored.code if any(PLOTLY in o.get("data", {}) for o in cell["outputs"])}
    assert set(figures(executed)) == drawn, "every figure is there, as HTML that draws itself"
    for name, (html, data) in figures(executed).items():
        assert WIDGET not in data, f"{name} has both a plotly figure and controls"
        assert len(html) < 1_000_000


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = open_chromium(playwright)
        except CourseError as error:
            pytest.skip(str(error))
        yield browser
        browser.close()


DRAWN = "document.querySelector('.main-svg').innerHTML + document.querySelector('.infolayer .gtitle').textContent"
ACTIVE = "document.querySelector('.plotly-graph-div').layout.sliders[0].active"


def move_slider(page):
    """Click on the far end of the slider's rail; returns when it stands there and another frame is drawn."""
    before, active = page.evaluate(f"() => {DRAWN}"), page.evaluate(f"() => {ACTIVE}")
    rail = page.query_selector(".slider-rail-touch-rect").bounding_box()
    share = 0.02 if active else 0.98
    page.mouse.click(rail["x"] + share * rail["width"], rail["y"] + rail["height"] / 2)
    page.wait_for_function(f"([before, active]) => {ACTIVE} !== active && {DRAWN} !== before", arg=[before, active])


def test_its_figures_are_drawn_and_their_sliders_move(executed, chromium, tmp_path):
    (packages,) = VENV.glob("lib/python*/site-packages")
    script = packages / "plotly" / "package_data" / "plotly.min.js"
    for name, (html, _) in figures(executed).items():
        page, errors = chromium.new_page(viewport={"width": 1000, "height": 900}), []
        page.set_default_timeout(MILLISECONDS)
        page.route("**/*", lambda route: route.abort())
        page.route(
            "https://cdn.plot.ly/plotly-*", lambda route: route.fulfill(path=script, content_type="text/javascript")
        )
        page.on("pageerror", lambda error: errors.append(str(error)))  # noqa: B023 (the page is closed in its turn)
        page.set_content(f"<html><body>{html}</body></html>")
        page.wait_for_selector(".plotly-graph-div .main-svg")
        assert '<script charset="utf-8" src="https://cdn.plot.ly/plotly-' in html, "as plotly writes it for Colab"
        drawn = ".heatmaplayer image, .scatterlayer path, .barlayer path, .shapelayer path"
        assert page.query_selector_all(drawn), f"{name} is empty"
        assert errors == [], name
        if page.query_selector(".slider-group"):
            move_slider(page)
        page.close()


@pytest.fixture(scope="session")
def solved(notebook, tmp_path_factory):
    """The instructor's edition of a lesson, executed with this Python's packages."""
    (path,) = write_instructor(tmp_path_factory.mktemp("instructor"), [notebook.lesson])
    assert path.name == notebook.path.name
    return nbformat.read(path, as_version=4)


def test_the_instructors_edition_is_executed_and_every_check_passes(notebook, solved):
    outputs = [output for cell in solved.cells for output in cell.get("outputs", [])]
    texts = [text_of(output) for output in outputs]
    exercises = find_lesson(notebook.lesson).exercises
    right = [exercise for exercise in exercises for text in texts if text.startswith(f"Exercise {exercise}: right.")]
    assert right == list(exercises)
    assert [output for output in outputs if output.output_type == "error"] == []


def test_what_a_lesson_draws_is_what_is_stored(notebook, solved):
    """nbval compares no HTML and no plotly JSON; a figure's function is pure, so both must be as they are stored."""
    again = {cell["id"]: cell for cell in solved.cells}
    for before in notebook.code:
        if "figures." in "".join(before["source"]) and IGNORED not in before["metadata"].get("tags", []):
            assert drawn(again[before["id"]]) == drawn(before), f"{before['id']}: its figure is old; run make notebooks"


def drawn(cell):
    """The figures among a cell's outputs, whatever the kernel's front end and the progress of the student."""
    shown = [output["data"] for output in cell["outputs"] if "data" in output]  # a cell may print, too
    return [data.get(PLOTLY) or joined(data.get("text/html") or "") for data in shown]


def test_a_handout_runs_and_its_instructor_holds_the_solutions(tmp_path):
    if reason := missing():
        pytest.skip(reason)
    write_handout(tmp_path / "dist")
    notebook = json.loads(next((tmp_path / "dist").glob("00*.ipynb")).read_text(encoding="utf-8"))
    cells = [first_code_cell(notebook), code_cell("asks", 'solution("1")')]
    executed = Colab(tmp_path / "machine").execute(notebook | {"cells": cells})
    assert text_of(executed["cells"][1]["outputs"][0]) == "The solutions are with your instructor."


def test_run_all_stops_at_a_set_up_that_fails_with_its_sentence_alone(tmp_path):
    """In a real kernel of Colab's versions: the error output is the sentence, and no traceback of ours."""
    if reason := missing():
        pytest.skip(reason)
    source = "import types, sys\nsys.modules['helpers'] = types.ModuleType('helpers')\n"
    source += setup_source("", "05", 2, CarriedWheel(), "http://127.0.0.1:9/none.tar.gz")
    cell = code_cell("setup", source, tags=["raises-exception"])
    executed = Colab(tmp_path).execute({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    (output,) = executed["cells"][0]["outputs"]
    (sentence,) = output["traceback"]
    assert sentence.startswith("This kernel has already imported another helpers")
