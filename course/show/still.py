"""A plotly figure as a still drawing (SVG): for pages that neither a kernel nor a script stands behind.

It is what an exported or printed lesson shows. It draws the kinds of series that the lessons use; of a figure that has
another, there is none.
"""

import re

from markupsafe import Markup

from . import theme
from .marks import joined, tag
from .still_axes import Axis
from .still_text import LINE, WIDTH, size_of, words
from .still_traces import KINDS, dash_of, extent, series

EDGE = 8  # px left of the title
SLIDER = 86  # px that a baked figure is higher, for the slider below it


def still(figure: dict, text: str = "") -> Markup | None:
    """The drawing of a figure {"data", "layout"}, or None if it has something that cannot be drawn.

    text: the text alternative, for a screen reader.

    >>> from course.show.display import Picture
    >>> from course.show.marks import figure
    >>> picture = Picture(figure("It waits", x="words").add_scatter(x=[1, 6], y=[1, 6]))
    >>> still(picture.json).startswith("<svg"), still({"data": [{"type": "pie"}], "layout": {}}) is None
    (True, True)
    """
    figure = without_slider(figure)
    if not all(trace.get("type", "scatter") in KINDS for trace in figure["data"]):
        return None
    try:
        return _drawing(figure["data"], figure["layout"], text)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # a setting that no lesson uses: it costs the drawing, never the figure


def _drawing(data, layout, text):
    height = layout.get("height", 420)
    panels = _panels(data, layout, height)
    grids, marks = zip(*(panel.drawn() for panel in panels.values()), strict=True)
    drawn = [series(trace, *_axes_of(trace, panels)) for trace in data]
    shapes = layout.get("shapes", [])
    below = [_shape(shape, panels) for shape in shapes if shape.get("layer") == "below"]
    above = [_shape(shape, panels) for shape in shapes if shape.get("layer") != "below"]
    notes = [_annotation(note, panels, layout) for note in layout.get("annotations", [])]
    paper = tag("rect", width=WIDTH, height=height, fill=theme.PAPER)
    parts = joined(paper, grids, below, drawn, marks, above, notes, _title(layout))
    style = {"max-width": f"{WIDTH}px", "height": "auto", "font-family": theme.FONT, "display": "block"}
    box = {"viewBox": f"0 0 {WIDTH} {height:g}", "width": "100%", "style": style}
    return tag("svg", parts, **box, role="img", aria_label=text or None)


def without_slider(figure: dict) -> dict:
    """What a baked figure shows at first, as {"data", "layout"}, for an image; a figure without a slider as it is."""
    layout = dict(figure["layout"])
    if layout.pop("sliders", None):
        layout["height"] -= SLIDER
        layout["margin"] = layout["margin"] | {"b": layout["margin"]["b"] - SLIDER}
    return {"data": figure["data"], "layout": layout}


class Panel:
    """The space of one pair of axes, and where each stands."""

    def __init__(self, x: Axis, y: Axis):
        self.x, self.y = x, y

    def drawn(self) -> tuple[Markup, Markup]:
        """(grid, axes)"""
        left, right, bottom, top = self.x.start, self.x.end, self.y.start, self.y.end
        on_top = self.x.settings.get("side") == "top"
        on_right = self.y.settings.get("side") == "right"
        columns, axis = self.x.drawn(*((top, bottom) if on_top else (bottom, top)))
        rows, upright = self.y.drawn(*((right, left) if on_right else (left, right)))
        return columns + rows, axis + upright


def _panels(data, layout, height):
    """{("x", "y"): Panel}, in the layout's order; the panels of the first column get room for their labels."""
    pairs = [(f"x{number}", f"y{number}") for number in _numbers(layout)]
    settings = {name: _settings(name, layout) for pair in pairs for name in pair}
    values = {name: _values(name, data, layout) for name in settings}
    margin = {"l": 80, "r": 80, "t": 100, "b": 80} | layout.get("margin", {})
    bounds = margin["l"], WIDTH - margin["r"], height - margin["b"], margin["t"]
    for _ in range(2):  # once to see how long the labels are, once with room for them
        axes = {name: _axis(name, settings[name], values[name], bounds) for name in settings}
        wide = [axes[y].room() + 4 for x, y in pairs if axes[x].start == bounds[0]]
        bounds = max([margin["l"], *wide]), *bounds[1:]
    return {(x, y): Panel(axes[x], axes[y]) for x, y in pairs}


def _numbers(layout):
    """ "" for the first pair of axes, "2" for the next …"""
    return sorted(key.removeprefix("xaxis") for key in layout if re.fullmatch(r"xaxis\d*", key)) or [""]


def _settings(name, layout):
    key = f"{name[0]}axis{name[1:]}"
    template = layout.get("template", {}).get("layout", {}).get(key[:5], {})
    own = layout.get(key, {})
    followed = own.get("matches", "")
    if followed and followed != name and "range" not in own:
        other = layout.get(f"{followed[0]}axis{followed[1:]}", {})
        own = own | {key: other[key] for key in ("range", "type") if key in other}
    return template | own


def _values(name, data, layout):
    """All that is drawn along an axis, and along those that follow it."""
    alike = {name, layout.get(f"{name[0]}axis{name[1:]}", {}).get("matches", name)}
    alike |= {
        f"{key[0]}{key[5:]}"
        for key, own in layout.items()
        if re.fullmatch(r"[xy]axis\d*", key) and own.get("matches") in alike
    }
    letter = name[0]
    return [value for trace in data if trace.get(f"{letter}axis", letter) in alike for value in extent(trace, letter)]


def _axis(name, settings, values, bounds):
    left, right, bottom, top = bounds
    first, last = settings.get("domain", (0, 1))
    start, end = (left, right) if name[0] == "x" else (bottom, top)
    return Axis(name[0], settings, values, start + first * (end - start), start + last * (end - start))


def _axes_of(trace, panels):
    panel = panels[trace.get("xaxis", "x"), trace.get("yaxis", "y")]
    return panel.x, panel.y


# ---- what stands on a figure


def _title(layout):
    title = layout.get("title", {})
    return words(title.get("text", ""), EDGE, 10, along="top", size=title.get("font", {}).get("size", 16))


def _pixel(letter, reference, value, panels, log_given=False):
    """Where a shape or an annotation stands: in data, or in fractions of a panel or of all panels.

    log_given: on a logarithmic axis the value is an exponent, as in plotly's annotations.
    """
    axes = [panel.x if letter == "x" else panel.y for panel in panels.values()]
    name, _, within = reference.partition(" ")
    if name == "paper":
        starts, ends = [axis.start for axis in axes], [axis.end for axis in axes]
        start, end = (min(starts), max(ends)) if letter == "x" else (max(starts), min(ends))
        return start + value * (end - start)
    names = [pair["xy".index(letter)] for pair in panels]
    axis = axes[names.index(name)]
    if within:
        return axis.start + value * (axis.end - axis.start)
    return axis.place(value) if log_given and axis.is_log else axis.at(value)


def _shape(shape, panels):
    ends = {}
    for letter in "xy":
        reference = shape.get(f"{letter}ref", letter)
        ends |= {f"{letter}{n}": _pixel(letter, reference, shape[f"{letter}{n}"], panels) for n in (0, 1)}
    line = shape.get("line", {})
    stroke = {
        "stroke": line.get("color", theme.INK),
        "stroke_width": line.get("width", 2),
        "stroke_dasharray": dash_of(line),
    }
    if None in ends.values():
        return None
    if shape.get("type") == "line":
        return tag("line", x1=ends["x0"], y1=ends["y0"], x2=ends["x1"], y2=ends["y1"], **stroke)
    (left, right), (top, bottom) = sorted((ends["x0"], ends["x1"])), sorted((ends["y0"], ends["y1"]))
    paint = {"fill": shape.get("fillcolor", "none"), "opacity": shape.get("opacity")} | stroke
    return tag("rect", x=left, y=top, width=right - left, height=bottom - top, **paint)


def _annotation(note, panels, layout):
    note = layout.get("template", {}).get("layout", {}).get("annotationdefaults", {}) | note
    x, y = (_pixel(letter, note.get(f"{letter}ref", letter), note[letter], panels, True) for letter in "xy")
    arrow = None
    if note.get("showarrow", True):
        tip = x, y
        x, y = (
            _pixel(letter, note[f"a{letter}ref"], note[f"a{letter}"], panels, True)
            if note.get(f"a{letter}ref", "pixel") != "pixel"
            else place + note.get(f"a{letter}", 0)
            for letter, place in (("x", x), ("y", y))
        )
        style = {"stroke": note.get("arrowcolor", theme.INK), "stroke_width": note.get("arrowwidth", 1)}
        arrow = tag("line", x1=x, y1=y, x2=tip[0], y2=tip[1], **style)
    x, y = x + note.get("xshift", 0), y - note.get("yshift", 0)
    font = note.get("font", {})
    size = font.get("size", 14)
    across, along = _anchor(note, "x", "left center right"), _anchor(note, "y", "bottom middle top")
    look = {"across": across, "along": along, "size": size, "colour": font.get("color", theme.INK)}
    text = note.get("text", "")
    look["align"] = note.get("align", "center")
    return joined(arrow, _behind(note, text, x, y, across, along, size), words(text, x, y, **look))


def _anchor(note, letter, names):
    """Which part of its text stands at the place; unless said, by the third of the panels that the place is in."""
    low, middle, high = names.split()
    chosen = note.get(f"{letter}anchor", "auto")
    if chosen != "auto":
        return chosen
    reference = note.get(f"{letter}ref", letter)
    if note.get("showarrow", True) or not (reference == "paper" or reference.endswith("domain")):
        return middle
    return low if note[letter] < 1 / 3 else high if note[letter] > 2 / 3 else middle


def _behind(note, text, x, y, across, along, size):
    """The paper behind an annotation that has a colour of its own there."""
    if not note.get("bgcolor"):
        return None
    wide, _ = size_of(text, size)
    high = (text.count("<br>") + 1) * LINE * size
    left = x - {"left": 0, "center": wide / 2, "right": wide}[across]
    top = y - {"top": 0, "middle": high / 2, "bottom": high}[along]
    return tag("rect", x=left, y=top, width=wide, height=high, fill=note["bgcolor"])
