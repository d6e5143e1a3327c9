"""A figure in words: the text alternative, which a screen reader reads and the tests compare."""

import html
import re

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def figure_in_words(figure):
    """Title, axes, where each series starts, ends and peaks (3 digits), and the note. figure: {"data", "layout"}."""
    layout = figure["layout"]
    lines = [f"Figure: {_plain(layout.get('title', {}).get('text', ''))}"]
    lines += _axes(layout)
    lines += [line for line in map(_series, figure["data"]) if line]
    lines += [_plain(note["text"]) for note in layout.get("annotations", []) if note.get("name") == "note"]
    return "\n".join(lines)


def label(value):
    """A value as it stands beside a slider: 0.5, 1,024, 10⁹."""
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, float):
        return f"{value:g}"
    zeros = len(str(value)) - 1
    is_long = zeros >= 6 and value == 10**zeros
    return f"10{str(zeros).translate(_RAISED)}" if is_long else f"{value:,}"


def _axes(layout):
    """A line for each title of an axis; panels that share one name it once."""
    titled = []
    for letter in "xy":
        for name in sorted(key for key in layout if key.startswith(f"{letter}axis")):
            title = layout[name].get("title", {}).get("text")
            if title:
                scale = ", logarithmic" if layout[name].get("type") == "log" else ""
                titled.append(f"{letter}: {_plain(title)}{scale}")
    return list(dict.fromkeys(titled))


def _series(trace):
    name = _plain(trace.get("name") or trace.get("type", "series"))
    if trace.get("type") == "heatmap":
        return _heatmap(name, trace["z"])
    if trace.get("hoverinfo") == "skip":  # decoration
        return ""
    heights = trace.get("y") or []
    places = trace.get("x") or range(len(heights))  # as plotly counts them where no x is given
    points = [(x, y) for x, y in zip(places, heights, strict=False) if y is not None]
    if not points:
        return ""
    sentence = f"{name}: from {_point(points[0])} to {_point(points[-1])}"
    if all(isinstance(y, (int, float)) for _, y in points):
        peak = max(points, key=lambda point: point[1])
        if peak not in (points[0], points[-1]):
            sentence += f", highest at {_point(peak)}"
    return sentence


def _heatmap(name, rows):
    cells = [value for row in rows for value in row if value is not None]
    size = f"{name}: {len(rows)} × {len(rows[0])} cells"
    return f"{size} from {_number(min(cells))} to {_number(max(cells))}" if cells else f"{size}, all empty"


def _point(point):
    return f"({', '.join(map(_number, point))})"


def _number(value):
    if not isinstance(value, (int, float)):
        return _plain(str(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _plain(text):
    """Without plotly's markup; a line end in a wrapped text is a blank."""
    return html.unescape(re.sub(r"</?(b|i|em|sup|sub|span|a)\b[^<>]*>", "", text.replace("<br>", " ")))
