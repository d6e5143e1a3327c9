"""Lesson 09: the race while it runs, after it, and a minute of it as it was stored; speed against length."""

import math
import statistics

import numpy as np

from ...errors import CourseError
from ...results import trained
from ...results.recordings import find_recordings
from ...show import theme
from ...show.display import Page, Picture
from ...show.marks import annotate, axis, card, figure, guide, joined, muted, sheet, tag
from . import race
from .trained import AT, RATES, SECONDS, key

COLOURS = {"LSTM": theme.LSTM, "GRU": theme.GRU, "Transformer": theme.ATTENTION, race.FUSED: theme.ATTENTION}
DASHES = {"LSTM": "dash", "GRU": "dot", "Transformer": "solid", race.FUSED: "longdash"}
MARKERS = {"LSTM": "diamond", "GRU": "triangle-up", "Transformer": "circle", race.FUSED: "circle-open"}
HERE = "Measured here, in turns, on one thread; another machine gives other numbers."


# ---- live


class Live:
    """Draws a race in a notebook while it runs, after every turn; elsewhere it does nothing."""

    def __init__(self):
        from IPython import get_ipython

        self.in_notebook, self.handle = getattr(get_ipython(), "kernel", None) is not None, None

    def __call__(self, racers, done):
        if not self.in_notebook:
            return
        page = running(racers, done)
        if self.handle is None:
            from IPython.display import display

            self.handle = display(page, display_id=True)
        else:
            self.handle.update(page)


TOP, WIDE, HIGH, LEFT = 14, 400, 190, 30  # of a drawn panel, in units of the drawing


def running(racers: dict, done: float) -> Page:
    """What the racers lose on the batches that they train on, so far: over their seconds, over their characters."""
    seconds = {name: np.linspace(0, r.seconds, r.steps + 1)[1:] for name, r in racers.items()}
    characters = {name: np.arange(1, r.steps + 1) * race.T * race.B / 1000 for name, r in racers.items()}
    losses = {name: _smooth([loss / math.log(2) for _, loss in r.curve]) for name, r in racers.items()}
    drawing = tag(
        "svg",
        _panel(0, "seconds of its own clock", seconds, losses),
        _panel(WIDE + LEFT, "thousand characters read", characters, losses),
        viewBox=f"0 0 {2 * (WIDE + LEFT)} {TOP + HIGH + 46}",
        width="100%",
        style={"font-family": theme.FONT},
    )
    ends = [_end(name, r, losses[name]) for name, r in racers.items()]
    words = joined(muted(f"{done:.0%} · bits a character, in training"), *ends)
    return Page(card(words, drawing, colour=theme.ACCENT), "The race so far: bits over seconds and over characters.")


def _end(name, racer, losses):
    value = f"{losses[-1]:.2f}" if len(losses) else "–"
    return joined(" · ", _named(name), f" {value} after {racer.seconds:.1f} s")


def _named(name):
    """A model's name over a line in its colour: text in that colour would be too pale to read."""
    return tag("b", name, style={"border-bottom": f"3px solid {COLOURS[name]}"})


def _smooth(losses, memory=20):
    """Each loss as a mean over about the last 20."""
    smooth = []
    for place, loss in enumerate(losses):
        share = max(1 / memory, 1 / (place + 1))
        smooth.append(loss if not smooth else (1 - share) * smooth[-1] + share * loss)
    return smooth


def _panel(left, title, places, losses):
    """Three lines in one frame, from 2 to 7 bits."""
    end = max((place[-1] for place in places.values() if len(place)), default=1)
    lines = [tag("rect", x=left + LEFT, y=TOP, width=WIDE - LEFT, height=HIGH, fill=theme.PAPER, stroke=theme.LINE)]
    for bits in range(2, 8):
        y = TOP + HIGH * (7 - bits) / 5
        lines.append(tag("text", bits, x=left + LEFT - 6, y=y + 5, text_anchor="end", font_size=14, fill=theme.MUTED))
    lines.append(tag("text", title, x=left + LEFT, y=TOP + HIGH + 38, font_size=14, fill=theme.MUTED))
    lines.append(
        tag("text", f"{end:,.0f}", x=left + WIDE, y=TOP + HIGH + 18, text_anchor="end", font_size=14, fill=theme.MUTED)
    )
    for name, place in places.items():
        every = max(1, len(place) // 100)
        points = " ".join(
            f"{left + LEFT + (WIDE - LEFT) * x / end:.1f},{TOP + HIGH * (7 - min(max(y, 2), 7)) / 5:.1f}"
            for x, y in list(zip(place, losses[name], strict=True))[::every]
        )
        dash = {"dash": "7 4", "dot": "2 3"}.get(DASHES[name])
        colour = COLOURS[name]
        lines.append(tag("polyline", points=points, fill="none", stroke=colour, stroke_width=2, stroke_dasharray=dash))
    return lines


# ---- after it


def curves(racers: dict) -> Picture:
    """Bits on unseen topics, over seconds and over characters read. racers: what `race.race` returned."""
    ends = {name: racer.points[-1][2] for name, racer in racers.items()}
    first, second, *_ = sorted(ends, key=ends.get)
    plot = figure(
        f"{first} {ends[first]:.2f}, {second} {ends[second]:.2f} bits a character at the end",
        y="bits a character, unseen topics",
        columns=2,
        headings=["the same seconds", "the same characters"],
        height=380,
        note=HERE,
        horizontal_spacing=0.2,  # the names stand between the panels
    )
    furthest = [max(racer.points[-1][place] for racer in racers.values()) for place in (0, 1)]
    spans = (
        (0, 1.4 * furthest[0]),
        (0, 1.05 * furthest[1] * race.T * race.B / 1000),
    )  # the names stand right of the curves
    for column, name_of_x in ((1, "seconds"), (2, "thousand characters read")):
        plot.update_xaxes(axis(name_of_x, span=spans[column - 1]), row=1, col=column)
        for name, racer in racers.items():
            points = racer.points
            x = [point[0] if column == 1 else point[1] * race.T * race.B / 1000 for point in points]
            _line(plot, name, x, [bits for *_, bits in points], column=column)
    _write_apart(plot, {name: (*racers[name].points[-1][::2], COLOURS[name]) for name in racers}, least=0.12)
    text = "Figure: bits a character on unseen topics, over seconds and over characters read. "
    return Picture(plot, text=text + HERE)


def table(racers: dict) -> Page:
    """Each model's speed and bits, and the two parts of the first one's lead. The numbers stand in the HTML alone."""
    ends = {name: racer.points[-1] for name, racer in racers.items()}
    first, *others = sorted(ends, key=lambda name: ends[name][2])
    style = {"padding": "3px 7px", "text-align": "right", "font-size": "13px"}
    heads = ["", "characters a second", "characters read", "bits", "lead", "by learning", "by speed"]
    paper = {"background-color": theme.PAPER, "color": theme.INK}  # else JupyterLab gives rows colours of its own
    rows = [tag("tr", [tag("th", head, style=style) for head in heads], style=paper)]
    for name in (first, *others):
        second, step, bits = ends[name]
        read = step * race.T * race.B
        cells = [_named(name), f"{read / second:,.0f}", f"{read:,}", f"{bits:.2f}"]
        if name != first:
            learning, speed = race.lead(race.by_character(racers[first]), race.by_character(racers[name]))
            cells += [f"{learning + speed:.2f}", f"{learning:+.2f}", f"{speed:+.2f}"]
        rows.append(tag("tr", [tag("td", cell, style=style) for cell in cells], style=paper))
    page = sheet(f"The {first}'s lead, in two parts", tag("table", rows), muted(HERE))
    return Page(
        page, "Table: characters a second, bits at the end, and what the first one's lead owes to each. " + HERE
    )


def _line(plot, name, x, y, column=1, **look):
    import plotly.graph_objects as go

    style = {"color": COLOURS[name], "width": 3, "dash": DASHES[name]} | look
    marker = {"symbol": MARKERS[name], "size": 7, "color": style["color"]}
    hover = "%{x:.3~g}: %{y:.2f} bits"
    trace = go.Scatter(x=x, y=y, name=name, mode="lines+markers", line=style, marker=marker, hovertemplate=hover)
    plot.add_trace(trace, row=1, col=column)


# ---- a minute, as it was stored


def stored() -> dict:
    """{key: (seeds, points) bits, mean characters of each point} of the stored race; {} where none is stored."""
    try:
        results = trained.load("09")
    except CourseError:
        return {}
    whole = {}
    for model in race.SIZES:
        for rate in RATES:
            runs = [run["curve"] for run in results.get(key(model, rate), {}).get("runs", {}).values()]
            runs = [run for run in runs if len(run) == len(AT) + 1]
            if runs:
                table = np.array(runs)  # (seeds, points, 2)
                whole[key(model, rate)] = table[..., 1], table[..., 0].mean(axis=0)
    return whole


PLACES = [second for second in (*AT, round(SECONDS)) if second >= 2]
CHOICES = {"each at its better one": tuple(RATES), "the high ones": ("high",), "the low ones": ("low",)}


def minute(second=14, rates="each at its better one", over="seconds"):
    """The stored race up to a second: who is ahead, with which learning rates. Bands: three seeds."""
    races = stored()
    if not races:
        sentence = "No race of a minute is stored (make evidence)."
        return Page(sheet(sentence), sentence)
    place = [*AT, round(SECONDS)].index(second)
    chosen = CHOICES[rates]
    title = _title(races, place, second, chosen, over)
    x = axis("seconds", log=True, values=[2, 5, 10, 14, 28, 60], span=(1.9, 64))
    if over == "characters":
        x = axis("thousand characters read", log=True, values=[50, 100, 250, 500, 1000, 2500], span=(20, 3400))
    plot = figure(
        title,
        x=x,
        y=axis("bits a character, unseen topics", span=(1.8, 4.3)),
        height=430,
        right=120,
        note="Stored: two CPU cores, three models in turns, two learning rates, 60 s of CPU each. Bands: three seeds.",
    )
    labels = {}
    for model in race.SIZES:
        for rate in RATES:
            if rate in chosen and key(model, rate) in races:
                labels |= _band(plot, races, model, rate, place, over)
            else:  # as many traces in every picture, so that one can replace another
                plot.add_scatter().add_scatter()
    if over == "seconds":
        guide(plot, x=second)
    _write_apart(plot, labels)
    return Picture(plot)


def _band(plot, races, model, rate, place, over):
    """One model at one rate, and where its label belongs: {label: (x, y, colour)}."""
    import plotly.graph_objects as go

    bits, characters = races[key(model, rate)]
    start = 0 if over == "characters" else 1  # from the second 2 on
    seconds = np.array([*AT, SECONDS])
    x = (characters / 1000 if over == "characters" else seconds)[start : place + 1]
    bits = bits[:, start : place + 1]
    colour = COLOURS[model]
    edge = np.concatenate([bits.max(axis=0), bits.min(axis=0)[::-1]])
    band = go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=edge,
        fill="toself",
        fillcolor=_faint(colour),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        name=f"{model}, seeds",
    )
    plot.add_trace(band)
    middle = bits.mean(axis=0)
    _line(plot, model, x, middle, dash="solid" if rate == "low" else "dot")
    plot.data[-1].name = f"{model}, {RATES[rate][model]:g}"
    return {plot.data[-1].name: (float(x[-1]), float(middle[-1]), colour)}


def _faint(colour):
    """A colour of the theme, mostly transparent."""
    return f"rgba({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))}, 0.18)"


def _write_apart(plot, labels, least=0.13):
    """Names beside the ends of the curves, none on another."""
    highest = -math.inf
    for label, (x, y, colour) in sorted(labels.items(), key=lambda item: item[1][1]):
        highest = max(y, highest + least)
        annotate(plot, label, x, highest, colour=colour, size=12, xshift=9)


def leads(races: dict, place: int, rates=tuple(RATES)) -> list[float]:
    """By how many bits the LSTM is ahead of the Transformer at a point, one number a seed; each at its better rate."""
    best = {
        model: np.min([races[key(model, rate)][0][:, place] for rate in rates], axis=0)
        for model in ("LSTM", "Transformer")
    }
    return [float(gap) for gap in best["Transformer"] - best["LSTM"]]


def leads_at(races: dict, number: int) -> list[float]:
    """By how many bits the LSTM is ahead at so many characters each, one number a seed; each at its better rate."""

    def best(model):
        curves = [races[key(model, rate)] for rate in RATES]
        return np.min([[np.interp(number, characters, seed) for seed in bits] for bits, characters in curves], axis=0)

    return [float(gap) for gap in best("Transformer") - best("LSTM")]


def _title(races, place, second, rates, over):
    if any(key(model, rate) not in races for model in ("LSTM", "Transformer") for rate in rates):
        return "The race is not stored whole"
    if over == "seconds":
        gap = statistics.mean(leads(races, place, rates))
        return f"After {second} s {_ahead(gap)}"
    gaps = []
    for rate in rates:
        (lstm, read), (blocks, common) = (races[key(model, rate)] for model in ("LSTM", "Transformer"))
        number = min(read[place], common[place])
        at = [np.interp(number, x, bits.mean(axis=0)) for bits, x in ((lstm, read), (blocks, common))]
        gaps.append((at[1], at[0], number))
    gap = min(blocks for blocks, _, _ in gaps) - min(lstm for _, lstm, _ in gaps)
    number = min(number for *_, number in gaps) / 1000
    return f"At {number:,.0f},000 characters {_ahead(gap)}"


def _ahead(gap):
    if abs(gap) < 0.02:
        return "LSTM and Transformer are level"
    return f"the {'LSTM' if gap > 0 else 'Transformer'} is ahead by {abs(gap):.2f} bit"


# ---- speed against length


def speed_against_length(points: dict) -> Picture:
    """Characters a second for texts of each length, as many characters an update. points: of helpers.sweep."""
    from helpers.measuring.timing import busy_sentence

    speeds = race.speeds(points)
    loser = race.loses_most(points)
    times = speeds[loser][min(points)] / speeds[loser][max(points)]
    title = f"The {loser} loses most: {times:.1f} times slower at T = {max(points):,}"
    if times <= 1.0:
        title = "Nobody loses speed"
    busy = busy_sentence(timing for point in points.values() for timing in point.values())
    plot = figure(
        title,
        x=axis("T, characters of a text", log=True, values=list(points), span=(min(points) / 1.2, max(points) * 1.2)),
        y=axis("thousand characters a second", log=True, values=[1, 2, 5, 10, 20, 50, 100, 200]),
        height=380,
        right=150,
        note=f"Forward and backward, {race.AT_ONCE:,} characters at once, one thread. Bars: 20 to 80 %. {busy or HERE}",
    )
    labels = {}
    for name, speed in speeds.items():
        y = [value / 1000 for value in speed.values()]
        _line(plot, name, list(speed), y)
        ends = [
            (race.AT_ONCE / point[name].p80 / 1000, race.AT_ONCE / point[name].p20 / 1000) for point in points.values()
        ]
        high, low = ([abs(end[side] - value) for end, value in zip(ends, y, strict=True)] for side in (1, 0))
        plot.data[-1].error_y = {"type": "data", "array": high, "arrayminus": low, "thickness": 1.5}
        labels[name] = (list(speed)[-1], y[-1], COLOURS[name])
    highest = 0.0
    for name, (x, y, colour) in sorted(labels.items(), key=lambda item: item[1][1]):
        highest = max(y, 1.17 * highest)
        annotate(plot, name, x, highest, colour=colour, xshift=9, size=13)
    text = "Figure: characters a second of the three models, and of fused attention, for texts of each length. "
    return Picture(plot, text=text + HERE)


# ---- the recorded GPU

UPDATE = "language models, one update"  # of helpers.measuring.contests


def recorded_update() -> Page | Picture:
    """The update of three language models on a GPU, if a recording holds it; else how one is made."""
    try:
        recordings = [recording for recording in find_recordings(UPDATE) if recording.kind == "cuda"]
    except CourseError:
        recordings = []
    if not recordings:
        sentence = (
            "This race is not recorded on a GPU yet. Where one is at hand, “make record” makes the file; put into "
            "course/results/kernels/, it is drawn here."
        )
        return Page(card(sentence), sentence)
    recording = recordings[-1]
    names = {"LSTM": "LSTM", "attention": "Transformer", "minGRU": "minGRU"}
    looks = {"LSTM": (theme.LSTM, "dash"), "attention": (theme.ATTENTION, "solid"), "minGRU": (theme.GRU, "dot")}
    medians = {
        T: {kernel: time.median for kernel, time in point.items() if math.isfinite(time.median)}
        for T, point in recording.points.items()
    }
    title = "One update of three language models on a GPU"
    both = [T for T, point in medians.items() if {"LSTM", "attention"} <= set(point)]
    if both:
        last = max(both)
        ratio = medians[last]["LSTM"] / medians[last]["attention"]
        slower, times = ("LSTM", ratio) if ratio > 1 else ("Transformer", 1 / ratio)
        title = f"On this GPU, at T = {last:,}, the {slower} takes {times:.1f} times as long"
    plot = figure(
        title,
        x=axis("T, bytes of a text", log=True, values=list(recording.points)),
        y=axis("ms an update", log=True, values=[1, 2, 5, 10, 20, 50, 100, 200, 500]),
        height=380,
        right=110,
        note=f"{recording.label}, {recording.versions}. {recording.about}",
    )
    for kernel, name in names.items():
        points = {T: 1e3 * point[kernel] for T, point in medians.items() if kernel in point}
        if points:
            colour, dash = looks[kernel]
            line = {"color": colour, "dash": dash, "width": 3}
            plot.add_scatter(x=list(points), y=list(points.values()), mode="lines+markers", name=name, line=line)
            annotate(plot, name, max(points), points[max(points)], colour=colour, xshift=9)
    return Picture(plot)
