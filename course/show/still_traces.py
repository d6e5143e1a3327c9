"""The series of a still drawing: lines, points, bars and cells, as SVG."""

import math
from itertools import pairwise

from markupsafe import Markup

from . import theme
from .marks import joined, tag
from .still_text import size_of, words

DASHES = {"dot": "2 4", "dash": "9 6", "longdash": "14 7", "dashdot": "9 5 2 5", "longdashdot": "14 6 2 6"}
KINDS = ("scatter", "bar", "heatmap")
BESIDE = 6  # px from a point to its text


def series(trace: dict, x, y) -> Markup:
    """One series between two axes."""
    draw = {"scatter": _scatter, "bar": _bars, "heatmap": _cells}[trace.get("type", "scatter")]
    return tag("g", draw(trace, x, y), opacity=trace.get("opacity"))


def points_of(trace: dict) -> tuple[list, list]:
    """(x, y) of a series; what it leaves out is counted, as plotly does."""
    across, along = trace.get("x"), trace.get("y")
    if across is None:
        first, step = trace.get("x0", 0), trace.get("dx", 1)
        across = [first + place * step for place in range(len(along or []))]
    if along is None:
        along = list(range(len(across)))
    return across, along


def extent(trace: dict, letter: str) -> list:
    """The values that a series has along one axis, with the room that bars and cells take."""
    values = list(points_of(trace)["xy".index(letter)])
    kind = trace.get("type", "scatter")
    if kind == "heatmap":
        rows = trace["z"]
        values = trace.get(letter) or list(range(len(rows[0]) if letter == "x" else len(rows)))
        return _widened(values, [1] * len(values))
    if kind == "bar":
        if _is_along(trace, letter):
            bases = _each(trace.get("base", 0), len(values))
            return [*bases, *(base + value for base, value in zip(bases, values, strict=False) if value is not None)]
        return _widened(values, _each(trace.get("width", 0.8), len(values)))
    return values


def _widened(values, widths):
    numbers = [(value, width) for value, width in zip(values, widths, strict=False) if not isinstance(value, str)]
    return [*values, *(value + side * width / 2 for value, width in numbers for side in (-1, 1))]


def _is_along(trace, letter):
    return letter == ("x" if trace.get("orientation") == "h" else "y")


def _each(value, count):
    """A setting for each point: given for all at once, or in a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value] * count


def dash_of(line: dict) -> str | None:
    """SVG's dashes for plotly's."""
    return DASHES.get(line.get("dash"))


# ---- lines and points


def _scatter(trace, x, y):
    across, along = points_of(trace)
    places = [(x.at(a), y.at(b)) for a, b in zip(across, along, strict=False)]
    mode = trace.get("mode", "lines+markers")
    line, marker = trace.get("line", {}), trace.get("marker", {})
    colour = line.get("color") or marker.get("color") or theme.GREY
    parts = [_filled(trace, places, colour, y)] if trace.get("fill", "none") != "none" else []
    if "lines" in mode:
        style = {"stroke": colour, "stroke_width": line.get("width", 2), "stroke_dasharray": dash_of(line)}
        parts += [tag("polyline", points=_joined(run), fill="none", **style) for run in _runs(places) if len(run) > 1]
    if "error_y" in trace:
        parts.append(_errors(trace["error_y"], across, along, colour, x, y))
    if "markers" in mode:
        parts.append(_markers(marker, places, colour, x, y))
    if "text" in mode:
        parts.append(_texts(trace, places))
    return joined(parts)


def _runs(places):
    """The stretches between gaps."""
    runs = [[]]
    for place in places:
        if None in place:
            runs.append([])
        else:
            runs[-1].append(place)
    return [run for run in runs if run]


def _joined(run):
    return " ".join(f"{a:.5g},{b:.5g}" for a, b in run)


def _filled(trace, places, colour, y):
    shapes = _runs(places)
    if trace["fill"] == "tozeroy":
        floor = y.at(0) if y.at(0) is not None else y.start
        shapes = [[(run[0][0], floor), *run, (run[-1][0], floor)] for run in shapes]
    return joined([tag("polygon", points=_joined(run), fill=trace.get("fillcolor", colour)) for run in shapes])


def _errors(errors, across, along, colour, x, y):
    above = errors.get("array") or [0] * len(along)
    below = errors.get("arrayminus") or above
    strokes = []
    for a, b, more, less in zip(across, along, above, below, strict=False):
        if None in (a, b) or x.at(a) is None:
            continue
        top, bottom = y.at(b + (more or 0)), y.at(b - (less or 0))
        if None not in (top, bottom):
            strokes.append(tag("line", x1=x.at(a), y1=top, x2=x.at(a), y2=bottom))
    return tag("g", strokes, stroke=colour, stroke_width=errors.get("thickness", 2))


def _markers(marker, places, colour, x, y):
    count = len(places)
    colours, sizes = _each(marker.get("color") or colour, count), _each(marker.get("size", 6), count)
    symbols = _each(marker.get("symbol", "circle"), count)
    edge = marker.get("line", {})
    drawn = []
    for (a, b), fill, size, symbol in zip(places, colours, sizes, symbols, strict=False):
        if None in (a, b) or not (x.within(a) and y.within(b)):
            continue
        style = {"fill": fill, "stroke": edge.get("color"), "stroke_width": edge.get("width")}
        if symbol.endswith("-open") or symbol in ("x-thin", "cross-thin"):
            style = {"fill": "none", "stroke": fill, "stroke_width": 2}
        drawn.append(_symbol(symbol.removesuffix("-open"), a, b, size / 2, style))
    return tag("g", drawn, opacity=marker.get("opacity"))


CORNERS = {
    "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    "diamond": [(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)],
    "triangle-up": [(0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
    "triangle-down": [(0, 1.2), (1.1, -0.8), (-1.1, -0.8)],
}


def _symbol(symbol, x, y, half, style):
    if symbol in ("x", "cross"):
        turn = 45 if symbol == "x" else 0
        arm = half / 2.5
        corners = [(-half, -arm), (-arm, -arm), (-arm, -half), (arm, -half), (arm, -arm), (half, -arm)]
        corners += [(-a, -b) for a, b in corners]
        path = _joined([(x + a, y + b) for a, b in corners])
        return tag("polygon", points=path, transform=f"rotate({turn} {x:.5g} {y:.5g})" if turn else None, **style)
    if symbol in CORNERS:
        return tag("polygon", points=_joined([(x + a * half, y + b * half) for a, b in CORNERS[symbol]]), **style)
    return tag("circle", cx=x, cy=y, r=half, **style)


def _texts(trace, places):
    texts = _each(trace.get("text", ""), len(places))
    along, _, across = trace.get("textposition", "middle center").partition(" ")
    font = trace.get("textfont", {})
    look = {"size": font.get("size", 14), "colour": font.get("color", theme.INK)}
    # What stands left of a point ends there.
    look |= {"across": {"left": "right", "right": "left"}.get(across, "center")}
    look |= {"along": {"top": "bottom", "bottom": "top"}.get(along, "middle")}
    dx, dy = {"left": -BESIDE, "right": BESIDE}.get(across, 0), {"top": -BESIDE, "bottom": BESIDE}.get(along, 0)
    return joined([words(text, a + dx, b + dy, **look) for (a, b), text in zip(places, texts, strict=False) if a and b])


# ---- bars


def _bars(trace, x, y):
    across, along = points_of(trace)
    level = trace.get("orientation") == "h"  # its bars lie
    places, lengths = (along, across) if level else (across, along)
    axis, scale = (y, x) if level else (x, y)
    count = len(lengths)
    widths, bases = _each(trace.get("width", 0.8), count), _each(trace.get("base", 0), count)
    texts, colours = _each(trace.get("text", ""), count), _each(trace.get("marker", {}).get("color"), count)
    drawn = []
    for place, length, width, base, text, colour in zip(places, lengths, widths, bases, texts, colours, strict=False):
        middle = axis.number(place)
        if middle is None or length is None:
            continue
        end = scale.at(base + length)
        begin = scale.at(base) if scale.at(base) is not None else scale.start
        if end is None:
            continue
        sides = sorted((axis.place(middle - width / 2), axis.place(middle + width / 2)))
        box = (*sorted((begin, end)), *sides) if level else (*sides, *sorted((begin, end)))
        drawn.append(_bar(box, colour or theme.GREY, trace.get("marker", {})))
        drawn.append(_text_of_bar(trace, text, box, level, end >= begin if level else end <= begin))
    return joined(drawn)


def _bar(box, colour, marker):
    left, right, top, bottom = box
    edge = marker.get("line", {})
    faint = 0.45 if marker.get("pattern", {}).get("shape") else None  # hatched on the screen
    return tag(
        "rect",
        x=left,
        y=top,
        width=max(right - left, 0),
        height=max(bottom - top, 0),
        fill=colour,
        fill_opacity=faint or marker.get("opacity"),
        stroke=edge.get("color"),
        stroke_width=edge.get("width"),
    )


def _text_of_bar(trace, text, box, level, forward):
    left, right, top, bottom = box
    font = trace.get("textfont", {})
    look = {"size": font.get("size", 14), "colour": font.get("color", theme.INK)}
    if not text:
        return None
    if trace.get("textposition") == "outside":
        if level:
            edge = right + 4 if forward else left - 4
            return words(text, edge, (top + bottom) / 2, across="left" if forward else "right", **look)
        return words(text, (left + right) / 2, top - 2, across="center", along="bottom", **look)
    if trace.get("constraintext") != "none" and size_of(text, look["size"])[0] > right - left:
        return None  # it would not fit; plotly makes it too small to read
    if trace.get("insidetextanchor") == "middle" or not level:
        return words(text, (left + right) / 2, (top + bottom) / 2, across="center", **look)
    return words(text, right - 4, (top + bottom) / 2, across="right", **look)


# ---- cells


def _cells(trace, x, y):
    rows = trace["z"]
    columns = trace.get("x") or list(range(len(rows[0])))
    names = trace.get("y") or list(range(len(rows)))
    numbers = [value for row in rows for value in row if value is not None]
    low, high = trace.get("zmin", min(numbers, default=0)), trace.get("zmax", max(numbers, default=1))
    gaps = trace.get("xgap", 0), trace.get("ygap", 0)
    scale = trace.get("colorscale") or theme.BLUES
    drawn = []
    for name, row in zip(names, rows, strict=False):
        for column, value in zip(columns, row, strict=False):
            if value is None:
                continue
            middle, line = x.number(column), y.number(name)
            left, right = sorted((x.place(middle - 0.5), x.place(middle + 0.5)))
            top, bottom = sorted((y.place(line - 0.5), y.place(line + 0.5)))
            size = {"width": right - left - gaps[0], "height": bottom - top - gaps[1]}
            fill = _colour(scale, (value - low) / ((high - low) or 1))
            drawn.append(tag("rect", x=left + gaps[0] / 2, y=top + gaps[1] / 2, fill=fill, **size))
    return tag("g", drawn, shape_rendering="crispEdges")  # else hairlines of paper between them


def _colour(scale, share):
    """The colour at a share of a scale of [share, "#RRGGBB"]."""
    share = min(max(share if math.isfinite(share) else 0.0, 0.0), 1.0)
    for (low, before), (high, after) in pairwise(scale):
        if share <= high:
            if not (before.startswith("#") and after.startswith("#")):
                return before if share - low < high - share else after
            part = (share - low) / ((high - low) or 1)
            mixed = [round(a + (b - a) * part) for a, b in zip(_numbers(before), _numbers(after), strict=True)]
            return "#" + "".join(f"{number:02X}" for number in mixed)
    return scale[-1][1]


def _numbers(colour):
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
