"""Lesson 15: digits whose patches are shuffled, contacts that are found round by round, and five tasks in five rows."""

from functools import cache
from itertools import groupby
from pathlib import Path

import torch

from ...models.triangle import PairNet
from ...show import theme
from ...show.display import Page, Picture
from ...show.marks import annotate, axis, figure, guide, sheet, tag
from ...training.pictures import digits
from . import proteins
from .cuts import cells
from .cuts import five_inputs as five_inputs  # beside the other figures
from .pictures import BRIGHTEST, SIZE, shuffled_patches
from .standing import KINDS, Row, rows

SVG = {"width": "100%", "role": "img", "style": {"font-family": theme.FONT, "background-color": theme.PAPER}}


# ---- digits


def shuffled(count: int = 6) -> Page:
    """Digits as they are, and below with their 16 patches in another order, the same for all."""
    train, _ = digits()
    pictures, labels = train.pictures[:count], train.labels[:count]
    step, side = 140, 14
    lines = []
    for row, name in ((pictures, "as they are"), (shuffled_patches(pictures), "patches shuffled")):
        marks = [_pixels(picture, 4 + place * step, 1, side) for place, picture in enumerate(row)]
        svg = tag("svg", marks, viewBox=f"0 0 {step * count} {SIZE * side + 8}", aria_label=f"Digits, {name}", **SVG)
        lines += [tag("div", name), svg]
    named = ", ".join(map(str, labels.tolist()))
    title = "Sixteen patches in one other order, the same for all"
    return Page(sheet(title, lines), f"Figure: {title}\nThe digits {named}, and below them the same, shuffled.")


def _pixels(picture, left, top, side):
    yield cells(picture / BRIGHTEST, left, top, side)
    size = SIZE * side
    yield tag("rect", x=left, y=top, width=size, height=size, fill="none", stroke=theme.GREY)
    cuts = [f"M{left + at} {top}v{size}M{left} {top + at}h{size}" for at in (2 * side, 4 * side, 6 * side)]
    yield tag("path", d="".join(cuts), fill="none", stroke=theme.LINE)


# ---- contacts

LENGTHS = {16: (11, 3, 1, 1), 24: (16, 5, 2, 1), 48: (33, 9, 4, 2)}  # of the chains that are drawn
FOUND_BY = {"the exact step": None, "a net trained on 16": "triangle", "a net trained on 8 to 24": "triangle-mixed"}
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


def contacts(rounds: int = 3, residues: int = 24, found_by: str = "the exact step") -> Picture:
    """The table of pairs, chain after chain: what is found after so many rounds, and how far apart that is."""
    apart, pairs = pairs_of(residues, rounds, FOUND_BY[found_by])
    _, before = pairs_of(residues, max(rounds - 1, 0), FOUND_BY[found_by])
    reach, wrong = 2**rounds, int((pairs & (apart < 0)).sum()) // 2
    shares = {}
    for distance in range(1, int(apart.max()) + 1):
        shares[distance] = round(pairs[apart == distance].float().mean().item(), 3)
    plot = figure(
        _title(rounds, shares, wrong),
        height=440,
        columns=2,
        headings=("pairs of residues, chain after chain", "share found, by links apart"),
        horizontal_spacing=0.1,
        left=40,
        note="Light: missed. Middle: found before. Dark: found, and new in this round. Grey: a residue itself. "
        f"Ring: 2{'⁰¹²³⁴⁵⁶⁷⁸⁹'[rounds]} = {_links(reach)} apart. Wrongly found (black): {wrong}.",
    )
    _table(plot, apart, pairs, before, reach)
    colours = [theme.ACCENT if distance == reach else theme.ATTENTION for distance in shares]
    plot.add_bar(x=list(shares), y=list(shares.values()), marker_color=colours, name="found", row=1, col=2)
    labelled = list(shares) if residues < 30 else [1, 8, 16, 24, 32]
    plot.update_xaxes(axis(values=labelled, span=(0.4, len(shares) + 0.6)), row=1, col=2)
    plot.update_yaxes(axis(span=(0, 1.06), tickformat=".0%", values=[0, 0.5, 1]), row=1, col=2)
    plot.update_yaxes(ticktext=["0 %", "50 %", "100 %"], row=1, col=2)
    text = (
        f"Figure: {_title(rounds, shares, wrong)}\n{residues} residues, found by {found_by}: {_by_distance(shares)}. "
    )
    return Picture(plot, text=text + f"Wrongly found: {wrong}.")


def _title(rounds, shares, wrong):
    reach = 0
    while shares.get(reach + 1) == 1:
        reach += 1
    turns = "round" if rounds == 1 else "rounds"
    if reach == len(shares):
        return f"After {rounds} {turns} every contact is found" + (f", and {wrong} wrong pairs" if wrong else "")
    beyond = sum(share for distance, share in shares.items() if distance > reach)
    return f"After {rounds} {turns}: all up to {_links(reach)} apart, " + ("some beyond" if beyond else "none beyond")


def _by_distance(shares):
    """{links apart: share found} in words: "all of 1 to 4 apart, 25 to 50 % of 5 to 9 apart"."""
    parts = []
    for sort, group in groupby(shares, lambda distance: {1: "all", 0: "none"}.get(shares[distance])):
        distances = list(group)
        low, high = (f"{pick(shares[distance] for distance in distances):.0%}"[:-1] for pick in (min, max))
        share = sort or (f"{low} %" if low == high else f"{low} to {high} %")
        parts.append(f"{share} of {' to '.join(map(str, dict.fromkeys((distances[0], distances[-1]))))} apart")
    return ", ".join(parts)


def _links(count):
    return f"{count} {'link' if count == 1 else 'links'}"


ITSELF, LACKING, OLD, FRESH, MISTAKEN = range(5)  # what a cell of the table is
INKS = (theme.GREY, theme.BLUES[1][1], theme.BLUES[3][1], theme.BLUES[4][1], theme.INK)


def _table(plot, apart, pairs, before, reach):
    N = len(apart)
    cells = torch.full_like(apart, -1)
    cells[apart > 0] = LACKING
    cells[pairs & before & (apart > 0)] = OLD
    cells[pairs & ~before | pairs & (apart == 1) & (reach == 1)] = FRESH
    cells[pairs & (apart < 0)] = MISTAKEN
    cells[apart == 0] = ITSELF
    z = [[None if cell < 0 else cell for cell in row] for row in cells.tolist()]
    scale = [[edge / 5, ink] for kind, ink in enumerate(INKS) for edge in (kind, kind + 1)]
    plot.add_heatmap(
        z=z, zmin=-0.5, zmax=4.5, colorscale=scale, showscale=False, hoverinfo="skip", xgap=1, ygap=1, row=1, col=1
    )  # fmt: skip
    rings = (apart == reach).nonzero().tolist()
    marker = {"symbol": "circle-open", "color": theme.ACCENT, "size": {16: 13, 24: 9}.get(N, 5), "line": {"width": 2}}
    x, y = [j for _, j in rings], [i for i, _ in rings]
    plot.add_scatter(x=x, y=y, mode="markers", marker=marker, hoverinfo="skip", row=1, col=1)
    for start in range(1, N):
        if apart[start, start - 1] < 0:  # another chain begins
            for where in ({"x": start - 0.5}, {"y": start - 0.5}):
                guide(plot, colour=theme.LINE, dash="solid", width=1, row=1, column=1, **where)
    plot.update_xaxes(axis(span=(-0.5, N - 0.5), showticklabels=False, ticks="", showgrid=False), row=1, col=1)
    plot.update_yaxes(axis(span=(N - 0.5, -0.5), showticklabels=False, ticks="", showgrid=False), row=1, col=1)


# ---- five tasks

LOOKS = {  # kind: colour, plotly's marker, the same as a letter, where in its row
    "no model": (theme.INK, "diamond", "◆", 0.22),
    "specialist": (theme.ACCENT, "square", "■", 0.07),
    "the block": (theme.ATTENTION, "circle", "●", -0.08),
    "LSTM": (theme.LSTM, "triangle-up", "▲", -0.15),
}


def five_rows() -> Picture:
    """Each task a row: how much of the way from guessing to the best that was reached here."""
    tasks = rows()
    ahead = sum(row.is_ahead("the block") for row in tasks)
    plot = figure(
        f"The block is ahead of all others in {ahead or 'none'} of five tasks",
        x=axis("of the way from guessing to the best reached here", span=(-0.03, 1.04))
        | {"tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1], "ticktext": [f"{share} %" for share in range(0, 101, 20)]},
        y=axis(visible=False, span=(-4.55, 0.55)),
        height=540,
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
        annotate(plot, tag("b", row.task), 0, 0.31 - place)
        annotate(plot, _numbers(row), 0, -0.36 - place, colour=theme.MUTED, size=12)
        guide(plot, y=-0.52 - place, colour=theme.LINE, dash="solid", width=1)
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
