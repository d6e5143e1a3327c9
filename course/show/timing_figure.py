"""Timings drawn: panels, two in a row, each over an axis of T and one of time, both logarithmic and alike in all."""

import math
import textwrap
from dataclasses import dataclass

from . import theme
from .looks import looks, name
from .marks import BREAK, NOTE_CHARACTERS, annotate, axis, figure, joined, muted, tag, wrapped
from .timing_panels import message

COLUMNS = 2
LEFT, GAP = 66, 16  # px left of all panels, and between the labels of one panel and the next panel
HEIGHTS = {1: 290, 2: 220}  # px: the least height of a panel, by the number of rows; three rows are as high as two
LABEL_CHARACTERS = {1: 24, 2: 13}  # in a line of a label, by the number of columns
HEADING_CHARACTERS = {1: 68, 2: 32}
CHARACTER, LINE = 7.2, 15  # px that a character of 12 px takes in the widest of the theme's fonts, and a line of them
HEADING_LINE, TICKS = 18, 30  # px of a line above a panel, and of the numbers below it
GROWTHS = {"T": (1, 0.6), "T²": (2, 0.4)}  # the power, and where on the line its name stands, from its start


@dataclass(frozen=True)
class Grid:
    """Sizes in px: of a panel's plot, of the headings above it, of the labels beside it."""

    rows: int
    columns: int
    height: int
    heading: int
    beside: int

    @property
    def gap(self):
        """Between two rows."""
        return self.heading + TICKS

    @property
    def inner(self):
        """The height of all panels together."""
        return self.rows * self.height + (self.rows - 1) * self.gap

    @property
    def width(self):
        """Of all plots together, without their labels, where the figure is narrowest."""
        return theme.NARROWEST - LEFT - self.columns * self.beside - (self.columns - 1) * GAP

    def spacing(self):
        """make_subplots' fractions of the paper."""
        paper = theme.NARROWEST - LEFT - self.beside
        return {
            "horizontal_spacing": (self.beside + GAP) / paper if self.columns > 1 else 0,
            "vertical_spacing": self.gap / self.inner if self.rows > 1 else 0,
        }

    def cell(self, place):
        """Row and column of a panel, from 1."""
        return {"row": place // self.columns + 1, "column": place % self.columns + 1}


def timing_figure(title, panels, kernels, notes, says_each):
    """A plotly figure of these panels. kernels: the labels that are drawn; notes: sentences for below the figure.

    says_each: whether each of several panels says above it what it shows.
    """
    labels = {kernel: textwrap.wrap(name(kernel), LABEL_CHARACTERS[min(len(panels), COLUMNS)]) for kernel in kernels}
    messages = [message(panel, kernels) if says_each and len(panels) > 1 else "" for panel in panels]
    headings = [_heading(panel, sentence, len(panels)) for panel, sentence in zip(panels, messages, strict=True)]
    grid = _grid(panels, labels, headings)
    low, high = _time_span(panels, kernels)
    plot = figure(
        title,
        y=axis("time (ms)", log=True, span=(10**low, 10**high), values=_time_ticks(low, high)),
        note=BREAK.join(wrapped(note, NOTE_CHARACTERS) for note in notes if note),
        left=LEFT,
        right=grid.beside,
        rows=grid.rows,
        columns=grid.columns,
        specs=_cells(grid, len(panels)),
        **grid.spacing(),
    )
    margin = plot.layout.margin
    plot.update_layout(margin_t=margin.t + grid.heading, height=margin.t + grid.heading + grid.inner + margin.b)
    style = looks(kernels, next((panel.contest for panel in panels if panel.contest), ""))
    shortest, longest = _length_span(panels)
    for place, (panel, heading) in enumerate(zip(panels, headings, strict=True)):
        cell = grid.cell(place)
        is_lowest = place + grid.columns >= len(panels)
        lengths = _length_axis(panel, (shortest, longest), grid.width / grid.columns, is_lowest)
        plot.update_xaxes(lengths, row=cell["row"], col=cell["column"])
        plot.update_yaxes(showticklabels=cell["column"] == 1, row=cell["row"], col=cell["column"])
        annotate(plot, heading, 0, 1, within="panel", size=13, yanchor="bottom", yshift=4, **cell)
        _draw_panel(plot, panel, cell, labels, style, grid.height)
    return plot


def nothing_timed(title, sentence, notes):
    """A figure of one sentence."""
    hidden = {"visible": False, "range": [0, 1]}
    note = BREAK.join(wrapped(note, NOTE_CHARACTERS) for note in notes if note)
    plot = figure(title, hidden, hidden, height=190 + 16 * len(notes), note=note)
    annotate(plot, sentence, 0, 0.5, within="panel", size=15, yanchor="middle", xshift=8 - 70)
    return plot


def _grid(panels, labels, headings):
    columns = min(len(panels), COLUMNS)
    rows = math.ceil(len(panels) / columns)
    stacks = [sum(_label_height(labels[kernel]) for kernel in labels if panel.times(kernel)) for panel in panels]
    heading = HEADING_LINE * max(heading.count(BREAK) + 1 for heading in headings) + 4
    longest = max(len(line) for lines in labels.values() for line in lines)
    return Grid(rows, columns, max(HEIGHTS[min(rows, 2)], *stacks), heading, round(CHARACTER * longest) + 22)


def _cells(grid, count):
    """make_subplots' specs: no panel where there is nothing to show."""
    places = range(grid.rows * grid.columns)
    cells = [{} if place < count else None for place in places]
    return [cells[row * grid.columns : (row + 1) * grid.columns] for row in range(grid.rows)]


def _heading(panel, sentence, count):
    """Above a panel: whose times they are, in which shapes, and what they say."""
    characters = HEADING_CHARACTERS[min(count, COLUMNS)]
    lines = [tag("b", line) for line in textwrap.wrap(panel.heading, characters)]
    lines += [muted(line) for below in (panel.shapes, sentence) for line in textwrap.wrap(below, characters)]
    return BREAK.join(lines)


# ---- axes


def _time_span(panels, kernels):
    """(low, high) in log10 of milliseconds with some room, at least half a decade apart."""
    timings = [timing for panel in panels for kernel in kernels for _, timing in panel.times(kernel)]
    low = math.log10(1e3 * min(timing.p20 for timing in timings))
    high = math.log10(1e3 * max(timing.p80 for timing in timings))
    room = max(0.05 * (high - low), (0.5 - high + low) / 2)
    return low - room, high + room


def _time_ticks(low, high):
    """A tick at every decade, and at 1, 2 and 5 of each where there are few."""
    steps = (1,) if high - low > 2 else (1, 2, 5)
    values = [step * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for step in steps]
    return [value for value in values if low <= math.log10(value) <= high]


def _length_span(panels):
    lengths = [T for panel in panels for T in panel.points]
    return min(lengths), max(lengths)


def _length_axis(panel, span, pixels, is_lowest):
    """The axis of T, the same span for all panels: a tick at every T of this one, its number where there is room."""
    low, high = map(math.log10, span)
    room = 0.08 * (high - low) or 0.3
    lengths, numbers, last = sorted(panel.points), {}, math.inf
    for T in reversed(lengths):
        fits = (last - math.log10(T)) * pixels / (high - low + 2 * room) > 8 * len(str(T)) + 8
        numbers[T] = str(T) if fits else ""
        last = math.log10(T) if fits else last
    title = "sequence length T" if is_lowest else ""
    settings = axis(title, log=True, span=(10 ** (low - room), 10 ** (high + room)))
    return settings | {
        "tickvals": lengths,
        "ticktext": [numbers[T] for T in lengths],
        "tickangle": 0,
        "tickfont": {"size": 13},
    }


# ---- what stands in a panel


def _draw_panel(plot, panel, cell, labels, style, height):
    kernels = [kernel for kernel in labels if panel.times(kernel)]
    if not kernels:
        annotate(plot, "not timed here", 0, 0.5, within="panel", size=12, colour=theme.MUTED, xshift=10, **cell)
        return
    for growth in GROWTHS:
        _draw_growth(plot, panel, cell, growth)
    for kernel in kernels:
        plot.add_trace(_line(panel.times(kernel), name(kernel), style[kernel]), row=cell["row"], col=cell["column"])
    ends = {kernel: panel.times(kernel)[-1] for kernel in kernels}
    low, high = plot.layout.yaxis.range
    tops = {kernel: math.log10(1e3 * timing.median) for kernel, (_, timing) in ends.items()}
    wanted = [height * (max(tops[kernel], *_passed(panel, kernel, ends)) - low) / (high - low) for kernel in kernels]
    places = _spread(wanted, [_label_height(labels[kernel]) for kernel in kernels], height)
    for kernel, pixels in zip(kernels, places, strict=True):
        end = math.log10(ends[kernel][0]), tops[kernel]
        _write_label(plot, cell, end, low + pixels * (high - low) / height, labels[kernel], style[kernel].colour)


def _draw_growth(plot, panel, cell, growth):
    """A guide from the lower left corner: how time that grows as T, or as T², would rise."""
    (power, part), (low, high) = GROWTHS[growth], plot.layout.yaxis.range
    start, end = (math.log10(T) for T in (min(panel.points), max(panel.points)))
    if start == end:
        return
    floor = low + 0.02 * (high - low)
    end = min(end, start + (high - floor) / power)
    top = floor + power * (end - start)
    plot.add_scatter(
        x=[10**start, 10**end],
        y=[10**floor, 10**top],
        mode="lines",
        name=growth,
        hoverinfo="skip",
        line={"color": theme.GREY, "width": 1, "dash": "dot"},
        row=cell["row"],
        col=cell["column"],
    )
    x, y = 10 ** (start + part * (end - start)), 10 ** (floor + part * (top - floor))
    annotate(plot, growth, x, y, size=12, colour=theme.MUTED, xshift=3, yanchor="top", **cell)


def _line(times, label, look):
    """The medians, with bars that hold the middle 60 %."""
    shown = joined(label)
    return {
        "type": "scatter",
        "x": [T for T, _ in times],
        "y": [1e3 * timing.median for _, timing in times],
        "name": str(shown),
        "mode": "lines+markers",
        "line": {"color": look.colour, "dash": look.dash, "width": 2.2},
        "marker": {"symbol": look.marker, "size": 9},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [1e3 * (timing.p80 - timing.median) for _, timing in times],
            "arrayminus": [1e3 * (timing.median - timing.p20) for _, timing in times],
            "thickness": 1.2,
        },
        "hovertemplate": f"{shown}, T = %{{x}}: %{{y:.3g}} ms<extra></extra>",
    }


def _write_label(plot, cell, end, height, lines, colour):
    """A line's name at the right of its panel, at this height, and a thin line from one to the other."""
    panel = plot.get_subplot(cell["row"], cell["column"])
    x, y = (plane.plotly_name.replace("axis", "") for plane in (panel.xaxis, panel.yaxis))
    plot.add_annotation(
        text=str(BREAK.join(tag("b", line) for line in lines)),
        font={"size": 12, "color": colour},
        showarrow=True,
        arrowhead=0,
        arrowwidth=1,
        arrowcolor=colour,
        xref=x,
        yref=y,
        axref=x,
        ayref=y,
        x=end[0],
        y=end[1],
        ax=panel.xaxis.range[1],
        ay=height,
        xanchor="left",
        align="left",
    )


def _passed(panel, kernel, ends):
    """Heights that the label of a line which ends early has to pass: of lines that lie below it there, and go on."""
    T, last = ends[kernel]
    for other, (longer, end) in ends.items():
        below = T in panel.points and other in panel.points[T] and panel.points[T][other].median < last.median
        yield math.log10(1e3 * end.median) + 0.01 if longer > T and below else -math.inf


def _label_height(lines):
    """px that a label takes, with a little air."""
    return LINE * len(lines) + 3


def _spread(wanted, sizes, height):
    """Centres for labels of these sizes, near the wanted ones, in their order, none over another, within the height."""
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    raised = _pushed(wanted, sizes, order, 0, 1)
    raised = _pushed(raised, sizes, order[::-1], height, -1)
    lowered = _pushed(wanted, sizes, order[::-1], height, -1)
    lowered = _pushed(lowered, sizes, order, 0, 1)
    # Either fits, one pushed up and then back from the top, one the other way round; and so does the middle of both.
    return [(one + other) / 2 for one, other in zip(raised, lowered, strict=True)]


def _pushed(centres, sizes, order, edge, direction):
    """The centres in this order, each moved away from the edge as far as the one before it makes necessary."""
    pushed = list(centres)
    for index in order:
        nearest = edge + direction * sizes[index] / 2
        pushed[index] = max(pushed[index], nearest) if direction > 0 else min(pushed[index], nearest)
        edge = pushed[index] + direction * sizes[index] / 2
    return pushed
