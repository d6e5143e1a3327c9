"""Measured time against a size: live, for any lesson that times something, and beside it as recorded elsewhere."""

import math

from .. import theme
from ..display import Picture
from .looks import STYLES
from .panels import live_panel, recorded_panel, side_by_side

MOST_RECORDED = 2


def time_against_length(points, what, device="", note="", *, kernels=None, recorded=None, contest=None):
    """Median time over T, with the 20 to 80 % range: of models timed here, or of kernels here and on recorded devices.

    points: {T: {label: timing}} as helpers.sweep returns it, timing with .median, .p20, .p80 in seconds and
    .out_of_memory; None where nothing was timed. what: the title. device: one sentence on where it ran. note: one
    more sentence below.

    Any of these makes it a figure of kernels, with a panel for this device and one for each recorded one:
    kernels: the labels that are drawn, all unless given. recorded: of recordings.recorded; the newest two are drawn.
    contest: what was timed here, of helpers.contests (or its name), for its colour and its shapes.

    The text alternative holds recorded times, and no live one: these differ between machines.
    """
    if points is not None and kernels is None and recorded is None and contest is None:
        return _models(points, what, device, note)
    panels = [live_panel(points, device, contest)] if points else []
    elsewhere = [recorded_panel(recording) for recording in recorded or () if recording.points]
    older = max(0, len(elsewhere) - MOST_RECORDED)
    more = f"{older} older recording{'s are' if older > 1 else ' is'} not drawn." if older else ""
    return side_by_side(panels + elsewhere[older:], what, kernels, [note, more])


def _models(points, what, device, note):
    import plotly.graph_objects as go

    models = list(dict.fromkeys(model for point in points.values() for model in point if model != "make"))
    traces, annotations, missing = [], [], []
    for model in models:
        colour, dash, marker = STYLES.get(model, (theme.GREY, "dash", "x"))
        known = [(T, point[model]) for T, point in points.items() if model in point and not point[model].out_of_memory]
        missing += [
            f"{model} at T = {T}" for T, point in points.items() if model not in point or point[model].out_of_memory
        ]
        if not known:
            continue
        lengths = [T for T, _ in known]
        middle = [1e3 * timing.median for _, timing in known]
        traces.append(
            go.Scatter(
                x=lengths,
                y=middle,
                name=model,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2.5},
                marker={"symbol": marker, "size": 9},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [1e3 * (timing.p80 - timing.median) for _, timing in known],
                    "arrayminus": [1e3 * (timing.median - timing.p20) for _, timing in known],
                    "thickness": 1.2,
                },
                hovertemplate=f"{model}, T = %{{x}}: %{{y:.2f}} ms<extra></extra>",
            )
        )
        annotations.append((lengths[-1], middle[-1], model, colour))
    places = _apart([y for _, y, _, _ in annotations], traces)
    layout = theme.layout(
        what,
        height=440,
        x={
            "title": {"text": "sequence length T (words)"},
            "type": "log",
            "tickvals": list(points),
            "ticktext": [str(T) for T in points],
        },
        y={"title": {"text": "time (ms)"}, "type": "log", "dtick": 1},
        margin={"l": 70, "r": 110, "t": 64, "b": 104},
        annotations=[
            {
                "xref": "paper",
                "x": 1.01,
                "y": place,
                "text": f"<b>{name}</b>",
                "showarrow": False,
                "xanchor": "left",
                "font": {"color": colour},
            }
            for (_, _, name, colour), place in zip(annotations, places, strict=True)
        ]
        + [
            {
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "y": -0.34,
                "showarrow": False,
                "xanchor": "left",
                "align": "left",
                "text": " ".join(filter(None, [f"Measured live: {device}.", note, _left_out(missing)])),
                "font": {"size": 12, "color": "#57606A"},
            }
        ],
    )
    text = f"Figure: {what}\nx: sequence length T (words), logarithmic\ny: time (ms), logarithmic\nseries: {', '.join(models)}"
    return Picture(layout, traces, text)


def _apart(heights, traces):
    """Places (log10) for labels beside lines that end close together: at least a text's height between them."""
    drawn = [value for trace in traces for value in trace.y]
    gap = 0.075 * math.log10(max(drawn) / min(drawn)) if drawn else 0
    order = sorted(range(len(heights)), key=heights.__getitem__)
    places = [0.0] * len(heights)
    last = -math.inf
    for index in order:
        last = max(math.log10(heights[index]), last + gap)
        places[index] = last
    return places


def _left_out(missing):
    return f"Out of memory: {', '.join(missing)}." if missing else ""
