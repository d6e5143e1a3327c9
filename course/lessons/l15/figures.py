"""Lesson 15: digits whose patches are shuffled, contacts that are found round by round, and five tasks in five rows."""

from functools import cache
from pathlib import Path

import torch

from ...models.triangle import PairNet
from ...show import theme
from ...show.display import Page, Picture
from ...show.marks import annotate, axis, figure, guide, muted, sheet, tag
from ...training.pictures import digits
from . import proteins
from .pictures import BRIGHTEST, SIZE, shuffled_patches
from .standing import KINDS, Row, rows

SVG = {"width": "100%", "role": "img", "style": {"font-family": theme.FONT, "background-color": theme.PAPER}}


# ---- digits


def shuffled(count: int = 6) -> Page:
    """Digits as they are, and below with their 16 patches in another order, the same for all."""
    train, _ = digits()
    pictures, labels = train.pictures[:count], train.labels[:count]
    step, side = 140, 14
    marks = []
    for top, row, name in ((26, pictures, "as they are"), (176, shuffled_patches(pictures), "patches shuffled")):
        marks.append(tag("text", name, x=4, y=top - 8, font_size=15, fill=theme.INK))
        for place, picture in enumerate(row):
            marks += _pixels(picture, 4 + place * step, top, side)
    svg = tag("svg", marks, viewBox=f"0 0 {step * count} 296", **SVG)
    named = ", ".join(map(str, labels.tolist()))
    title = "Sixteen patches in one other order, the same for all"
    return Page(sheet(title, svg), f"Figure: {title}\nThe digits {named}, and below them the same, shuffled.")


def _pixels(picture, left, top, side):
    for i in range(SIZE):
        for j in range(SIZE):
            ink = theme.blue(picture[i, j].item() / BRIGHTEST)[0]
            yield tag("rect", x=left + j * side, y=top + i * side, width=side, height=side, fill=ink)
    size = SIZE * side
    yield tag("rect", x=left, y=top, width=size, height=size, fill="none", stroke=theme.GREY)
    for line in (2, 4, 6):
        at, edge = line * side, {"stroke": theme.LINE}
        yield tag("line", x1=left + at, y1=top, x2=left + at, y2=top + size, **edge)
        yield tag("line", x1=left, y1=top + at, x2=left + size, y2=top + at, **edge)


# ---- contacts

LENGTHS = {16: (11, 3, 1, 1), 48: (33, 9, 4, 2)}  # of the chains that are drawn
FOUND_BY = {"the exact step": None, "a net trained on 16": "triangle", "a net trained on 8 to 24": "triangle-mixed"}
MISSED, KNOWN, NEW = (theme.BLUES[place][1] for place in (1, 3, 4))
WEIGHTS = Path(__file__).parent / "weights"


@cache
def stored_net(name: str) -> PairNet:
    """A trained net: "triangle" or "triangle-mixed", seed 0 of the stored ones."""
    net = PairNet(proteins.WIDTH)
    net.load_state_dict(torch.load(WEIGHTS / f"{name}.pt", weights_only=True))
    return net.eval()


@cache
def pairs_of(residues: int, rounds: int, name: str | None) -> tuple[torch.Tensor, torch.Tensor]:
    """(how far apart two residues are, which pairs are found), both (N, N); name: of a stored net, None: exactly."""
    apart = proteins.planted(LENGTHS[residues])
    seen = proteins.links(apart)[None]
    if name is None or rounds == 0:
        return apart, proteins.squared(seen, rounds)[0]
    return apart, proteins.predicted(stored_net(name), seen, rounds)[0]


def contacts(rounds: int = 0, residues: int = 16, found_by: str = "the exact step") -> Page:
    """The table of pairs, chain after chain: what is found after so many rounds, and how far apart that is."""
    apart, pairs = pairs_of(residues, rounds, FOUND_BY[found_by])
    shares = {}
    for distance in range(1, int(apart.max()) + 1):
        shares[distance] = pairs[apart == distance].float().mean().item()
    wrong = int((pairs & (apart < 0)).sum()) // 2
    title = _title(rounds, shares, wrong)
    before = pairs_of(residues, max(rounds - 1, 0), FOUND_BY[found_by])[1]
    table, bars = _table(apart, pairs, before, 2**rounds), _bars(shares, 2**rounds)
    legend = ["Each block is a chain. "]
    for word, colour in (("Dark", NEW), ("middle", KNOWN)):
        legend.append(tag("b", word, style={"color": colour}))
        legend.append(": found, and new in this round; " if word == "Dark" else ": found before; light: missed. ")
    legend += ["Framed: 2", tag("sup", rounds), f" = {2**rounds} links apart. Wrongly found: {wrong}."]
    svg = tag("svg", table, bars, viewBox="0 0 860 400", **SVG)
    by_distance = ", ".join(f"{share:.0%} of {distance} apart" for distance, share in shares.items())
    text = f"Figure: {title}\n{residues} residues, found by {found_by}: {by_distance}. Wrongly found: {wrong}."
    return Page(sheet(title, svg, muted(*legend)), text)


def _title(rounds, shares, wrong):
    reach = 0
    while shares.get(reach + 1) == 1:
        reach += 1
    turns = "round" if rounds == 1 else "rounds"
    if reach == len(shares):
        return f"After {rounds} {turns} every contact is found" + (f", and {wrong} wrong pairs" if wrong else "")
    beyond = sum(share for distance, share in shares.items() if distance > reach)
    links = "link" if reach == 1 else "links"
    return f"After {rounds} {turns}: all up to {reach} {links} apart, " + ("some beyond" if beyond else "none beyond")


def _table(apart, pairs, before, framed):
    N = len(apart)
    side = 360 / N
    yield tag("text", "pairs of residues", x=4, y=18, font_size=15, fill=theme.INK)
    starts = [place for place in range(N) if place == 0 or apart[place, place - 1] < 0]
    for start, end in zip(starts, [*starts[1:], N], strict=True):
        size = (end - start) * side
        box = {"x": 4 + start * side, "y": 28 + start * side, "width": size, "height": size}
        yield tag("rect", fill=MISSED, stroke=theme.GREY, **box)
    yield tag("rect", x=4, y=28, width=360, height=360, fill="none", stroke=theme.GREY)
    for i in range(N):
        yield tag("rect", x=4.5 + i * side, y=28.5 + i * side, width=side - 1, height=side - 1, fill=theme.GREY)
    for i, j in pairs.nonzero().tolist():
        ink = theme.BAD if apart[i, j] < 0 else KNOWN if before[i, j] and framed > 1 else NEW
        yield tag("rect", x=4.5 + j * side, y=28.5 + i * side, width=side - 1, height=side - 1, fill=ink)
    for i, j in (apart == framed).nonzero().tolist():
        frame = {"fill": "none", "stroke": theme.ACCENT, "stroke_width": 2.5 if N < 20 else 1.5}
        yield tag("rect", x=4 + j * side, y=28 + i * side, width=side, height=side, **frame)


def _bars(shares, framed):
    left, width, bottom, height = 430, 420, 350, 280
    step = width / len(shares)
    yield tag("text", "share found, by links apart", x=left, y=18, font_size=15, fill=theme.INK)
    for share in (0, 0.5, 1):
        y = bottom - share * height
        yield tag("line", x1=left, y1=y, x2=left + width, y2=y, stroke=theme.LINE)
        yield tag("text", f"{share:.0%}", x=left - 6, y=y + 5, text_anchor="end", font_size=13, fill=theme.MUTED)
    for distance, share in shares.items():
        x = left + (distance - 1) * step
        bar = {"x": x + 0.1 * step, "width": 0.8 * step, "y": bottom - share * height, "height": share * height}
        yield tag("rect", fill=theme.ATTENTION, **bar)
        if distance == framed:
            frame = {"x": x, "y": bottom - height - 4, "width": step, "height": height + 4}
            yield tag("rect", fill="none", stroke=theme.ACCENT, stroke_width=2.5, **frame)
        if len(shares) < 20 or distance % 4 == 0 or distance == 1:
            place = {"x": x + step / 2, "y": bottom + 18, "text_anchor": "middle", "font_size": 13}
            yield tag("text", distance, fill=theme.INK, **place)


# ---- five tasks

LOOKS = {  # kind: colour, plotly's marker, the same as a letter, where in its row
    "no model": (theme.INK, "diamond", "◆", 0.24),
    "specialist": (theme.ACCENT, "square", "■", 0.08),
    "the block": (theme.ATTENTION, "circle", "●", -0.08),
    "LSTM": (theme.LSTM, "triangle-up", "▲", -0.24),
}


def five_rows() -> Picture:
    """Each task a row: how much of the way from guessing to the best that was reached here."""
    tasks = rows()
    ahead = sum(row.is_ahead("the block") for row in tasks)
    plot = figure(
        f"The block is ahead of all others in {ahead or 'none'} of five tasks",
        x=axis("of the way from guessing to the best reached here", span=(-0.03, 1.04), tickformat=".0%"),
        y=axis(visible=False, span=(-4.75, 0.6)),
        height=470,
        left=24,
        above=24,
        note="Means of three stored seeds; what is no model is computed. Guessing: a digit in ten; the links; the likeliest "
        "next note; the last value; any of 96 letters.",
    )
    for kind in KINDS:
        colour, symbol, _, up = LOOKS[kind]
        of_kind = [(place, row) for place, row in enumerate(tasks) if kind in row.reached]
        plot.add_scatter(
            x=[round(row.share(kind), 3) for _, row in of_kind],
            y=[up - place for place, _ in of_kind],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 11},
            name=kind,
            text=[row.says(kind) for _, row in of_kind],
            hovertemplate="%{text}<extra></extra>",
        )
    for place, row in enumerate(tasks):
        annotate(plot, tag("b", row.task), 0, 0.3 - place, yshift=2)
        annotate(plot, _numbers(row), 0, -0.4 - place, colour=theme.MUTED, size=12)
        guide(plot, y=-0.56 - place, colour=theme.LINE, dash="solid", width=1)
    names = [tag("span", f"{LOOKS[kind][2]} {kind}", style={"color": LOOKS[kind][0]}) for kind in KINDS]
    annotate(plot, tag("b", *_between(names, "     ")), 0, 1, within="panel", yanchor="bottom", yshift=6)
    return Picture(plot, text="\n".join(["Figure: " + plot.layout.title.text.strip("</b>"), *map(_in_words, tasks)]))


def _between(parts, blank):
    for place, part in enumerate(parts):
        yield from ([part] if place == 0 else [blank, part])


def _numbers(row: Row) -> str:
    return " · ".join(row.says(kind) for kind in KINDS if kind in row.reached)


def _in_words(row: Row) -> str:
    return f"{row.task}: {_numbers(row)}; guessing {row.number(row.guessing)}."
