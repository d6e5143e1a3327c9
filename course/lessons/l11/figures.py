"""Lesson 11: what the next word costs, and what is kept for it, against the words before it; all counted."""

from ...show import theme
from ...show.display import Picture
from ...show.marks import annotate, axis, figure, guide
from .steps import HEADS, WAYS, WIDTH, formula, lstm_width, numbers_kept

CONTEXTS = [16, 64, 256, 1024, 4096, 16384, 65536]
DRAWN = [2**power for power in range(17)]
LOOKS = {  # colour, dash, label of the upper and of the lower panel
    "no cache": (theme.GREY, "solid", "no cache", "no cache: the text"),
    "cache": (theme.ATTENTION, "solid", "cache", "cache"),
    "LSTM": (theme.LSTM, "solid", "LSTM, and linear", "LSTM"),
    "linear attention": (theme.ATTENTION, "dot", "attention (dots)", "linear attention"),
}
NOTE = (
    f"One block of width {WIDTH} with {HEADS} heads; an LSTM with no more weights, {lstm_width(WIDTH)} wide. Above: the "
    "multiply–adds of all matrix products. Below: the numbers that must be kept to go on."
)


def next_word(context=1024):
    """What word `context` costs, and what is kept of the words so far: four ways, both axes logarithmic."""
    cost = {way: formula(way, context) for way in WAYS}
    title = f"Word {context:,}: without a cache {cost['no cache'] // cost['cache']:,} times the work"
    plot = figure(
        title,
        x=axis("words so far", log=True, values=[1, 16, 256, 4096, 65536], span=(0.9, 75000)),
        height=470,
        rows=2,
        headings=("Multiply–adds of the next word", "Numbers kept"),
        note=NOTE,
        row_heights=[0.56, 0.44],
        vertical_spacing=0.12,
        right=150,
    )
    plot.update_xaxes(showticklabels=False, row=1, col=1)
    plot.update_yaxes(axis(log=True, span=(2e5, 1e13), **_powers(6, 9, 12)), row=1, col=1)
    plot.update_yaxes(axis(log=True, span=(1, 3e8), **_powers(0, 3, 6)), row=2, col=1)
    for way, (colour, dash, above, below) in LOOKS.items():
        line = {"color": colour, "width": 3, "dash": dash}
        for row, numbers, label in ((1, formula, above), (2, numbers_kept, below)):
            values = [numbers(way, t) for t in DRAWN]
            plot.add_scatter(x=DRAWN, y=values, mode="lines", name=way, line=line, row=row, col=1)
            marker = {"color": colour, "size": 9}
            plot.add_scatter(
                x=[context], y=[numbers(way, context)], mode="markers", name=way, marker=marker, row=row, col=1
            )
            lower = -14 if row == 1 and way == "linear attention" else 0
            ink = theme.MUTED if colour == theme.GREY else theme.GOOD if colour == theme.LSTM else colour
            annotate(plot, label, DRAWN[-1], values[-1], row=row, colour=ink, size=13, xshift=12, yshift=lower)
    guide(plot, x=context, width=1)
    guide(plot, x=6 * WIDTH, row=1, dash="dash")
    annotate(plot, "6·D", 6 * WIDTH, 0.9, row=1, within="height", colour=theme.MUTED, size=12, xshift=4)
    return Picture(plot, text=_in_words(title, context, cost))


def _powers(*powers):
    """Ticks at powers of ten."""
    return {"tickvals": [10**n for n in powers], "ticktext": ["1" if n == 0 else f"10<sup>{n}</sup>" for n in powers]}


def _in_words(title, context, cost):
    lines = [
        f"{way}: {cost[way]:,} multiply–adds for word {context:,}, {numbers_kept(way, context):,} numbers kept"
        for way in WAYS
    ]
    half = f"From 6·D = {6 * WIDTH:,} words on, more than half of the cached word's work is scores and means."
    return "\n".join([f"Figure: {title}", *lines, half, NOTE])
