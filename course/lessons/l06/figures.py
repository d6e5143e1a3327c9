"""Lesson 06: rounds of reading and writing; who reaches whom under a mask that one paints."""

import torch

from ...show import theme
from ...show.choices import Paint
from ...show.display import Page, Picture
from ...show.marks import BREAK, annotate, axis, figure, sheet, tag
from ...words import SENTENCE, split_words

WORDS = split_words(SENTENCE)


def reading_and_writing(rounds):
    """Rounds against words, both axes logarithmic.

    rounds: {"blocks, reading", "blocks, writing", "RNN, reading" and "RNN, writing": {words: rounds}}.
    """
    looks = {
        "blocks, reading": (theme.ATTENTION, "solid", "blocks, reading: 13"),
        "blocks, writing": (theme.ATTENTION, "dash", "blocks, writing: 13·T"),
        "RNN, reading": (theme.RNN, "solid", "RNN, reading: T + 2"),
        "RNN, writing": (theme.RNN, "dash", "RNN, writing: 3·T"),
    }
    longest = max(max(counts) for counts in rounds.values())
    plot = figure(
        "Reading is flat, writing is not",
        x=axis("words", log=True, values=[1, 6, 60, 600], span=(0.9, 1.15 * longest)),
        y=axis("rounds", log=True, values=[1, 10, 100, 1000, 10000], span=(2, 20000)),
        height=430,
        right=190,
        note="Two blocks with their output, an RNN of two layers with its own; T words. The mask changes none of the lines.",
    )
    for name, (colour, dash, label) in looks.items():
        counts = rounds[name]
        line = {"color": colour, "width": 3, "dash": dash}
        plot.add_scatter(x=list(counts), y=list(counts.values()), mode="lines+markers", name=name, line=line)
        annotate(plot, label, longest, counts[longest], colour=_ink(colour), xshift=10)
    annotate(plot, _triangle(), 0.02, 0.98, within="panel", colour=theme.MUTED, size=12, yanchor="top")
    return Picture(plot)


def _triangle():
    """The prefixes of the sentence under each other, one of them lit: what the mask shows to each word."""
    prefixes = [" ".join(WORDS[: t + 1]) for t in range(len(WORDS))]
    prefixes[3] = tag("b", prefixes[3])
    return BREAK.join([tag("i", "row t: the prefix of t words"), *prefixes])


def _ink(colour):
    return theme.BAD if colour == theme.RNN else colour


# ---- paint a mask


def _picture(may_read):
    return tuple(tuple(may_read(i, j) for j in range(len(WORDS))) for i in range(len(WORDS)))


CAUSAL = _picture(lambda i, j: j <= i)
MASKS = Paint(
    WORDS,
    {
        "causal": CAUSAL,
        "off by one": _picture(lambda i, j: j <= i + 1),
        "itself and the word before": _picture(lambda i, j: i - 1 <= j <= i),
        "two texts in a row": _picture(lambda i, j: j <= i and j // 3 == i // 3),
        "not itself": _picture(lambda i, j: j < i),
        "everything": _picture(lambda i, j: True),
    },
)
DEPTHS = [1, 2, 6]
CELL, LEFT, TOP, BETWEEN = 32, 100, 66, 250  # units of the drawing


def reach(mask, depth):
    """Whose word reaches whose output through `depth` layers that add to their input: (reached, is_nan).

    reached (T, T): row i, column j, as numbers of the graph of who reads whom. is_nan (T,): outputs that are not a
    number, since in some layer they, or one that they read, had nothing to read.
    """
    reads = torch.tensor(mask)
    reached = own = torch.eye(len(mask), dtype=torch.bool)
    is_nan = torch.zeros(len(mask), dtype=torch.bool)
    for _ in range(depth):
        is_nan = is_nan | ~reads.any(dim=1) | (reads & is_nan).any(dim=1)
        reached = ((reads | own).int() @ reached.int()) > 0
    return reached, is_nan


def who_reaches_whom(mask=CAUSAL):
    """Which words reach which outputs in 1, 2 and 6 layers; with a cross, what reaches the future.

    mask: rows of True and False; row i says what word i may read.
    """
    panels = [(depth, *reach(mask, depth)) for depth in DEPTHS]
    future = torch.ones(len(mask), len(mask)).triu(1).bool()
    leaks = {depth: int((reached & future & ~is_nan[:, None]).sum()) for depth, reached, is_nan in panels}
    broken = int(panels[-1][2].sum())
    title = _title(leaks, broken)
    drawing = tag(
        "svg",
        [_panel(place, *panel) for place, panel in enumerate(panels)],
        viewBox="0 0 860 272",
        width="100%",
        role="img",
        style={"font-family": theme.FONT, "background-color": theme.PAPER},
    )
    return Page(sheet(title, drawing), _in_words(title, mask, panels, leaks))


def _title(leaks, broken):
    if broken:
        return f"{broken} of {len(WORDS)} outputs are 0/0 after {DEPTHS[-1]} layers: somebody has nothing to read"
    if not leaks[DEPTHS[-1]]:
        return "Nobody reads the future, in any depth"
    counts = ", ".join(str(leaks[depth]) for depth in DEPTHS)
    return f"The future leaks: {counts} pairs in {', '.join(map(str, DEPTHS[:-1]))} and {DEPTHS[-1]} layers"


def _panel(place, depth, reached, is_nan):
    left = LEFT + place * BETWEEN
    heading = f"in {depth} layer{'s' * (depth > 1)}"
    marks = [_text(left, 24, heading, weight="bold")]
    if place == 0:
        marks += [
            _text(left - 10, TOP + CELL * (i + 0.65), f"{i + 1} {word}", anchor="end") for i, word in enumerate(WORDS)
        ]
    marks += [
        _text(left + CELL * (j + 0.5), TOP - 10, j + 1, colour=theme.MUTED, anchor="middle") for j in range(len(WORDS))
    ]
    for i, row in enumerate(reached.tolist()):
        for j, reaches in enumerate(row):
            marks.append(_square(left + CELL * j, TOP + CELL * i, reaches and not is_nan[i], is_future=j > i))
        if is_nan[i]:
            marks.append(
                _text(left + CELL * len(WORDS) / 2, TOP + CELL * (i + 0.65), "0/0", colour=theme.BAD, anchor="middle")
            )
    return tag("g", marks)


def _square(x, y, reaches, is_future):
    fill = (theme.BAD if is_future else theme.ATTENTION) if reaches else theme.WASH
    box = tag("rect", x=x + 1, y=y + 1, width=CELL - 2, height=CELL - 2, rx=3, fill=fill)
    # A cross too, so that colour is not the only difference.
    cross = f"M{x + 10},{y + 10} l12,12 m0,-12 l-12,12"
    return [box, tag("path", d=cross, stroke=theme.PAPER, stroke_width=3) if reaches and is_future else None]


def _text(x, y, words, colour=theme.INK, weight="normal", anchor="start"):
    look = {"fill": colour, "font_size": 15, "font_weight": weight, "text_anchor": anchor}
    return tag("text", words, x=round(x), y=round(y), **look)


def _in_words(title, mask, panels, leaks):
    name = MASKS.name_of(tuple(map(tuple, mask)))
    lines = [f"Figure: {title}", f"The mask: {name}."]
    for depth, reached, is_nan in panels:
        rows = [
            f"{word} {'0/0' if bad else ' '.join(str(j + 1) for j, one in enumerate(row) if one)}"
            for word, row, bad in zip(WORDS, reached.tolist(), is_nan.tolist(), strict=True)
        ]
        lines.append(
            f"In {depth} layer{'s' * (depth > 1)}, reached by, {leaks[depth]} in the future: {'; '.join(rows)}"
        )
    return "\n".join(lines)
