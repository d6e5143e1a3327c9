"""Figures at 640, 860 and 1280 px: no text leaves its figure, no two labels overlap, and all can be read."""

import pytest
from explored import EXPLORABLES
from timed import CASES, HERE

from course import explore
from course.look import stored_figures
from course.show.browser import Stage
from course.show.display import Page, Picture
from course.show.marks import annotate, axis, figure, sheet, tag
from course.show.theme import NARROWEST
from course.show.timings import time_against_length

pytestmark = pytest.mark.test_all


@pytest.fixture(scope="module")
def stage(chromium):
    return Stage(chromium)


def test_every_stored_figure_fits(stage, notebook):
    faults = {name: stage.faults(bundle) for name, bundle in stored_figures(notebook.json)}
    assert {name: sentences for name, sentences in faults.items() if sentences} == {}, "see python -m course look"


@pytest.mark.parametrize("explorable", EXPLORABLES, ids=str)
def test_a_figure_fits_for_every_value_that_a_control_offers(stage, explorable):
    faults = {}
    for case in explorable.cases(mixtures=5):
        try:
            faults[str(case)] = stage.faults(explorable.function(**case).bundle(), [NARROWEST])
        except ValueError:  # a choice of another sentence
            continue
    assert {case: sentences for case, sentences in faults.items() if sentences} == {}


@pytest.mark.parametrize("case", CASES)
def test_timings_fit_whatever_was_timed(stage, case):
    points, recorded, *kernels = CASES[case]
    chosen = kernels[0] if kernels else None
    picture = time_against_length(points, "The fused LSTM", HERE, recorded=recorded, kernels=chosen, contest="lstm")
    assert stage.faults(picture.bundle()) == []


# ---- figures broken on purpose


def plot_with(*notes, title="A title", **settings):
    plot = figure(title, x=axis("words", span=(0, 10)), y=axis("levels", span=(0, 10)), **settings)
    plot.add_scatter(x=[0, 10], y=[0, 10])
    for text, x, y in notes:
        annotate(plot, text, x, y)
    return Picture(plot)


def clipped():
    plot = figure("A title", x=axis(span=(0, 10)), y=axis(span=(0, 10)), right=200)
    plot.add_scatter(x=[10], y=[5], mode="text", text=["half of it"])
    return Picture(plot)


def wide_margin():
    plot = figure("A title", note="a note")
    plot.update_layout(margin_b=10)
    return Picture(plot)


def drawing(x, y, *more, size=14):
    text = tag("text", "a word", *more, x=x, y=y, font_size=size)
    return Page(
        sheet("A title", tag("svg", text, tag("text", "other", x=20, y=20), viewBox="0 0 860 60", width="100%")), ""
    )


BROKEN = {
    "a label beside the figure": (plot_with(("a long label", 9.9, 5)), "“a long label” leaves the figure, right"),
    "two labels at one place": (plot_with(("one", 5, 5), ("two", 5.1, 5)), "“one” and “two” overlap"),
    "a title of too many characters": (plot_with(title="many words " * 7), "has 76 characters, at most 60"),
    "a title of no lines": (plot_with(title=tag("i", "many words " * 7)), "leaves the figure, right"),
    "a note without room": (wide_margin(), "“a note” leaves the figure, bottom"),
    "text that its panel cuts off": (clipped(), "“half of it” leaves the figure, right"),
    "a drawing's word outside of it": (drawing(840, 40), "“a word” leaves the figure, right"),
    "a drawing's words one over the other": (drawing(20, 22), "“a word” and “other” overlap"),
    "a drawing whose words shrink": (drawing(200, 40, size=11), "“a word” is smaller than 9 px: 7.8 px at 640"),
    "a word too long for its page": (Page(sheet("w" * 200), ""), "leaves the figure, right"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_figure_is_seen(stage, case):
    broken, fault = BROKEN[case]
    assert any(fault in sentence for sentence in stage.faults(broken.bundle())), stage.faults(broken.bundle())


SOUND = {
    "labels apart": plot_with(("one", 2, 2), ("two", 5, 5)),
    "a long note, wrapped": plot_with(note="one of many words " * 20),
    "panels": Picture(
        figure("A title", x="words", y="levels", rows=2, columns=2, headings=["a", "b", "c", "d"]).add_scatter(
            x=[1, 2], y=[1, 2], row="all", col="all"
        )
    ),
    "a drawing": drawing(300, 40),
    "lines that one scrolls to": Page(
        sheet(
            "A title",
            tag("div", [tag("div", f"line {n}") for n in range(50)], style="height:80px;overflow-y:auto"),
            [tag("div", f"below {n}") for n in range(50)],
        ),
        "",
    ),
}


@pytest.mark.parametrize("case", SOUND)
def test_a_sound_figure_has_no_fault(stage, case):
    assert stage.faults(SOUND[case].bundle()) == []


def test_a_title_of_two_lines_has_the_room_for_them(stage):
    (fault,) = stage.faults(plot_with(title="many words " * 7, columns=2, headings=["left", "right"]).bundle())
    assert "at most 60" in fault


def test_a_note_stands_clear_of_the_slider_below_it(stage, shown):
    explore(lambda place=1: plot_with(("one", place, 5), note="one of many words " * 20), place=[1, 5], bake="place")
    assert stage.faults(shown[0]) == []


def test_the_last_label_of_a_slider_stays_in_the_figure(stage, shown):
    explore(lambda processors=5: plot_with(("one", 5, 5)), processors=[5, 50_000_000, 1_234_567_890], bake="processors")
    assert stage.faults(shown[0]) == []


def test_each_frame_of_a_baked_figure_is_looked_at(stage, shown):
    def moving(place=1):
        return plot_with(("one", 5, 5), ("two", place, 5))

    explore(moving, place=[1, 5, 8], bake="place")
    assert "overlap" in stage.faults(shown[0])[0]


# How wide and high the panel of the plot is: at first, and whenever it shows the first figure again.
SIZES = """async ([first, ...others]) => {
    const shown = document.getElementById('stage').firstChild;
    const size = () => [shown._fullLayout.xaxis._length, shown._fullLayout.yaxis._length].join(' × ');
    const sizes = [size()];
    for (const other of others) {
        await Plotly.react(shown, other.data, other.layout);
        await Plotly.react(shown, first.data, first.layout);
        sizes.push(size());
    }
    return sizes;
}"""


@pytest.mark.parametrize("explorable", EXPLORABLES, ids=str)
def test_a_control_that_is_moved_back_brings_back_the_picture(stage, explorable):
    """JupyterLab draws into the plot that is there, and plotly remembers what pushed its margins."""
    figures = [explorable.function(**case) for case in explorable.cases(mixtures=0)]
    pictures = [figure.json for figure in figures if isinstance(figure, Picture)]
    if pictures:
        stage.draw(figures[0].bundle(), 1100)
        assert len(set(stage.page.evaluate(SIZES, pictures))) == 1
