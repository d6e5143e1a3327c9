"""Lesson 02: how two spans grow with the text, and two schedules of a training step side by side."""

from helpers import cost

from ...show import theme
from ...show.display import Picture
from ...show.marks import annotate, axis, figure, joined, tag

WIDTH, HEADS, BLOCKS = 512, 8, 6  # the Transformer of 2017
GPU = 500_000  # scalar operations in a tick of an H200, roughly: 989 TFLOP/s (bfloat16, dense, datasheet), 1.8 to 2 GHz
TICKS = [1, 4, 30, 200]  # of a level; 200: from an LSTM recorded on an H200, as lesson 02 says

SHADES = {"forward": 1.0, "backward": 0.45}  # opacity


# ---- how spans grow


def growths():
    """Levels of one Elman layer and of one Transformer block over T: forward, and forward and backward."""
    lengths = [2**k for k in range(1, 15)]
    recurrent = {
        "forward": {T: cost.elman(T, WIDTH).span for T in (*lengths, 1025, 1026)},
        "forward and backward": {T: cost.trained(cost.elman, T, WIDTH).span for T in (*lengths, 1025, 1026)},
    }
    blocks = {
        "forward": {T: cost.transformer(T, WIDTH, heads=HEADS).span for T in lengths},
        "forward and backward": {T: cost.trained(cost.transformer, T, WIDTH, heads=HEADS).span for T in lengths},
    }
    slopes = {
        part: (recurrent[part][1026] - recurrent[part][1025], blocks[part][2048] - blocks[part][1024])
        for part in blocks
    }
    plot = figure(
        "Each word lengthens the RNN's chain, each doubling a block's",
        height=430,
        columns=2,
        shared_yaxes=True,
        horizontal_spacing=0.05,
        headings=list(blocks),
        note=f"One Elman layer and one Transformer block, width {WIDTH}. A level is one scalar operation, with unlimited processors.",
        left=84,
    )
    plot.update_xaxes(axis("words", log=True, values=[2, 16, 128, 1024, 16384], span=(1.6, 24000)))
    plot.update_yaxes(axis(log=True, values=[10**k for k in range(2, 6)], span=(15, 10**6)))
    plot.update_yaxes(title_text="span (levels)", col=1)
    for column, part in enumerate(blocks, 1):
        for name, spans, colour, dash in (
            ("Elman layer", recurrent[part], theme.RNN, "dash"),
            ("Transformer block", blocks[part], theme.ATTENTION, "solid"),
        ):
            line = {"color": colour, "width": 3, "dash": dash}
            plot.add_scatter(
                x=lengths, y=[spans[T] for T in lengths], mode="lines", line=line, name=name, row=1, col=column
            )
        rises = f"RNN: {slopes[part][0]} a word", f"block: {slopes[part][1]} a doubling"
        annotate(plot, tag("b", rises[0]), 900, recurrent[part][2048], column=column, colour=theme.RNN, xanchor="right")
        at_end = {"xanchor": "right", "yshift": 14, "colour": theme.ATTENTION}
        annotate(plot, tag("b", rises[1]), lengths[-1], blocks[part][lengths[-1]], column=column, **at_end)
    return Picture(plot)


# ---- schedules


def layers_of_equal_work(words):
    """How many Elman layers do as many multiply–adds as the six blocks, rounded."""
    blocks = cost.transformer(words, WIDTH, heads=HEADS, layers=BLOCKS)
    return round(blocks.work / cost.elman(words, WIDTH).work)


def most_ticks(layer, *sizes, processors, ticks, **options):
    """(forward, forward and backward): the ticks that no greedy schedule exceeds, operations / P + ticks · span."""
    passes = layer(*sizes, **options), cost.trained(layer, *sizes, **options)
    return [counted.operations // processors + ticks * counted.span for counted in passes]


def schedules(words=1024, texts=32, processors=GPU, ticks_a_level=1):
    """When each layer works in one training step, for a recurrent stack and for six blocks of equal work.

    texts: the batch. processors: scalar operations that may start in one tick. ticks_a_level: how long a dependent
    operation has to wait for the one before. Every length is an upper bound of any greedy schedule (Graham 1966,
    Brent 1974); it is shared out evenly among the layers.
    """
    deep = layers_of_equal_work(words)
    rate = {"processors": processors, "ticks": ticks_a_level, "B": texts}
    recurrent = most_ticks(cost.elman, words, WIDTH, layers=deep, **rate)
    blocks = most_ticks(cost.transformer, words, WIDTH, heads=HEADS, layers=BLOCKS, **rate)
    chains = (
        ticks_a_level * cost.trained(cost.elman, words, WIDTH, layers=deep, B=texts).span / recurrent[1],
        ticks_a_level
        * cost.trained(cost.transformer, words, WIDTH, heads=HEADS, layers=BLOCKS, B=texts).span
        / blocks[1],
    )
    title = f"RNN at most {_count(recurrent[1])} ticks, Transformer {_count(blocks[1])}"
    names = f"{deep} Elman layers", f"{BLOCKS} Transformer blocks"
    shares = [
        f"{total[1]:,} ticks at most, {_share(share)} for the chain"
        for total, share in zip((recurrent, blocks), chains, strict=True)
    ]
    plot = figure(
        title,
        x=axis("time (ticks)", span=(0, 1.04 * max(recurrent[1], blocks[1])), nticks=6, exponentformat="none"),
        rows=2,
        columns=1,
        shared_xaxes=True,
        vertical_spacing=0.16,
        height=440,
        headings=[joined(tag("b", name), ": ", share) for name, share in zip(names, shares, strict=True)],
        note=f"One training step, {_plural(texts, 'text')} of {words:,} words, equal work, width {WIDTH}, {_count(processors)} "
        f"processors, {_plural(ticks_a_level, 'tick')} a level. Dark: forward; light: backward. No greedy schedule takes longer.",
    )
    plot.update_xaxes(separatethousands=True)
    rows = {"showgrid": False, "ticks": ""}
    plot.update_yaxes(axis("layer", span=(deep + 0.7, 0.3), values=[1, deep], **rows), row=1)
    plot.update_yaxes(axis("block", span=(BLOCKS + 0.7, 0.3), dtick=1, **rows), row=2)
    _draw_waves(plot, deep, words, recurrent, names[0])
    _draw_turns(plot, blocks, names[1])
    told = "\n".join(f"{name}: {share}" for name, share in zip(names, shares, strict=True))
    text = f"Figure: {title}\n{told}\n{_plural(texts, 'text')} of {words:,} words, width {WIDTH}, {processors:,} processors, "
    return Picture(plot, text=text + f"{_plural(ticks_a_level, 'tick')} a level, forward and backward")


def _draw_waves(plot, layers, words, times, name):
    """The outline of the layers' bars: a layer starts one step after its neighbour and works for `words` steps."""
    (forward, total), steps = times, words + layers - 1
    first, last = 0.5, layers + 0.5
    step, step_back = forward / steps, (total - forward) / steps
    outlines = {
        "forward": [0, words * step, forward, (layers - 1) * step],
        "backward": [forward + (layers - 1) * step_back, total, forward + words * step_back, forward],
    }
    for direction, corners in outlines.items():
        plot.add_scatter(
            x=[*corners, corners[0]],
            y=[first, first, last, last, first],
            mode="lines",
            fill="toself",
            fillcolor=theme.RNN,
            line={"width": 0},
            opacity=SHADES[direction],
            name=f"{name}, {direction}",
            hoveron="fills",
            row=1,
            col=1,
        )


def _draw_turns(plot, times, name):
    """A bar a block: forward from the lowest up, then backward; each waits for its neighbour."""
    forward, total = times
    ahead, back = forward / BLOCKS, (total - forward) / BLOCKS
    for direction, length, starts in (
        ("forward", ahead, [place * ahead for place in range(BLOCKS)]),
        ("backward", back, [total - (place + 1) * back for place in range(BLOCKS)]),
    ):
        plot.add_bar(
            base=starts,
            x=[length] * BLOCKS,
            y=list(range(1, BLOCKS + 1)),
            orientation="h",
            name=f"{name}, {direction}",
            marker={"color": theme.ATTENTION, "opacity": SHADES[direction], "line": {"color": theme.PAPER, "width": 1}},
            width=0.85,
            hovertemplate=f"block %{{y}}, {direction}: from %{{base:,.0f}} for %{{x:,.0f}} ticks<extra></extra>",
            row=2,
            col=1,
        )
    plot.update_layout(barmode="overlay")


def _count(number):
    """3,318,514 as people say it, 3.3 million."""
    for size, word in ((10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number / size:,.3g} {word}"
    return f"{float(f'{number:.3g}'):,.0f}"


def _share(part):
    return "under 1%" if part < 0.01 else f"{part:.0%}"


def _plural(number, word):
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
