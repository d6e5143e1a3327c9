"""Kernels timed on several devices, a panel each, side by side over one axis of time."""

import html
import itertools
import math
import textwrap
from dataclasses import dataclass

from . import theme
from .display import Picture
from .looks import looks, name

NARROW = 700  # px: a figure so wide has room for all its words; in a wider one the panels grow
LEFT, RIGHT, GAP = 66, 8, 14  # px left and right of all panels, and between two
PLOT = 290  # px, the least height of a panel
LABEL = {1: 28, 2: 14, 3: 14}  # characters in a line of a label, by the number of panels
WIDE, HIGH = 7.2, 15  # px that a character of 12 px takes in the widest of the theme's fonts, and a line of them
SMALL = {"size": 12, "color": theme.MUTED}


@dataclass(frozen=True)
class Panel:
    """One device: its heading, what it computed, {T: {kernel: timing}}, and a sentence for below the figure."""

    heading: str
    contest: str
    about: str
    points: dict
    below: str
    live: bool = False

    def times(self, kernel):
        """[(T, timing)] that can be drawn, the shortest T first."""
        found = [(T, point[kernel]) for T, point in sorted(self.points.items()) if kernel in point]
        return [(T, timing) for T, timing in found if not timing.out_of_memory]

    def left_out(self, kernels):
        """Sentences on the points of these kernels that cannot be drawn."""
        for said, is_so in (("Out of memory", _is_full), ("Not timed", _is_absent)):
            lost = {
                kernel: [T for T, point in sorted(self.points.items()) if is_so(point, kernel)] for kernel in kernels
            }
            found = [self._where(kernel, lengths) for kernel, lengths in lost.items() if lengths]
            if found:
                yield f"{said}: {'; '.join(found)}."

    def _where(self, kernel, lengths):
        if len(lengths) == len(self.points):
            return name(kernel)
        *others, last = map(str, lengths)
        return f"{name(kernel)} at T = {', '.join(others)} and {last}" if others else f"{name(kernel)} at T = {last}"


def _is_full(point, kernel):
    return "make" in point or (kernel in point and point[kernel].out_of_memory)  # make: the inputs of all kernels


def _is_absent(point, kernel):
    return "make" not in point and kernel not in point


def live_panel(points, device, contest):
    """The panel of the device that timed just now; device: a sentence, contest: of helpers.contests, a name, or None."""
    short = device.split(" (")[0].split(";")[0] or "this machine"
    timed, about = getattr(contest, "name", contest or ""), getattr(contest, "about", "")
    return Panel(f"live: {short}", timed, about, points, f"Measured live: {device or short}.", live=True)


def recorded_panel(recording):
    """The panel of a recordings.Recording."""
    below = f"Recorded {recording.when.date().isoformat()}: {recording.device}, {recording.versions}."
    # A CPU's name is long and tells little: it stands below, as that of the live one does.
    short = recording.device.rpartition(", ")[2] if recording.kind == "cpu" else recording.device
    return Panel(
        recording.label.replace(recording.device, short), recording.contest, recording.about, recording.points, below
    )


def side_by_side(panels, what, chosen, notes):
    """A Picture of up to three panels, or of one sentence where nothing was timed.

    what: the title. chosen: the labels that are drawn, all if None. notes: sentences below, "" for none.
    """
    there = [kernel for panel in panels for point in panel.points.values() for kernel in point if kernel != "make"]
    chosen = [chosen] if isinstance(chosen, str) else chosen
    kernels = list(dict.fromkeys(there if chosen is None else chosen))
    timings = [timing for panel in panels for kernel in kernels for _, timing in panel.times(kernel)]
    below = [" ".join(filter(None, [panel.below, *panel.left_out(kernels)])) for panel in panels]
    below.append(" ".join(filter(None, ["Medians; the bars hold the middle 60 % of the repeats.", *notes])))
    if not timings:
        return _nothing(what, panels, below[:-1])
    return _drawn(panels, what, kernels, timings, below)


def _drawn(panels, what, kernels, timings, below):
    style = looks(kernels, next(filter(None, (panel.contest for panel in panels)), ""))
    low, high = _range([1e3 * bound for timing in timings for bound in (timing.p20, timing.p80)])
    labels = {kernel: _lines(name(kernel), LABEL[len(panels)]) for kernel in kernels}
    height = max(PLOT, *(sum(_high(labels[kernel]) for kernel in kernels if panel.times(kernel)) for panel in panels))
    lengths = [T for panel in panels for T in panel.points]
    headings, axes, traces, annotations = [], {}, [], []
    for number, (panel, slot) in enumerate(zip(panels, _slots(panels, labels), strict=True), 1):
        axis = f"x{number}" if number > 1 else "x"
        start, end, narrow = slot
        axes[f"xaxis{axis[1:]}"] = across = _across(panel, min(lengths), max(lengths), start, end)
        traces += [_line(panel.times(kernel), name(kernel), style[kernel], axis) for kernel in kernels]
        annotations += _end_labels(panel, labels, style, (low, high), height, axis, across["range"][1])
        headings.append(_heading(panel, narrow))
        annotations.append(_words(headings[-1], x=start, y=1, yanchor="bottom", yshift=8, font={"size": 13}))
        if not any(map(panel.times, kernels)):
            annotations.append(_words("not timed here", x=start, y=0.5, xshift=10, font=SMALL))
    layout = _layout(what, height, max(heading.count("<br>") + 1 for heading in headings), below)
    layout |= axes | {"yaxis": _upward(low, high)}
    layout["annotations"] += annotations
    return Picture(layout, [trace for trace in traces if trace["x"]], _told(panels, what, kernels))


def _nothing(what, panels, below):
    """A picture of one sentence."""
    said = "None of the chosen kernels was timed." if panels else "Nothing was timed here, and nothing is recorded."
    layout = _layout(what, 60, 0, below)
    hidden = {"visible": False, "range": [0, 1]}
    layout |= {"xaxis": hidden, "yaxis": hidden}
    layout["annotations"].append(_words(said, x=0, y=0.5, yanchor="middle", font={"size": 15}))
    return Picture(layout, [], f"Figure: {what}\nx: sequence length T\ny: time (ms)\n{said}")


def _layout(what, height, heading, below):
    """Room above for the title and `heading` lines, below for the sentences; the plot is `height` px high."""
    title = _lines(what, int((NARROW - 20) / 10.5))
    below = [line for sentence in below if sentence for line in _lines(sentence, int((NARROW - 20) / 6.5))]
    top, bottom = 26 + 22 * len(title) + 18 * heading, 74 + 16 * len(below)
    layout = theme.layout(
        "<br>".join(title),
        height=top + height + bottom,
        margin={"l": LEFT, "r": RIGHT, "t": top, "b": bottom},
        annotations=[_words("<br>".join(below), x=0, y=0, yanchor="top", xshift=8 - LEFT, yshift=-60, font=SMALL)],
    )
    layout["title"] |= {"yref": "container", "y": 1, "yanchor": "top", "pad": {"t": 2 + 12 * len(title)}}
    return layout


def _words(text, **place):
    """An annotation without an arrow, at a place of the paper."""
    paper = {"xref": "paper", "yref": "paper", "showarrow": False, "xanchor": "left", "align": "left"}
    return paper | {"text": text} | place


def _lines(text, width):
    """The words in lines of at most `width` characters, none of them markup."""
    return [html.escape(line, quote=False) for line in textwrap.wrap(text, width)]


def _slots(panels, labels):
    """[(start, end, px)]: each panel's part of the paper, and the width that it has together with its labels."""
    longest = [max((len(line) for k in labels if panel.times(k) for line in labels[k]), default=0) for panel in panels]
    beside = [WIDE * characters + 8 for characters in longest]
    paper = NARROW - LEFT - RIGHT
    plot = (paper - sum(beside) - GAP * (len(panels) - 1)) / len(panels)
    starts = itertools.accumulate(beside[:-1], lambda start, width: start + plot + width + GAP, initial=0)
    return [(start / paper, (start + plot) / paper, plot + width) for start, width in zip(starts, beside, strict=True)]


def _heading(panel, width):
    characters = int(width / 8.3)
    about = [f'<span style="color:{theme.MUTED}">{line}</span>' for line in _lines(panel.about, characters)]
    return "<br>".join([f"<b>{line}</b>" for line in _lines(panel.heading, characters)] + about)


def _range(values):
    """(low, high) in log10 with some room, at least half a decade apart."""
    low, high = math.log10(min(values)), math.log10(max(values))
    room = max(0.05 * (high - low), (0.5 - high + low) / 2)
    return low - room, high + room


def _upward(low, high):
    """The axis of time: a tick at every decade, at 1, 2 and 5 of each where there are few."""
    steps = (1,) if high - low > 2 else (1, 2, 5)
    values = [step * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for step in steps]
    values = [value for value in values if low <= math.log10(value) <= high]
    settings = {
        "title": {"text": "time (ms)", "font": {"size": 14}},
        "type": "log",
        "range": [low, high],
        "tickvals": values,
        "ticktext": [f"{value:.10g}" for value in values],
    }
    return theme.layout("", y=settings)["yaxis"]


def _across(panel, shortest, longest, start, end):
    """The axis of T, the same for all panels: a tick at every T of this one, and its number where there is room."""
    lengths = sorted(panel.points)
    low, high = math.log10(shortest), math.log10(longest)
    room = 0.08 * (high - low) or 0.3
    pixels = (end - start) * (NARROW - LEFT - RIGHT) / (high - low + 2 * room)
    shown, last = [], math.inf
    for T in reversed(lengths):
        fits = pixels * (last - math.log10(T)) > 8 * len(str(T)) + 8
        shown.append(str(T) if fits else "")
        last = math.log10(T) if fits else last
    settings = {
        "title": {"text": "sequence length T", "standoff": 6, "font": {"size": 14}},
        "type": "log",
        "domain": [start, end],
        "range": [low - room, high + room],
        "tickvals": lengths,
        "ticktext": shown[::-1],
        "tickangle": 0,
        "tickfont": {"size": 13},
    }
    return theme.layout("", x=settings)["xaxis"]


def _line(times, label, look, axis):
    colour, dash, marker = look
    return {
        "type": "scatter",
        "xaxis": axis,
        "x": [T for T, _ in times],
        "y": [1e3 * timing.median for _, timing in times],
        "name": html.escape(label),
        "mode": "lines+markers",
        "line": {"color": colour, "dash": dash, "width": 2.2},
        "marker": {"symbol": marker, "size": 9},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [1e3 * (timing.p80 - timing.median) for _, timing in times],
            "arrayminus": [1e3 * (timing.median - timing.p20) for _, timing in times],
            "thickness": 1.2,
        },
        "hovertemplate": f"{html.escape(label)}, T = %{{x}}: %{{y:.3g}} ms<extra></extra>",
    }


def _end_labels(panel, labels, style, scale, height, axis, right):
    """Each line's name at the right of its panel, a thin line from one to the other."""
    low, high = scale
    ends = {kernel: panel.times(kernel)[-1] for kernel in labels if panel.times(kernel)}
    tops = {kernel: math.log10(1e3 * timing.median) for kernel, (_, timing) in ends.items()}
    wanted = [max(tops[kernel], *_passed(panel, kernel, ends)) for kernel in ends]
    pixels = [height * (top - low) / (high - low) for top in wanted]
    places = _spread(pixels, [_high(labels[kernel]) for kernel in ends], height)
    return [
        {
            "xref": axis,
            "yref": "y",
            "x": math.log10(T),
            "y": tops[kernel],
            "axref": axis,
            "ayref": "y",
            "ax": right,
            "ay": low + place * (high - low) / height,
            "arrowhead": 0,
            "arrowwidth": 1,
            "arrowcolor": style[kernel][0],
            "xanchor": "left",
            "align": "left",
            "text": "<br>".join(f"<b>{line}</b>" for line in labels[kernel]),
            "font": {"size": 12, "color": style[kernel][0]},
        }
        for (kernel, (T, _)), place in zip(ends.items(), places, strict=True)
    ]


def _passed(panel, kernel, ends):
    """The heights that a line which ends early has to pass: those of lines that lie below it there, and go on."""
    T, last = ends[kernel]
    for other, (longer, end) in ends.items():
        below = T in panel.points and other in panel.points[T] and panel.points[T][other].median < last.median
        yield math.log10(1e3 * end.median) + 0.01 if longer > T and below else -math.inf


def _high(lines):
    """px that a label takes, with a little air."""
    return HIGH * len(lines) + 3


def _spread(wanted, sizes, height):
    """Centres for labels of these sizes, near the wanted ones, in their order, none over another, within the height."""
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    up, down = list(wanted), list(wanted)
    for places in (up, down):
        # Pushed up and then back from the top, or down and then back from the bottom: both fit, and so does the middle.
        for step in (1, -1) if places is up else (-1, 1):
            edge = 0 if step > 0 else height
            for index in order[::step]:
                nearest = edge + step * sizes[index] / 2
                places[index] = max(places[index], nearest) if step > 0 else min(places[index], nearest)
                edge = places[index] + step * sizes[index] / 2
    return [(high + low) / 2 for high, low in zip(up, down, strict=True)]


def _told(panels, what, kernels):
    """The figure in words, the same on every machine: of the live panel it says only that there is one."""
    lines = [f"Figure: {what}", "x: sequence length T, logarithmic", "y: time (ms), logarithmic"]
    lines.append(f"series: {', '.join(map(name, kernels))}")
    for panel in panels:
        if panel.live:
            lines.append("live: the times of this machine, which stand in the picture alone")
        else:
            of = f", {panel.about}" if panel.about else ""
            lines.append(" ".join([f"{panel.heading}{of}: {_ratios(panel, kernels)}.", *panel.left_out(kernels)]))
    return "\n".join(lines)


def _ratios(panel, kernels):
    """How many times as long as the fastest each kernel takes at its longest T; a copy computes nothing."""
    times = {kernel: dict(panel.times(kernel)) for kernel in kernels if panel.times(kernel)}
    longest = {kernel: max(times[kernel]) for kernel in times}
    said = []
    for T in sorted(set(longest.values()), reverse=True):
        there = {kernel: timed[T].median for kernel, timed in times.items() if T in timed}
        first = min([kernel for kernel in there if not kernel.startswith("copy")] or there, key=there.get)
        compared = [
            f"{name(kernel)} {_times(there[kernel] / there[first])} as long"
            for kernel in there
            if kernel != first and longest[kernel] == T
        ]
        said.append(", ".join([f"at T = {T} {name(first)} takes {1e3 * there[first]:.3g} ms", *compared]))
    return "; ".join(said) or "none of these was timed"


def _times(ratio):
    return f"{ratio:.2f} times" if ratio < 10 else f"{float(f'{ratio:.3g}'):,.10g} times"
