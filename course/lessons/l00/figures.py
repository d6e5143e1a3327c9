"""Lesson 00: what this machine can do, two stop-watches at one queue, and the race as it was recorded."""

import statistics

from ...results.recordings import find_recordings
from ...show import theme
from ...show.display import Page, Picture
from ...show.marks import annotate, axis, card, figure, guide, joined, sheet, tag
from .pretend import ClockworkGPU

# ---- what this machine can do


def this_machine(measured):
    """Three measured numbers side by side, and what they mean for each other. measured: helpers.measure()."""
    rate = measured.matmul["float32"]
    panels = [
        ("it moves", measured.copy, "a large block of memory copied; each byte counts once read and once written"),
        ("it multiplies", rate, "additions and multiplications of one large matrix product in float32"),
        ("it starts", measured.launch, "the smallest job: one addition to one number, nearly all of it starting"),
    ]
    fetch = round(4 * rate.median / measured.copy.median)
    start = float(f"{rate.median * measured.launch.median:.2g}")
    waits = joined(
        *("In the time it takes to move ", tag("b", "one number"), " of 4 bytes, it could do "),
        *(tag("b", f"{fetch:,} operations"), ". In the time it takes to start ", tag("b", "one tiny job")),
        *(", it could do ", tag("b", f"{start:,.0f}"), "."),
    )
    page = sheet(
        "What this machine can do",
        tag(
            "div",
            [_quantity(*panel) for panel in panels],
            style={"display": "flex", "flex-wrap": "wrap", "gap": "12px"},
        ),
        tag("div", waits, style={"margin-top": "12px", "font-size": "15px"}),
        tag("div", measured.device.sentence(), style={"margin-top": "4px", "font-size": "12px", "color": theme.MUTED}),
    )
    text = (
        "What this machine can do, measured now: bytes copied a second, operations a second in a matrix product, "
        "seconds to start a tiny job; each a median with the range of the middle 60 % of its repeats."
    )
    return Page(page, text)


def _quantity(verb, quantity, meaning):
    number, _, spread = str(quantity).partition(" (")
    box = {"flex": "1 1 180px", "background-color": theme.WASH, "padding": "8px 12px"}
    return tag(
        "div",
        tag("div", verb, style={"color": theme.MUTED}),
        tag("div", number, style={"font-size": "26px", "font-weight": "bold", "line-height": "1.3"}),
        tag("div", spread.rstrip(")"), style={"font-size": "12px", "color": theme.MUTED}),
        tag("div", meaning, style={"font-size": "13px", "margin-top": "4px"}),
        style=box | {"border-top": f"4px solid {theme.ATTENTION}"},
    )


# ---- two stop-watches at one queue

LAUNCH, JOBS = 10, 5
NUMBERS = [str(number) for number in range(1, JOBS + 1)]


def two_stopwatches(job_time=30):
    """Python hands five jobs to a GPU's queue: where the wrong stop-watch stops, and where the right one.

    job_time: microseconds that the GPU needs for one; handing it over takes Python 10. A model, nothing is measured.
    """
    gpu = ClockworkGPU(job_time, launch=LAUNCH)
    for _ in range(JOBS):
        gpu.launch("job")
    wrong = round(gpu.clock())
    gpu.synchronise()
    right = round(gpu.clock())
    idle = right - JOBS * job_time
    if job_time > LAUNCH:
        title = f"The wrong stop-watch says {wrong} µs, the right one {right} µs"
    else:
        title = f"Both say about {wrong} µs; the GPU is idle {idle / right:.0%} of it"
    lanes = axis(autorange="reversed", ticks="", showgrid=False, fixedrange=True, tickfont={"size": 15})
    span = (0, LAUNCH + JOBS * 60 + 45)
    plot = figure(title, x=axis("time (µs)", span=span, fixedrange=True), y=lanes, height=320, left=80, above=50)
    plot.update_layout(barmode="overlay")
    handed = [(LAUNCH * n, LAUNCH * (n + 1)) for n in range(JOBS)]
    waits = ["waits" if right - wrong > 25 else ""]
    _bars(plot, "Python", handed, "Python hands over a job", theme.INK, NUMBERS)
    _bars(plot, "Python", [(wrong, right)], "Python waits in synchronise()", theme.LINE, waits, "/")
    _bars(plot, "GPU", gpu.runs, "the GPU works", theme.ATTENTION, NUMBERS if job_time >= LAUNCH else [""] * JOBS)
    is_close = right - wrong < 80  # then the labels stand one above the other
    _mark(plot, wrong, "wrong: stops here", theme.BAD, "dot", 24 if is_close else 4)
    _mark(plot, right, "right: waits, then stops", theme.GOOD, "solid", 4)
    text = (
        f"Figure: {title}\nA model. Python hands over {JOBS} jobs in {LAUNCH} µs each, 0 to {wrong} µs, then waits until "
        f"{right} µs. The GPU starts the first at {LAUNCH} µs and ends the last at {right} µs, {idle} µs of it idle."
    )
    return Picture(plot, text=text)


def _bars(plot, lane, spans, name, colour, text, pattern=""):
    """One bar for each (start, end) in a lane."""
    plot.add_bar(
        base=[start for start, _ in spans],
        x=[end - start for start, end in spans],
        y=[lane] * len(spans),
        name=name,
        orientation="h",
        width=0.5,
        marker={"color": colour, "line": {"color": theme.PAPER, "width": 1.5}, "pattern": {"shape": pattern}},
        text=text,
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"color": theme.INK if pattern else theme.PAPER, "size": 13},
        constraintext="none",
        hovertemplate=f"{name}: %{{base}} to %{{customdata}} µs<extra></extra>",
        customdata=[end for _, end in spans],
    )


def _mark(plot, time, label, colour, dash, above):
    """A line through both lanes, and its name so many px above."""
    guide(plot, x=time, colour=colour, dash=dash, width=2.5)
    plot.layout.shapes[-1].layer = "above"
    place = {"xanchor": "right" if time > 200 else "left", "yanchor": "bottom", "yshift": above}
    annotate(plot, tag("b", label), time, 1, within="height", colour=colour, **place)


# ---- the race, as it was recorded

CONTESTS = {"LSTM": "lstm D=768, trained", "attention": "attention D=64, trained"}  # of helpers.measuring.contests
WIDTHS = {"LSTM": 768, "attention": 1024}  # of the layer: 16 heads of 64 make 1,024
TEXTS = 16  # of the LSTM's contest; attention's has 16,384 words in all


def recorded_race():
    """Nanoseconds a word, forward and backward, on the GPU that was recorded: an LSTM layer and attention's core."""
    recordings = {model: find_recordings(contest)[-1] for model, contest in CONTESTS.items()}
    kernels = {"LSTM": "torch", "attention": "auto"}
    words = {"LSTM": lambda T: TEXTS * T, "attention": lambda T: 16384}
    nanoseconds = {
        model: {T: 1e9 * times[kernels[model]].median / words[model](T) for T, times in recording.points.items()}
        for model, recording in recordings.items()
    }
    longest = max(nanoseconds["attention"])
    device = recordings["LSTM"].device.split(" (")[0]
    times_the_work = work_a_word("attention", longest) / work_a_word("LSTM", longest)
    title = f"Attention is ahead here, even at {times_the_work:.1f} times the work"
    plot = figure(
        title,
        x=axis("words of a text", log=True, values=[256, 1024, 4096, 16384], span=(200, 40000)),
        y=axis("nanoseconds a word", span=(0, 520)),
        height=380,
        note=f"{recordings['LSTM'].label}, {recordings['LSTM'].versions}. Forward and backward. LSTM: one layer, 768 wide, "
        f"{TEXTS} texts, cuDNN, float16. Attention: 16 heads of 64, causal, without projections, 16,384 words, bfloat16.",
    )
    for model, colour, dash in (("LSTM", theme.LSTM, "dash"), ("attention", theme.ATTENTION, "solid")):
        points = nanoseconds[model]
        line = {"color": colour, "width": 3, "dash": dash}
        plot.add_scatter(x=list(points), y=list(points.values()), mode="lines+markers", line=line, name=model)
        for T, time in points.items():
            work = work_a_word(model, T) / 1e6
            annotate(plot, f"{work:.1f} M", T, time, yshift=16, xanchor="center", colour=theme.MUTED, size=13)
        end = max(points)
        annotate(plot, tag("b", model), end, points[end], xshift=12, colour=colour)
    annotate(plot, "M: million multiply–adds a word, forward", 0.02, 0.62, within="panel", colour=theme.MUTED, size=13)
    lines = [
        f"{model}, ns a word: " + ", ".join(f"{time:.0f} at {T:,}" for T, time in points.items())
        for model, points in nanoseconds.items()
    ]
    text = f"Figure: {title}\nRecorded on {device}, forward and backward.\n" + "\n".join(lines)
    text += f"\nWork a word: LSTM {work_a_word('LSTM', longest) / 1e6:.1f} million multiply–adds, attention "
    text += ", ".join(f"{work_a_word('attention', T) / 1e6:.1f} at {T:,}" for T in nanoseconds["attention"])
    return Picture(plot, text=text)


def work_a_word(model, T):
    """Multiply–adds a word of the recorded contests, forward: the LSTM's products, attention's scores and means."""
    d = WIDTHS[model]
    return 8 * d * d if model == "LSTM" else (T + 1) * d  # causal: a word reads (T + 1) / 2 words on average, 2d each


# ---- three clocks: Python's, the browser's, and the recorded one's


def three_clocks(points, in_browser):
    """How many times as long as attention the recurrent layer took: here, in the browser, and as recorded.

    points: of the race above, {T: comparison of "LSTM" and "attention"}. in_browser: what course.show.race.race()
    returned; before it has run, or where it cannot bring its numbers back, a sentence stands for the figure.
    """
    browser = _ratios_in_browser(getattr(in_browser, "result", {}))
    if not browser:
        return Page(card(NO_CLOCK_YET), NO_CLOCK_YET)
    curves = {"LSTM, in Python": {T: point.ratio("LSTM", "attention").median for T, point in points.items()}}
    curves["RNN, in your browser"] = browser
    recordings = {model: find_recordings(contest)[-1] for model, contest in CONTESTS.items()}
    T = 4096  # where a word costs both about the same work
    lstm = recordings["LSTM"].points[T]["torch"].median / TEXTS
    curves["LSTM, recorded"] = {T: lstm / (recordings["attention"].points[T]["auto"].median * T / 16384)}
    plot = figure(
        "How many times as long as attention?",
        x=axis("words of a text", log=True, values=[16, 64, 256, 1024, 4096], span=(12, 60000)),
        y=axis("times as long", log=True, values=[0.1, 0.3, 1, 3, 10, 30, 100]),
        height=340,
        note=f"Forward and backward, equal work. Recorded: {recordings['LSTM'].label}, two kernels that do about the same "
        "work a word at 4,096 words.",
    )
    guide(plot, y=1)
    looks = [(theme.LSTM, "solid", "diamond"), (theme.RNN, "dash", "circle"), (theme.LSTM, "dot", "star")]
    looks = dict(zip(("LSTM, in Python", "RNN, in your browser", "LSTM, recorded"), looks, strict=True))
    for name, ratios in curves.items():
        colour, dash, symbol = looks[name]
        line, marker = {"color": colour, "width": 3, "dash": dash}, {"size": 9, "symbol": symbol, "color": colour}
        plot.add_scatter(
            x=list(ratios), y=list(ratios.values()), mode="lines+markers", line=line, marker=marker, name=name
        )
        annotate(plot, tag("b", name), max(ratios), ratios[max(ratios)], xshift=12, colour=colour)
    return Picture(plot, text=CLOCKS_IN_WORDS)


NO_CLOCK_YET = (
    "No race of a browser that counts yet. Run the one above, in JupyterLab, on a quiet machine, then this cell again: "
    "three clocks then stand in one figure, Python's, your browser's and the recorded one's."
)
CLOCKS_IN_WORDS = (
    "Figure: How many times as long as attention?\nThe recurrent layer's time over attention's, against the words: "
    "measured in Python, in the browser once its race has run, and as recorded on a GPU at 4,096 words."
)


def _ratios_in_browser(outcome):
    """{T: the quickest RNN's median over the quickest attention's}; {} where the times allow no conclusion."""
    if (
        not outcome
        or any(outcome.get(key) for key in ("wrong", "software", "hidden"))
        or outcome.get("slowed", 1) > 1.5
    ):
        return {}
    ratios = {}
    for row in outcome.get("rows", []):
        medians = {name: statistics.median(times) for name, times in row["samples"].items()}
        attention = min(time for name, time in medians.items() if name.startswith("attention"))
        ratios[row["T"]] = min(time for name, time in medians.items() if not name.startswith("attention")) / attention
    return ratios
