"""The text alternative of a figure: title, axes, series, note."""

import plotly.graph_objects as go

from course.show.display import Picture
from course.show.in_words import figure_in_words
from course.show.marks import axis, figure, joined, tag


def picture_of(*traces, title="t", **settings):
    """A Picture of these traces."""
    return Picture(figure(title, **settings).add_traces(traces))


def test_the_text_alternative_tells_title_axes_series_and_note():
    picture = picture_of(
        go.Scatter(x=[1, 10, 1000], y=[0.00123456, 5000, 7.0], name="<b>LSTM</b>"),
        go.Scatter(x=[1, 2], y=[4.0, 3.0], name="falling"),
        go.Scatter(y=[5, 6, 5], name="without x"),
        go.Bar(x=["a", "b"], y=[1, 2]),
        go.Bar(x=[1, 2], y=["low", "high"], orientation="h", name="across"),
        go.Scatter(x=[1, 2], y=[3, 4], name="decoration", hoverinfo="skip"),
        go.Scatter(x=[], y=[], name="empty"),
        go.Scatter(x=[1], y=[None], name="a gap"),
        title="The RNN waits longest",
        x="words",
        y=axis(joined("time", tag("sup", 2), " (ms)"), log=True),
        note="T < 5 & D > 6, of the author's own.",
    )
    assert picture.text.split("\n") == [
        "Figure: The RNN waits longest",
        "x: words",
        "y: time2 (ms), logarithmic",
        "LSTM: from (1, 0.00123) to (1,000, 7), highest at (10, 5,000)",
        "falling: from (1, 4) to (2, 3)",
        "without x: from (0, 5) to (2, 5), highest at (1, 6)",
        "bar: from (a, 1) to (b, 2)",
        "across: from (1, low) to (2, high)",
        "T < 5 & D > 6, of the author's own.",
    ]


def test_panels_that_share_an_axis_title_name_it_once():
    plot = figure("t", x="words", y="levels", rows=2, columns=2)
    assert Picture(plot).text.split("\n") == ["Figure: t", "x: words", "y: levels"]


def test_a_heatmap_is_told_by_its_size_and_its_range():
    def heat(z):
        return picture_of(go.Heatmap(z=z, name="h")).text.split("\n")[-1]

    assert heat([[0.5, 0.25, None], [1e-9, 0.123456, 3]]) == "h: 2 × 3 cells from 1e-09 to 3"
    assert heat([[None, None]]) == "h: 1 × 2 cells, all empty"


def test_a_title_shows_what_was_typed_and_a_tag_in_it_is_markup():
    typed = figure("T < 5 and <b>")
    assert typed.layout.title.text == "<b>T &lt; 5 and &lt;b&gt;</b>"
    assert Picture(typed).text == "Figure: T < 5 and <b>"
    assert figure(joined("T", tag("sub", 1))).layout.title.text == "<b>T<sub>1</sub></b>"


def test_a_text_of_ones_own_stands_in_place_of_the_description():
    assert Picture(figure("t"), text="Nothing to see.").text == "Nothing to see."


def test_a_figure_without_title_and_axes_is_told_too():
    assert figure_in_words({"layout": {}, "data": []}) == "Figure: "
