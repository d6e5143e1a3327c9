"""Lesson 00: what this machine can do, two stop-watches at one queue, and the ledger to browse."""

import re
from types import SimpleNamespace

from ...catalogue import lessons
from ...ledger import SOURCES, WORDS
from ...ledger import claims as all_claims
from ...show import theme
from ...show.display import Page, Picture
from ...show.marks import annotate, axis, figure, guide, joined, muted, sheet, tag
from .pretend import ClockworkGPU

# ---- what this machine can do


def this_machine(measured):
    """Three measured numbers side by side, and what they mean for each other. measured: helpers.measure()."""
    rate = measured.matmul["float32"]
    panels = [
        ("it moves", measured.copy, "a large block of memory copied; each byte counts once read and once written"),
        ("it multiplies", rate, "additions and multiplications of one large matrix product in float32"),
        ("it starts", measured.launch, "the smallest job: one addition to one number, nearly all of it starting"),
    ]
    fetch = round(4 * rate.median / measured.copy.median)
    start = float(f"{rate.median * measured.launch.median:.2g}")
    waits = joined(
        *("In the time it takes to move ", tag("b", "one number"), " of 4 bytes, it could do "),
        *(tag("b", f"{fetch:,} operations"), ". In the time it takes to start ", tag("b", "one tiny job")),
        *(", it could do ", tag("b", f"{start:,.0f}"), "."),
    )
    page = sheet(
        "What this machine can do",
        tag(
            "div",
            [_quantity(*panel) for panel in panels],
            style={"display": "flex", "flex-wrap": "wrap", "gap": "12px"},
        ),
        tag("div", waits, style={"margin-top": "12px", "font-size": "15px"}),
        tag("div", measured.device.sentence(), style={"margin-top": "4px", "font-size": "12px", "color": theme.MUTED}),
    )
    text = (
        "What this machine can do, measured now: bytes copied a second, operations a second in a matrix product, "
        "seconds to start a tiny job; each a median with the range of the middle 60 % of its repeats."
    )
    return Page(page, text)


def _quantity(verb, quantity, meaning):
    number, _, spread = str(quantity).partition(" (")
    box = {"flex": "1 1 180px", "background-color": theme.WASH, "padding": "8px 12px"}
    return tag(
        "div",
        tag("div", verb, style={"color": theme.MUTED}),
        tag("div", number, style={"font-size": "26px", "font-weight": "bold", "line-height": "1.3"}),
        tag("div", spread.rstrip(")"), style={"font-size": "12px", "color": theme.MUTED}),
        tag("div", meaning, style={"font-size": "13px", "margin-top": "4px"}),
        style=box | {"border-top": f"4px solid {theme.ATTENTION}"},
    )


# ---- two stop-watches at one queue

LAUNCH, JOBS = 10, 5
NUMBERS = [str(number) for number in range(1, JOBS + 1)]


def two_stopwatches(job_time=30):
    """Python hands five jobs to a GPU's queue: where the wrong stop-watch stops, and where the right one.

    job_time: microseconds that the GPU needs for one; handing it over takes Python 10. A model, nothing is measured.
    """
    gpu = ClockworkGPU(job_time, launch=LAUNCH)
    for _ in range(JOBS):
        gpu.launch("job")
    wrong = round(gpu.clock())
    gpu.synchronise()
    right = round(gpu.clock())
    idle = right - JOBS * job_time
    if job_time > LAUNCH:
        title = f"The wrong stop-watch says {wrong} µs, the right one {right} µs"
    else:
        title = f"Both say about {wrong} µs; the GPU is idle {idle / right:.0%} of it"
    lanes = axis(autorange="reversed", ticks="", showgrid=False, fixedrange=True, tickfont={"size": 15})
    span = (0, LAUNCH + JOBS * 60 + 45)
    plot = figure(title, x=axis("time (µs)", span=span, fixedrange=True), y=lanes, height=320, left=80, above=50)
    plot.update_layout(barmode="overlay")
    handed = [(LAUNCH * n, LAUNCH * (n + 1)) for n in range(JOBS)]
    waits = ["waits" if right - wrong > 25 else ""]
    _bars(plot, "Python", handed, "Python hands over a job", theme.INK, NUMBERS)
    _bars(plot, "Python", [(wrong, right)], "Python waits in synchronise()", theme.LINE, waits, "/")
    _bars(plot, "GPU", gpu.runs, "the GPU works", theme.ATTENTION, NUMBERS if job_time >= LAUNCH else [""] * JOBS)
    is_close = right - wrong < 80  # then the labels stand one above the other
    _mark(plot, wrong, "wrong: stops here", theme.BAD, "dot", 24 if is_close else 4)
    _mark(plot, right, "right: waits, then stops", theme.GOOD, "solid", 4)
    text = (
        f"Figure: {title}\nA model. Python hands over {JOBS} jobs in {LAUNCH} µs each, 0 to {wrong} µs, then waits until "
        f"{right} µs. The GPU starts the first at {LAUNCH} µs and ends the last at {right} µs, {idle} µs of it idle."
    )
    return Picture(plot, text=text)


def _bars(plot, lane, spans, name, colour, text, pattern=""):
    """One bar for each (start, end) in a lane."""
    plot.add_bar(
        base=[start for start, _ in spans],
        x=[end - start for start, end in spans],
        y=[lane] * len(spans),
        name=name,
        orientation="h",
        width=0.5,
        marker={"color": colour, "line": {"color": theme.PAPER, "width": 1.5}, "pattern": {"shape": pattern}},
        text=text,
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        textfont={"color": theme.INK if pattern else theme.PAPER, "size": 13},
        constraintext="none",
        hovertemplate=f"{name}: %{{base}} to %{{customdata}} µs<extra></extra>",
        customdata=[end for _, end in spans],
    )


def _mark(plot, time, label, colour, dash, above):
    """A line through both lanes, and its name so many px above."""
    guide(plot, x=time, colour=colour, dash=dash, width=2.5)
    plot.layout.shapes[-1].layer = "above"
    place = {"xanchor": "right" if time > 200 else "left", "yanchor": "bottom", "yshift": above}
    annotate(plot, tag("b", label), time, 1, within="height", colour=colour, **place)


# ---- the ledger

ALL, ANY = "all 144", "any"
TEN = "ten to argue about"
DISPUTED = ["S0-20", "S1-15", "S1-29", "S2-06", "S2-08", "S3-09", "S3-26", "S3-30", "S3-35", "S3-42"]
GLYPHS = dict(zip(WORDS, "✓~×?“ ", strict=True))

LEDGER_CONTROLS = {
    "claims": [ALL, *SOURCES, TEN],
    "verdict": [ANY, *(word for word, _ in WORDS.values())],
    "lesson": [ANY, *lessons()],
    "word": "",
}


def browse_ledger(claims=ALL, verdict=ANY, lesson=ANY, word=""):
    """All claims as tiles, one strip a document, and those that match as a table to scroll.

    The text alternative holds no verdict: which claims are settled changes with every lesson that is written.
    """
    everything = [_claim(claim_id, statement) for claim_id, statement in all_claims().items()]
    chosen = [claim for claim in everything if _matches(claim, claims, verdict, lesson, word)]
    decided = sum(claim.shown != "open" for claim in everything)
    match = "" if len(chosen) == len(everything) else f"; {len(chosen)} match"
    title = f"{len(everything)} claims, {decided} with a verdict so far{match}"
    counts = {source: sum(claim.source == source for claim in everything) for source in SOURCES}
    text = f"Figure: the ledger, {len(everything)} claims of four documents; each is open until a lesson decides it\n"
    text += "\n".join(f"{name}: {counts[source]} claims" for source, name in SOURCES.items())
    bright = {claim.id for claim in chosen}
    return Page(sheet(title, _key(everything), _strips(everything, bright), _rows(chosen, word)), text)


def _claim(claim_id, statement):
    """One claim with what its statement has."""
    return SimpleNamespace(
        id=claim_id,
        source=claim_id[:2],
        says=statement.says,
        shown=statement.shown,
        state=statement.state,
        repair=statement.remark[1] if statement.remark else "",
        evidence=statement.evidence,
    )


def _matches(claim, claims, verdict, lesson, word):
    return (
        claims in (ALL, claim.source, TEN)
        and (claims != TEN or claim.id in DISPUTED)
        and verdict in (ANY, WORDS[claim.shown][0])
        and (lesson == ANY or lesson in [item.lesson for item in claim.evidence])
        and word.strip().lower() in f"{claim.id} {claim.says}".lower()
    )


def _key(everything):
    """The words of the ledger with their tile and how many claims have each."""
    parts = []
    for name, (word, colour) in WORDS.items():
        count = sum(claim.shown == name for claim in everything)
        parts.append([_one_tile(colour, GLYPHS[name], name != "open"), f" {word} ", tag("b", count)])
    begun = _one_tile(theme.GOOD, GLYPHS["holds"], False)
    parts.append([begun, " ", muted("in outline: a later lesson has more to say")])
    row = {"display": "flex", "flex-wrap": "wrap", "gap": "2px 18px", "font-size": "13px", "margin-bottom": "10px"}
    return tag("div", [tag("span", part, style="white-space:nowrap") for part in parts], style=row)


def _strips(everything, bright):
    """One strip of tiles a document, sorted by verdict, so that a strip is a bar that can be counted."""
    order, parts = list(WORDS), []
    for line, (source, name) in enumerate(SOURCES.items()):
        strip = sorted(
            (claim for claim in everything if claim.source == source), key=lambda one: order.index(one.shown)
        )
        decided = sum(claim.shown != "open" for claim in strip)
        heading = f"{name}: {len(strip)} claims, {decided} decided"
        parts.append(tag("text", heading, x=0, y=44 * line + 13, font_size=14, fill=theme.INK))
        for place, claim in enumerate(strip):
            colour, glyph = WORDS[claim.shown][1], GLYPHS[claim.shown]
            tile = _tile(14.3 * place, 44 * line + 19, colour, glyph, claim.state == "settled")
            faded = None if claim.id in bright else 0.18
            parts.append(tag("g", tag("title", f"{claim.id} {claim.says}"), tile, opacity=faded))
    style = {"background-color": theme.PAPER} | _TILES
    label = "one tile a claim, one strip a document"
    return tag("svg", parts, viewBox="0 0 860 176", width="100%", role="img", aria_label=label, style=style)


def _tile(x, y, colour, glyph, filled):
    paper, ink = (colour, theme.PAPER) if filled else (theme.PAPER, colour)
    box = tag("rect", x=x + 0.8, y=y + 0.8, width=11, height=16, rx=2, fill=paper, stroke=colour)
    return joined(box, tag("text", glyph, x=x + 6.3, y=y + 13, fill=ink, **_SIGN) if glyph.strip() else None)


def _one_tile(colour, glyph, filled):
    return tag(
        "svg", _tile(0, 0, colour, glyph, filled), width=14, height=18, style={"vertical-align": "-4px"} | _TILES
    )


def _rows(chosen, word):
    """The claims that match, in a box of fixed height: rows of a grid need far less style than a table's cells."""
    box = {
        "height": "160px",
        "box-sizing": "border-box",
        "border": f"1px solid {theme.LINE}",
        "margin-top": "8px",
        "font-size": "13px",
    }
    if not chosen:
        return tag(
            "div", "No claim matches all four. Choose “any”, or empty the word.", style=box | {"padding": "20px"}
        )
    names = ("claim", "verdict", "what the document says, in our words", "lesson")
    head = {"position": "sticky", "top": "0", "background-color": theme.WASH, "font-weight": "bold"}
    rows = [tag("div", [tag("div", name, role="columnheader") for name in names], role="row", style=_ROW | head)]
    for claim in chosen:
        name, colour = WORDS[claim.shown]
        repair = claim.repair if claim.shown != "open" and claim.repair else None
        says = [
            _marked(claim.says, word),
            repair and tag("div", repair, style={"color": theme.MUTED, "font-size": "12px"}),
        ]
        cells = tag("b", claim.id), tag("b", name, style={"color": colour}), says, _where(claim)
        rows.append(tag("div", [tag("div", cell, role="cell") for cell in cells], role="row", style=_ROW))
    style = box | {"overflow-y": "auto"}
    return tag("div", rows, tabindex=0, role="table", aria_label="the claims that match", style=style)


def _where(claim):
    """The lessons that examine a claim: those that have, and those that will."""
    done = [item.lesson for item in claim.evidence if item.done]
    left = [item.lesson for item in claim.evidence if not item.done]
    later = [" ", muted("then " if done else "in ", ", ".join(left))] if left else None
    return joined(tag("b", ", ".join(done)) if done else None, later)


def _marked(says, word):
    """The words of a claim, with the one that was searched for marked."""
    pieces = re.split(f"({re.escape(word.strip())})", says, flags=re.IGNORECASE) if word.strip() else [says]
    return [
        tag("span", piece, style="background-color:#FFE8A3") if place % 2 else piece
        for place, piece in enumerate(pieces)
    ]


_TILES = {"font-family": theme.FONT, "stroke-width": "1.2"}
_SIGN = {"font_size": 13, "font_weight": "bold", "text_anchor": "middle"}
_ROW = {
    "display": "grid",
    "grid-template-columns": "56px 116px 1fr 84px",
    "gap": "12px",
    "padding": "7px 10px",
    "border-bottom": f"1px solid {theme.LINE}",
}
