"""Lesson 03: what a net recalls beside what its gradient says; and a cell as a bath that fills and leaks."""

import math
import statistics

from ...exercises.grammar import plural
from ...results import trained
from ...show import theme
from ...show.display import Picture
from ...show.looks import MODELS
from ...show.marks import annotate, axis, figure, guide, lines
from . import nets

TAUGHT = (1, 20)  # words between, all that the nets were taught
LOWEST = -500  # of the gradient's axis
LAGS = list(nets.LAGS)
MARKS = [1, 10, 100, 1000]


def gone(memories):
    """Above, what a net recalls; below, the gradient over as many words; before the teaching and after it.

    memories: {"Elman RNN": (before, after), "LSTM": (before, after)}, each a nets.Memory.
    """
    _, elman = next(iter(memories.values()))
    is_shown = elman.recall[-1] > 0.6 and elman.gradient[-1] < -50
    title = "The gradient is gone, the word is not" if is_shown else "What was recalled, and the gradient"
    plot = figure(
        title,
        height=520,
        rows=2,
        columns=2,
        headings=[f"{name}: words recalled" for name in memories] + [f"{name}: gradient" for name in memories],
        note="Grey band: 1 to 20 words between, all that was ever taught. Dotted: before the teaching. The gradient: how "
        "much a small change of the first state grows at most, as a power of ten; below 10⁻⁵⁰⁰ it is not drawn.",
        vertical_spacing=0.2,
        horizontal_spacing=0.1,
    )
    for column, (name, (before, after)) in enumerate(memories.items(), 1):
        _draw_recall(plot, column, name, before, after)
        _draw_gradient(plot, column, name, before, after)
    return Picture(plot, text="\n".join([f"Figure: {title}", *(_in_words(*item) for item in memories.items())]))


def _draw_recall(plot, column, name, before, after):
    x = axis(log=True, values=MARKS, span=(0.9, 3500))
    plot.update_xaxes(x, row=1, col=column)
    y = axis(span=(0, 112), tickvals=[0, 50, 100], ticktext=["0", "50 %", "100 %"])
    plot.update_yaxes(y, row=1, col=column)
    _draw_pair(plot, 1, column, name, *([100 * share for share in memory.recall] for memory in (before, after)))
    guide(plot, y=100 / 8, row=1, column=column)
    annotate(
        plot,
        lines(f"600 words, guessed and mended:\n{before.rounds} rounds before, {after.rounds} after"),
        0.97,
        0.5,
        row=1,
        column=column,
        within="panel",
        xanchor="right",
        size=13,
    )


def _draw_gradient(plot, column, name, before, after):
    plot.update_xaxes(axis("words between", log=True, values=MARKS, span=(0.9, 3500)), row=2, col=column)
    ticks = [0, -100, -200, -300, -400, -500]
    labels = ["1", *(f"10<sup>−{-tick}</sup>" for tick in ticks[1:])]
    plot.update_yaxes(axis(span=(LOWEST, 40), tickvals=ticks, ticktext=labels), row=2, col=column)
    _draw_pair(plot, 2, column, name, before.gradient, after.gradient)


def _draw_pair(plot, row, column, name, before, after):
    look = MODELS[name]
    strokes = {
        "before": {"color": theme.GREY, "dash": "dot", "width": 2},
        "after": {"color": look.colour, "width": 3},
    }
    for when, values in (("before", before), ("after", after)):
        y = [round(value, 1) for value in values]
        mark = {"symbol": look.marker, "size": 7 if when == "after" else 4}
        plot.add_scatter(
            x=LAGS,
            y=y,
            name=f"{name}, {when}",
            line=strokes[when],
            marker=mark,
            mode="lines+markers",
            row=row,
            col=column,
        )
    plot.add_vrect(*TAUGHT, fillcolor=theme.GREY, opacity=0.15, line_width=0, layer="below", row=row, col=column)


def _in_words(name, pair):
    """In bands: the numbers of a training differ from machine to machine."""
    before, after = pair
    return (
        f"{name}: after 3,000 words it recalls {_share(before)} before the teaching and {_share(after)} after it. The "
        f"gradient over them is {_size(before)} before and {_size(after)} after. 600 words are mended in "
        f"{_rounds(before)} rounds before and {_rounds(after)} after."
    )


def _share(memory):
    return (
        "most words" if memory.recall[-1] > 0.6 else "some" if memory.recall[-1] > 0.3 else "no more than by guessing"
    )


def _size(memory):
    exponent = memory.gradient[-1]
    return "below 10⁻⁵⁰" if exponent < -50 else "above 10⁻²⁰" if exponent > -20 else "between 10⁻⁵⁰ and 10⁻²⁰"


def _rounds(memory):
    return "more than 500" if memory.rounds > 500 else "fewer than 100" if memory.rounds < 100 else "100 to 500"


# ---- the bath

KEEP = [*nets.KEEP, 1.0]
LET_IN = [*nets.LET_IN, 0.0]
DEAF = math.atanh(0.99)


def level(keep, let_in, steps):
    """What is in a cell after so many words, if every word puts 1 in: let_in · (1 − keepⁿ) / (1 − keep).

    >>> round(level(0.99, 0.01, 100), 2), level(1.0, 0.5, 100)
    (0.63, 50.0)
    """
    return let_in * steps if keep == 1 else let_in * (1 - keep**steps) / (1 - keep)


def mixed_level(keep, let_in, steps):
    """Its typical size (root of the mean square), if every word puts 1 or −1 in at random.

    >>> round(mixed_level(0.99, 0.5, 100), 1), mixed_level(1.0, 0.5, 100)
    (3.3, 5.0)
    """
    return let_in * (level(keep**2, 1.0, steps) ** 0.5)


def fate(keep, let_in):
    """What becomes of a word over 100 others: "emptied", "deaf", "shut", or "holds" if none of these.

    >>> fate(0.9, 0.1), fate(0.99, 0.5), fate(1.0, 0.0), fate(0.99, 0.1)
    ('emptied', 'deaf', 'shut', 'holds')
    """
    if let_in == 0:
        return "shut"
    if keep**nets.BATH_LAG < 0.01:
        return "emptied"
    return "deaf" if mixed_level(keep, let_in, nets.BATH_LAG) > DEAF else "holds"


IN_WORDS = {
    "shut": "nothing comes in",
    "emptied": "after 100 words it is gone",
    "deaf": "after 100 words it is deaf",
    "holds": "it holds, and hears",
}


def bath(keep=0.99, let_in=0.5):
    """Left, the level of a cell over 1,000 words; right, what LSTMs with their gates set so were taught to recall.

    keep: the share that stays at each word. let_in: the share of each word that enters.
    """
    shares = _recalled()
    recalled = shares.get((keep, let_in))
    title = f"Keep {keep:g}, let in {let_in:g}: {IN_WORDS[fate(keep, let_in)]}"
    plot = figure(
        title,
        height=400,
        columns=2,
        headings=("Level of the cell", "Recalled after 100 words"),
        note="Left: every word puts 1 in (solid), or 1 or −1 at random (dashed, typical size). Above the line tanh is over "
        "0.99, and what comes hardly shows. Right: LSTMs of 16 units, gates set so before the teaching (400 steps with 100 "
        f"words between); mean of {plural(_seeds(), 'seed')}; guessing has 12 %.",
        column_widths=[0.5, 0.5],
        horizontal_spacing=0.16,
    )
    _draw_level(plot, keep, let_in)
    _draw_grid(plot, keep, let_in, shares)
    levels = ", ".join(
        f"{level(keep, let_in, n):.2g} or {mixed_level(keep, let_in, n):.2g} after {n:,}" for n in (1, 10, 100, 1000)
    )
    result = "no LSTM was taught with it" if recalled is None else f"LSTMs recalled {recalled:.0%}"
    return Picture(
        plot,
        text=f"Figure: {title}\nThe level, if every word puts 1 in or ±1 at random: {levels} words. With this setting {result}.",
    )


def _draw_level(plot, keep, let_in):
    steps = sorted({round(10 ** (3 * part / 60)) for part in range(61)})
    plot.update_xaxes(axis("words read", log=True, values=[1, 10, 100, 1000], span=(0.9, 1100)), row=1, col=1)
    powers = {"tickvals": [0.001, 0.01, 0.1, 1, 10, 100], "ticktext": ["0.001", "0.01", "0.1", "1", "10", "100"]}
    plot.update_yaxes(axis(log=True, span=(5e-4, 1000), **powers), row=1, col=1)
    for name, size, dash in (("all put 1 in", level, "solid"), ("1 or −1 at random", mixed_level, "dash")):
        levels = [float(f"{size(keep, let_in, n):.3g}") or None for n in steps]
        look = {"color": theme.LSTM, "width": 3, "dash": dash}
        plot.add_scatter(x=steps, y=levels, mode="lines", line=look, name=name, row=1, col=1)
    guide(plot, y=DEAF, column=1, colour=theme.BAD, dash="solid", width=2)
    annotate(plot, "above the line: deaf", 1, 300, colour=theme.BAD, size=13)
    if let_in == 0:
        annotate(plot, "empty: a line at 0", 0.5, 0.4, within="panel", xanchor="center", colour=theme.MUTED)


def _stored():
    """The curves of the seeds that are stored; each is the grid, row by row."""
    runs = trained.load("03").get("lstm-with-open-gates", {"runs": {}})["runs"].values()
    return [[share for _, share in run["curve"]] for run in runs]


def _seeds():
    return len(_stored())


def _recalled():
    """{(keep, let in): share recalled, mean of the stored seeds}; empty where nothing is stored."""
    settings = [(keep, let_in) for keep in nets.KEEP for let_in in nets.LET_IN]
    return {
        setting: statistics.mean(shares)
        for setting, shares in zip(settings, zip(*_stored(), strict=True), strict=False)
    }


def _draw_grid(plot, keep, let_in, recalled):
    plot.update_xaxes(axis("let in", tickvals=list(range(5)), ticktext=[f"{part:g}" for part in LET_IN]), row=1, col=2)
    plot.update_yaxes(
        axis("keep", tickvals=list(range(5)), ticktext=[f"{part:g}" for part in KEEP], title_standoff=6), row=1, col=2
    )
    shares = [[recalled.get((row, column)) for column in LET_IN] for row in KEEP]
    plot.add_heatmap(
        z=shares,
        x=list(range(5)),
        y=list(range(5)),
        zmin=0,
        zmax=1,
        colorscale=theme.BLUES,
        showscale=False,
        row=1,
        col=2,
    )
    for y, row in enumerate(shares):
        for x, share in enumerate(row):
            words, colour = ("–", theme.MUTED) if share is None else (f"{share:.0%}", theme.blue(share)[1])
            annotate(plot, words, x, y, column=2, xanchor="center", colour=colour)
    x, y = LET_IN.index(let_in), KEEP.index(keep)
    edges = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
    plot.add_shape(type="rect", **edges, line={"color": theme.BAD, "width": 4}, row=1, col=2)
