"""The lanes of Alammar's picture, drawn from measured dependencies: who moves when one word is moved, part by part."""

import functools

import torch

from ...models.perturbation import changed_by
from ...models.transformer import Block
from ...show import theme
from ...show.display import Page
from ...show.marks import muted, sheet, tag
from ...words import SENTENCE, draw, split_words

BLOCKS, WIDTH, HEADS = 6, 16, 4
LANE, PART, LEFT, BOTTOM = 104, 33, 96, 470  # px: between two lanes, two parts; to the first lane, the lowest row


@functools.cache
def dependencies(T=6, blocks=BLOCKS):
    """[(name of the part, (T, T) of bool: whether output i moves with input j)] of an encoder of 2017, lowest first."""
    torch.manual_seed(7)
    of_all = []
    for number in range(1, blocks + 1):
        block = Block(WIDTH, HEADS, norm="after").double()
        for name, part in (("self-attention", block.attention), ("feed-forward", block.feed_forward)):
            words = draw(T, WIDTH, seed=number)

            def through(words, part=part):
                return part(words[None])[0]

            moved = torch.stack([changed_by(through, words, position) > 0 for position in range(T)], dim=1)
            of_all.append((name, moved))
    return of_all


def is_meeting(moved):
    """Whether a word's output depends on another word."""
    return bool((moved & ~torch.eye(len(moved), dtype=torch.bool)).any())


def picture(word=3):
    """Six blocks over six words: every dependence that was measured, as a line. word: whose past is blue, from 1."""
    names = split_words(SENTENCE)
    measured = dependencies(len(names))
    meetings = sum(is_meeting(moved) for _, moved in measured)
    title = f"{meetings} meetings; between them every word has its own lane"
    marks, reached = [], {word - 1}
    for row in range(len(measured) - 1, -1, -1):
        name, moved = measured[row]
        marks += _lines(row, moved, reached)
        reached = {before for after in reached for before in moved[after].nonzero().flatten().tolist()}
    for row, (name, moved) in enumerate(measured):
        marks += _boxes(row, name, moved, len(names))
    for place, text in enumerate(names):
        marks.append(_label(LEFT + place * LANE, BOTTOM + 22, text, size=15))
    drawing = tag(
        "svg", marks, viewBox=f"0 0 {LEFT + 6 * LANE + 10} {BOTTOM + 34}", width="100%", role="img",
        style={"font-family": theme.FONT, "background-color": theme.PAPER, "max-height": "540px"},
    )  # fmt: skip
    text = (
        f"Figure: {title}\n"
        f"Six blocks, measured by moving one word at a time: in each of the {meetings} self-attentions every output depends "
        "on all six words; in each feed-forward part every output depends on its own word alone."
    )
    note = muted(
        "A line: what stands above moves if what stands below is moved (measured). White: feed-forward. Blue: all that the top of one lane depends on."
    )
    return Page(sheet(title, drawing, note, width=760), text)


def _y(row):
    return BOTTOM - 18 - PART * (row + 1)


def _lines(row, moved, reached):
    """The dependences of one part: blue if they lead to the chosen word's output."""
    lines = []
    for after, before in moved.nonzero().tolist():
        blue = after in reached
        lines.append(
            tag(
                "line",
                x1=LEFT + before * LANE,
                y1=_y(row) + PART if row else BOTTOM + 4,
                x2=LEFT + after * LANE,
                y2=_y(row),
                stroke=theme.ATTENTION if blue else theme.LINE,
                stroke_width=1.6 if blue else 1,
                opacity=0.8,
            )
        )
    return sorted(lines, key=lambda line: theme.ATTENTION in line)


def _boxes(row, name, moved, T):
    """One bar through all lanes where the words meet, else a box in each lane."""
    y, block = _y(row), row // 2 + 1
    if is_meeting(moved):
        bar = {"x": LEFT - 40, "y": y - 8, "width": (T - 1) * LANE + 80, "height": 16, "rx": 8}
        boxes = [tag("rect", **bar, fill=theme.BLUES[1][1], stroke=theme.ATTENTION)]
        boxes.append(_label(LEFT + 2.5 * LANE, y + 4, name, size=12))
    else:
        boxes = [
            tag(
                "rect",
                x=LEFT + lane * LANE - 22,
                y=y - 8,
                width=44,
                height=16,
                rx=3,
                fill=theme.PAPER,
                stroke=theme.GREY,
            )
            for lane in range(T)
        ]
        boxes.append(_label(LEFT - 62, y + PART / 2 + 4, f"block {block}", size=12, colour=theme.MUTED))
    return boxes


def _label(x, y, words, colour=theme.INK, size=14):
    return tag("text", words, x=x, y=y, fill=colour, font_size=size, text_anchor="middle")
