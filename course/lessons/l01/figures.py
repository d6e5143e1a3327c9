"""Lesson 01: the hidden state walks through the plane, and each step waits for the one before."""

import math

from helpers import elman

from ...models import tiny_rnn
from ...show import theme
from ...show.display import Picture
from ...words import SENTENCE

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
        margin={"l": 64, "r": 20, "t": 64, "b": 72},
        xaxis2=hidden | {"domain": [0.5, 1], "range": [0, 10], "anchor": "y2"},
        yaxis2=hidden | {"domain": [0, 1], "range": [ROWS - 0.5, -0.5], "anchor": "x2"},
        shapes=_boundary() + _boxes(T, now),
        annotations=_steps(states, now) + _chain(T, now),
    )
    return Picture(layout, traces + _timetable(words, states, now), _text(title, words, states, now))


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
        colour, width = _stroke(t, now)
        arrows.append(_arrow(*states[t - 1 : t + 1], ("x", "y"), colour, width, standoff=11, startstandoff=8))
    return arrows


def _boundary():
    square = {"type": "rect", "xref": "x", "yref": "y", "x0": -1, "x1": 1, "y0": -1, "y1": 1, "layer": "below"}
    return [square | {"line": {"color": theme.LINE, "width": 1}, "fillcolor": theme.WASH}]


def _boxes(T, now):
    shapes = []
    for t in range(T + 1):  # each look says all, also "solid": a frame is laid over the one before
        if t == now:
            look = {"fillcolor": theme.RNN, "line": {"color": theme.INK, "width": 2, "dash": "solid"}}
        elif t < now:
            look = {"fillcolor": DONE, "line": {"color": theme.RNN, "width": 1.5, "dash": "solid"}}
        else:
            look = {"fillcolor": theme.PAPER, "line": {"color": PALE, "width": 1, "dash": "dot"}}
        box = {
            "type": "rect",
            "xref": "x2",
            "yref": "y2",
            "x0": LEFT,
            "x1": RIGHT,
            "y0": t - 0.27,
            "y1": t + 0.27,
            "layer": "below",
        }
        shapes.append(box | look)
    return shapes


def _timetable(words, states, now):
    """One row a state, top to bottom in the order of time: its word, its numbers, and when it is ready."""
    import plotly.graph_objects as go

    inks = [theme.INK if t <= now else theme.GREY for t in range(len(states))]
    numbers = [
        f"{_name(t)} = ({_plain(x)}, {_plain(y)})" if t <= now else f"{_name(t)} = ?" for t, (x, y) in enumerate(states)
    ]
    numbers[now] = f"<b>{numbers[now]}</b>"
    when = ["given"]
    for t, word in enumerate(words, 1):
        made = f"<b>round {t}: from<br>“{word}” and {_name(t - 1)}</b>"
        when.append(made if t == now else f"finished in round {t}" if t < now else f"waits for {_name(t - 1)}")
    columns = [
        (LEFT - 0.05, ["", *(f"{word}  →" for word in words)], "middle left", inks),
        (MIDDLE, numbers, "middle center", [theme.PAPER if t == now else ink for t, ink in enumerate(inks)]),
        (
            RIGHT + 0.2,
            when,
            "middle right",
            [theme.RNN if t == now else MUTED if t < now else theme.GREY for t in range(len(states))],
        ),
    ]
    return [
        go.Scatter(
            x=[x] * len(texts),
            y=list(range(len(texts))),
            text=texts,
            mode="text",
            textposition=side,
            textfont={"size": 14, "color": colours},
            xaxis="x2",
            yaxis="y2",
            hoverinfo="skip",
        )
        for x, texts, side, colours in columns
    ]


def _chain(T, now):
    """An arrow from each box down to the next."""
    arrows = []
    for t in range(1, T + 1):
        colour, width = _stroke(t, now)
        arrows.append(_arrow((MIDDLE, t - 0.73), (MIDDLE, t - 0.27), ("x2", "y2"), colour, width))
    return arrows


def _stroke(t, now):
    return (theme.RNN, 3 if t == now else 2) if t <= now else (PALE, 1)


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
