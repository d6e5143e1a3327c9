"""What a lesson shows once it is saved and no kernel runs: its last state, or what its controls showed first."""

import copy
import json
import pkgutil

import nbformat
import pytest
from stored import NOTEBOOKS

from course import lab, saved
from course.notebooks import canonical, run
from course.show.display import PLOTLY, WIDGET

SETUP = """
from course import explore, lesson, predict
from course.show.display import Page, Picture
from course.show.marks import figure, tag

def lines(count=2):
    return Picture(figure(f"{count} lines", x="n").add_scatter(x=[1, 2], y=[1, count], line={"color": "#0072B2"}))

def words(sentence="man eats dog"):
    return Page(tag("p", sentence), sentence)

lesson("05")
"""
CELLS = {
    "setup": SETUP,
    "question": 'predict("keys", "How many <keys>?", ["one", "all six"])',
    "picture": 'explore(lines, count=[2, 3], bake="count")',
    "page": 'explore(words, sentence="")',
    "alone": "lines(5)",
}


def view(*children):
    """(model id, models) of a box with these children, as Lab saves them: what is as always is left out."""
    models = {f"child{place}": child for place, child in enumerate(children)}
    box = {"model_name": "VBoxModel", "state": {"children": [f"IPY_MODEL_{name}" for name in models]}}
    return "box", models | {"box": box}


def model(name, **state):
    return {"model_name": name, "model_module": "@jupyter-widgets/controls", "state": state}


def notebook(models, *bundles):
    outputs = [{"output_type": "display_data", "metadata": {}, "data": dict(bundle)} for bundle in bundles]
    note = {saved.STATE: {"state": models, "version_major": 2, "version_minor": 0}}
    return {"metadata": {"widgets": note}, "cells": [{"cell_type": "code", "outputs": outputs}]}


def bundle_of(made):
    return made["cells"][0]["outputs"][0]["data"]


OURS = {"text/plain": "text", "text/html": "<p>first</p>", WIDGET: {"model_id": "box"}}


def test_a_page_is_saved_as_it_was_seen_last():
    _, models = view(model("TextModel"), model("HTMLModel", value="<p>last</p>"))
    made = notebook(models, OURS)
    assert saved.freeze(made)
    assert bundle_of(made) == {"text/plain": "text", "text/html": "<p>last</p>"}
    assert made["metadata"] == {}


def test_a_figure_is_saved_as_it_was_seen_last_beside_the_one_that_moves():
    drawn = {"output_type": "display_data", "data": {PLOTLY: {}, "text/html": "<svg>last</svg>"}}
    _, models = view(model("SelectionSliderModel"), model("OutputModel", outputs=[drawn]))
    made = notebook(models, OURS | {PLOTLY: {"frames": []}})
    saved.freeze(made)
    assert bundle_of(made) == {"text/plain": "text", "text/html": "<svg>last</svg>", PLOTLY: {"frames": []}}


@pytest.mark.parametrize(("state", "marked"), [({"index": 1}, ["all <six>"]), ({}, [])], ids=["answered", "open"])
def test_a_prediction_is_saved_with_what_was_chosen(state, marked):
    heading, noted = model("HTMLModel", value="<b>Predict.</b> How many?"), model("HTMLModel")
    radio = model("RadioButtonsModel", _options_labels=["one", "all <six>"], **state)
    made = notebook(view(heading, radio, noted)[1], OURS)
    saved.freeze(made)
    page = bundle_of(made)["text/html"]
    assert "<b>Predict.</b> How many?" in page
    assert page.count("<li>") == 2
    assert page.count("your prediction") == len(marked)
    assert ("<b>all &lt;six&gt;</b>" in page) == bool(marked)


@pytest.mark.parametrize("models", [{}, {"box": {}}, {"box": {"state": {"children": ["IPY_MODEL_gone"]}}}])
def test_what_nothing_is_saved_of_shows_what_it_showed_first(models):
    made = notebook(models, OURS)
    assert saved.freeze(made)
    assert bundle_of(made) == {"text/plain": "text", "text/html": "<p>first</p>"}


def test_a_students_own_widgets_stay_and_what_is_saved_of_them():
    theirs = {"text/plain": "IntSlider(value=0)", WIDGET: {"model_id": "theirs"}}
    models = view(model("HTMLModel", value="<p>last</p>"))[1] | {"theirs": model("IntSliderModel")}
    made = notebook(models, OURS, theirs)
    saved.freeze(made)
    assert bundle_of(made)["text/html"] == "<p>last</p>"
    assert made["cells"][0]["outputs"][1]["data"] == theirs
    assert "theirs" in made["metadata"]["widgets"][saved.STATE]["state"]


def test_what_has_no_widget_is_left_alone():
    for stored in NOTEBOOKS:
        before = copy.deepcopy(stored.json)
        assert not saved.freeze(stored.json)
        assert stored.json == before


@pytest.mark.parametrize("content", [None, "text", b"bytes"])
def test_a_file_that_is_no_notebook_passes_the_hook(content):
    saved.before_saving({"type": "file", "content": content}, path="a.txt", contents_manager=None)
    saved.before_saving({"type": "notebook", "content": None}, path="a.ipynb", contents_manager=None)


def test_the_hook_that_lab_is_given_is_found_and_freezes():
    made = notebook(view(model("TextModel"), model("HTMLModel", value="<p>last</p>"))[1], OURS)
    pkgutil.resolve_name(lab.HOOK)(model={"type": "notebook", "content": made}, path="a.ipynb", contents_manager=None)
    assert bundle_of(made)["text/html"] == "<p>last</p>"


# Where nobody sits before the notebook


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A small lesson, executed as nbconvert --execute does it."""
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in CELLS.items()]
    return run(nbformat.v4.new_notebook(cells=cells), tmp_path_factory.mktemp("run"))


def data_of(notebook):
    return {cell.id: cell.outputs[-1].data for cell in notebook.cells}


def test_executed_without_a_person_it_shows_no_widget_and_every_figure_as_a_drawing(executed):
    bundles = data_of(executed)
    assert [name for name, data in bundles.items() if WIDGET in data] == []
    assert [name for name, data in bundles.items() if "text/html" not in data] == []
    assert {name for name, data in bundles.items() if data["text/html"].startswith("<svg")} == {"picture", "alone"}


def test_a_drawing_is_not_stored_where_an_image_is(executed):
    with_image = copy.deepcopy(executed)
    with_image.cells[-1].outputs[-1].data["image/png"] = "x"
    kinds = [
        set(json.loads(canonical(made))["cells"][-1]["outputs"][-1]["data"]) - {"image/png"}
        for made in (executed, with_image)
    ]
    assert kinds == [{"text/plain", "text/html", PLOTLY}, {"text/plain", PLOTLY}]
