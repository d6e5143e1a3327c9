"""Lesson 01: the hidden state walks through the plane, and each step waits for the one before."""

import math

from helpers import elman

from ...models import tiny_rnn
from ...show import theme
from ...show.display import Picture
from ...show.marks import axis, figure, joined, tag
from ...words import SENTENCE

SMALLEST = "man eats dog"
SENTENCES = [SMALLEST, SENTENCE]

PALE = "#B9BFC8"
DONE = "#FBE7DA"  # the RNN's colour, pale
ROWS = 7  # of the timetable: h0 and at most six words
LEFT, MIDDLE, RIGHT = 1.8, 4.3, 6.8  # of its boxes, on an axis from 0 to 10


def walk(sentence):
    """The words of a sentence and all states, (T + 1, 2), with the state before the first word."""
    words, inputs, U, W = tiny_rnn(sentence)
    states = elman(inputs[None], U, W, method="loop")[0]  # (T, 2)
    return words, [[0.0, 0.0], *states.tolist()]


def state_walk(sentence=SENTENCE, step=3):
    """Where the hidden state is after each word (left), and what had to be finished before (right).

    step: how many words have been read; beyond the end of the sentence it stays at the last.
    """
    words, states = walk(sentence)
    now = min(step, len(words))
    title = _title(words, now)
    plane = axis("first number of the state", span=(-1.35, 1.35), tickvals=[-1, 0, 1], constrain="domain")
    plot = figure(title, x=plane, height=440, left=64, columns=2, column_widths=[0.4, 0.6], horizontal_spacing=0.02)
    plot.update_yaxes(plane | {"title": {"text": "second number"}, "scaleanchor": "x"}, col=1)
    plot.update_xaxes(visible=False, range=[0, 10], col=2)
    plot.update_yaxes(visible=False, range=[ROWS - 0.5, -0.5], col=2)
    square = {"type": "rect", "x0": -1, "x1": 1, "y0": -1, "y1": 1, "fillcolor": theme.WASH}
    plot.add_shape(square, line={"color": theme.LINE, "width": 1}, layer="below", row=1, col=1)
    _draw_states(plot, words, states, now)
    _draw_timetable(plot, words, states, now)
    return Picture(plot, text=_text(title, words, states, now))


def _name(t):
    return "h" + "₀₁₂₃₄₅₆₇₈₉"[t]


def _title(words, now):
    if now == 0:
        return "Before the first word: only h₀ is there"
    if now == 1:
        return f"h₁ needs “{words[0]}” and h₀, which are there: 1 round"
    if now == 2:
        return "h₂ waits for h₁: 2 rounds"
    if now == 3:
        return "h₃ waits for h₂, which waits for h₁: 3 rounds"
    before = [_name(t) for t in range(now - 1, 0, -1)]
    return f"{_name(now)} waits for {', '.join(before[:-1])} and {before[-1]}, one by one: {now} rounds"


# ---- the plane


def _draw_states(plot, words, states, now):
    """A point for each state, with its word, and an arrow from each to the next, which could not start before."""
    T = len(words)
    labels = [_name(0), *(joined(_name(t), " ", word) for t, word in enumerate(words, 1))]
    parts = {"done": range(now), "now": range(now, now + 1), "to come": range(now + 1, T + 1)}
    markers = {
        "done": {"size": 13, "color": theme.RNN, "line": {"width": 0}},
        "now": {"size": 19, "color": theme.RNN, "line": {"width": 3, "color": theme.INK}},
        "to come": {"size": 12, "color": theme.PAPER, "line": {"width": 1.5, "color": PALE}},
    }
    for name, part in parts.items():
        plot.add_scatter(
            x=[states[t][0] for t in part],
            y=[states[t][1] for t in part],
            text=[str(tag("b", labels[t]) if name == "now" else labels[t]) for t in part],
            textposition=[_side(states, t) for t in part],
            textfont={"size": 14 if name == "now" else 12, "color": theme.GREY if name == "to come" else theme.INK},
            mode="markers+text",
            marker=markers[name],
            cliponaxis=False,
            hovertemplate="%{text}: (%{x:.2f}, %{y:.2f})<extra></extra>",
            name=name,
            row=1,
            col=1,
        )
    for t in range(1, T + 1):
        _draw_arrow(plot, states[t - 1], states[t], ("x", "y"), _stroke(t, now), standoff=11, startstandoff=8)


def _side(states, t):
    """Where a label stands: away from the arrows at its point, and inside the plane."""
    x, y = states[t]
    arrows = [math.atan2(b - y, a - x) for a, b in states[max(t - 1, 0) : t + 2] if (a, b) != (x, y)]
    sides = {"top center": 90, "bottom center": -90}
    sides |= {"middle right": 0} if x < 0.5 else {}
    sides |= {"middle left": 180} if x > -0.3 else {}

    def nearest_arrow(side):
        return max(math.cos(arrow - math.radians(sides[side])) for arrow in arrows)

    return min(sides, key=nearest_arrow)


def _draw_arrow(plot, tail, tip, axes, stroke, **more):
    colour, width = stroke
    (ax, ay), (x, y), (xref, yref) = tail, tip, axes
    plot.add_annotation(
        text="",
        showarrow=True,
        x=x,
        y=y,
        ax=ax,
        ay=ay,
        xref=xref,
        yref=yref,
        axref=xref,
        ayref=yref,
        arrowhead=2,
        arrowsize=1,
        arrowwidth=width,
        arrowcolor=colour,
        **more,
    )


def _stroke(t, now):
    """(colour, width) of the arrow that leads to state t."""
    return (theme.RNN, 3 if t == now else 2) if t <= now else (PALE, 1)


# ---- the timetable


def _draw_timetable(plot, words, states, now):
    """One row a state, top to bottom in the order of time: its word, its numbers, and when it is ready."""
    rows = range(len(states))
    inks = [theme.INK if t <= now else theme.GREY for t in rows]
    numbers = [
        f"{_name(t)} = ({_plain(x)}, {_plain(y)})" if t <= now else f"{_name(t)} = ?" for t, (x, y) in enumerate(states)
    ]
    numbers[now] = str(tag("b", numbers[now]))
    when = [_when(t, now) for t in rows]
    colours = [theme.RNN if t == now else theme.MUTED if t < now else theme.GREY for t in rows]
    for t in rows:
        plot.add_shape(_box(t, now), row=1, col=2)
    _write_column(plot, LEFT - 0.05, ["", *(str(joined(word, " →")) for word in words)], "middle left", inks)
    _write_column(plot, MIDDLE, numbers, "middle center", [theme.PAPER if t == now else inks[t] for t in rows])
    _write_column(plot, RIGHT + 0.1, when, "middle right", colours)
    for t in rows[1:]:
        _draw_arrow(plot, (MIDDLE, t - 0.73), (MIDDLE, t - 0.27), ("x2", "y2"), _stroke(t, now))


def _when(t, now):
    if t == 0:
        return "given"
    if t > now:
        return f"waits for {_name(t - 1)}"
    return str(tag("b", f"now: round {t}")) if t == now else f"round {t}"


def _box(t, now):
    if t == now:
        look = {"fillcolor": theme.RNN, "line": {"color": theme.INK, "width": 2, "dash": "solid"}}
    elif t < now:
        look = {"fillcolor": DONE, "line": {"color": theme.RNN, "width": 1.5, "dash": "solid"}}
    else:  # each look says all, also "solid": a frame is laid over the one before
        look = {"fillcolor": theme.PAPER, "line": {"color": PALE, "width": 1, "dash": "dot"}}
    return {"type": "rect", "x0": LEFT, "x1": RIGHT, "y0": t - 0.27, "y1": t + 0.27, "layer": "below"} | look


def _write_column(plot, x, texts, side, colours):
    plot.add_scatter(
        x=[x] * len(texts),
        y=list(range(len(texts))),
        text=texts,
        mode="text",
        textposition=side,
        textfont={"size": 13, "color": colours},
        cliponaxis=False,
        hoverinfo="skip",
        row=1,
        col=2,
    )


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
