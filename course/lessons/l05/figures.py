"""Lesson 05: what each word reads, and who waits for whom."""

import torch

from helpers import attention, attention_weights, elman
from helpers.counting import rounds as graphs

from ...models import changed_by
from ...show import theme
from ...show.display import Page, Picture
from ...show.marks import axis, figure, sheet, tag
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
    page = sheet(title, _lines(words, chosen, row), _matrix(words, chosen, weights))
    text = f"Figure: {title}\n" + "\n".join(
        f"{word} reads " + ", ".join(f"{other} {weight:.0%}" for other, weight in zip(words, line, strict=True))
        for word, line in zip(words, weights, strict=True)
    )
    return Page(page, text)


def _lines(words, chosen, row):
    """Two rows of the sentence: the reader above, what it reads below, lines as thick as the weights."""
    step = 860 / len(words)
    centres = [step * (i + 0.5) for i in range(len(words))]
    size = min(17, 1.75 * step / max(len(word) for word in words))
    parts = []
    for i, (word, weight) in enumerate(zip(words, row, strict=True)):
        bend = f"M{centres[chosen]:.0f},34 C{centres[chosen]:.0f},80 {centres[i]:.0f},62 {centres[i]:.0f},106"
        stroke = {"stroke": theme.ATTENTION, "stroke_width": 0.5 + 18 * weight, "stroke_opacity": 0.15 + 0.85 * weight}
        reading = {"fill": theme.ATTENTION, "font_weight": "bold"} if i == chosen else {"fill": theme.MUTED}
        back, ink = theme.blue(weight)
        left, width = round(centres[i] - step * 0.46), round(step * 0.92)
        parts += [
            tag("path", d=bend, fill="none", **stroke),
            tag("text", word, x=round(centres[i]), y=24, **reading),
            tag("rect", x=left, y=108, width=width, height=44, rx=4, fill=back, stroke=theme.LINE),
            tag("text", word, x=round(centres[i]), y=126, fill=ink),
            tag("text", f"{weight:.0%}", x=round(centres[i]), y=145, fill=ink, font_size=min(14, size)),
        ]
    style = {
        "font-family": theme.FONT,
        "font-size": f"{size:.0f}px",
        "text-anchor": "middle",
        "background-color": theme.PAPER,
    }
    return tag("svg", parts, viewBox="0 0 860 158", width="100%", role="img", style=style)


def _matrix(words, chosen, weights):
    """The whole matrix of weights, a row for each reader."""
    head = {"text-align": "center", "padding": "5px 4px", "font-size": "13px"}
    name = {"text-align": "right", "padding": "5px 10px", "font-size": "13px"}
    paper = {"background-color": theme.PAPER}
    rows = [
        tag("tr", tag("th", "reads … (%)", style=name), [tag("th", word, style=head) for word in words], style=paper)
    ]
    for i, (word, line) in enumerate(zip(words, weights, strict=True)):
        mark = {"color": theme.ATTENTION, "font-weight": "bold"} if i == chosen else {"font-weight": "normal"}
        rows.append(tag("tr", tag("th", f"{word} reads", style=name | mark), map(_cell, line), style=paper))
    style = {"border-collapse": "collapse", "width": "100%", "margin-top": "8px", "color": theme.INK}
    return tag("table", tag("thead", rows[0]), tag("tbody", rows[1:]), style=style)


def _cell(weight):
    back, ink = theme.blue(weight)
    style = {"text-align": "center", "padding": "5px 4px", "font-size": "12px", "border": f"1px solid {theme.LINE}"}
    return tag("td", f"{100 * weight:.0f}", style=style | {"background-color": back, "color": ink})


def who_waits(moved_word=3):
    """Four layers on the course's sentence: which outputs notice one changed word, and when each is ready.

    moved_word: the position of the word whose vector moves, from 1. Coloured cells notice it; the number in a cell is
    the round in which that output is ready.
    """
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
    title = f"Move “{words[moved_word - 1]}”: who notices, and when is it ready?"
    words_above = axis(side="top", ticks="", showgrid=False, fixedrange=True)
    layers = axis(autorange="reversed", ticks="", showgrid=False, fixedrange=True)
    note = "Blue: the output changes. The number is the round in which it is ready."
    plot = figure(title, x=words_above, y=layers, height=330, left=150, note=note)
    plot.add_heatmap(
        z=[moves.int().tolist() for _, moves, _ in rows],
        x=[f"{t} {word}" for t, word in enumerate(words, 1)],
        y=[name for name, _, _ in rows],
        text=[[f"round {r}" for r in ready] for _, _, ready in rows],
        texttemplate="%{text}",
        colorscale=[[0, theme.WASH], [1, theme.BLUES[2][1]]],
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=3,
        ygap=3,
        hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
        name="blue: the output changes",
    )
    noticed = {name: int(moves.sum()) for name, moves, _ in rows}
    last = {name: max(ready) for name, _, ready in rows}
    text = f"Figure: {title}\n" + "\n".join(
        f"{name}: {noticed[name]} of {T} outputs notice; the last is ready in round {last[name]}" for name in noticed
    )
    return Picture(plot, text=text)


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
