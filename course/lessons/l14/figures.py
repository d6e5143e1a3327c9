"""Lesson 14: days of training against the context, for GPT-3 and for a recurrent net of its weights."""

import functools
import itertools

from helpers import cost

from ...show import theme
from ...show.display import Picture
from ...show.marks import annotate, axis, figure, guide, joined, tag
from . import published

STEP = 6.8e-6  # seconds, there and back: a fused LSTM of width 768, recorded on an H200
SHORTEST, LONGEST = 1024, 2**20
CONTEXTS = [round(SHORTEST * 2 ** (place / 8)) for place in range(81)]
PARTS = {"passes": ("arithmetic", "dash"), "reading": ("reading the weights", "dot"), "waiting": ("waiting", "dashdot")}
LABELS_AT = {"passes": 1100, "reading": 6000, "waiting": 30_000}  # words; apart, so that no two overlap


@functools.cache
def days(context: int, copies: int = 1, batch: int = 3_200_000) -> tuple[cost.Days, cost.Days] | None:
    """(Transformer, recurrent) on 1,024 A100; None where a batch does not hold one text for each copy."""
    run, cluster = published.gpt3_run(batch), published.a100_cluster()
    if batch < context * copies:
        return None
    return (
        cost.transformer_days(run, cluster, context, copies=copies),
        cost.recurrent_days(run, cluster, context, copies=copies, step=STEP),
    )


def crossings(copies: int = 1, batch: int = 3_200_000) -> list[int]:
    """The contexts between 1,024 and a million words from which the other model takes fewer days.

    >>> crossings()
    [3056, 25803]
    """
    changes = []
    for short, long in itertools.pairwise(CONTEXTS):
        if days(long, copies, batch) is None:
            break
        if _recurrent_ahead(short, copies, batch) != _recurrent_ahead(long, copies, batch):
            changes.append(_first_change(short, long, copies, batch))
    return changes


def _recurrent_ahead(context, copies, batch):
    transformer, recurrent = days(context, copies, batch)
    return recurrent.total < transformer.total


def _first_change(short, long, copies, batch):
    before = _recurrent_ahead(short, copies, batch)
    while long - short > 1:
        middle = (short + long) // 2
        short, long = (middle, long) if _recurrent_ahead(middle, copies, batch) == before else (short, middle)
    return long


def days_by_context(copies=1, batch=3_200_000, context=2048):
    """Days of training at GPT-3's size. copies: of the model; batch: words an update; context: the marked one."""
    marked = days(context, copies, batch)
    plot = figure(
        _title(marked, copies, batch, context),
        x=axis("context (words)", log=True, values=[1024, 8192, 65_536, 1_048_576], span=(950, 4e6)),
        y=axis("days", log=True, values=[0.01, 1, 100], span=(0.0006, 3000)),
        height=440,
        note=f"{published.EQUAL} 174.6 billion weights, 300 billion words, 1,024 A100 at their peak; a recurrent step waits 6.8 µs, "
        "there and back. Thick: the largest of the three thin lines, and 3.8 days for the gradients of the weights.",
        headings=[joined(_sharing(marked, copies, batch, context))],
        left=70,
    )
    drawn = {T: days(T, copies, batch) for T in CONTEXTS}
    possible = [T for T in CONTEXTS if drawn[T]]
    for part, (name, dash) in PARTS.items():
        heights = [drawn[T] and getattr(drawn[T][1], part) for T in CONTEXTS]
        _line(plot, heights, f"recurrent, {name}", {"color": theme.RNN, "width": 1.5, "dash": dash})
        if possible:
            place = max([possible[0], *(T for T in possible if LABELS_AT[part] > T)])
            height = getattr(drawn[place][1], part)
            annotate(plot, name, place, height, colour=theme.RNN, size=12, yanchor="top", yshift=-3)
    ends = {}
    for model, (name, colour) in enumerate((("Transformer", theme.ATTENTION), ("recurrent", theme.RNN))):
        heights = [drawn[T] and drawn[T][model].total for T in CONTEXTS]
        _line(plot, heights, name, {"color": colour, "width": 4})
        ends[name] = (heights[len(possible) - 1], colour) if possible else None
    _label_ends(plot, ends, possible)
    _mark(plot, marked, context, crossings(copies, batch) if possible else [], copies, batch)
    return Picture(plot)


def _line(plot, heights, name, line):
    rounded = [height if height is None else float(f"{height:.3g}") for height in heights]
    hover = "%{x:,} words: %{y:.3g} days"
    plot.add_scatter(x=CONTEXTS, y=rounded, mode="lines", name=name, line=line, hovertemplate=hover)


def _label_ends(plot, ends, possible):
    """Names at the ends of the two thick lines, the higher one above the lower one."""
    if not possible:
        return
    higher = max(ends, key=lambda name: ends[name][0])
    for name, (height, colour) in ends.items():
        near = max(ends[other][0] for other in ends) / min(ends[other][0] for other in ends) < 3
        shift = (9 if name == higher else -9) if near else 0
        annotate(plot, tag("b", name), possible[-1], height, colour=colour, xshift=6, yshift=shift)


def _mark(plot, marked, context, crossed, copies, batch):
    guide(plot, x=context)
    heights = [row.total for row in marked] if marked else []
    dots = {"color": [theme.ATTENTION, theme.RNN][: len(heights)], "size": 10}
    plot.add_scatter(x=[context] * len(heights), y=heights, mode="markers", name="marked", marker=dots)
    at = [days(T, copies, batch)[0].total for T in crossed]
    rings = {"symbol": "circle-open", "color": theme.INK, "size": 12}
    plot.add_scatter(x=crossed, y=at, mode="markers", name="where they cross", marker=rings)
    apart = crossed if len(crossed) < 2 or crossed[1] > 3 * crossed[0] else crossed[:1]
    for T, height in zip(apart, at, strict=False):
        rounded = float(f"{T:.2g}")
        annotate(plot, f"{rounded:,.0f}", T, height, size=12, xanchor="center", yanchor="bottom", yshift=9)


def _sharing(marked, copies, batch, context):
    if marked is None:
        return "There is nothing to share."
    shared = batch / (context * copies)
    texts = f"{shared:,.3g}" if shared < 1000 else f"{shared:,.0f}"
    ridge = round(published.a100_cluster().ridge)
    return f"{texts} texts share a reading of the weights; {ridge} keep the arithmetic busy"


def _title(marked, copies, batch, context):
    if marked is None:
        return f"{batch:,} words are not {_plural(copies, 'text')} of {context:,} words"
    transformer, recurrent = (_days(row.total) for row in marked)
    return f"At {context:,} words: recurrent {recurrent} days, Transformer {transformer}"


def _days(number):
    return f"{number:,.1f}" if number < 100 else f"{number:,.0f}"


def _plural(number, word):
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
