"""Lesson 15: how five inputs are cut into tokens. Each is one that the lesson's nets are trained on, or like it."""

from collections import defaultdict
from collections.abc import Iterator

import torch
from markupsafe import Markup
from torch import Tensor

from ...models.vit import patches
from ...show import theme
from ...show.display import Page
from ...show.marks import muted, sheet, tag
from ...training.pictures import digits
from . import music, proteins, series
from .pictures import BRIGHTEST, SIDE, SIZE

LINE = "for name in sorted(list)"  # of code; the net reads 128 letters
WIDTH, HEIGHT, LEFT = 760, 64, 104  # of a row's drawing; where the tokens begin, right of what is cut


def five_inputs() -> Page:
    """One input of each task, and the tokens that it is cut into: a box is a token."""
    rows = [
        ("Pictures", f"{(SIZE // SIDE) ** 2} tokens, squares of {SIDE} × {SIDE} pixels", _picture()),
        ("Proteins", f"{proteins.N} tokens, a residue's row in the table of links", _residues()),
        ("Music", f"{2 * music.MOTIF + music.GAP} tokens, a note each", _notes()),
        ("A series", f"{series.SEEN // series.SIDE} tokens, {series.SIDE} hours each", _hours()),
        ("Code", "a token is a letter", _letters()),
    ]
    title = "One block, five inputs: each box is a token"
    drawn = [
        tag("div", tag("b", task), muted(f" · {cut}"), _svg(marks, f"{task}: {cut}"), style={"margin-top": "8px"})
        for task, cut, marks in rows
    ]
    return Page(sheet(title, drawn), "\n".join([f"Figure: {title}", *(f"{task}: {cut}." for task, cut, _ in rows)]))


def _svg(marks, label):
    style = {"font-family": theme.FONT, "background-color": theme.PAPER, "display": "block", "margin-top": "3px"}
    return tag(
        "svg", marks, viewBox=f"-1 -1 {WIDTH + 2} {HEIGHT + 2}", width="100%", role="img", aria_label=label, style=style
    )


def _box(left: float, top: float, width: float, height: float) -> str:
    """A box as a part of an SVG path."""
    return f"M{left:g} {top:g}h{width:g}v{height:g}h-{width:g}z"


def _tokens(boxes: list[str]) -> Markup:
    """The boxes around tokens."""
    return tag("path", class_="tokens", d="".join(boxes), fill="none", stroke=theme.GREY)


def cells(numbers: Tensor, left: float, top: float, side: float) -> Iterator[Markup]:
    """A table (height, width) of numbers from 0 to 1 as squares, the largest the darkest; one SVG path an ink.

    >>> [path] = cells(torch.tensor([[0, 1], [1, 0]]), 0, 0, 2)
    >>> print(path)
    <path d="M2 0h2v2h-2zM0 2h2v2h-2z" fill="#00558A"></path>
    """
    squares = defaultdict(list)
    for i, row in enumerate(numbers.tolist()):
        for j, number in enumerate(row):
            squares[theme.blue(number)[0]].append(_box(left + j * side, top + i * side, side, side))
    squares.pop(theme.PAPER, None)
    return (tag("path", d="".join(boxes), fill=ink) for ink, boxes in squares.items())


def _cut(table, tokens, side):
    """What is cut, an arrow, and its tokens: (height, width) tables of numbers, spread over the row."""
    yield cells(table, 0, 0, HEIGHT / len(table))
    yield tag("rect", x=0, y=0, width=HEIGHT, height=HEIGHT, fill="none", stroke=theme.LINE)
    yield tag("text", "→", x=HEIGHT + 20, y=HEIGHT / 2 + 6, font_size=18, text_anchor="middle", fill=theme.MUTED)
    step, boxes = (WIDTH - LEFT) // len(tokens), []
    for place, token in enumerate(tokens):
        height, width = (side * length for length in token.shape)
        left, top = LEFT + place * step, (HEIGHT - height) / 2
        yield cells(token, left, top, side)
        boxes.append(_box(left, top, width, height))
    yield _tokens(boxes)


def _picture():
    picture = digits()[0].pictures[0] / BRIGHTEST
    return _cut(picture, patches(picture[None], SIDE)[0].unflatten(1, (SIDE, SIDE)), 11)


def _residues():
    links = proteins.links(proteins.proteins(1)[0])
    return _cut(links, [row[:, None] for row in links], 4)


def _in_a_row(count, top=0):
    """How far it is from one box to the next, and boxes that fill the row."""
    step, height = WIDTH / count, HEIGHT - 2 * top
    return step, _tokens([_box(round(place * step, 1), top, round(step - 3, 1), height) for place in range(count)])


def _notes():
    piece = music.pieces(1, torch.Generator().manual_seed(6))[0].tolist()
    step, boxes = _in_a_row(len(piece))
    for place, note in enumerate(piece):
        comes_back = not music.MOTIF <= place < music.MOTIF + music.GAP
        ink = theme.ATTENTION if comes_back else theme.GREY
        top = HEIGHT - 8 - note * (HEIGHT - 14) / (music.NOTES - 1)
        yield tag("rect", x=place * step + 4, y=top, width=step - 11, height=5, fill=ink)
    yield boxes


def _hours():
    seen = series.hours(series.KINDS[1])[: series.SEEN]
    heights = HEIGHT - 6 - (seen - seen.min()) / (seen.max() - seen.min()) * (HEIGHT - 12)
    step, boxes = WIDTH / series.SEEN, _in_a_row(series.SEEN // series.SIDE)[1]
    points = " ".join(f"{(hour + 0.3) * step:.1f},{height:.1f}" for hour, height in enumerate(heights.tolist()))
    return boxes, tag("polyline", points=points, fill="none", stroke=theme.ATTENTION, stroke_width=2)


def _letters():
    step, boxes = _in_a_row(len(LINE), top=10)
    for place, letter in enumerate(LINE):
        middle = place * step + (step - 3) / 2
        yield tag("text", letter, x=middle, y=40, font_size=22, text_anchor="middle", fill=theme.INK)
    yield boxes
