"""Lesson 05: what each word reads, and who waits for whom."""

import torch

from helpers import attention, attention_weights, elman
from helpers.counting import rounds as graphs

from ...models import changed_by
from ...show import theme
from ...show.display import Page, Picture
from ...show.marks import axis, figure, sheet, tag
from ...words import SENTENCE, draw, embed, split_words
from . import small_head

PREVIOUS = "set by hand: the word before"
TRAINED = "trained: where small words belong"
NO_PROJECTIONS = "none: the bare words"
HEADS = [PREVIOUS, TRAINED, NO_PROJECTIONS]


def head_weights(words, head, temperature):
    """The weights (T, T) of one head; row i says what word i reads."""
    if head == PREVIOUS:
        # A place as a one-hot vector; the query asks for the place before, as in exercise 3.
        places = 4 * torch.eye(len(words), dtype=torch.float64)
        query, key = places.roll(-1, dims=1), places
        query[0] = places[0]  # nothing comes before the first word
    elif head == TRAINED:
        query, key = small_head.queries_and_keys(words)
    else:
        query = key = 4 * embed(words)
    return attention_weights(query, key, scale=query.shape[1] ** -0.5 / temperature)


def reader_choices(sentence):
    """The words one can follow, numbered so that a repeated word can be told from the first."""
    return [f"{position} {word}" for position, word in enumerate(split_words(sentence), 1)]


def attention_reads(sentence=SENTENCE, head=PREVIOUS, reader="3 rested", temperature=1.0):
    """What each word of a sentence reads: lines from one reader to the words, and the whole weight matrix."""
    words = split_words(sentence)
    weights = head_weights(words, head, temperature).tolist()
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
        reading = {"fill": theme.ATTENTION, "font_weight": "bold"} if i == chosen else {"fill": theme.INK}
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


LENGTHS = [6, 12, 30, 60, 120]
NAMED = 12  # words whose cells have room for their round
CAUSAL = "Causal: each word reads itself and the words before."
WIDTH = 16


def who_waits(words=60, moved_word=3):
    """Four layers. Left, which outputs notice one moved word; right, in which round the last output is ready.

    words: how many; six are the course's sentence, of more the vectors are random. moved_word: which of them, from 1.
    """
    vectors = embed(split_words(SENTENCE)) if words == 6 else draw(words, WIDTH, seed=words) / WIDTH**0.5
    rows = [
        (
            name,
            (changed_by(layer, vectors, moved_word - 1) > 0).int().tolist(),
            _ready(graph, node, words),
        )
        for name, layer, graph, node in _layers(words)
    ]
    title = f"All {'six' if words == 6 else words} words of attention notice, none waits for another"
    plot = figure(
        title,
        y=axis(autorange="reversed", ticks="", showgrid=False, fixedrange=True),
        height=330,
        left=140,
        right=70,
        columns=2,
        headings=(f"Who notices word {moved_word}? (blue)", "Rounds until all are ready"),
        note=_note(words),
        column_widths=[0.6, 0.4],
        horizontal_spacing=0.06,
        shared_yaxes=True,
    )
    _draw_notices(plot, rows, words)
    _draw_rounds(plot, rows)
    text = f"Figure: {title}\n" + "\n".join(
        f"{name}: {sum(notices)} of {words} outputs notice; the first is ready in round {ready[0]}, the last in {ready[-1]}"
        for name, notices, ready in rows
    )
    return Picture(plot, text=text)


def _ready(graph, node, words):
    """The round in which each output is ready."""
    rounds = graphs.rounds(graph)
    return [rounds[f"{node}{t}"] for t in range(1, words + 1)]


def _note(words):
    if words > NAMED:
        return f"Each column is one word. In a round everything is computed whose inputs are ready. {CAUSAL}"
    return f"A number is the round in which an output is ready. So few words mislead: take more. {CAUSAL}"


def _draw_notices(plot, rows, words):
    columns = list(range(1, words + 1))
    numbers = [[str(r) for r in ready] for _, _, ready in rows] if words <= NAMED else None
    plot.add_heatmap(
        z=[notices for _, notices, _ in rows],
        x=columns,
        y=[name for name, _, _ in rows],
        text=numbers,
        texttemplate="%{text}" if numbers else None,
        colorscale=[[0, theme.GRID], [1, theme.BLUES[2][1]]],
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=3 if words <= NAMED else 0,
        ygap=6,
        hovertemplate="%{y}, word %{x}<extra></extra>",
        name="blue: the output changes",
        row=1,
        col=1,
    )
    labels = {"tickvals": columns, "ticktext": split_words(SENTENCE)} if words == 6 else {"tickvals": [1, words]}
    plot.update_xaxes(axis(span=(0.5, words + 0.5), ticks="", showgrid=False, fixedrange=True), row=1, col=1)
    plot.update_xaxes(tickangle=0, **labels, row=1, col=1)


def _draw_rounds(plot, rows):
    colours = {"Elman RNN": theme.RNN, "feed-forward": theme.GREY}
    last = [ready[-1] for _, _, ready in rows]
    plot.add_bar(
        x=last,
        y=[name for name, _, _ in rows],
        orientation="h",
        text=[f" {rounds}" for rounds in last],
        textposition="outside",
        textfont={"size": 15, "color": theme.INK},
        cliponaxis=False,
        marker_color=[colours.get(name, theme.ATTENTION) for name, _, _ in rows],
        hovertemplate="%{y}: round %{x}<extra></extra>",
        name="the round of the last output",
        row=1,
        col=2,
    )
    plot.update_xaxes(axis(span=(0, max(last)), nticks=4, fixedrange=True), row=1, col=2)


def _layers(T):
    square = [draw(WIDTH, WIDTH, seed=seed) / 4 for seed in range(6)]

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
