"""Lesson 05: what each word reads, and who waits for whom."""

import html

import torch

from helpers import attention, attention_weights, elman
from helpers.counting import rounds as graphs

from ...models import changed_by
from ...show import theme
from ...show.display import Page, Picture
from ...words import SENTENCE, draw, embed, split_words

NO_PROJECTIONS = "none: raw dot products of the words themselves"
RANDOM = "random: a head before training"
PREVIOUS = "set by hand: read the word before"
PROJECTIONS = [NO_PROJECTIONS, RANDOM, PREVIOUS]


def head_weights(words, projections, temperature):
    """The weights (T, T) of one head; row i says what word i reads."""
    vectors = embed(words)
    if projections == PREVIOUS:
        # A position as a one-hot vector; the query asks for the position before, as in exercise 05.4.
        positions = 8 * torch.eye(len(words), dtype=torch.float64)
        query, key = positions.roll(-1, dims=1), positions
        query[0] = positions[0]  # nothing comes before the first word
    elif projections == RANDOM:
        query, key = (vectors @ draw(vectors.shape[1], vectors.shape[1], seed=seed) for seed in (1, 2))
    else:
        query = key = vectors
    scale = 1 if projections == NO_PROJECTIONS else query.shape[1] ** -0.5
    return attention_weights(query, key, scale=scale / temperature)


def reader_choices(sentence):
    """The words one can follow, numbered so that a repeated word can be told from the first."""
    return [f"{position} {word}" for position, word in enumerate(split_words(sentence), 1)]


def attention_reads(sentence=SENTENCE, projections=RANDOM, reader="3 rested", temperature=1.0):
    """What each word of a sentence reads: lines from one reader to the words, and the whole weight matrix."""
    words = split_words(sentence)
    weights = head_weights(words, projections, temperature).tolist()
    chosen = next((i for i, label in enumerate(reader_choices(sentence)) if label == reader), 0)
    row = weights[chosen]
    most = max(range(len(row)), key=row.__getitem__)
    title = f"“{words[chosen]}” reads “{words[most]}” most: {row[most]:.0%} of its attention"
    body = f'<div style="font-size:17px;font-weight:bold;margin-bottom:4px">{html.escape(title)}</div>'
    body += _lines(words, chosen, row) + _matrix(words, chosen, weights)
    style = f"background-color:{theme.PAPER};color:{theme.INK};font-family:{theme.FONT};padding:14px;max-width:900px"
    text = f"Figure: {title}\n" + "\n".join(
        f"{word} reads " + ", ".join(f"{other} {weight:.0%}" for other, weight in zip(words, line, strict=True))
        for word, line in zip(words, weights, strict=True)
    )
    return Page(f'<div style="{style}">{body}</div>', text)


def _lines(words, chosen, row):
    """Two rows of the sentence: the reader above, what it reads below, lines as thick as the weights."""
    step = 860 / len(words)
    middle = [step * (i + 0.5) for i in range(len(words))]
    size = min(17, 1.75 * step / max(len(word) for word in words))
    parts = []
    for i, (word, weight) in enumerate(zip(words, row, strict=True)):
        bend = f"M{middle[chosen]:.0f},34 C{middle[chosen]:.0f},80 {middle[i]:.0f},62 {middle[i]:.0f},106"
        opacity = 0.15 + 0.85 * weight
        parts.append(
            f'<path d="{bend}" fill="none" stroke="{theme.ATTENTION}" stroke-width="{0.5 + 18 * weight:.1f}" '
            f'stroke-opacity="{opacity:.2f}"/>'
        )
        reading = f'fill="{theme.ATTENTION}" font-weight="bold"' if i == chosen else f'fill="{theme.GREY}"'
        parts.append(f'<text x="{middle[i]:.0f}" y="24" {reading}>{html.escape(word)}</text>')
        back, ink = theme.blue(weight)
        parts.append(
            f'<rect x="{middle[i] - step * 0.46:.0f}" y="108" width="{step * 0.92:.0f}" height="44" rx="4" fill="{back}" '
            f'stroke="{theme.LINE}"/>'
            f'<text x="{middle[i]:.0f}" y="126" fill="{ink}">{html.escape(word)}</text>'
            f'<text x="{middle[i]:.0f}" y="145" fill="{ink}" font-size="13">{weight:.0%}</text>'
        )
    return (
        f'<svg viewBox="0 0 860 158" width="100%" role="img" style="font-family:{theme.FONT};font-size:{size:.0f}px;'
        f'text-anchor:middle;background-color:{theme.PAPER}">{"".join(parts)}</svg>'
    )


def _matrix(words, chosen, weights):
    cell = f"text-align:center;padding:5px 4px;font-size:12px;border:1px solid {theme.LINE}"
    name = "text-align:right;padding:5px 10px;font-size:13px"
    head = "".join(f'<th style="text-align:center;padding:5px 4px;font-size:13px">{html.escape(w)}</th>' for w in words)
    lines = []
    for i, (word, line) in enumerate(zip(words, weights, strict=True)):
        cells = ""
        for weight in line:
            back, ink = theme.blue(weight)
            cells += f'<td style="{cell};background-color:{back};color:{ink}">{100 * weight:.0f}</td>'
        mark = f"color:{theme.ATTENTION};font-weight:bold" if i == chosen else "font-weight:normal"
        lines.append(
            f'<tr style="background-color:{theme.PAPER}"><th style="{name};{mark}">{html.escape(word)} reads</th>{cells}</tr>'
        )
    return (
        f'<table style="border-collapse:collapse;width:100%;margin-top:8px;color:{theme.INK}">'
        f'<thead><tr style="background-color:{theme.PAPER}"><th style="{name}">reads … (%)</th>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def who_waits(moved_word=3):
    """Four layers on the course's sentence: which outputs notice one changed word, and when each is ready.

    moved_word: the position of the word whose vector moves, from 1. Coloured cells notice it; the number in a cell is
    the round in which that output is ready.
    """
    import plotly.graph_objects as go

    words = split_words(SENTENCE)
    T = len(words)
    rows = [
        (
            name,
            changed_by(layer, embed(words), moved_word - 1) > 0,
            [graphs.rounds(graph)[f"{node}{t}"] for t in range(1, T + 1)],
        )
        for name, layer, graph, node in _layers(T)
    ]
    noticed = {name: int(moves.sum()) for name, moves, _ in rows}
    last = {name: max(ready) for name, _, ready in rows}
    table = go.Heatmap(
        z=[moves.int().tolist() for _, moves, _ in rows],
        x=[f"{t} {word}" for t, word in enumerate(words, 1)],
        y=[name for name, _, _ in rows],
        text=[[f"round {r}" for r in ready] for _, _, ready in rows],
        texttemplate="%{text}",
        colorscale=[[0, theme.WASH], [1, "#8FBFE3"]],
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=3,
        ygap=3,
        hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
        name="blue: the output changes",
    )
    title = f"Move “{words[moved_word - 1]}”: who notices (blue), and in which round each output is ready"
    layout = theme.layout(
        title,
        x={"side": "top", "ticks": "", "showgrid": False, "fixedrange": True},
        y={"autorange": "reversed", "ticks": "", "showgrid": False, "fixedrange": True},
        height=330,
        margin={"l": 190, "r": 30, "t": 100, "b": 20},
    )
    text = f"Figure: {title}\n" + "\n".join(
        f"{name}: {noticed[name]} of {T} outputs notice; the last is ready in round {last[name]}" for name in noticed
    )
    return Picture(layout, [table], text)


def _layers(T):
    width = 16
    square = [draw(width, width, seed=seed) / 4 for seed in range(6)]

    def feed_forward(vectors):
        return (vectors @ square[0]).relu() @ square[1]

    def recurrent(vectors):
        return elman(vectors[None], square[0], square[1], method="loop")[0]

    def attend(vectors, is_causal=False):
        query, key, value = (vectors @ weight for weight in square[2:5])
        return attention(query, key, value, is_causal=is_causal) @ square[5]

    return [
        ("feed-forward", feed_forward, graphs.feed_forward(T), "y"),
        ("Elman RNN", recurrent, graphs.recurrent(T), "h"),
        ("attention", attend, graphs.attention(T), "y"),
        ("causal attention", lambda vectors: attend(vectors, is_causal=True), graphs.attention(T, causal=True), "y"),
    ]
