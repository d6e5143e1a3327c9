"""Lesson 10: four ways to cut one block, the turns of a ring, and what a larger batch saves."""

from typing import NamedTuple

from helpers.distributed import traffic
from helpers.distributed.traffic import Traffic

from ...show import theme
from ...show.display import Page, Picture
from ...show.marks import annotate, axis, figure, sheet, tag

EXAMPLES, WIDTH, BYTES = 32, 512, 2  # of the block that is cut; numbers of 16 bits
WORKERS, WORDS, PIECES = [2, 4, 8], [16, 256, 4096], [1, 2, 4, 8, 16]
MOST_DRAWN = 40  # exchanges in half a schedule

SMALL = 15.5  # of the drawing's text: 11 pixels where it is narrowest, 640
LEFT, COLUMN, ACROSS = 12, 210, 194  # units of the drawing: where the first column stands, the next, how wide it is
BOX, SCHEDULE = 104, 66  # heights
ROWS = {"block": 190, "LSTM": 308}  # where each model's schedule begins
HEIGHT = 402


class Cut(NamedTuple):
    """One way to cut: its name, what a worker gets, and what it sends for each model."""

    name: str
    gets: str
    block: Traffic
    lstm: Traffic


def cuts(P: int, T: int, M: int) -> list[Cut]:
    """The four ways, for P workers, T words and M pieces."""
    sizes = dict(P=P, D=WIDTH, itemsize=BYTES)
    words = sizes | dict(B=EXAMPLES, T=T)
    layers = traffic.by_layers(**words, M=M)
    return [
        Cut("batch", "some examples", *(traffic.by_batch(kind, **sizes) for kind in (traffic.BLOCK, traffic.LSTM))),
        Cut("width", "some heads, some units", traffic.block_by_width(**words), traffic.lstm_by_width(**words)),
        Cut("layers", f"one of {P} layers", layers, layers),
        Cut("time", "some words", traffic.block_by_time(**words), traffic.lstm_by_time(**sizes, B=EXAMPLES, M=M)),
    ]


def four_ways(workers=4, words=256, pieces=8):
    """Four ways to cut one block: what each worker gets, when it works and waits, and what is sent for it.

    workers: P; words: T; pieces: the sub-batches of a pipeline, M.
    """
    ways = cuts(workers, words, pieces)
    drawing = tag(
        "svg",
        tag("style", _STYLE),
        [_column(place, way, workers, words, pieces) for place, way in enumerate(ways)],
        viewBox=f"0 0 884 {HEIGHT}",
        width="100%",
        role="img",
        class_="four-ways",
        style={"font-family": theme.FONT, "background-color": theme.PAPER, "min-width": "600px"},  # a telephone scrolls
    )
    title = f"By width a block waits 4 times, an LSTM {ways[1].lstm.exchanges:,} times"
    note = (
        f"One layer (by layers: {workers}), {EXAMPLES} examples, {words:,} words, width {WIDTH}, numbers of 16 bits: one "
        "training step, forward and then, paler, backward. Each row is a worker; grey: it waits for work. Black: all "
        f"exchange ({MOST_DRAWN} drawn at most). MB: sent by all together. The lengths of two pictures do not compare. Point at "
        "them: a line runs through the step."
    )
    page = sheet(
        title,
        tag("div", drawing, style={"overflow-x": "auto"}, tabindex=0, role="region", aria_label=title),
        tag("div", note, style={"color": theme.MUTED, "font-size": "13px"}),
    )
    return Page(page, _four_in_words(title, ways, workers, words, pieces))


_STYLE = (
    "@keyframes four-ways-now{from{transform:translateX(0);opacity:1}to{transform:translateX(194px);opacity:1}}"
    ".four-ways .now{opacity:0}"
    "@media (prefers-reduced-motion:no-preference){.four-ways:hover .now{animation:four-ways-now 4s linear 1}}"
)


def _four_in_words(title, ways, workers, words, pieces):
    lines = [
        f"Figure: {title}",
        f"{workers} workers, {words:,} words, {pieces} pieces; one training step of one layer.",
    ]
    for way in ways:
        for model, sent in (("block", way.block), ("LSTM", way.lstm)):
            lines.append(f"{way.name} ({way.gets}), {model}: {_sent(sent)}, {_idle(sent)}")
    return "\n".join(lines)


def _sent(sent):
    """ "4 exchanges", "16 handed on, 1 sum"."""
    if sent.handed:
        return f"{sent.handed} handed on" + (f", {sent.exchanges} sum" if sent.exchanges else "")
    return f"{sent.exchanges:,} exchange{'s' * (sent.exchanges != 1)}"


def _idle(sent):
    size = sent.bytes / 1e6
    return f"{size:,.{0 if size >= 10 else 1}f} MB, idle {sent.idle:.0%}"


def _column(place, way, P, T, M):
    left = LEFT + COLUMN * place
    marks = [
        _text(left, 18, f"by {way.name}", weight="bold", size=17),
        _text(left, 36, way.gets, colour=theme.MUTED),
        tag("g", _BOXES[way.name](P), transform=f"translate({left},50)"),
    ]
    for model, colour in (("block", theme.ATTENTION), ("LSTM", theme.LSTM)):
        sent = way.block if model == "block" else way.lstm
        top = ROWS[model]
        marks += [
            _text(left, top - 6, f"{model}: {_sent(sent)}", weight="bold"),
            tag("g", _schedule(way.name, model, P, T, M, colour), transform=f"translate({left},{top})"),
            _text(left, top + SCHEDULE + 17, _idle(sent), colour=theme.BAD if sent.idle else theme.MUTED),
        ]
    return marks


def _text(x, y, words, colour=theme.INK, weight="normal", anchor="start", size=SMALL):
    look = {"fill": colour, "font_size": size, "font_weight": weight, "text_anchor": anchor}
    return tag("text", words, x=round(x), y=round(y), **look)


# ---- the boxes: time to the right, width upwards, examples backwards

DEEP, BACK = 34, 0.6  # how far the examples go back, and how steeply
LONG, HIGH = 150, BOX - 22


def _tint(worker, P):
    """A worker's colour, from sand to amber; also its number tells them apart."""
    share = worker / max(1, P - 1)
    light, dark = (250, 240, 218), (222, 171, 84)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in zip(light, dark, strict=True))


def _cuboid(x, y, long, high, deep, fill, name=""):
    """A cuboid whose front's upper left corner is (x, y)."""
    rise = deep * BACK
    look = {"fill": fill, "stroke": theme.MUTED, "stroke_width": 1, "stroke_linejoin": "round"}
    faces = [
        f"M{x:.5g},{y:.5g} h{long:.5g} v{high:.5g} h{-long:.5g} z",
        f"M{x:.5g},{y:.5g} l{deep:.5g},{-rise:.5g} h{long:.5g} l{-deep:.5g},{rise:.5g} z",
        f"M{x + long:.5g},{y:.5g} l{deep:.5g},{-rise:.5g} v{high:.5g} l{-deep:.5g},{rise:.5g} z",
    ]
    label = _text(x + long / 2, y + high / 2 + 0.36 * SMALL, name, anchor="middle") if name else None
    return [*(tag("path", d=face, **look) for face in faces), label]


def _name(worker, P, high):
    """A worker's number; where slices are thin, those of the first and the last."""
    return worker + 1 if high > SMALL or worker in (0, P - 1) else ""


def _box_by_batch(P):
    deep, marks = DEEP / P, []
    for worker in reversed(range(P)):
        back = worker * deep
        marks.append(_cuboid(back, 22 - back * BACK, LONG, HIGH, deep, _tint(worker, P), "1" if not worker else ""))
    marks += [_text(LONG + DEEP + 3, 12, P, colour=theme.MUTED)]
    return marks


def _box_by_width(P):
    high = HIGH / P
    return [_cuboid(0, 22 + high * w, LONG, high, DEEP, _tint(w, P), _name(w, P, high)) for w in reversed(range(P))]


def _box_by_layers(P):
    gap = 4 if P < 8 else 2
    rise = DEEP * BACK
    high = (BOX - (P - 1) * gap - rise) / P
    tops = [rise + worker * (high + gap) for worker in range(P)]
    return [
        _cuboid(0, top, LONG, high, DEEP, _tint(P - 1 - place, P), _name(P - 1 - place, P, high))
        for place, top in reversed(list(enumerate(tops)))
    ]


def _box_by_time(P):
    long = LONG / P
    return [_cuboid(long * w, 22, long, HIGH, DEEP, _tint(w, P), w + 1) for w in range(P)]


_BOXES = {"batch": _box_by_batch, "width": _box_by_width, "layers": _box_by_layers, "time": _box_by_time}


# ---- the schedules: forward in the left half, backward in the right


def schedule(P, M):
    """[(worker, tick, piece)] of a pipeline's forward half: each waits for the one before, and for its own last piece.

    >>> schedule(2, 2)
    [(0, 0, 0), (0, 1, 1), (1, 1, 0), (1, 2, 1)]
    """
    return [(worker, worker + piece, piece) for worker in range(P) for piece in range(M)]


def _schedule(cut, model, P, T, M, colour):
    high, half = SCHEDULE / P, ACROSS / 2
    is_pipeline = cut == "layers" or (cut == "time" and model == "LSTM")
    marks = [tag("rect", x=0, y=0, width=ACROSS, height=SCHEDULE, fill=theme.LINE)]
    if is_pipeline:
        marks += _pipeline(P, M, colour, high, half)
    else:
        for worker in range(P):
            bar = dict(y=round(worker * high, 2), width=half, height=round(high - 1.5, 2), fill=colour)
            marks += [tag("rect", x=0, **bar), tag("rect", x=half, opacity=0.6, **bar)]
    marks += [_exchange(x) for x in _exchanges(cut, model, P, T)]
    marks.append(tag("line", x1=half, y1=-3, x2=half, y2=SCHEDULE + 3, stroke=theme.PAPER, stroke_width=2))
    marks.append(tag("line", x1=0, y1=-3, x2=0, y2=SCHEDULE + 3, stroke=theme.BAD, stroke_width=2.5, class_="now"))
    return marks


def _pipeline(P, M, colour, high, half):
    long = half / (M + P - 1)
    for worker, tick, _ in schedule(P, M):
        bar = dict(y=round(worker * high, 2), height=round(high - 1.5, 2), width=round(long - 0.8, 2), fill=colour)
        yield tag("rect", x=round(tick * long, 2), **bar)
        yield tag("rect", x=round(ACROSS - (tick + 1) * long, 2), opacity=0.6, **bar)


def _exchange(x):
    return tag("line", x1=round(x, 2), y1=-3, x2=round(x, 2), y2=SCHEDULE + 1.5, stroke="#000000", stroke_width=1.4)


def _exchanges(cut, model, P, T):
    """Where in the schedule all workers exchange, between 0 and ACROSS."""
    half, end = ACROSS / 2, ACROSS - 1
    if cut == "batch" or (cut == "time" and model == "LSTM"):
        return [end]
    if cut == "width":
        count = 2 if model == "block" else min(T, MOST_DRAWN)
        return [(n + 1) * half / count - 1 + side for side in (0, half) for n in range(count)]
    if cut == "time":
        turns = [n * half / P for n in range(1, P)]
        return [*turns, *(half + turn for turn in turns), end - 2, end]
    return []


# ---- what a larger batch saves


def saved_steps(steps, least, critical):
    """Steps to the target against the batch, both axes logarithmic, with the two limits and the fitted line.

    steps: {batch: steps}; least and critical: of the fit steps = least · (1 + critical / batch).
    """
    batches = list(steps)
    plot = figure(
        f"Beyond some {critical:,.0f} examples a step, few steps are saved",
        x=axis("examples a step", log=True, values=[1, 10, 100, 1000, 10_000, 100_000], span=(0.8, 120_000)),
        y=axis("steps to 1 % of the loss", log=True, values=[10, 100, 1000, 10_000, 100_000], span=(20, 200_000)),
        height=400,
        right=40,
        note="A bowl with 100 curvatures, noise as in a linear model, the best of 400 rates for each batch.",
    )
    line = {"color": theme.GREY, "width": 2, "dash": "dash"}
    plot.add_scatter(
        x=batches,
        y=[least * (1 + critical / batch) for batch in batches],
        mode="lines",
        name="least · (1 + critical / batch)",
        line=line,
    )
    marker = {"color": theme.ACCENT, "size": 10}
    plot.add_scatter(x=batches, y=list(steps.values()), mode="markers", name="steps", marker=marker)
    annotate(plot, "twice the batch, half the steps", 30, steps[32] * 2.2, colour=theme.INK, xshift=10)
    annotate(plot, "twice the batch, as many steps", 800, least * 0.55, colour=theme.INK)
    return Picture(plot)
