"""The marks that pages and figures are made of: HTML tags that escape by default; annotations, axes and guide lines."""

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from . import theme
from .in_words import label

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BREAK = Markup("<br>")
EMPTY = {"br", "hr", "img", "input", "link", "meta", "wbr"}  # HTML's elements without an end


def tag(name: str, /, *children, **attributes) -> Markup:
    """HTML or SVG: an element whose text and attributes are escaped, so that nothing typed can become markup.

    children: strings, numbers, other tags, or lists of them; None is left out. attributes: `stroke_width=2` is written
    stroke-width="2", `class_` is class; None and False are left out, True stands alone. style: a string, or a dict such
    as {"font-size": "13px"}. Numbers keep five digits.

    >>> print(tag("b", "1 < 2"))
    <b>1 &lt; 2</b>
    >>> print(tag("p", "a ", tag("i", "word"), style={"font-size": "13px"}, title='say "so"'))
    <p style="font-size:13px" title="say &#34;so&#34;">a <i>word</i></p>
    """
    opening = Markup("").join([Markup(f"<{name}"), *(_attribute(key, value) for key, value in attributes.items())])
    if name in EMPTY:
        return opening + Markup(">")
    return Markup("{}>{}</{}>").format(opening, joined(*children), Markup(name))


def joined(*children) -> Markup:
    """Tags and strings one after the other, strings escaped.

    >>> print(joined("a & b", tag("br"), None, ["c", 1]))
    a &amp; b<br>c1
    """
    return Markup("").join(_child(child) for child in children)


def lines(text: str) -> Markup:
    """A string as HTML that keeps its line ends.

    >>> print(lines("1 < 2\\nso"))
    1 &lt; 2<br>so
    """
    return BREAK.join(text.split("\n"))


def _child(child):
    if child is None:
        return Markup("")
    if isinstance(child, (list, tuple)) or hasattr(child, "__next__"):
        return joined(*child)
    return escape(_digits(child))


def _attribute(key, value):
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return Markup("")
    if value is True:
        return Markup(" ") + name
    if isinstance(value, dict):
        value = ";".join(f"{part}:{_digits(setting)}" for part, setting in value.items() if setting is not None)
    return Markup(' {}="{}"').format(name, _digits(value))


def _digits(value):
    return f"{value:.5g}" if isinstance(value, float) else value


# ---- parts of pages


def card(*children, colour: str = theme.GREY) -> Markup:
    """A quiet box with a coloured edge, readable on light and dark pages alike. What stands in it is escaped.

    >>> card("1 < 2").endswith("1 &lt; 2</div>")
    True
    """
    style = {
        "border-left": f"5px solid {colour}",
        "background-color": theme.WASH,
        "color": theme.INK,
        "padding": "10px 16px",
        "margin": "4px 0",
        "max-width": "860px",
        "font-family": theme.FONT,
        "font-size": "14px",
        "line-height": "1.5",
    }
    return tag("div", *children, style=style)


def sheet(title: str, *children, width: int = 900) -> Markup:
    """A figure made of HTML: its message as a title, and what follows, on paper of its own, at most `width` px wide.

    >>> "at most" in sheet("Two words", tag("p", "at most"))
    True
    """
    style = {
        "background-color": theme.PAPER,
        "color": theme.INK,
        "font-family": theme.FONT,
        "font-size": "14px",
        "line-height": "1.45",
        "padding": "14px",
        "max-width": f"{width}px",
        "box-sizing": "border-box",
    }
    heading = {"font-size": "17px", "font-weight": "bold", "margin-bottom": "6px"}
    return tag("div", tag("div", title, style=heading), *children, style=style)


def muted(*children) -> Markup:
    """Words that stand back, in a grey that can still be read."""
    return tag("span", *children, style={"color": theme.MUTED})


# ---- parts of plotly figures. Their texts take the same tags, and escape all else.

TITLE_CHARACTERS, NOTE_CHARACTERS = 62, 94  # in a line that fits 640 px in the widest of the theme's fonts
TITLE_LINE, HEADING_LINE, NOTE_LINE = 21, 24, 16  # px
AXIS_ROOM = 62  # px below a plot, for its ticks and their title


def wrapped(text: str, characters: int) -> Markup:
    """The text, escaped, in lines of at most so many characters, broken between words. Tags stay as they are.

    >>> print(wrapped("one & two, three", 10))
    one &amp; two,<br>three
    """
    return text if isinstance(text, Markup) else BREAK.join(textwrap.wrap(text, characters))


def figure(
    title: str,
    x: str | dict = "",
    y: str | dict = "",
    *,
    height: int = 420,
    note: str = "",
    rows: int = 1,
    columns: int = 1,
    headings: Sequence[str] = (),
    left: int = 70,
    right: int = 24,
    above: int = 0,
    **subplots,
) -> "Figure":
    """A plotly figure in the course's look, as wide as it is given room: 640 to 1280 px.

    title: the message, at most 60 characters. note: a sentence below, how it was counted, say.
    x, y: an axis title, or an `axis`, for all panels; of several panels only those of the lowest row and of the first
    column show the titles. rows, columns: of panels; headings: one a panel, row by row.
    left, right: px beside the panels, the least; above: more px between title and panels.
    subplots: more for plotly.subplots.make_subplots, such as row_heights or shared_xaxes.

    >>> plot = figure("Waiting grows with the words", x="words", y=axis("levels", log=True))
    >>> plot.layout.title.text, plot.layout.yaxis.type
    ('<b>Waiting grows with the words</b>', 'log')
    """
    from plotly.subplots import make_subplots  # 0.3 s, so only once a figure is drawn

    plot = make_subplots(rows, columns, **subplots)
    plot.layout.template = theme.TEMPLATE
    title_lines, note_lines = wrapped(title, TITLE_CHARACTERS), wrapped(note, NOTE_CHARACTERS)
    more_lines = _count_lines(title_lines) - 1
    room_above, room_below = _axis_room(x)
    top = 42 + TITLE_LINE * more_lines + (HEADING_LINE if headings else 0) + above + room_above
    bottom = room_below + NOTE_LINE * _count_lines(note_lines)
    plot.update_layout(
        title={"text": str(tag("b", title_lines)), "pad": {"l": 8, "t": 10 + TITLE_LINE * more_lines / 2}},
        height=height,
        margin={"l": left, "r": right, "t": top, "b": bottom},
    )
    if note:
        below = {"xref": "paper", "yref": "paper", "yanchor": "bottom", "xshift": 8 - left, "yshift": 4 - bottom}
        plot.add_annotation(_annotation(note_lines, 0, 0, theme.MUTED, 12) | below | {"name": "note"})
    for settings, update, edge in ((x, plot.update_xaxes, {"row": rows}), (y, plot.update_yaxes, {"col": 1})):
        settings = dict(axis(settings) if isinstance(settings, str) else settings)
        title_of_axis = settings.pop("title", None)
        update(**settings)
        update(title=title_of_axis, **edge)
    for place, heading in enumerate(headings):
        row, column = place // columns + 1, place % columns + 1
        heading = heading if isinstance(heading, Markup) else tag("b", heading)
        annotate(plot, heading, 0, 1, row=row, column=column, within="panel", yanchor="bottom", yshift=4)
    return plot


def _axis_room(x):
    """px above and below the panels for the ticks of the x axis and their title."""
    settings = {} if isinstance(x, str) else x
    if settings.get("visible", True):
        return (28, 14) if settings.get("side") == "top" else (0, AXIS_ROOM)
    return 0, 14


def axis(
    title: str = "",
    *,
    log: bool = False,
    values: Sequence[float] | None = None,
    span: tuple[float, float] | None = None,
    **settings,
) -> dict:
    """Settings of one axis, for `figure` or plot.update_xaxes. All else that an axis needs is in the theme's template.

    values: those that are labelled, with commas in thousands. span: (least, largest), in the axis's own unit, also
    on a logarithmic axis.

    >>> axis("words", log=True, values=[1, 1024], span=(1, 1000))["range"]
    [0.0, 3.0]
    """
    if title:
        settings["title"] = {"text": str(escape(title))}
    if log:
        settings["type"] = "log"
    if values is not None:
        settings |= {"tickvals": list(values), "ticktext": [label(value) for value in values]}
    if span is not None:
        settings["range"] = [math.log10(end) for end in span] if log else list(span)
    return settings


def annotate(
    plot: "Figure",
    text: str,
    x: float,
    y: float,
    *,
    row: int = 1,
    column: int = 1,
    within: str = "data",
    colour: str = theme.INK,
    size: int = 14,
    **place,
) -> None:
    """Write on a plot that `figure` made, without an arrow.

    x, y: in the units of the panel's axes, also of logarithmic ones; within="panel": fractions of the panel, from its
    left and from its bottom; within="height": only y is such a fraction. place: plotly's settings of an annotation:
    xanchor ("left" unless given), yshift, …

    >>> plot = figure("Waiting", x=axis("words", log=True))
    >>> annotate(plot, "a thousand words", 1000, 3)
    >>> plot.layout.annotations[0].x, plot.layout.annotations[0].y
    (3.0, 3)
    """
    panel = plot.get_subplot(row, column)
    place = _annotation(text, x, y, colour, size) | place
    for name, plane in (("x", panel.xaxis), ("y", panel.yaxis)):
        is_fraction = within == "panel" or (within == "height" and name == "y")
        place[f"{name}ref"] = plane.plotly_name.replace("axis", "") + (" domain" if is_fraction else "")
        if plane.type == "log" and not is_fraction:
            place[name] = math.log10(place[name])
    plot.add_annotation(place)


def _annotation(text, x, y, colour, size):
    """An annotation without an arrow, x and y in whatever it refers to."""
    font = {"color": colour, "size": size}
    return {
        "text": str(escape(text)),
        "x": x,
        "y": y,
        "showarrow": False,
        "xanchor": "left",
        "align": "left",
        "font": font,
    }


def guide(
    plot: "Figure",
    *,
    x: float | None = None,
    y: float | None = None,
    colour: str = theme.GREY,
    dash: str = "dot",
    width: float = 1.5,
    row: int | str = "all",
    column: int | str = "all",
) -> None:
    """A line through a panel, or through all of them: upright at x, or level at y.

    >>> plot = figure("Waiting", columns=2)
    >>> guide(plot, x=5)
    >>> len(plot.layout.shapes)
    2
    """
    line = {"color": colour, "dash": dash, "width": width}
    where = {"line": line, "layer": "below", "row": row, "col": column, "exclude_empty_subplots": False}
    if x is not None:
        plot.add_vline(x=x, **where)
    if y is not None:
        plot.add_hline(y=y, **where)


def _count_lines(text):
    return text.count(BREAK) + 1 if text else 0
