"""Lesson 13: the cliff behind the places that were taught, and three tasks that nobody wins all."""

import statistics

from helpers import span_of
from helpers.counting import rounds as graphs

from ...results import trained
from ...show import theme
from ...show.display import Picture
from ...show.looks import MODELS, Look
from ...show.marks import BREAK, annotate, axis, figure, guide, tag

SCAN, SIGNED = Look(theme.GRU, "dot", "triangle-up"), Look(theme.GRU, "solid", "triangle-down")
LINEAR, TURNING = Look(theme.ACCENT, "dash", "pentagon"), Look(theme.ACCENT, "solid", "star")
LOOKS = {
    "Elman RNN": MODELS["Elman RNN"],
    "LSTM": MODELS["LSTM"],
    "scan, 0 to 1": SCAN,
    "scan, −1 to 1": SIGNED,
    "orthogonal": TURNING,
    "Transformer": MODELS["attention"],
    "attention": MODELS["attention"],
    "linear attention": LINEAR,
}
ONE_PASS, WRITES = "answers in one pass", "writes its state down"
LENGTHS = [8, 9, 10, 16, 64, 1000]  # where the slider stops
DRAWN = {1, 2, 4, 8, 9, 10, 16, 32, 64, 128, 256, 300, 1000, 10_000}  # of the lengths stored; the curves need no more
STORED = {  # panel: {model: name of the stored result}
    "parity": {
        "Elman RNN": "elman-parity",
        "LSTM": "lstm-parity",
        "scan, 0 to 1": "gates-0-1-parity",
        "scan, −1 to 1": "signed-start-slope-parity",
        "Transformer": "reader-parity",
    },
    "cups": {
        "Elman RNN": "elman-cups",
        "LSTM": "lstm-cups",
        "scan, −1 to 1": "signed-cups",
        "orthogonal": "turning-cups",
        "Transformer": "reader-cups",
    },
    "pairs": {
        "attention": "attention-pairs",
        "linear attention": "linear-pairs",
        "LSTM": "lstm-pairs",
        "scan, −1 to 1": "scan-pairs",
    },
}
WRITERS = {"parity": "writer-parity", "cups": "writer-cups"}
GUESSING = {"parity": 0.5, "cups": 0.2, "pairs": 1 / 16}
SHARES = {"tickvals": [0, 0.5, 1], "ticktext": ["0", "half", "all"], "span": (-0.04, 1.09)}


def mean_curve(name):
    """{length: share right, the mean of the stored seeds}; empty where nothing is stored."""
    runs = trained.load("13").get(name, {"runs": {}})["runs"].values()
    points = [dict(run["curve"]) for run in runs]
    return {length: statistics.mean(curve[length] for curve in points) for length in (points[0] if points else ())}


def stored(*names):
    """Stored results in words, two lines each, and what they ran on."""
    results, lines = trained.load("13"), []
    for name in names:
        result = results[name]
        runs = [result["runs"][seed] for seed in sorted(result["runs"], key=int)]
        shares = ", ".join(f"{run['outcome']:.2f}" for run in runs)
        asked = f"at {'least' if result['at_least'] else 'most'} {result['threshold']:g} was asked beforehand"
        passing = f"{sum(run['passed'] for run in runs)} of {len(runs)} seeds pass"
        lines += [result["task"], f"    {shares}   {passing}: {asked}, guessing has {result['baseline']:.3g}"]
    return "\n".join([*lines, f"Shares right, stored {runs[-1]['date']}: {runs[-1]['device'].split(';')[0]}."])


# ---- the cliff


def cliff(elman, transformer):
    """Right by place, (T,) each, of nets taught on 8 bits; beside them the stored Transformers taught on 16."""
    longer = {place: share for place, share in mean_curve("reader-parity-16").items() if place <= 20}
    falls = transformer[7] > 0.85 and transformer[9:20].mean() < 0.65 and elman[19] > 0.9
    title = "The Transformer learned places, not parity" if falls else "What was right, place by place"
    plot = figure(
        title,
        x=axis("place in the text", tickvals=[1, 4, 8, 12, 16, 20], span=(0.5, 24.5)),
        y=axis(**SHARES),
        height=370,
        headings=["Answers that are right"],
        note="Both were taught on 8 bits, live. Dashed: Transformers taught on 16 bits for 1,000 steps (stored, mean of "
        "three seeds). Dotted: guessing.",
    )
    places = list(range(1, 21))
    series = {
        "Elman RNN": (places, elman[:20].tolist(), "solid"),
        "Transformer": (places, transformer[:20].tolist(), "solid"),
        "Transformer, taught on 16": (list(longer), list(longer.values()), "dash"),
    }
    for name, (x, y, dash) in series.items():
        look = LOOKS[name.split(",")[0]]
        line = {"color": look.colour, "dash": dash, "width": 3}
        plot.add_scatter(
            x=x, y=[round(share, 2) for share in y], name=name, mode="lines+markers", line=line,
            marker={"symbol": look.marker, "size": 7},
        )  # fmt: skip
    guide(plot, y=0.5)
    annotate(plot, "Elman RNN", 20.4, 1.0, colour=theme.RNN)
    annotate(plot, "taught on 8", 10.2, 0.7, colour=theme.ATTENTION)
    annotate(plot, "taught on 16", 18, 0.8, colour=theme.ATTENTION)
    words = f"Up to place 8 the Transformer is {_word(transformer[7])}, at places 10 to 20 {_word(transformer[9:20].mean())}"
    text = f"{words}; the Elman net is {_word(elman[7])}, and at place 20 {_word(elman[19])}."
    return Picture(plot, text=f"Figure: {title}\n{text}")


def _word(share):
    return "right" if share > 0.85 else "no better than guessing" if share < 0.65 else "partly right"


# ---- three tasks


def three_tasks(length=9, transformer=ONE_PASS):
    """What each model has right, over the length, in three tasks; and at one length, with the rounds that it takes.

    length: bits or moves at which the table reads. transformer: ONE_PASS or WRITES.
    """
    curves = {
        panel: {model: mean_curve(_name(panel, model, name, transformer)) for model, name in stored.items()}
        for panel, stored in STORED.items()
    }
    title = "Three tasks, nobody wins all"
    plot = figure(
        title,
        height=540,
        rows=2,
        columns=2,
        headings=["Parity, after so many bits", "Five cups, moves", "Look up, among pairs", f"After {length:,}"],
        note="Right, mean of three stored seeds. Grey: lengths that were taught; of five cups 8 to the Transformer that answers "
        "in one pass, 16 to the others. Dotted: guessing. Rounds: to answer at every place; of a scan none is counted here.",
        vertical_spacing=0.2,
        horizontal_spacing=0.1,
    )
    for place, panel in enumerate(curves):
        row, column = place // 2 + 1, place % 2 + 1
        _draw(plot, row, column, panel, curves[panel])
        if panel != "pairs":
            guide(plot, x=length, row=row, column=column, colour=theme.INK, dash="solid")
    _table(plot, length, transformer, curves)
    return Picture(plot, text="\n".join([f"Figure: {title}", *_in_words(length, transformer, curves)]))


def _name(panel, model, name, transformer):
    return WRITERS.get(panel, name) if model == "Transformer" and transformer == WRITES else name


def _draw(plot, row, column, panel, curves):
    long = panel != "pairs"
    x = axis(
        log=True,
        values=[1, 8, 100, 1000, 10_000] if long else [4, 32, 256],
        span=(0.9, 14_000) if long else (3.4, 310),
    )
    plot.update_xaxes(x, row=row, col=column)
    plot.update_yaxes(axis(**SHARES), row=row, col=column)
    for model, curve in curves.items():
        look, drawn = LOOKS[model], {int(x): round(share, 2) for x, share in curve.items() if x in DRAWN}
        plot.add_scatter(
            x=list(drawn), y=list(drawn.values()), name=model, mode="lines+markers",
            line={"color": look.colour, "dash": look.dash, "width": 3}, marker={"symbol": look.marker, "size": 7},
            row=row, col=column,
        )  # fmt: skip
    guide(plot, y=GUESSING[panel], row=row, column=column)
    if not long:  # two that the table does not name
        annotate(plot, "attention", 60, 0.86, row=row, column=column, colour=theme.ATTENTION, size=13)
        annotate(plot, "linear attention", 34, 0.62, row=row, column=column, colour=theme.ACCENT, size=13)
    for most in {"parity": (8,), "cups": (8, 16), "pairs": (32,)}[panel]:
        plot.add_vrect(0.5, most, fillcolor=theme.GREY, opacity=0.12, line_width=0, layer="below", row=row, col=column)


def rounds_of(model, length, transformer):
    """How many rounds a model takes to answer at every place; None where no round is counted."""
    if model in ("Elman RNN", "LSTM"):
        return span_of(graphs.recurrent_with_outputs(length))
    if model == "Transformer":
        one_pass = span_of(graphs.transformer(2))  # the same at any length
        return one_pass * (length if transformer == WRITES else 1)
    return None


def _table(plot, length, transformer, curves):
    hidden = {"visible": False, "range": [0, 1]}
    plot.update_xaxes(hidden, row=2, col=2)
    plot.update_yaxes(hidden, row=2, col=2)
    plot.add_scatter(x=[0], y=[0], opacity=0, hoverinfo="skip", row=2, col=2)  # plotly drops a panel without a series
    models = [*curves["parity"], *(model for model in curves["cups"] if model not in curves["parity"])]
    names = [tag("b", tag("span", model, style=f"color:{_ink(model)}")) for model in models]
    shares = {name: [curves[name].get(model, {}).get(length) for model in models] for name in ("parity", "cups")}
    rounds = [rounds_of(model, length, transformer) for model in models]
    columns = [
        ("", names, 0.0, "left"),
        ("parity", [_cell(share, ".2f") for share in shares["parity"]], 0.55, "right"),
        ("cups", [_cell(share, ".2f") for share in shares["cups"]], 0.74, "right"),
        ("rounds", [_cell(number, ",") for number in rounds], 1.0, "right"),
    ]
    for heading, cells, x, side in columns:  # a column is one text: every place of the slider stores its own
        lines = BREAK.join([tag("span", heading, style=f"color:{theme.MUTED}") if heading else "\u00a0", *cells])
        place = {"within": "panel", "xanchor": side, "align": side, "yanchor": "top"}
        annotate(plot, lines, x, 1.0, row=2, column=2, size=13, **place)


def _ink(model):
    colour = LOOKS[model].colour
    return theme.MUTED if colour == theme.GREY else colour


def _cell(number, pattern):
    return "–" if number is None else format(number, pattern)


def _in_words(length, transformer, curves):
    for panel, name in (("parity", "parity"), ("cups", "five cups")):
        shares = (f"{model} {_band(curve.get(length), GUESSING[panel])}" for model, curve in curves[panel].items())
        yield f"{name} after {length:,}: {', '.join(shares)}."
    at_256 = (f"{model} {_band(curve.get(256), GUESSING['pairs'])}" for model, curve in curves["pairs"].items())
    yield f"256 pairs: {', '.join(at_256)}."
    yield (
        f"Rounds: the RNNs {rounds_of('LSTM', length, transformer):,}, the Transformer that {transformer} "
        f"{rounds_of('Transformer', length, transformer):,}."
    )


def _band(share, guessing):
    return "not asked" if share is None else f"{share:.2f}"
