"""What a student hands in: a lesson run live, then saved in any of these ways, exported by nbconvert, read offline."""

import json

import nbformat
import pytest
from exported import Export
from nbclient import NotebookClient

from course import lab, saved
from course.show.display import PLOTLY, WIDGET

pytestmark = pytest.mark.test_all

SETUP = """
from course import check, explore, lesson, predict, reveal
from course.show.display import Page, Picture
from course.show.marks import figure, tag

def lines(count=2):
    return Picture(figure(f"{count} lines", x="n").add_scatter(x=[1, 2], y=[1, count], line={"color": "#0072B2"}))

def words(sentence="man eats dog"):
    return Page(tag("p", sentence), sentence)

def drawn(size=20):
    circle = tag("circle", cx=430, cy=50, r=size, fill="#0072B2")
    return Page(tag("svg", circle, viewBox="0 0 860 100", width="100%"), f"A circle of {size}.")

lesson("05")
"""
CELLS = {
    "setup": SETUP,
    "question": 'predict("keys", "How many <keys>?", ["one", "all six"])',
    "moving": 'explore(lines, count=[2, 3], bake="count")',
    "page": 'explore(words, sentence="")',
    "drawing": "explore(drawn, size=[20, 40])",
    "alone": "lines(5)",
    "exercise": 'check("1", ...)',
    "move": """
from ipywidgets.widgets import widget
for one in list((getattr(widget, "_instances", None) or widget.Widget.widgets).values()):
    if type(one).__name__ == "RadioButtons":
        one.value = "all six"
    elif type(one).__name__ == "SelectionSlider" and 3 in [value for _, value in one.options]:
        one.value = 3
    elif type(one).__name__ == "Text":
        one.value = "dog bites man"
""",
    "answer": 'reveal("keys", "all six")',
}


class Attended(NotebookClient):
    """Says with each cell that somebody could be asked, as front ends do."""

    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        client.allow_stdin = True
        return client


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A lesson that was run and moved before a front end that keeps the state of widgets, as JSON."""
    folder = tmp_path_factory.mktemp("live")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code, id=name) for name, code in CELLS.items()])
    Attended(made, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return json.dumps(made)


def by_our_lab(notebook):
    saved.before_saving({"type": "notebook", "content": notebook}, path="handed_in.ipynb")


def without_state(notebook):
    """As JupyterLab saves unless told otherwise, and tools that strip metadata."""
    del notebook["metadata"]["widgets"]


def by_vs_code(notebook):
    notebook["metadata"] = {
        "kernelspec": {"display_name": ".venv (3.11.2)", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "version": "3.11.2", "pygments_lexer": "ipython3"},
        "vscode": {"interpreter": {"hash": "0" * 64}},
    }
    for cell in notebook["cells"]:
        for output in cell["outputs"]:
            output["metadata"] = {"transient": {}}
            data = output.get("data", {})
            data |= {kind: text.splitlines(True) for kind, text in data.items() if isinstance(text, str)}


def by_colab_then_mended(notebook):
    """Its note on widgets has no state; nbconvert itself stops at that."""
    states = notebook["metadata"]["widgets"][saved.STATE]["state"]
    notebook["metadata"] |= {"colab": {"provenance": []}, "widgets": {saved.STATE: states}}


WAYS = [by_our_lab, without_state, by_vs_code, by_colab_then_mended]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def handed_in(request, live, tmp_path):
    notebook = json.loads(live)
    request.param(notebook)
    path = tmp_path / "handed_in.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    if request.param is by_colab_then_mended:
        lab.mend_copies(tmp_path)
    return path


def test_every_figure_and_card_is_there_on_the_screen_and_on_paper(handed_in, chromium):
    cells = json.loads(handed_in.read_text(encoding="utf-8"))["cells"]
    assert {PLOTLY, "text/html"} <= {
        kind for cell in cells for output in cell["outputs"] for kind in output.get("data", {})
    }
    export = Export(chromium, handed_in)
    assert export.faults(cells) == []
    assert export.sheets().startswith(b"%PDF")
    export.page.close()


def test_our_lab_saves_what_was_seen_last(live, chromium, tmp_path):
    notebook = json.loads(live)
    by_our_lab(notebook)
    assert "widgets" not in notebook["metadata"]
    pages = {cell["id"]: cell["outputs"][-1].get("data", {}) for cell in notebook["cells"] if cell["outputs"]}
    assert [name for name, data in pages.items() if WIDGET in data] == []
    assert "3 lines" in pages["moving"]["text/html"]
    assert "dog bites man" in pages["page"]["text/html"]
    assert "<b>all six</b>" in pages["question"]["text/html"]


def test_what_no_kernel_stands_behind_would_be_seen_to_be_missing(live, chromium, tmp_path):
    """Without the drawing, a figure would be its text alternative: the measure notices."""
    notebook = json.loads(live)
    without_state(notebook)
    for cell in notebook["cells"]:
        for output in cell["outputs"]:
            output.get("data", {}).pop("text/html", None)
    path = tmp_path / "handed_in.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    export = Export(chromium, path)
    faults = export.faults(notebook["cells"])
    export.page.close()
    assert {sentence.split(":")[0] for sentence in faults} >= {"screen, moving", "print, alone"}
