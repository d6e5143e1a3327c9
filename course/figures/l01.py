"""Lesson 01: the hidden state walks through the plane, and each step waits for the one before."""

import math

from helpers import elman

from .. import theme
from ..display import Picture
from ..models import tiny_rnn
from ..words import SENTENCE

SMALLEST = "man eats dog"
SENTENCES = [SMALLEST, SENTENCE]

MUTED = "#57606A"
PALE = "#B9BFC8"
DONE = "#FBE7DA"  # the RNN's colour, pale
ROWS = 7  # of the timetable: h0 and at most six words
LEFT, MIDDLE, RIGHT = 1.9, 3.9, 5.9  # of its boxes


def walk(sentence):
    """The words of a sentence and all states, (T + 1, 2), with the state before the first word."""
    words, inputs, U, W = tiny_rnn(sentence)
    states = elman(inputs[None], U, W, method="loop")[0]  # (T, 2)
    return words, [[0.0, 0.0], *states.tolist()]


def state_walk(sentence=SENTENCE, step=3):
    """Where the hidden state is after each word (left), and what had to be finished before (right).

    step: how many words have been read; beyond the end of the sentence it stays at the last.
    """
    import plotly.graph_objects as go

    words, states = walk(sentence)
    T = len(words)
    now = min(step, T)
    title = _title(words, now)
    names = [_name(t) for t in range(T + 1)]
    labels = [names[0], *(f"{name} {word}" for name, word in zip(names[1:], words, strict=True))]
    parts = {"done": range(now), "now": range(now, now + 1), "to come": range(now + 1, T + 1)}
    looks = {
        "done": {"size": 13, "color": theme.RNN, "line": {"width": 0}},
        "now": {"size": 19, "color": theme.RNN, "line": {"width": 3, "color": theme.INK}},
        "to come": {"size": 12, "color": theme.PAPER, "line": {"width": 1.5, "color": PALE}},
    }
    traces = [
        go.Scatter(
            x=[states[t][0] for t in part],
            y=[states[t][1] for t in part],
            text=[f"<b>{labels[t]}</b>" if name == "now" else labels[t] for t in part],
            textposition=[_side(states, t) for t in part],
            textfont={"size": 16 if name == "now" else 14, "color": theme.GREY if name == "to come" else theme.INK},
            mode="markers+text",
            marker=looks[name],
            cliponaxis=False,
            hovertemplate="%{text}: (%{x:.2f}, %{y:.2f})<extra></extra>",
            name=name,
        )
        for name, part in parts.items()
    ]
    axis = {"range": [-1.3, 1.3], "tickvals": [-1, 0, 1], "fixedrange": True}
    hidden = {"visible": False, "fixedrange": True}
    layout = theme.layout(
        title,
        x=axis | {"domain": [0, 0.47], "title": {"text": "first number of the state"}, "constrain": "domain"},
        y=axis | {"title": {"text": "second number"}, "scaleanchor": "x", "constrain": "domain"},
        height=540,
        margin={"l": 64, "r": 20, "t": 64, "b": 60},
        xaxis2=hidden | {"domain": [0.5, 1], "range": [0, 10], "anchor": "y2"},
        yaxis2=hidden | {"domain": [0, 1], "range": [ROWS - 0.5, -0.5], "anchor": "x2"},
        shapes=_boundary() + _boxes(T, now),
        annotations=_steps(states, now) + _timetable(words, states, now),
    )
    return Picture(layout, traces, _text(title, words, states, now))


def _name(t):
    return "h" + "₀₁₂₃₄₅₆₇₈₉"[t]


def _title(words, now):
    if now == 0:
        return "Before the first word: only h₀ is there"
    if now == 1:
        return f"h₁ needs “{words[0]}” and h₀, which are there: 1 round"
    if now == 2:
        return "h₂ waits for h₁: 2 rounds"
    before = [_name(t) for t in range(now - 1, 0, -1)]
    if now == 3:
        return "h₃ waits for h₂, which waits for h₁: 3 rounds"
    return f"{_name(now)} waits for {', '.join(before[:-1])} and {before[-1]}, one after the other: {now} rounds"


def _side(states, t):
    """Where a label stands: away from the arrows at its point, and inside the plane."""
    x, y = states[t]
    arrows = [math.atan2(b - y, a - x) for a, b in states[max(t - 1, 0) : t + 2] if (a, b) != (x, y)]
    sides = {"top center": 90, "bottom center": -90}
    sides |= {"middle right": 0} if x < 0.8 else {}
    sides |= {"middle left": 180} if x > -0.5 else {}

    def nearest_arrow(side):
        return max(math.cos(arrow - math.radians(sides[side])) for arrow in arrows)

    return min(sides, key=nearest_arrow)


def _arrow(tail, tip, axes, colour, width, **more):
    ends = {"x": tip[0], "y": tip[1], "ax": tail[0], "ay": tail[1]}
    on = dict(zip(("xref", "yref", "axref", "ayref"), axes * 2, strict=True))
    look = {"arrowhead": 2, "arrowsize": 1, "arrowwidth": width, "arrowcolor": colour}
    return {"text": "", "showarrow": True} | ends | on | look | more


def _steps(states, now):
    """An arrow from each state to the next: this one could not start before its tail was there."""
    arrows = []
    for t in range(1, len(states)):
        colour, width = (theme.RNN, 3 if t == now else 2) if t <= now else (PALE, 1)
        arrows.append(_arrow(*states[t - 1 : t + 1], ("x", "y"), colour, width, standoff=11, startstandoff=8))
    return arrows


def _boundary():
    square = {"type": "rect", "xref": "x", "yref": "y", "x0": -1, "x1": 1, "y0": -1, "y1": 1, "layer": "below"}
    return [square | {"line": {"color": theme.LINE, "width": 1}, "fillcolor": theme.WASH}]


def _boxes(T, now):
    shapes = []
    for t in range(T + 1):
        if t == now:
            look = {"fillcolor": theme.RNN, "line": {"color": theme.INK, "width": 2}}
        elif t < now:
            look = {"fillcolor": DONE, "line": {"color": theme.RNN, "width": 1.5}}
        else:
            look = {"fillcolor": theme.PAPER, "line": {"color": PALE, "width": 1, "dash": "dot"}}
        box = {"type": "rect", "xref": "x2", "yref": "y2", "x0": LEFT, "x1": RIGHT, "y0": t - 0.27, "y1": t + 0.27}
        shapes.append(box | look)
    return shapes


def _timetable(words, states, now):
    """One box a state, top to bottom in the order of time; the word comes in from the left."""
    parts = []

    def put(x, t, text, colour, anchor, size=14):
        place = {"x": x, "y": t, "xref": "x2", "yref": "y2", "xanchor": anchor, "yanchor": "middle", "showarrow": False}
        parts.append(place | {"text": text, "font": {"color": colour, "size": size}, "align": "left"})

    for t, (x, y) in enumerate(states):
        ready = t <= now
        ink = theme.INK if ready else theme.GREY
        inside = theme.PAPER if t == now else ink
        numbers = f"{_name(t)} = ({_plain(x)}, {_plain(y)})" if ready else f"{_name(t)} = ?"
        put(MIDDLE, t, f"<b>{numbers}</b>" if t == now else numbers, inside, "center")
        if t == 0:
            put(RIGHT + 0.3, t, "given", MUTED, "left")
            continue
        put(LEFT - 0.65, t, words[t - 1], ink, "right")
        colour, width = (theme.RNN, 3 if t == now else 2) if ready else (PALE, 1)
        parts.append(_arrow((LEFT - 0.55, t), (LEFT, t), ("x2", "y2"), ink, width / 2 + 0.5))
        parts.append(_arrow((MIDDLE, t - 0.73), (MIDDLE, t - 0.27), ("x2", "y2"), colour, width))
        if t == now:
            made = f"<b>round {t}: made from<br>“{words[t - 1]}” and {_name(t - 1)}</b>"
            put(RIGHT + 0.3, t, made, theme.RNN, "left")
        elif ready:
            put(RIGHT + 0.3, t, f"finished in round {t}", MUTED, "left")
        else:
            put(RIGHT + 0.3, t, f"waits for {_name(t - 1)}", theme.GREY, "left")
    return parts


def _plain(number):
    return f"{number:.2f}".replace("-", "−")


def _text(title, words, states, now):
    lines = [f"Figure: {title}", "h₀ = (0.00, 0.00), given"]
    for t, (word, (x, y)) in enumerate(zip(words, states[1:], strict=True), 1):
        if t <= now:
            lines.append(f"{_name(t)} = ({_plain(x)}, {_plain(y)}) from “{word}” and {_name(t - 1)}, in round {t}")
        else:
            lines.append(f"{_name(t)}, from “{word}”, waits for {_name(t - 1)}")
    return "\n".join(lines)
