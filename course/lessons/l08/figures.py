"""Lesson 08: the roofline of this machine and of the recorded one, what waiting leaves of it, and a ladder of loops."""

from helpers import cost

from ...show import theme
from ...show.display import Picture
from ...show.marks import annotate, axis, figure, tag
from .parts import (
    TEXTS,
    WORDS,
    operations_of_a_step,
    product_intensity,
    recorded,
    recorded_abilities,
    recorded_cpu,
    step_time,
)

INTENSITIES = axis("operations for each byte that is moved", log=True, values=[0.1, 1, 10, 100, 1000], span=(0.1, 8000))
H200 = "recorded NVIDIA H200"
FEWEST, MOST = 0.1, 8000  # operations a byte, on the axis


# ---- this machine


def roofline(abilities, products, D):
    """What this machine could do with a byte, and what it did: dots for products of some rows with a (D, D) matrix.

    abilities: helpers.measure(). products: {rows: timing} in float32. The recorded H200's roof stands above.
    """
    can = recorded_abilities()
    copy, rate = abilities.copy.median, abilities.matmul["float32"].median
    plot = figure(
        f"A byte must bring {rate / copy:.0f} operations here, {can['matmul']['float16'] / can['copy']:.0f} on the H200",
        x=INTENSITIES,
        y=axis("operations a second", log=True, span=(1e9, 3e15), **_powers(range(9, 16, 2))),
        height=400,
        note=f"Roofs from a copy and a large product, float32 here, float16 on the {H200}. A dot: (rows, {D}) @ ({D}, {D}). "
        "What stays in a cache may lie above the sloping roof.",
    )
    _roof(plot, can["copy"], can["matmul"]["float16"], "H200, recorded", theme.GREY)
    _roof(plot, copy, rate, "this machine", theme.INK)
    rows = list(products)
    plot.add_scatter(
        x=[product_intensity(row, D, 4) for row in rows],
        y=[2 * row * D * D / timing.median for row, timing in products.items()],
        mode="markers",
        marker={"size": 10, "color": theme.ATTENTION},
        name="products",
        customdata=rows,
        hovertemplate="%{customdata} rows: %{y:.3s} operations a second<extra></extra>",
    )
    for row in (rows[0], rows[-1]):
        y = 2 * row * D * D / products[row].median
        label = f"{row} row" + "s" * (row > 1)
        annotate(plot, label, product_intensity(row, D, 4), y, xshift=10, yshift=-8, colour=theme.ATTENTION)
    text = (
        "Figure: the roofline of this machine, measured now, with products of "
        f"{', '.join(map(str, rows))} rows, {D} wide.\nRecorded on an H200: {can['copy'] / 1e12:.1f} TB/s, "
        f"{can['matmul']['float16'] / 1e12:.0f} TFLOP/s in float16, a ridge at "
        f"{can['matmul']['float16'] / can['copy']:.0f} operations a byte."
    )
    return Picture(plot, text=text)


def _powers(powers):
    """Labels in powers of ten."""
    names = {9: "10⁹", 10: "10¹⁰", 11: "10¹¹", 12: "10¹²", 13: "10¹³", 14: "10¹⁴", 15: "10¹⁵"}
    return {"tickvals": [10.0**power for power in powers], "ticktext": [names[power] for power in powers]}


def _roof(plot, copy, rate, name, colour):
    """The sloping roof of the bytes, and the flat one of arithmetic."""
    ridge = rate / copy
    line = {"color": colour, "width": 3}
    plot.add_scatter(x=[FEWEST, ridge, MOST], y=[FEWEST * copy, rate, rate], mode="lines", line=line, name=name)
    annotate(plot, tag("b", name), MOST, rate, xanchor="right", yshift=12, colour=colour)


# ---- what waiting leaves


def waiting(texts=16, width=768, words=1024):
    """The H200's roofline; on it one LSTM in three recorded forms, attention in two, and what the sliders make.

    texts, width, words: of an LSTM layer whose step takes as long as recorded with 16 texts, however many there are.
    """
    can = recorded_abilities()
    rate, copy = can["matmul"]["float16"], can["copy"]
    x = cost.lstm(words, width, B=texts).intensity(2)
    roof = min(rate, x * copy)
    left = min(roof, operations_of_a_step(texts, width) / step_time(width))
    title = f"{_texts(texts)}: waiting leaves at most {_share(left / rate)} of this GPU"
    if left == roof:
        title = f"{_texts(texts)} would fill this GPU, if a step took no longer"
    plot = figure(
        title,
        x=INTENSITIES,
        y=axis("operations a second", log=True, span=(2e11, 3e15), **_powers(range(12, 16))),
        height=430,
        note=f"Dots: {H200}, forward. LSTM: 768 wide, 16 texts of 1,024 words, float16. Attention: 64 heads of 64, 4,096 "
        "words, causal; decoding: 4 texts, 32 heads of 128, 1 word after 32,768; bfloat16. Each stands at the bytes that it "
        "must move at least. Orange: a step that takes as long as recorded with 16 texts, however many: an upper bound.",
    )
    _roof(plot, copy, rate, "the H200's roof", theme.INK)
    dots = _recorded_dots()
    for name, (where, reached, colour, symbol) in dots.items():
        marker = {"size": 11, "color": colour, "symbol": symbol}
        plot.add_scatter(x=[where], y=[reached], mode="markers", marker=marker, name=name)
        away = {"attention, fused": -15, "decoding": 8}.get(name, 0)  # from the roof
        annotate(plot, name, where, reached, xanchor="right", xshift=-10, yshift=away, colour=colour, size=13)
    line = {"color": theme.ACCENT, "width": 3, "dash": "dot"}
    plot.add_scatter(x=[x, x], y=[left, roof], mode="lines", line=line, name="lost in waiting", hoverinfo="skip")
    marker = {"size": 16, "color": "rgba(0,0,0,0)", "line": {"color": theme.ACCENT, "width": 3}}
    plot.add_scatter(x=[x], y=[left], mode="markers", marker=marker, name="what waiting leaves")
    lstm = recorded("lstm D=768", WORDS)
    lines = [
        f"{name}: {reached / 1e12:.3g} TFLOP/s at {where:,.0f} operations a byte"
        for name, (where, reached, *_) in dots.items()
    ]
    text = (
        f"Figure: {title}\n{_texts(texts)} of {words:,} words, {width} wide: {x:,.0f} operations a byte; the roof there is "
        f"{roof / 1e12:,.0f} TFLOP/s, and one step in {1e6 * step_time(width):.2f} µs leaves {left / 1e12:.3g}.\nRecorded: "
        f"{'; '.join(lines)}. From loop to cuDNN the same LSTM is {lstm['loop'] / lstm['torch']:.0f} times as busy."
    )
    return Picture(plot, text=text)


def _recorded_dots():
    """{name: (operations a byte, operations a second, colour, symbol)}"""
    lstm, attention = recorded("lstm D=768", WORDS), recorded("attention D=64", 4096)
    decode = recorded("decode_attention", 32768)["auto"]
    work = WORDS * operations_of_a_step(TEXTS, 768)
    where = cost.lstm(WORDS, 768, B=TEXTS).intensity(2)
    scores = 64 * 4096**2  # 4 texts, 16 heads
    at_least = 4 * 64 * 4096 * 64 * 2  # bytes of queries, keys, values and outputs
    whole = 4 * scores * 64  # operations of two products over the whole square; a causal kernel does half
    cached = 2 * 4 * 32 * 32768 * 128  # numbers in the keys and values of 4 texts
    return {
        "LSTM, Python loop": (where, work / lstm["loop"], theme.LSTM, "diamond"),
        "LSTM, graph": (where, work / lstm["graph"], theme.LSTM, "diamond"),
        "LSTM, cuDNN": (where, work / lstm["torch"], theme.LSTM, "diamond"),
        "attention, plain torch": (whole / at_least, whole / attention["naive"], theme.ATTENTION, "circle"),
        "attention, fused": (whole / 2 / at_least, whole / 2 / attention["auto"], theme.ATTENTION, "circle"),
        "decoding": (1, 2 * cached / decode, theme.ATTENTION, "square"),
    }


def _texts(count):
    return f"{count:,} texts"


def _share(share):
    return f"{100 * share:.2g} %"


# ---- the ladder

FORMS = {
    "loop": "a Python loop",
    "hoisted": "inputs' product before the loop",
    "graph": "the loop as one CUDA graph",
    "fused": "our kernel, weights on the chip",
    "torch": "the library: oneDNN, cuDNN",
}


def ladder(times, words):
    """Microseconds a step of one LSTM layer in each form: here, on two recorded cores, and on the recorded H200.

    times: {form: timing} of a call of so many words.
    """
    here = {form: 1e6 * timing.median / words for form, timing in times.items()}
    gpu = {form: 1e6 * seconds / WORDS for form, seconds in recorded("lstm D=128", WORDS).items() if form in FORMS}
    cpu = {form: 1e6 * seconds / WORDS for form, seconds in recorded_cpu().items() if form in FORMS}
    title = f"From loop to library: {_gain(here)} × here, {_gain(gpu)} × on the H200"
    lanes = axis(categoryorder="array", categoryarray=list(FORMS.values())[::-1], tickfont={"size": 13}, showgrid=True)
    plot = figure(
        title,
        x=axis("microseconds a step", log=True, values=[1, 10, 100, 1000], span=(0.7, 3000)),
        y=lanes,
        height=330,
        left=210,
        note="Here and on the recorded CPU: 8 texts, 256 wide, float32 (a GPU here: 128 wide). H200: 16 texts, 128 wide, float16, "
        "1,024 words. All rows give the same numbers, to rounding.",
    )
    for name, steps, colour, symbol, sign, height in (
        ("H200, recorded", gpu, theme.LSTM, "diamond", "◆", 0.54),
        ("two cores, recorded", cpu, theme.MUTED, "square", "■", 0.4),
        ("here", here, theme.INK, "circle", "●", 0.26),
    ):
        plot.add_scatter(
            x=list(steps.values()),
            y=[FORMS[form] for form in steps],
            mode="markers",
            marker={"size": 11, "color": colour, "symbol": symbol},
            name=name,
        )
        annotate(plot, f"{sign} {name}", 0.55, height, within="panel", colour=colour)
    lines = [
        f"{name}, µs a step: " + ", ".join(f"{form} {step:.3g}" for form, step in steps.items())
        for name, steps in (("H200, recorded", gpu), ("two cores, recorded", cpu))
    ]
    return Picture(plot, text="Figure: one LSTM layer in every form, microseconds a step.\n" + "\n".join(lines))


def _gain(steps):
    return f"{steps['loop'] / steps['torch']:.2g}"
