"""explore, Picture and Page: live, baked, on Colab and as text, with either version of plotly and ipywidgets."""

import base64
import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from course import CourseError, explore
from course.show import theme
from course.show.baked import MOST_FRAMES
from course.show.choices import Paint
from course.show.display import PLOTLY, WIDGET, Page, Picture, in_colab
from course.show.marks import figure, tag
from course.show.still import without_slider
from course.show.still_axes import Axis
from course.show.still_text import words


def powers(power=2, top=3, shown=True, kind="line"):
    """A Picture that depends on all its parameters."""
    xs = list(range(top + 1)) if shown else [0]
    plot = figure(f"x to the power of {power}", x="x", y="value")
    plot.add_scatter(x=xs, y=[x**power for x in xs], name=f"{kind} of power {power}")
    return Picture(plot)


def picture_of(*traces, title="t", **settings):
    """A Picture of these traces."""
    return Picture(figure(title, **settings).add_traces(traces))


def initials(sentence="man eats dog", word="2 eats", loud=False):
    """A Page; like the figures, it refuses what has no words."""
    words = choices(sentence)
    line = f"{sentence} / {word}" + "!" * loud
    return Page(tag("p", line), f"{line}: {', '.join(words)}")


def choices(sentence):
    if not sentence.split():
        raise ValueError("Type <a> word or more.")
    return [f"{place} {word}" for place, word in enumerate(sentence.split(), 1)]


@pytest.fixture(autouse=True)
def not_on_colab(monkeypatch):
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    monkeypatch.delitem(__import__("sys").modules, "google.colab", raising=False)


@pytest.fixture
def colab(monkeypatch, not_on_colab):
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab_20260801")


def live(bundle):
    """The controls by what stands beside them, and the screen, of a displayed explorable."""
    from ipywidgets.widgets import widget

    made = getattr(widget, "_instances", None) or widget.Widget.widgets
    view = made[bundle[WIDGET]["model_id"]]
    *controls, screen = view.children
    return {control.description: control for control in controls}, screen


def on_screen(screen):
    (output,) = screen.outputs
    assert output["output_type"] == "display_data"
    return output["data"]


def test_each_control_redraws_the_figure(shown):
    explore(powers, power=[1, 2, 3], top=(3, 5), shown=True, kind=["line", "curve"])
    controls, screen = live(shown[-1])
    kinds = {name: type(control).__name__ for name, control in controls.items()}
    assert kinds == {"power": "SelectionSlider", "top": "SelectionSlider", "shown": "Checkbox", "kind": "ToggleButtons"}
    assert on_screen(screen)["text/plain"] == powers().text
    for name, value in {"power": 3, "top": 5, "kind": "curve", "shown": False}.items():
        before = on_screen(screen)
        controls[name].value = value
        assert on_screen(screen) != before, name
    assert on_screen(screen)["text/plain"] == powers(3, 5, False, "curve").text
    assert on_screen(screen)[PLOTLY] == powers(3, 5, False, "curve").json
    controls["shown"].value = True
    controls["power"].value = 1
    assert on_screen(screen)["text/plain"] == powers(1, 5, True, "curve").text


PICTURES = {"none": ((False, False), (False, False)), "all": ((True, True), (True, True))}


def painted(cells=PICTURES["none"]):
    """A Page that says which cells are on."""
    return Page(f"<p>{cells}</p>", f"Figure: {cells}")


def test_a_mask_is_painted_cell_by_cell_or_from_a_button(shown):
    explore(painted, cells=Paint(["a", "b"], PICTURES))
    assert shown[-1]["text/plain"].startswith("Controls: cells (painted; none, all). Shown: cells none.")
    controls, screen = live(shown[-1])
    box = controls["cells"]
    box.cells[1][0].click()
    assert screen.value == painted(((False, False), (True, False))).html
    assert [[cell.description for cell in row] for row in box.cells] == [["", ""], ["✓", ""]]
    assert box.cells[1][0].tooltip == "2 b, 1 a: on"
    assert box.index is None
    box.buttons[1].click()
    assert screen.value == painted(PICTURES["all"]).html
    assert box.index == 1
    assert {cell.style.button_color for row in box.cells for cell in row} == {theme.ATTENTION}
    box.index = 0
    assert screen.value == painted().html


def test_the_first_picture_must_have_a_button():
    with pytest.raises(CourseError, match="the default cells"):
        explore(painted, cells=Paint(["a", "b"], {"all": PICTURES["all"]}))


def test_a_page_is_redrawn_as_html(shown):
    explore(initials, sentence="man eats dog", word=choices, loud=False)
    controls, screen = live(shown[-1])
    assert type(controls["sentence"]).__name__ == "Text"
    assert type(controls["word"]).__name__ == "ToggleButtons"
    assert screen.value == initials().html
    controls["word"].value = "3 dog"
    assert screen.value == "<p>man eats dog / 3 dog</p>"
    controls["loud"].value = True
    assert screen.value == "<p>man eats dog / 3 dog!</p>"


def test_choices_follow_what_is_typed_and_keep_the_students_choice(shown):
    explore(initials, sentence="", word=choices)
    controls, screen = live(shown[-1])
    controls["sentence"].value = "man eats dog now"
    assert list(controls["word"].options) == ["1 man", "2 eats", "3 dog", "4 now"]
    assert controls["word"].value == "2 eats"
    assert screen.value == "<p>man eats dog now / 2 eats</p>"
    controls["sentence"].value = "man ate dog now"
    assert controls["word"].value == "2 ate", "the word in the same place"
    controls["sentence"].value = "man"
    assert controls["word"].value == "1 man"
    assert screen.value == "<p>man / 1 man</p>"


def test_a_chosen_word_is_kept_where_it_stands_now(shown):
    def read(sentence="man eats dog", word="eats"):
        return Page(f"{sentence} / {word}", word)

    explore(read, sentence="", word=lambda sentence: sentence.split())
    controls, screen = live(shown[-1])
    controls["sentence"].value = "dog man eats"
    assert screen.value == "dog man eats / eats"


def test_a_change_calls_the_function_once(shown):
    calls = []

    def counted(sentence="a b", word="1 a"):
        calls.append((sentence, word))
        return Page("", "")

    explore(counted, sentence="", word=choices)
    controls, _ = live(shown[-1])
    assert calls == [("a b", "1 a")]
    controls["sentence"].value = "c d e"
    assert calls[1:] == [("c d e", "1 c")]
    controls["word"].value = "3 e"
    assert calls[2:] == [("c d e", "3 e")]


def test_what_cannot_be_drawn_gets_a_sentence_and_the_next_change_mends_it(shown, capfd):
    explore(initials, sentence="", word=choices)
    controls, screen = live(shown[-1])
    for empty in ("", "   "):
        controls["sentence"].value = empty
        assert "Type &lt;a&gt; word or more." in screen.value
        assert "Traceback" not in screen.value
    controls["sentence"].value = "dog"
    assert screen.value == "<p>dog / 1 dog</p>"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("error", [ValueError, CourseError])
def test_a_figure_that_refuses_leaves_a_sentence_in_its_place(error, shown):
    def picky(size=1):
        if size == 2:
            raise error("Two is <not> possible.")
        return powers(size)

    explore(picky, size=[1, 2, 3])
    controls, screen = live(shown[-1])
    controls["size"].value = 2
    assert PLOTLY not in on_screen(screen)
    assert "Two is &lt;not&gt; possible." in on_screen(screen)["text/html"]
    assert on_screen(screen)["text/plain"] == "Two is <not> possible."
    controls["size"].value = 3
    assert on_screen(screen)["text/plain"] == powers(3).text


def test_one_output_holds_the_live_view_the_figure_and_its_text(shown):
    explore(powers, power=[1, 2, 3], kind=["line", "curve"], shown=True)
    assert len(shown) == 1
    assert set(shown[0]) == {"text/plain", "text/html", PLOTLY, WIDGET}
    assert shown[0][PLOTLY] == powers().json
    first = "Controls: power (1, 2, 3); kind (line, curve); shown. Shown: power 2, kind line, shown True."
    assert shown[0]["text/plain"] == f"{first}\n{powers().text}"
    explore(initials, sentence="man eats dog", word=choices)
    assert set(shown[1]) == {"text/plain", "text/html", WIDGET}
    assert shown[1]["text/plain"].startswith("Controls: sentence; word. Shown: sentence man eats dog, word 2 eats.\n")


def test_the_text_names_the_ends_of_a_long_row_of_values(shown):
    explore(powers, top=range(3, 100))
    assert "Controls: top (3 to 99). Shown: top 3." in shown[0]["text/plain"]


def test_the_text_is_the_same_at_every_call(shown):
    for _ in range(2):
        explore(powers, power=[1, 2, 3], bake="power")
    first, second = (json.dumps({**bundle, WIDGET: None}, sort_keys=True) for bundle in shown)
    assert first == second


def test_a_baked_figure_moves_without_a_kernel(shown):
    explore(powers, power=[1, 2, 3, 5], kind=["line", "curve"], bake="power")
    figure = shown[0][PLOTLY]
    assert [frame["name"] for frame in figure["frames"]] == ["1", "2", "3", "5"]
    (slider,) = figure["layout"]["sliders"]
    assert slider["active"] == 1
    assert [step["label"] for step in slider["steps"]] == ["1", "2", "3", "5"]
    for step, frame, power in zip(slider["steps"], figure["frames"], (1, 2, 3, 5), strict=True):
        assert step["method"] == "animate"
        assert step["args"][0] == [frame["name"]]
        assert frame["data"] == powers(power).json["data"]
        assert frame["layout"]["title"] == powers(power).json["layout"]["title"]
        assert len(frame["data"]) == len(figure["data"])
    assert figure["data"] == powers(2).json["data"], "the default is shown first"
    go.Figure(figure)
    go.Figure(data=figure["data"], layout=figure["layout"], frames=figure["frames"])
    json.dumps(figure, allow_nan=False)


def test_baking_makes_room_for_the_slider_and_leaves_the_live_figure_alone(shown):
    explore(powers, power=[1, 2], bake="power")
    plain, baked = powers().json["layout"], shown[0][PLOTLY]["layout"]
    assert baked["height"] - plain["height"] == baked["margin"]["b"] - plain["margin"]["b"] > 0
    _, screen = live(shown[0])
    assert on_screen(screen)[PLOTLY] == powers().json
    assert "frames" not in on_screen(screen)[PLOTLY]
    assert screen.layout.min_height == f"{plain['height']}px"


def test_an_image_of_a_baked_figure_is_the_live_figure_without_the_slider(shown):
    explore(powers, power=[1, 2], bake="power")
    assert without_slider(shown[0][PLOTLY]) == powers().json == without_slider(powers().json)


def test_on_colab_a_plotly_figure_is_baked_html_and_has_no_widget(colab, shown):
    assert in_colab()
    explore(powers, power=[1, 2, 3], bake="power")
    assert set(shown[0]) == {"text/plain", "text/html"}
    page = shown[0]["text/html"]
    assert "Plotly.newPlot" in page
    assert "addFrames" in page
    assert "x to the power of 3" in page
    assert len(page) < 1_000_000, "plotly itself comes from Colab's own network"
    assert re.search(r"<script[^>]* src=", page)
    assert shown[0]["text/plain"].endswith(powers().text)
    assert set(powers().bundle()) == {"text/plain", "text/html"}


def test_on_colab_a_page_stays_live(colab, shown):
    explore(initials, sentence="man eats dog", word=choices)
    assert set(shown[0]) == {"text/plain", "text/html", WIDGET}
    controls, screen = live(shown[0])
    controls["sentence"].value = "dog eats man"
    assert screen.value == "<p>dog eats man / 2 eats</p>"


def test_a_figure_alone_on_a_line_shows_itself():
    assert powers()._repr_mimebundle_() == powers().bundle()
    assert powers().bundle() | {"text/html": ""} == {
        "text/plain": powers().text,
        "text/html": "",
        PLOTLY: powers().json,
    }
    assert initials()._repr_mimebundle_(include=None) == {"text/plain": initials().text, "text/html": initials().html}


def no_default(power):
    return powers(power)


def more_traces(power=1):
    return picture_of(*[go.Scatter(x=[0], y=[power])] * power)


BAD = {
    "no such parameter": (powers, {"powr": [1, 2]}, "powers has no parameter 'powr'; it has power, top, shown, kind"),
    "default not offered": (powers, {"power": [1, 3]}, r"default power = 2 is not among \[1, 3\]"),
    "nothing offered": (powers, {"power": []}, r"default power = 2 is not among \[\]"),
    "an array": (powers, {"power": np.arange(3)}, "power needs a list of values"),
    "a number": (powers, {"power": 2}, "power needs a list of values"),
    "nothing": (powers, {"power": None}, "power needs a list of values.*got None"),
    "no default": (no_default, {"power": [1, 2]}, "no_default: power needs a default"),
    "choices of no control": (initials, {"word": choices}, "choices of word depend on sentence"),
    "default not among choices": (
        initials,
        {"sentence": "", "word": lambda sentence: ["x"]},
        r"word = '2 eats' is not among \['x'\]",
    ),
    "bake something else": (powers, {"power": [1, 2], "bake": "kind"}, "bake='kind' must name a control.*power"),
    "bake a box": (powers, {"shown": True, "bake": "shown"}, "bake='shown' must name a control that has a list"),
    "bake a field": (
        initials,
        {"sentence": "", "bake": "sentence"},
        "bake='sentence' must name a control that has a list",
    ),
    "bake choices": (initials, {"sentence": "", "word": choices, "bake": "word"}, "bake='word' must name"),
    "too many frames": (
        powers,
        {"top": range(1, MOST_FRAMES + 2), "bake": "top"},
        f"13 values; at most {MOST_FRAMES} can be stored",
    ),
    "bake a page": (initials, {"loud": [False, True], "bake": "loud"}, "initials makes HTML.*leave bake out"),
    "changing traces": (
        more_traces,
        {"power": [1, 2], "bake": "power"},
        "more_traces must draw as many traces for every power",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_control_gets_a_sentence_and_nothing_is_shown(case, shown):
    function, keywords, message = BAD[case]
    with pytest.raises(CourseError, match=message):
        explore(function, **keywords)
    assert not shown


def test_twelve_values_are_the_most_that_can_be_baked(shown):
    explore(powers, top=range(1, MOST_FRAMES + 1), bake="top")
    assert len(shown[0][PLOTLY]["frames"]) == 12


def test_labels_of_a_slider_are_short_and_distinct(shown):
    def many(rate=0.5):
        return powers()

    explore(many, rate=[0.0625, 0.5, 1.0, 1000, 10**9, True, "all"])
    controls, _ = live(shown[0])
    assert [label for label, _ in controls["rate"].options] == [
        "0.0625",
        "0.5",
        "1",
        "1,000",
        "10⁹",
        "True",
        "all",
    ]


ARRAYS = {
    "numpy": lambda *values: np.array(values),
    "numpy float32": lambda *values: np.array(values, dtype=np.float32),
    "torch": lambda *values: torch.tensor(values),
    "a list of numpy scalars": lambda *values: [np.float64(value) for value in values],
    "a list of tensors": lambda *values: [torch.tensor(value) for value in values],
    "a tuple": lambda *values: values,
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_any_kind_become_plain_rounded_lists(kind):
    array = ARRAYS[kind]
    picture = picture_of(go.Scatter(x=array(1.0, 2.0, 3.0), y=array(0.1, 1 / 3, 2e-9), name="s"))
    assert picture.json["data"][0]["y"] == [0.1, 0.33333, 2e-9]
    assert picture.json["data"][0]["x"] == [1, 2, 3]
    assert "s: from (1, 0.1) to (3, 2e-09), highest at (2, 0.333)" in picture.text
    heat = picture_of(go.Heatmap(z=[array(0.0, 1.0), array(2.0, 1 / 3)], name="h"))
    assert "h: 2 × 2 cells from 0 to 2" in heat.text
    assert "bdata" not in json.dumps([picture.json, heat.json])


def test_numbers_have_five_digits_but_whole_ones_are_exact():
    ys = [1 / 3, 123456.789, 1.23456789e-7, 131072.0, 131071, 1e300 / 3]
    series = picture_of(go.Scatter(x=[131072.0] * 6, y=ys)).json["data"][0]
    assert series["y"] == [0.33333, 123460.0, 1.2346e-07, 131072, 131071, 3.3333e299]
    assert series["x"] == [131072] * 6


def test_what_is_not_finite_becomes_a_gap_that_json_can_hold():
    ys = [1.0, float("nan"), 3.0, float("inf"), None, 2.0]
    picture = picture_of(go.Scatter(x=list(range(6)), y=ys, name="s"))
    assert picture.json["data"][0]["y"] == [1, None, 3, None, None, 2]
    json.dumps(picture.json, allow_nan=False)
    assert "s: from (0, 1) to (5, 2), highest at (2, 3)" in picture.text


def test_a_figure_is_the_same_json_however_often_it_is_drawn():
    assert json.dumps(powers().json, sort_keys=True) == json.dumps(powers().json, sort_keys=True)


def test_a_figure_carries_the_courses_template_and_none_of_plotlys():
    assert powers().json["layout"]["template"] == json.loads(json.dumps(theme.TEMPLATE))
    assert theme.TEMPLATE["layout"]["paper_bgcolor"] == theme.TEMPLATE["layout"]["plot_bgcolor"] == theme.PAPER
    assert len(json.dumps(powers().json)) < 2000


def test_a_figure_is_as_wide_as_its_page():
    layout = powers().json["layout"]
    assert "width" not in layout
    assert layout["template"]["layout"]["autosize"]


ODD = {
    "a pie": picture_of(go.Pie(values=[1, 2])),
    "a symbol by its number": picture_of(go.Scatter(x=[1], y=[1], mode="markers", marker={"symbol": 17})),
    "an axis of another layout": picture_of(go.Scatter(x=[1], y=[1], yaxis="y7")),
}


@pytest.mark.parametrize("case", ODD)
def test_what_cannot_be_drawn_still_costs_the_drawing_and_never_the_figure(case):
    assert set(ODD[case].bundle()) == {"text/plain", PLOTLY}


def test_baked_bytes_of_older_notebooks_are_never_made(shown):
    """plotly 6 and newer write arrays as base64; one such array would make text and JSON differ between the stacks."""

    def curve(power=2):
        xs = np.linspace(0, 1, 50)
        return picture_of(go.Scatter(x=xs, y=xs**power))

    explore(curve, power=[1, 2], bake="power")
    stored = json.dumps(shown[0][PLOTLY])
    assert "bdata" not in stored
    assert base64.b64encode(np.linspace(0, 1, 50).tobytes()).decode()[:20] not in stored


def test_a_drawing_keeps_the_order_of_an_axis():
    axis = Axis("y", {"categoryarray": ["first", "second", "third"]}, ["third", "first"], 100, 0)
    assert [name for _, name in sorted(axis.ticks(), reverse=True)] == ["first", "second", "third"]


def test_a_drawing_keeps_the_colour_and_the_spaces_of_a_word():
    drawn = words('<span style="color:#123456">a  word</span>', 0, 0)
    assert 'style="fill:#123456"' in drawn
    assert "white-space:pre" in drawn
    assert "a  word" in drawn
