"""Measured time against a size, for any lesson that times something."""

import math

from .. import theme
from ..display import Picture

# A model keeps its colour, dash and marker in every lesson.
STYLES = {
    "attention": (theme.ATTENTION, "solid", "circle"),
    "Elman RNN": (theme.RNN, "solid", "square"),
    "LSTM": (theme.LSTM, "dash", "diamond"),
    "GRU": (theme.GRU, "dot", "triangle-up"),
}


def time_against_length(points, what, device, note=""):
    """Median time of each model over T, with the 20 to 80 % band.

    points: {T: {model: timing}} as helpers.sweep returns it, timing with .median, .p20, .p80 in seconds and
    .out_of_memory; what: the title; device: one sentence on where it ran. The text alternative holds no time.
    """
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
