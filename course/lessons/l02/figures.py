"""Lesson 02: two schedules side by side, and the lengths at which their longest paths cross."""

import math

from helpers import Accounting, cost

from ...show import theme
from ...show.display import Picture

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

# Which recurrent stack stands against the blocks: its function, and how many layers for each block.
STACKS = {
    "as many Elman layers": (cost.elman, 1),
    "as many LSTM layers": (cost.lstm, 1),
    "as many GRU layers": (cost.gru, 1),
    "equal work: 6 Elman layers a block": (cost.elman, 6),
    "equal work: 1.5 LSTM layers a block": (cost.lstm, 1.5),
}


def stack_and_blocks(T, width, layers, compared_with="as many Elman layers", accounting=EVERY_OPERATION):
    """(recurrent cost, its layers, Transformer cost) for T words; heads are 64 wide, or one head where width is less."""
    function, times = STACKS[compared_with]
    deep, counted = round(layers * times), ACCOUNTINGS[accounting]
    blocks = cost.transformer(T, width, heads=max(1, width // HEAD_WIDTH), layers=layers, accounting=counted)
    return function(T, width, layers=deep, accounting=counted), deep, blocks


def crossing(width, layers, compared_with, accounting):
    """The largest T at which the recurrent path is the shorter one."""

    def recurrent(T):
        return stack_and_blocks(T, width, layers, compared_with, accounting)[0]

    def blocks(T):
        return stack_and_blocks(T, width, layers, compared_with, accounting)[2]

    limit = 2
    while recurrent(limit).span < blocks(limit).span:
        limit *= 2
    return cost.crossover(recurrent, blocks, limit=2 * limit)


def critical_paths(compared_with="as many Elman layers", layers=6, width=512, accounting=EVERY_OPERATION):
    """The longest path of a recurrent stack and of Transformer blocks over T, and where they cross."""
    import plotly.graph_objects as go

    lengths = sorted({round(2 ** (k / 2)) for k in range(2, 29)})
    pairs = [stack_and_blocks(T, width, layers, compared_with, accounting) for T in lengths]
    cell = compared_with.split(":")[-1].split(" layers")[0].split()[-1]
    deep = pairs[0][1]
    recurrent, blocks = [pair[0].span for pair in pairs], [pair[2].span for pair in pairs]
    cross = crossing(width, layers, compared_with, accounting)
    at, _, there = stack_and_blocks(1024, width, layers, compared_with, accounting)
    ratio = at.span / there.span
    colour = {"Elman": theme.RNN, "LSTM": theme.LSTM, "GRU": theme.GRU}[cell]
    names = (f"{deep} {cell} layers", f"{layers} Transformer block{'s' * (layers > 1)}")
    traces = [
        go.Scatter(
            x=lengths, y=recurrent, name=names[0], mode="lines", line={"color": colour, "width": 3, "dash": "dash"}
        ),
        go.Scatter(x=lengths, y=blocks, name=names[1], mode="lines", line={"color": theme.ATTENTION, "width": 3}),
        go.Scatter(
            x=[cross, 1024, 1024],
            y=[stack_and_blocks(max(cross, 1), width, layers, compared_with, accounting)[2].span, at.span, there.span],
            name="crossing, and T = 1024",
            mode="markers",
            marker={
                "color": [theme.INK, colour, theme.ATTENTION],
                "size": 10,
                "line": {"color": "white", "width": 1.5},
            },
            hoverinfo="skip",
        ),
    ]
    notes = [
        _note(
            math.log10(lengths[-1]),
            math.log10(recurrent[-1]),
            f"<b>{names[0]}</b>",
            colour,
            xanchor="right",
            yshift=18,
            xshift=-60,
        ),
        _note(
            math.log10(lengths[-1]),
            math.log10(blocks[-1]),
            f"<b>{names[1]}</b>",
            theme.ATTENTION,
            xanchor="right",
            yshift=-18,
        ),
        _note(
            math.log10(1024),
            (math.log10(at.span) + math.log10(there.span)) / 2,
            f"at 1,024 words<br><b>{at.span:,}</b> against <b>{there.span:,}</b> levels<br>{ratio:.1f} times",
            theme.INK,
            xanchor="left",
            xshift=12,
        ),
        _note(
            math.log10(max(cross, 1)),
            1.62,
            f"up to <b>{cross} words</b> the<br>recurrent path is shorter",
            theme.INK,
            xanchor="right",
            xshift=-10,
        ),
        _counted(accounting, f"width {width}, heads of {min(width, HEAD_WIDTH)}"),
    ]
    layout = theme.layout(
        f"Up to {cross} words the recurrent path is the shorter one; at 1,024 words it is {ratio:.1f} times as long",
        x={
            "title": {"text": "T, words in the sentence"},
            "type": "log",
            "range": [0.25, 4.3],
            "tickvals": [2, 6, 16, 64, 256, 1024, 4096, 16384],
            "ticktext": ["2", "6", "16", "64", "256", "1,024", "4,096", "16,384"],
        },
        y={
            "title": {"text": "longest path (levels)"},
            "type": "log",
            "range": [1.2, 6.2],
            "dtick": 1,
            "exponentformat": "none",
            "separatethousands": True,
        },
        height=520,
        margin={"l": 100, "r": 30, "t": 64, "b": 110},
        annotations=notes,
        shapes=[
            {
                "type": "line",
                "x0": cross or 1,
                "x1": cross or 1,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": theme.GREY, "dash": "dot", "width": 1},
            }
        ],
    )
    return Picture(layout, traces)


def schedules(
    words=1024, layers=6, width=512, processors=10**9, compared_with="as many Elman layers", accounting=EVERY_OPERATION
):
    """When each layer works, for a recurrent stack and for Transformer blocks, on one time axis.

    processors: how many scalar operations may run in one level. A layer takes its share of span + operations /
    processors, the time that no greedy schedule exceeds (Brent 1974).
    """
    import plotly.graph_objects as go

    recurrent, deep, blocks = stack_and_blocks(words, width, layers, compared_with, accounting)
    times = [cost.brent_time(stack.operations, stack.span, processors).upper for stack in (recurrent, blocks)]
    cell = compared_with.split(":")[-1].split(" layers")[0].split()[-1]
    colour = {"Elman": theme.RNN, "LSTM": theme.LSTM, "GRU": theme.GRU}[cell]
    sooner, ratio = ("Transformer", times[0] / times[1]) if times[1] < times[0] else ("RNN", times[1] / times[0])
    verdict = "they finish together" if ratio < 1.05 else f"the {sooner} finishes {ratio:,.1f} times as fast"
    # A layer of the wavefront starts one step after the one below and works for T steps.
    step = times[0] / (words + deep - 1)
    starts = [layer * step for layer in range(deep)]
    block = times[1] / layers
    rows = max(deep, layers)
    traces = [
        go.Bar(
            base=starts,
            x=[words * step] * deep,
            y=list(range(1, deep + 1)),
            orientation="h",
            name=f"{cell} layers",
            marker={"color": colour, "line": {"color": "white", "width": 1}},
            width=0.85 if deep <= 12 else 1.0,
            hovertemplate="layer %{y}: from %{base:,.0f} for %{x:,.0f} levels<extra></extra>",
        ),
        go.Bar(
            base=[layer * block for layer in range(layers)],
            x=[block] * layers,
            y=list(range(1, layers + 1)),
            orientation="h",
            name="Transformer blocks",
            xaxis="x2",
            yaxis="y2",
            marker={"color": theme.ATTENTION, "line": {"color": "white", "width": 1}},
            width=0.85,
            hovertemplate="block %{y}: from %{base:,.0f} for %{x:,.0f} levels<extra></extra>",
        ),
    ]
    end = max(times) * 1.04
    axis = theme.layout("", x="", y="")
    shared = {"range": [0, end], "separatethousands": True, "exponentformat": "none", "nticks": 6}
    counted = [
        f"{share:.0%} of it for want of a free processor"
        for share in (1 - recurrent.span / times[0], 1 - blocks.span / times[1])
    ]
    layout = theme.layout(
        f"{words:,} words on {_count(processors)} processors: {verdict}",
        height=560,
        margin={"l": 80, "r": 30, "t": 84, "b": 110},
        x={**shared, "anchor": "y", "showticklabels": False},
        y={
            "title": {"text": f"{cell} layer"},
            "domain": [0.55, 0.95],
            "range": [rows + 0.7, 0.3],
            "dtick": max(1, rows // 6),
            "showgrid": False,
        },
        bargap=0,
        annotations=[
            _heading(0.955, f"<b>{deep} {cell} layers</b>: {times[0]:,} levels, {counted[0]}", colour),
            _heading(0.425, f"<b>{layers} Transformer blocks</b>: {times[1]:,} levels, {counted[1]}", theme.ATTENTION),
            _counted(accounting, f"width {width}. At most this long in any greedy schedule"),
        ],
    )
    layout["xaxis2"] = axis["xaxis"] | shared | {"anchor": "y2", "title": {"text": "time (levels)"}}
    layout["yaxis2"] = axis["yaxis"] | {
        "title": {"text": "block"},
        "domain": [0.02, 0.42],
        "range": [rows + 0.7, 0.3],
        "dtick": max(1, rows // 6),
        "showgrid": False,
    }
    text = (
        f"Figure: {layout['title']['text'][3:-4]}\n{deep} {cell} layers, each one step after the one below: {times[0]:,} "
        f"levels, {counted[0]}\n{layers} Transformer blocks, one after the other: {times[1]:,} levels, {counted[1]}\n"
        f"Counted: {accounting}; width {width}; {processors:,} processors"
    )
    return Picture(layout, traces, text)


def _count(number):
    """1,000,000,000 as people say it."""
    for size, word in ((10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number // size:,} {word}"
    return f"{number:,}"


def _note(x, y, text, colour, **more):
    return {
        "x": x,
        "y": y,
        "text": text,
        "showarrow": False,
        "font": {"color": colour, "size": 14},
        "align": "left",
        "bgcolor": "rgba(255,255,255,0.8)",
        **more,
    }


def _heading(y, text, colour):
    return {
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": y,
        "text": text,
        "showarrow": False,
        "xanchor": "left",
        "yanchor": "bottom",
        "font": {"color": colour, "size": 14},
    }


def _counted(accounting, sizes):
    text = f"Counted: {accounting}, a sum of n terms ⌈log₂ n⌉; moving numbers costs nothing. {sizes[0].upper()}{sizes[1:]}."
    return {
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": -0.21,
        "yanchor": "top",
        "xanchor": "left",
        "text": text,
        "showarrow": False,
        "font": {"size": 12, "color": "#57606A"},
        "align": "left",
    }


def wavefront(T=12, layers=4):
    """The step in which each hidden state of a stack can be ready, from the graph of the real computation."""
    import plotly.graph_objects as go

    from helpers.counting import rounds as graphs

    ready = graphs.rounds(graphs.recurrent(T, layers))
    name = "h{t}" if layers == 1 else "h{layer},{t}"
    table = [[ready[name.format(layer=layer, t=t)] for t in range(1, T + 1)] for layer in range(1, layers + 1)]
    heat = go.Heatmap(
        z=table,
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
    total = T + layers - 1
    layout = theme.layout(
        f"{layers} layers, {T} words: {layers * T} states in {total} steps; each number: the step in which it can be ready",
        x={"title": {"text": "word t"}, "dtick": 1, "showgrid": False, "ticks": ""},
        y={"title": {"text": "layer"}, "dtick": 1, "showgrid": False, "ticks": ""},
        height=150 + 44 * max(layers, 3),
    )
    return Picture(layout, [heat])


def speed_up(rounds, operations, span):
    """Rounds of a greedy schedule against processors, between Brent's bounds. rounds: {processors: rounds}."""
    import plotly.graph_objects as go

    processors = list(rounds)
    lower = [max(-(-operations // p), span) for p in processors]
    upper = [operations // p + span for p in processors]
    traces = [
        go.Scatter(
            x=processors, y=upper, mode="lines", line={"width": 0}, hoverinfo="skip", name="operations / P + span"
        ),
        go.Scatter(
            x=processors,
            y=lower,
            mode="lines",
            line={"width": 0},
            fill="tonexty",
            fillcolor="rgba(0,114,178,0.18)",
            hoverinfo="skip",
            name="the larger of operations / P and span",
        ),
        go.Scatter(
            x=processors,
            y=list(rounds.values()),
            mode="lines+markers",
            name="rounds of the schedule",
            line={"color": theme.ATTENTION, "width": 3},
            marker={"size": 8},
        ),
        go.Scatter(
            x=processors,
            y=[span] * len(processors),
            mode="lines",
            name="span",
            line={"color": theme.GREY, "dash": "dot", "width": 2},
        ),
    ]
    end = math.log10(processors[-1])
    layout = theme.layout(
        f"More processors help until the span is left: {span} levels",
        x={"title": {"text": "processors P"}, "type": "log", "dtick": 1},
        y={"title": {"text": "rounds"}, "type": "log", "dtick": 1},
        annotations=[
            _note(end, math.log10(span), "span", theme.GREY, yshift=-12, xanchor="right"),
            _note(
                end / 2,
                math.log10(upper[len(upper) // 2]),
                "Brent’s bounds",
                theme.ATTENTION,
                xanchor="left",
                yshift=14,
            ),
        ],
    )
    return Picture(layout, traces)
