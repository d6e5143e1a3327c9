"""Tags that escape, and the parts of plotly figures: axes, labels and guides in the units of the data."""

import pytest
from markupsafe import Markup

from course.show import theme
from course.show.marks import annotate, axis, card, figure, guide, joined, lines, sheet, tag, wrapped

TYPED = "<script>\"'&"


@pytest.mark.parametrize("page", [tag("b", TYPED), card(TYPED), sheet(TYPED, TYPED), lines(TYPED), wrapped(TYPED, 40)])
def test_text_is_escaped_wherever_it_stands(page):
    assert "<script" not in page
    assert "&lt;script&gt;&#34;&#39;&amp;" in page


def test_an_attribute_cannot_be_left():
    assert tag("g", title=TYPED) == '<g title="&lt;script&gt;&#34;&#39;&amp;"></g>'
    assert tag("g", style={"color": TYPED}) == '<g style="color:&lt;script&gt;&#34;&#39;&amp;"></g>'


def test_a_tag_in_a_tag_stays_a_tag():
    assert tag("p", "a & ", tag("b", "b"), [tag("i", 1), None, " c"]) == "<p>a &amp; <b>b</b><i>1</i> c</p>"
    assert joined(tag("b", word) for word in ("a", "<")) == "<b>a</b><b>&lt;</b>"


def test_names_of_attributes_are_those_of_html_and_svg():
    written = tag("text", "x", font_size=1 / 3, class_="word", viewBox="0 0 1 1", role=None, hidden=False, open=True)
    assert written == '<text font-size="0.33333" class="word" viewBox="0 0 1 1" open>x</text>'


def test_an_element_without_an_end_has_none():
    assert tag("br") == Markup("<br>")
    assert tag("path", d="M0,0") == '<path d="M0,0"></path>'


def test_an_axis_takes_its_span_and_its_values_in_its_own_unit():
    settings = axis("words", log=True, values=[1, 1024, 10**6], span=(1, 10**6))
    assert settings["range"] == [0, 6]
    assert settings["tickvals"] == [1, 1024, 10**6]
    assert settings["ticktext"] == ["1", "1,024", "10⁶"]
    assert axis(span=(0, 5)) == {"range": [0, 5]}


def test_labels_stand_where_the_data_is_also_on_logarithmic_axes():
    plot = figure("t", x=axis("x", log=True), y="y")
    annotate(plot, "here", 100, 7)
    (note,) = plot.layout.annotations
    assert (note.x, note.y, note.xref, note.yref) == (2, 7, "x", "y")
    assert note.showarrow is False


def test_labels_stand_in_their_panel():
    plot = figure("t", y=axis(log=True), rows=2, columns=2)
    annotate(plot, "in data", 3, 10, row=2, column=1)
    annotate(plot, "in the corner", 0, 1, row=2, column=2, within="panel")
    annotate(plot, "above", 3, 1, row=1, column=2, within="height")
    places = [(note.x, note.y, note.xref, note.yref) for note in plot.layout.annotations]
    assert places == [(3, 1, "x3", "y3"), (0, 1, "x4 domain", "y4 domain"), (3, 1, "x2", "y2 domain")]


def test_a_guide_crosses_every_panel_even_before_there_is_data():
    plot = figure("t", x=axis(log=True), columns=2)
    guide(plot, x=100)
    assert [(shape.x0, shape.x1, shape.xref, shape.yref) for shape in plot.layout.shapes] == [
        (100, 100, "x", "y domain"),
        (100, 100, "x2", "y2 domain"),
    ]


def test_titles_of_panels_stand_at_the_edges_and_settings_everywhere():
    plot = figure("t", x=axis("words", dtick=2), y="levels", rows=2, columns=2)
    assert [each.title.text for each in plot.select_xaxes()] == [None, None, "words", "words"]
    assert [each.title.text for each in plot.select_yaxes()] == ["levels", None, "levels", None]
    assert [each.dtick for each in plot.select_xaxes()] == [2] * 4


def test_a_long_title_and_a_long_note_get_more_lines_and_the_room_for_them():
    short = figure("word", note="word").layout
    long = figure("word " * 20, note="word " * 50).layout
    assert long.title.text.count("<br>") == 1
    assert long.margin.t - short.margin.t == 21
    (note,) = long.annotations
    assert note.text.count("<br>") == 2
    assert long.margin.b - short.margin.b == 32


def test_an_axis_above_or_none_leaves_its_room_to_the_note():
    below, above = (figure("t", x=axis("x", side=side)).layout.margin for side in ("bottom", "top"))
    hidden = figure("t", x=axis(visible=False)).layout.margin
    assert hidden.b == above.b < below.b
    assert above.t > below.t == hidden.t


def test_blues_run_from_white_to_the_attention_blue_with_ink_that_can_be_read():
    def light(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(part * weight for part, weight in zip(parts, (0.2126, 0.7152, 0.0722), strict=True))

    assert theme.blue(0)[0] == "#FFFFFF"
    assert theme.blue(7) == theme.blue(1) == ("#00558A", "#FFFFFF")
    for hundredth in range(101):
        back, ink = theme.blue(hundredth / 100)
        dark, bright = sorted((light(back), light(ink)))
        assert (bright + 0.05) / (dark + 0.05) >= 4.5
