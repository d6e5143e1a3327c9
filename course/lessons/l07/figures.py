"""Lesson 07: what depth does to the words, with any part switched off. The lanes of six blocks are in lanes.py."""

import functools
import itertools

import torch

from ...show import theme
from ...show.display import Picture
from ...show.marks import annotate, axis, figure, guide
from . import lanes as measured_lanes
from .depth import DEEPEST, Parts, through

NORMS = {"after, as in 2017": "after", "before, as today": "before", "none": "none"}
DRAWN = sorted({round(DEEPEST ** (place / 60)) for place in range(61)})  # blocks, evenly on a logarithmic axis
NOTE = (
    "32 random words; blocks before training, their weights spread as torch's are. Above: ‖X − mean over the words‖ / ‖X‖. "
    "Blue: the parts that are on. Grey: other blocks, for comparison."
)
# Grey lines: (parts, dash, label, the panel and the place where that stands)
OTHERS = (
    (Parts(feed_forward=False, residual=False, norm="none"), "solid", "attention alone", 1, (2.3, 0.08)),
    (Parts(), "solid", "2017", 1, (62, 0.1)),
    (Parts(norm="before"), "solid", "today", 1, (300, 0.4)),
    (Parts(attention=False, norm="before"), "dot", "today, no attention", 1, (90, 0.86)),
    (Parts(norm="none"), "dash", "no LayerNorm", 2, (64, 1e10)),
)
HALF = 65_504  # the largest number of float16


@functools.cache
def compute_all() -> None:
    """Every combination of the switches, about a second: then a control only draws."""
    for *switches, norm in itertools.product(*[(True, False)] * 3, NORMS.values()):
        through(Parts(*switches, norm))


def words_over_depth(attention=True, feed_forward=True, residual=True, layer_norm="after, as in 2017"):
    """How different the words still are after 1 to 600 blocks, and how large their numbers; each part on or off."""
    compute_all()
    parts = Parts(attention, feed_forward, residual, NORMS[layer_norm])
    chosen = through(parts)
    title = f"After 60 blocks {_percent(chosen.left[59])} of the difference is left"
    plot = figure(
        title,
        x=axis("blocks", log=True, values=[1, 2, 6, 12, 60, 600], span=(1, 640)),
        height=430,
        rows=2,
        headings=("How different are the words still?", "How large are their numbers?"),
        note=NOTE,
        row_heights=[0.62, 0.38],
        vertical_spacing=0.1,
        left=64,
    )
    plot.update_xaxes(showticklabels=False, row=1, col=1)
    plot.update_yaxes(axis(span=(-0.03, 1.05), tickformat=".0%"), row=1, col=1)
    powers = {"tickvals": [1, 1e12, 1e24], "ticktext": ["1", "10<sup>12</sup>", "10<sup>24</sup>"]}
    plot.update_yaxes(axis(log=True, span=(1e-7, 1e27), **powers), row=2, col=1)
    for others, dash, name, row, place in OTHERS:
        _draw(plot, through(others), name, {"color": theme.GREY, "width": 1.5, "dash": dash})
        annotate(plot, name, *place, row=row, colour=theme.MUTED, size=12)
    _draw(plot, chosen, "these parts", {"color": theme.ATTENTION, "width": 4})
    guide(plot, x=6, row=1)
    guide(plot, y=HALF, row=2, column=1)
    annotate(plot, "65,504, the largest number of float16", 1.05, HALF, row=2, yshift=9, colour=theme.MUTED, size=12)
    return Picture(plot, text=_in_words(title, parts, chosen))


def _draw(plot, depths, name, line):
    import plotly.graph_objects as go

    left = [round(depths.left[blocks - 1], 3) for blocks in DRAWN]
    sizes = [float(f"{max(depths.sizes[blocks - 1], 1e-9):.2g}") for blocks in DRAWN]
    for row, values in ((1, left), (2, sizes)):
        hover = "%{x} blocks: %{y:.1%}" if row == 1 else "%{x} blocks: %{y:.2g}"
        trace = go.Scatter(x=DRAWN, y=values, mode="lines", name=name, line=line, hovertemplate=hover)
        plot.add_trace(trace, row=row, col=1)


def _percent(share):
    return "none" if share < 1e-6 else "less than 1 %" if share < 0.005 else f"{share:.0%}".replace("%", " %")


def _in_words(title, parts, depths):
    present = [name for name in ("attention", "feed-forward", "residual") if getattr(parts, name.replace("-", "_"))]
    left = ", ".join(f"{_percent(depths.left[blocks - 1])} after {blocks}" for blocks in (1, 6, 60, 600))
    size = depths.sizes[59]
    grown = "about 1" if 0.3 < size < 3 else f"about 10^{round(torch.tensor(size).log10().item())}"
    return (
        f"Figure: {title}\n"
        f"Parts: {', '.join(present) or 'none of the three'}; LayerNorm: {parts.norm}. Of the differences among the words "
        f"is left: {left} blocks. After 60 blocks a number has a size of {grown}."
    )


def lanes(word=3):
    """The lanes of Alammar's picture, drawn from measured dependencies. word: whose past is blue, counted from 1."""
    return measured_lanes.picture(word)
