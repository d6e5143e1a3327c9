"""Lesson 02: two schedules side by side, and the lengths at which their critical paths cross."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from helpers import Accounting, cost

from ...show import theme
from ...show.display import Picture
from ...show.marks import annotate, axis, figure, guide, joined, tag

HEAD_WIDTH = 64
EVERY_OPERATION = "every scalar operation is one level"

# What one counts moves the constants, not the growth: the student may switch it.
ACCOUNTINGS = {
    EVERY_OPERATION: Accounting(),
    "biases in attention's projections too": Accounting(biases="everywhere"),
    "no biases at all": Accounting(biases="nowhere"),
    "a mask added to the scores": Accounting(additive_mask=True),
    "one more LayerNorm at the end": Accounting(final_norm=True),
    "LayerNorm's variance in one pass": Accounting(one_pass_variance=True),
    "softmax divided after the values are mixed": Accounting(divide_last=True),
    "input products outside the recurrence": Accounting(hoist=True),
}


@dataclass(frozen=True)
class Stack:
    """A recurrent stack to compare with Transformer blocks: its cell, its closed form, its layers for each block."""

    label: str
    cell: str
    cost: Callable
    layers_a_block: float
    colour: str

    def layers(self, blocks):
        """How many layers stand against so many blocks."""
        return round(blocks * self.layers_a_block)


STACKS = {
    stack.label: stack
    for stack in (
        Stack("as many Elman layers", "Elman", cost.elman, 1, theme.RNN),
        Stack("as many LSTM layers", "LSTM", cost.lstm, 1, theme.LSTM),
        Stack("as many GRU layers", "GRU", cost.gru, 1, theme.GRU),
        Stack("equal work: 6 Elman layers a block", "Elman", cost.elman, 6, theme.RNN),
        Stack("equal work: 1.5 LSTM layers a block", "LSTM", cost.lstm, 1.5, theme.LSTM),
    )
}


def recurrent_cost(T, width, layers, compared_with, accounting):
    """The Cost of the recurrent stack that stands against `layers` blocks, for T words."""
    stack = STACKS[compared_with]
    return stack.cost(T, width, layers=stack.layers(layers), accounting=ACCOUNTINGS[accounting])


def blocks_cost(T, width, layers, accounting):
    """The Cost of Transformer blocks for T words; heads are 64 wide, or one head where width is less."""
    heads = max(1, width // HEAD_WIDTH)
    return cost.transformer(T, width, heads=heads, layers=layers, accounting=ACCOUNTINGS[accounting])


def crossing(width, layers, compared_with, accounting):
    """The largest T at which the recurrent path is the shorter one, 0 if there is none.

    Between two powers of two the blocks' path keeps its length, since it grows with ⌈log₂ T⌉ alone, and the recurrent
    one grows with each word: there the search halves. It ends where the recurrent path is twice as long: it doubles
    with T.
    """

    def recurrent(T):
        return recurrent_cost(T, width, layers, compared_with, accounting).span

    least, most, limit, first = 0, 0, 0, 1
    while True:
        last = max(1, 2 * (first - 1))  # from first to last ⌈log₂ T⌉ is the same
        path, blocks = recurrent(first), blocks_cost(first, width, layers, accounting).span
        if path < blocks:
            least, most, limit = first, last, blocks
        if path >= 2 * blocks:
            break
        first = last + 1
    while least < most:
        middle = (least + most + 1) // 2
        if recurrent(middle) < limit:
            least = middle
        else:
            most = middle - 1
    return least


def critical_paths(compared_with="as many Elman layers", layers=6, width=512, accounting=EVERY_OPERATION):
    """The critical path of a recurrent stack and of Transformer blocks over T, and where they cross."""
    stack = STACKS[compared_with]
    cross = crossing(width, layers, compared_with, accounting)
    lengths = sorted({round(2 ** (k / 2)) for k in range(2, 29)} | {1025})
    recurrent = {T: recurrent_cost(T, width, layers, compared_with, accounting).span for T in lengths}
    blocks = {T: blocks_cost(T, width, layers, accounting).span for T in lengths}
    a_word, a_doubling = recurrent[1025] - recurrent[1024], blocks[2048] - blocks[1024]
    names = f"{stack.layers(layers)} {stack.cell} layers", f"{layers} Transformer block{'s' * (layers > 1)}"
    plot = figure(
        f"{stack.cell}: {a_word} levels a word; Transformer: {a_doubling} a doubling",
        x=axis("T, words in the sentence", log=True, values=[2, 6, 16, 64, 256, 1024, 4096, 16384], span=(1.8, 20000)),
        y=axis("critical path (levels)", log=True, values=[10**k for k in range(1, 7)], span=(15, 10**6.2)),
        height=450,
        note=counted(accounting, f"Width {width}, heads of {min(width, HEAD_WIDTH)}."),
        left=90,
    )
    plot.add_scatter(
        x=lengths,
        y=list(recurrent.values()),
        name=names[0],
        mode="lines",
        line={"color": stack.colour, "width": 3, "dash": "dash"},
    )
    plot.add_scatter(
        x=lengths, y=list(blocks.values()), name=names[1], mode="lines", line={"color": theme.ATTENTION, "width": 3}
    )
    _mark_meeting_points(
        plot, cross, recurrent, blocks, stack.colour, blocks_cost(max(cross, 1), width, layers, accounting)
    )
    last = lengths[-1]
    at_end = {"size": 14, "xanchor": "right"}
    annotate(plot, tag("b", names[0]), last, recurrent[last], colour=stack.colour, xshift=-70, yshift=8, **at_end)
    annotate(plot, tag("b", names[1]), last, blocks[last], colour=theme.ATTENTION, yshift=-18, **at_end)
    return Picture(plot)


def _mark_meeting_points(plot, cross, recurrent, blocks, colour, blocks_at_crossing):
    """Where the paths cross, and how far apart they are at 1,024 words."""
    long, short = recurrent[1024], blocks[1024]
    plot.add_scatter(
        x=[max(cross, 1), 1024, 1024],
        y=[blocks_at_crossing.span, long, short],
        name="crossing, and T = 1024",
        mode="markers",
        marker={
            "color": [theme.INK, colour, theme.ATTENTION],
            "size": 10,
            "line": {"color": theme.PAPER, "width": 1.5},
        },
        hoverinfo="skip",
    )
    guide(plot, x=max(cross, 1), width=1)
    shorter = joined("up to ", tag("b", f"{cross} words"), " the", tag("br"), "recurrent path is shorter")
    annotate(plot, shorter, max(cross, 1), 45, xshift=10)
    numbers = joined("at 1,024 words", tag("br"), tag("b", f"{long:,}"), " against ", tag("b", f"{short:,}"))
    times = joined(tag("br"), f"{long / short:.1f} times")
    annotate(plot, joined(numbers, times), 1024, math.sqrt(long * short), xshift=12)


def schedules(
    words=1024, layers=6, width=512, processors=10**9, compared_with="as many Elman layers", accounting=EVERY_OPERATION
):
    """When each layer works, for a recurrent stack and for Transformer blocks, on one time axis.

    processors: how many scalar operations may run in one level. A layer takes its share of span + operations /
    processors, the time that no greedy schedule exceeds (Brent 1974).
    """
    stack = STACKS[compared_with]
    costs = (
        recurrent_cost(words, width, layers, compared_with, accounting),
        blocks_cost(words, width, layers, accounting),
    )
    times = [cost.brent_time(each.operations, each.span, processors).upper for each in costs]
    waiting = [1 - each.span / time for each, time in zip(costs, times, strict=True)]
    deep = stack.layers(layers)
    names = f"{deep} {stack.cell} layers", f"{layers} Transformer blocks"
    told = [
        f"{time:,} levels, {share:.0%} of it for want of a processor"
        for time, share in zip(times, waiting, strict=True)
    ]
    plot = figure(
        f"{_count(processors)} processors: {_faster(*times)}",
        x=axis(f"time (levels), for {words:,} words", span=(0, 1.04 * max(times)), nticks=6, exponentformat="none"),
        rows=2,
        columns=1,
        shared_xaxes=True,
        vertical_spacing=0.16,
        height=470,
        headings=[joined(tag("b", name), ": ", line) for name, line in zip(names, told, strict=True)],
        note=counted(accounting, f"Width {width}. At most this long in any greedy schedule."),
    )
    rows = max(deep, layers)
    vertical = {"range": [rows + 0.7, 0.3], "dtick": max(1, rows // 6), "showgrid": False}
    plot.update_yaxes(vertical)
    plot.update_yaxes(title_text=f"{stack.cell} layer", row=1)
    plot.update_yaxes(title_text="block", row=2)
    plot.update_xaxes(separatethousands=True)
    # A layer of the wavefront starts one step after the one below and works for T steps.
    step, block = times[0] / (words + deep - 1), times[1] / layers
    _bars(plot, 1, [layer * step for layer in range(deep)], words * step, "layer", f"{stack.cell} layers", stack.colour)
    _bars(plot, 2, [layer * block for layer in range(layers)], block, "block", names[1], theme.ATTENTION)
    text = (
        f"Figure: {_count(processors)} processors: {_faster(*times)}\n"
        f"{names[0]}, each one step after the one below: {told[0]}\n{names[1]}, one after the other: {told[1]}\n"
        f"Counted: {accounting}; {words:,} words; width {width}; {processors:,} processors"
    )
    return Picture(plot, text=text)


def _bars(plot, row, starts, length, part, name, colour):
    """One bar a layer, from its start."""
    plot.add_bar(
        base=starts,
        x=[length] * len(starts),
        y=list(range(1, len(starts) + 1)),
        orientation="h",
        name=name,
        marker={"color": colour, "line": {"color": theme.PAPER, "width": 1}},
        width=0.85 if len(starts) <= 12 else 1.0,
        hovertemplate=f"{part} %{{y}}: from %{{base:,.0f}} for %{{x:,.0f}} levels<extra></extra>",
        row=row,
        col=1,
    )


def _faster(recurrent, blocks):
    """Which of two times is the shorter, and how many times."""
    faster, ratio = ("Transformer", recurrent / blocks) if blocks < recurrent else ("RNN", blocks / recurrent)
    if ratio < 1.05:
        return "both take as long"
    return f"{faster} {ratio:,.1f} times as fast" if ratio < 100 else f"{faster} {ratio:,.0f} times as fast"


def _count(number):
    """1,000,000,000 as people say it."""
    for size, word in ((10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number // size:,} {word}"
    return f"{number:,}"


def counted(accounting, sizes):
    """The rule of counting, for below a figure."""
    return f"Counted: {accounting}, a sum of n terms ⌈log₂ n⌉; moving numbers costs nothing. {sizes}"


def wavefront(T=12, layers=4):
    """The step in which each hidden state of a stack can be ready, from the graph of the real computation."""
    from helpers.counting import rounds as graphs

    ready = graphs.rounds(graphs.recurrent(T, layers))
    name = "h{t}" if layers == 1 else "h{layer},{t}"
    flat = {"dtick": 1, "showgrid": False, "ticks": ""}
    plot = figure(
        f"{layers} layers, {T} words: {layers * T} states in {T + layers - 1} steps",
        x=axis("word t", **flat),
        y=axis("layer", **flat),
        height=150 + 44 * max(layers, 3),
        note="Each number: the step in which the state can be ready.",
    )
    plot.add_heatmap(
        z=[[ready[name.format(layer=layer, t=t)] for t in range(1, T + 1)] for layer in range(1, layers + 1)],
        x=list(range(1, T + 1)),
        y=list(range(1, layers + 1)),
        texttemplate="%{z}",
        xgap=3,
        ygap=3,
        colorscale=[[0, "#FCE3D4"], [1, theme.RNN]],
        showscale=False,
        name="step in which the state is ready",
        hovertemplate="layer %{y}, word %{x}: step %{z}<extra></extra>",
    )
    return Picture(plot)


def speed_up(rounds, operations, span):
    """Rounds of a greedy schedule against processors, between Brent's bounds. rounds: {processors: rounds}."""
    processors = list(rounds)
    bounds = [cost.brent_time(operations, span, p) for p in processors]
    plot = figure(
        f"More processors help, down to the span of {span} levels",
        x=axis("processors P", log=True, dtick=1),
        y=axis("rounds", log=True, dtick=1),
    )
    edge = {"mode": "lines", "hoverinfo": "skip", "line": {"width": 0}}
    plot.add_scatter(x=processors, y=[bound.upper for bound in bounds], name="operations / P + span", **edge)
    plot.add_scatter(
        x=processors,
        y=[bound.lower for bound in bounds],
        fill="tonexty",
        fillcolor="rgba(0,114,178,0.18)",
        name="the larger of operations / P and span",
        **edge,
    )
    plot.add_scatter(
        x=processors,
        y=list(rounds.values()),
        mode="lines+markers",
        name="rounds of the schedule",
        line={"color": theme.ATTENTION, "width": 3},
        marker={"size": 8},
    )
    plot.add_scatter(
        x=processors,
        y=[span] * len(processors),
        mode="lines",
        name="span",
        line={"color": theme.GREY, "dash": "dot", "width": 2},
    )
    annotate(plot, "span", processors[-1], span, colour=theme.MUTED, xanchor="right", yshift=-12)
    middle = len(processors) // 2
    annotate(plot, "Brent’s bounds", processors[middle], bounds[middle].upper, colour=theme.ATTENTION, yshift=14)
    return Picture(plot)
