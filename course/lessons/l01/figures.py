"""Lesson 01: how long a wrong start is remembered, and two nets without the arrows that a teacher supplies."""

import functools

import torch

from helpers import elman

from ...models.tiny import random_words, tiny_rnn
from ...show import theme
from ...show.display import Page, Picture
from ...show.marks import annotate, axis, figure, guide, sheet, tag
from ...show.race import waiting_page

GAINS = [0.3, 0.5, 0.7, 0.9, 1.0, 1.2, 1.5, 2.0]
LOUDNESS = {"loud": 1.0, "quiet": 0.1}
LENGTH = 200  # words
RIGHT = 1e-12  # states that differ by less are equal
STARTS = torch.tensor([[-0.9, 0.9], [0.9, -0.9]], dtype=torch.float64)  # about as far apart as tanh allows
DRAWN = 8  # steps of each walk that are drawn as a path


@functools.cache
def walks_of(gain, words):
    """Two walks (T, 2) over the same words from STARTS, and the rounds that guess and mend takes for these words."""
    _, _, U, W = tiny_rnn("man")
    inputs = LOUDNESS[words] * random_words(LENGTH)
    walks = [elman(inputs[None], U, gain * W, hidden=start[None], method="loop")[0] for start in STARTS]
    return walks, rounds_needed(inputs, U, gain * W)


def rounds_needed(inputs, from_word, from_state):
    """In which round of guessing and mending all states are right, at the latest in round T; the guess is 0."""
    states = elman(inputs[None], from_word, from_state, method="loop")[0]
    pushed, guess = inputs @ from_word.T, torch.zeros_like(states)
    rounds = 0
    while rounds < len(inputs) and (rounds == 0 or (guess - states).abs().max() > RIGHT):
        before = torch.cat([torch.zeros_like(guess[:1]), guess[:-1]])
        guess = torch.tanh(pushed + before @ from_state.T)
        rounds += 1
    return rounds


def memory(gain=1.0, words="loud"):
    """Left, two walks over the same words from two starts; right, how far apart they are after each word.

    gain multiplies W; words: "loud" as they are, "quiet" a tenth of it. Orange states still tell where the walk began.
    """
    (one, other), rounds = walks_of(gain, words)
    apart = (one - other).abs().amax(dim=1)
    remembered = int((apart > RIGHT).nonzero().amax()) + 1
    if remembered < LENGTH:
        title = f"Forgotten after {remembered} words; mended in {rounds} rounds"
    else:
        title = f"Still remembered after {LENGTH} words: {rounds} rounds"
    plot = figure(
        title,
        height=400,
        columns=2,
        headings=("Two walks over the same words", "How far apart they are"),
        note=f"{LENGTH} random words. Orange: states that still tell where the walk began. The first {DRAWN} steps are lines.",
        column_widths=[0.44, 0.56],
        horizontal_spacing=0.14,
    )
    _draw_plane(plot, one, other, remembered)
    _draw_distance(plot, apart)
    return Picture(plot, text=_in_words(title, gain, words, apart, remembered))


def _draw_plane(plot, one, other, remembered):
    import plotly.graph_objects as go

    plot.update_xaxes(axis("first number of the state", span=(-1.2, 1.2), values=[-1, 0, 1]), row=1, col=1)
    plot.update_yaxes(axis("second number", span=(-1.2, 1.2), values=[-1, 0, 1]), row=1, col=1)
    parts = {
        "start forgotten": (one[remembered:], theme.GREY, 4),
        "still tells the start": (one[:remembered], theme.RNN, 6),
    }
    for name, (states, colour, size) in parts.items():
        marker = {"color": colour, "size": size, "opacity": 0.6}
        x, y = states.T.round(decimals=3).tolist()
        plot.add_trace(go.Scatter(x=x, y=y, mode="markers", marker=marker, name=name), row=1, col=1)
    for name, start, walk, colour, dash in (
        ("one start", STARTS[0], one, theme.RNN, "solid"),
        ("the other start", STARTS[1], other, theme.INK, "dot"),
    ):
        path = torch.cat([start[None], walk[:DRAWN]])
        look = {
            "line": {"color": colour, "width": 2, "dash": dash},
            "marker": {"color": colour, "size": [12] + [6] * DRAWN},
        }
        x, y = path.T.round(decimals=3).tolist()
        plot.add_trace(go.Scatter(x=x, y=y, mode="lines+markers", name=name, **look), row=1, col=1)
    annotate(plot, "one start", STARTS[0, 0].item(), STARTS[0, 1].item(), yshift=14, xanchor="center", colour=theme.BAD)
    annotate(plot, "the other", STARTS[1, 0].item(), STARTS[1, 1].item(), yshift=-14, xanchor="center")


def _draw_distance(plot, apart):
    import plotly.graph_objects as go

    distances = [float(f"{distance:.2g}") for distance in apart.clamp_min(1e-17).tolist()]  # a stored figure is small
    line = {"color": theme.RNN, "width": 3}
    plot.add_trace(go.Scatter(x0=1, dx=1, y=distances, mode="lines", line=line, name="two walks apart"), row=1, col=2)
    powers = {
        "tickvals": [10.0**-p for p in (0, 4, 8, 12, 16)],
        "ticktext": ["1", *(f"10<sup>−{p}</sup>" for p in (4, 8, 12, 16))],
    }
    plot.update_xaxes(axis("words read", span=(0, LENGTH)), row=1, col=2)
    plot.update_yaxes(axis(log=True, span=(1e-17, 10), **powers), row=1, col=2)
    guide(plot, y=RIGHT, column=2)
    annotate(
        plot,
        "below: equal to 12 digits",
        LENGTH,
        RIGHT,
        column=2,
        xanchor="right",
        yshift=-11,
        colour=theme.MUTED,
        size=13,
    )


def _in_words(title, gain, words, apart, remembered):
    marks = ", ".join(f"{apart[t - 1]:.0e} after word {t}" for t in (1, 10, 30) if t <= remembered)
    return (
        f"Figure: {title}\n"
        f"Gain {gain:g}, {words} words. Two walks over the same {LENGTH} random words from two far starts are apart by {marks}."
    )


def two_nets():
    """Two nets as training with a teacher sees them, side by side: no arrow is left that the teacher can supply."""
    words = tiny_rnn("The mat rested on")[0]
    title = "With a teacher, no word on the right waits for another"
    left = _net(words, 10, "feeds back its hidden state", waits=True)
    right = _net(words, 400, "feeds back its output", waits=False)
    drawing = tag(
        "svg",
        _arrowheads(),
        left,
        right,
        viewBox="0 0 780 260",
        width="100%",
        role="img",
        style={"font-family": theme.FONT, "background-color": theme.PAPER},
    )
    text = (
        f"Figure: {title}\n"
        "Feeds back its hidden state: each h waits for the h before, so they are ready in rounds 1, 2, 3, 4; "
        "the teacher can supply none of these arrows.\n"
        "Feeds back its output: the teacher supplies each true y, so all h are ready in round 1 and all y in round 2; "
        "the arrows from y to the next h are rubbed out."
    )
    return Page(sheet(title, drawing, width=1000), text)


BETWEEN, FIRST = 92, 46  # pixels from column to column, and to the first
ROWS = {"y": 80, "h": 160, "x": 240}  # the middle of each row


def _net(words, left, name, waits):
    """One of the two nets: a column a word, h ready in round t if it waits, else in round 1."""
    marks = [_label(left + 2 * BETWEEN, 28, name, weight="bold", size=16)]
    for t, word in enumerate(words):
        x = left + FIRST + t * BETWEEN
        ready = t + 1 if waits else 1
        marks += [_arrow((x, ROWS["x"] - 18), (x, ROWS["h"] + 19)), _arrow((x, ROWS["h"] - 19), (x, ROWS["y"] + 19))]
        marks += [_node(x, ROWS["h"], f"h{t + 1}", ready), _node(x, ROWS["y"], f"y{t + 1}", ready + 1)]
        marks.append(_label(x, ROWS["x"] + 2, word, size=15))
        if waits and t:
            marks.append(_arrow((x - BETWEEN + 33, ROWS["h"]), (x - 35, ROWS["h"]), width=4))
        if not waits and t:
            marks += _supplied(x, t)
    return tag("g", *marks)


def _supplied(x, t):
    """The arrow that is rubbed out, from the output before, and the true output that stands in for it."""
    rubbed = _arrow(
        (x - BETWEEN + 26, ROWS["y"] + 16), (x - 30, ROWS["h"] - 16), colour=theme.LINE, dash="3 5", head=False
    )
    truth = _label(x - BETWEEN / 2, ROWS["h"] + 34, f"true y{t}", colour=theme.GOOD, size=13)
    handed_in = _arrow((x - BETWEEN / 2 + 4, ROWS["h"] + 20), (x - 32, ROWS["h"] + 8), colour=theme.GOOD)
    return [rubbed, truth, handed_in]


def _node(x, y, name, ready):
    box = tag("rect", x=x - 32, y=y - 18, width=64, height=36, rx=6, fill=theme.PAPER, stroke=theme.RNN, stroke_width=2)
    return [box, _label(x, y - 1, name, size=15), _label(x, y + 13, f"round {ready}", colour=theme.MUTED, size=12)]


def _label(x, y, words, colour=theme.INK, size=14, weight="normal"):
    return tag("text", words, x=x, y=y, fill=colour, font_size=size, font_weight=weight, text_anchor="middle")


def _arrow(tail, tip, colour=theme.RNN, width=2, dash=None, head=True):
    ends = {"x1": tail[0], "y1": tail[1], "x2": tip[0], "y2": tip[1]}
    tipped = "url(#tip-good)" if colour == theme.GOOD else "url(#tip)"
    return tag(
        "line", **ends, stroke=colour, stroke_width=width, stroke_dasharray=dash, marker_end=tipped if head else None
    )


def _arrowheads():
    def head(name, colour):
        path = tag("path", d="M0,0 L8,4 L0,8 z", fill=colour)
        size = {"markerWidth": 8, "markerHeight": 8, "refX": 7, "refY": 4, "markerUnits": "userSpaceOnUse"}
        return tag("marker", path, id=name, orient="auto", **size)

    return tag("defs", head("tip", theme.RNN), head("tip-good", theme.GOOD))


def waiting():
    """On the lesson's page: guess and mend, and Newton's method, computed in the browser for any gain."""
    _, _, U, W = tiny_rnn("man")
    return waiting_page({"words": random_words(1000).tolist(), "U": U.tolist(), "W": W.tolist()})


ON_PAGE = {"explore-memory": waiting}
