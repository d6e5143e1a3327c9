"""Lesson 00: what this machine can do, two stop-watches at one queue, and the ledger to browse."""

import html
import re
from types import SimpleNamespace

from ...catalogue import lessons
from ...ledger import SOURCES, WORDS
from ...ledger import claims as all_claims
from ...show import theme
from ...show.display import Page, Picture
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
    cells = "".join(_panel(*panel) for panel in panels)
    fetch = round(4 * rate.median / measured.copy.median)
    start = float(f"{rate.median * measured.launch.median:.2g}")
    waits = (
        f"In the time it takes to move <b>one number</b> of 4 bytes, it could do <b>{fetch:,} operations</b>. "
        f"In the time it takes to start <b>one tiny job</b>, it could do <b>{start:,.0f}</b>."
    )
    body = (
        f'<div style="font-size:17px;font-weight:bold;margin-bottom:8px">What this machine can do</div>'
        f'<div style="display:flex;flex-wrap:wrap;gap:12px">{cells}</div>'
        f'<div style="margin-top:12px;font-size:15px">{waits}</div>'
        f'<div style="margin-top:4px;font-size:12px;color:{theme.MUTED}">{html.escape(measured.device.sentence())}</div>'
    )
    text = (
        "What this machine can do, measured now: bytes copied a second, operations a second in a matrix product, "
        "seconds to start a tiny job; each a median with the range of the middle 60 % of its repeats."
    )
    return Page(f'<div style="{_sheet(900)}">{body}</div>', text)


def _panel(verb, quantity, of):
    number, _, spread = str(quantity).partition(" (")
    box = f"flex:1 1 230px;background-color:{theme.WASH};border-top:4px solid {theme.ATTENTION};padding:8px 12px"
    return (
        f'<div style="{box}">'
        f'<div style="color:{theme.MUTED}">{verb}</div>'
        f'<div style="font-size:26px;font-weight:bold;line-height:1.3">{number}</div>'
        f'<div style="font-size:12px;color:{theme.MUTED}">{spread.rstrip(")")}</div>'
        f'<div style="font-size:13px;margin-top:4px">{of}</div></div>'
    )


# ---- two stop-watches at one queue

LAUNCH, JOBS = 10, 5


def two_stopwatches(job_time=30):
    """Python hands five jobs to a GPU's queue: where the wrong stop-watch stops, and where the right one.

    job_time: microseconds that the GPU needs for one; handing it over takes Python 10. A model, nothing is measured.
    """
    import plotly.graph_objects as go

    gpu = ClockworkGPU(job_time, launch=LAUNCH)
    for _ in range(JOBS):
        gpu.launch("job")
    wrong = round(gpu.clock())
    gpu.synchronise()
    right = round(gpu.clock())
    idle = right - JOBS * job_time

    def bars(lane, spans, name, colour, text, pattern=""):
        return go.Bar(
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
            textfont={"color": theme.PAPER if not pattern else theme.INK, "size": 13},
            constraintext="none",
            hovertemplate=f"{name}: %{{base}} to %{{customdata}} µs<extra></extra>",
            customdata=[end for _, end in spans],
        )

    numbers = [str(n) for n in range(1, JOBS + 1)]
    handed = [(LAUNCH * n, LAUNCH * (n + 1)) for n in range(JOBS)]
    waits = ["waits" if right - wrong > 25 else ""]
    traces = [
        bars("Python", handed, "Python hands over a job", theme.INK, numbers),
        bars("Python", [(wrong, right)], "Python waits in synchronise()", theme.LINE, waits, "/"),
        bars("GPU", gpu.runs, "the GPU works", theme.ATTENTION, numbers if job_time >= LAUNCH else [""] * JOBS),
    ]
    if job_time > LAUNCH:
        title = f"The wrong stop-watch says {wrong} µs, the right one {right} µs"
    else:
        title = f"Jobs of {job_time} µs: both say about {wrong} µs, and the GPU is idle {idle / right:.0%} of it"

    close = right - wrong < 60  # then the labels stand one above the other
    marks = [
        _mark(wrong, "<b>wrong: stops here</b>", theme.BAD, "dot", *(("left", 1.12) if close else ("center", 1.01))),
        _mark(right, "<b>right: waits, then stops</b>", theme.GOOD, "solid", "left" if close else "center", 1.01),
    ]
    layout = theme.layout(
        title,
        height=320,
        x={"title": {"text": "time (µs)"}, "range": [0, LAUNCH + JOBS * 60 + 45], "fixedrange": True},
        y={"autorange": "reversed", "ticks": "", "showgrid": False, "fixedrange": True, "tickfont": {"size": 15}},
        margin={"l": 80, "r": 30, "t": 100, "b": 70},
        barmode="overlay",
        shapes=[shape for shape, _ in marks],
        annotations=[note for _, note in marks],
    )
    text = (
        f"Figure: {title}\nA model. Python hands over {JOBS} jobs in {LAUNCH} µs each, 0 to {wrong} µs, then waits until "
        f"{right} µs. The GPU starts the first at {LAUNCH} µs and ends the last at {right} µs, {idle} µs of it idle."
    )
    return Picture(layout, traces, text)


def _mark(time, label, colour, dash, anchor, height):
    """(shape, annotation): a line through both lanes, and its name above."""
    line = {"color": colour, "width": 2.5, "dash": dash}
    shape = {"type": "line", "xref": "x", "yref": "paper", "x0": time, "x1": time, "y0": 0, "y1": 1, "line": line}
    place = {"xref": "x", "yref": "paper", "x": time, "y": height, "xanchor": anchor, "yanchor": "bottom"}
    return shape, place | {"text": label, "showarrow": False, "font": {"color": colour, "size": 14}}


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
    body = (
        f'<div style="font-size:17px;font-weight:bold;margin-bottom:6px">{title}</div>'
        f"{_key(everything)}{_strips(everything, {claim.id for claim in chosen})}{_rows(chosen, word)}"
    )
    counts = {source: sum(claim.source == source for claim in everything) for source in SOURCES}
    text = f"Figure: the ledger, {len(everything)} claims of four documents; each is open until a lesson decides it\n"
    text += "\n".join(f"{name}: {counts[source]} claims" for source, name in SOURCES.items())
    return Page(f'<div style="{_sheet(900)}">{body}</div>', text)


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
        parts.append(f"<span {_KEPT}>{_one_tile(colour, GLYPHS[name], name != 'open')} {word} <b>{count}</b></span>")
    begun = _one_tile(theme.GOOD, GLYPHS["holds"], False)
    more = f'<span style="color:{theme.MUTED}">in outline: a later lesson has more to say</span>'
    parts.append(f"<span {_KEPT}>{begun} {more}</span>")
    style = "display:flex;flex-wrap:wrap;gap:2px 18px;font-size:13px;margin-bottom:10px"
    return f'<div style="{style}">{"".join(parts)}</div>'


def _strips(everything, bright):
    """One strip of tiles a document, sorted by verdict, so that a strip is a bar that can be counted."""
    parts = []
    for line, (source, name) in enumerate(SOURCES.items()):
        mine = [claim for claim in everything if claim.source == source]
        decided = sum(claim.shown != "open" for claim in mine)
        said = f"{name}: {len(mine)} claims, {decided} decided"
        parts.append(f'<text x="0" y="{44 * line + 13}" font-size="13" fill="{theme.INK}">{said}</text>')
        for place, claim in enumerate(sorted(mine, key=lambda claim: list(WORDS).index(claim.shown))):
            colour, glyph = WORDS[claim.shown][1], GLYPHS[claim.shown]
            tile = _tile(14.3 * place, 44 * line + 19, colour, glyph, claim.state == "settled")
            fade = "" if claim.id in bright else ' opacity="0.18"'
            parts.append(f"<g{fade}><title>{claim.id} {html.escape(claim.says)}</title>{tile}</g>")
    return (
        f'<svg viewBox="0 0 860 176" width="100%" role="img" aria-label="one tile a claim, one strip a document" '
        f'style="background-color:{theme.PAPER};{_TILES}">{"".join(parts)}</svg>'
    )


def _tile(x, y, colour, glyph, filled):
    paper, ink = (colour, theme.PAPER) if filled else (theme.PAPER, colour)
    sign = f'<text x="{x + 6.3:.1f}" y="{y + 13}" fill="{ink}" {_SIGN}>{glyph}</text>' if glyph.strip() else ""
    box = f'x="{x + 0.8:.1f}" y="{y + 0.8}" width="11" height="16" rx="2"'
    return f'<rect {box} fill="{paper}" stroke="{colour}"/>{sign}'


def _one_tile(colour, glyph, filled):
    tile = _tile(0, 0, colour, glyph, filled)
    return f'<svg width="14" height="18" style="vertical-align:-4px;{_TILES}">{tile}</svg>'


def _rows(chosen, word):
    """The claims that match, in a box of fixed height: rows of a grid need far less style than a table's cells."""
    box = f"height:380px;box-sizing:border-box;border:1px solid {theme.LINE};margin-top:8px;font-size:13px"
    if not chosen:
        said = "No claim matches all four. Choose “any”, or empty the word."
        return f'<div style="{box};padding:20px">{said}</div>'
    names = ("claim", "verdict", "what the document says, in our words", "lesson")
    cells = "".join(f'<div role="columnheader">{name}</div>' for name in names)
    head = f"{_ROW};position:sticky;top:0;background-color:{theme.WASH};font-weight:bold"
    lines = [f'<div role="row" style="{head}">{cells}</div>']
    for claim in chosen:
        name, colour = WORDS[claim.shown]
        says = _marked(claim.says, word)
        if claim.shown != "open" and claim.repair:
            says += f'<div style="color:{theme.MUTED};font-size:12px">{html.escape(claim.repair)}</div>'
        cells = f"<b>{claim.id}</b>", f'<b style="color:{colour}">{name}</b>', says, _where(claim)
        cells = "".join(f'<div role="cell">{cell}</div>' for cell in cells)
        lines.append(f'<div role="row" style="{_ROW}">{cells}</div>')
    about = 'tabindex="0" role="table" aria-label="the claims that match"'
    return f'<div {about} style="{box};overflow-y:auto">{"".join(lines)}</div>'


def _where(claim):
    """The lessons that examine a claim: those that have, and those that will."""
    done = [item.lesson for item in claim.evidence if item.done]
    left = [item.lesson for item in claim.evidence if not item.done]
    later = f'<span style="color:{theme.MUTED}">{"then " if done else "in "}{", ".join(left)}</span>' if left else ""
    return " ".join(filter(None, [f"<b>{', '.join(done)}</b>" if done else "", later]))


def _marked(says, word):
    """The words of a claim, with the one that was searched for marked."""
    pieces = re.split(f"({re.escape(word.strip())})", says, flags=re.IGNORECASE) if word.strip() else [says]
    return "".join(
        f'<span style="background-color:#FFE8A3">{html.escape(piece)}</span>' if place % 2 else html.escape(piece)
        for place, piece in enumerate(pieces)
    )


_KEPT = 'style="white-space:nowrap"'
_TILES = f"font-family:{theme.FONT};stroke-width:1.2"
_SIGN = 'font-size="12" font-weight="bold" text-anchor="middle"'
_ROW = (
    "display:grid;grid-template-columns:56px 116px 1fr 84px;gap:12px;padding:7px 10px;"
    f"border-bottom:1px solid {theme.LINE}"
)


def _sheet(width):
    return (
        f"background-color:{theme.PAPER};color:{theme.INK};font-family:{theme.FONT};font-size:14px;line-height:1.45;"
        f"padding:14px;max-width:{width}px;box-sizing:border-box"
    )
