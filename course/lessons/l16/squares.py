"""Twelve by twelve squares, one a sentence: HTML and CSS alone, so they move on a page without a kernel too.

A square is a <details>: Tab goes to it, Space or a click opens its card. The switches are <details> as well; CSS sees
which one is open and moves the squares there.
"""

import math
from functools import partial
from typing import NamedTuple

from markupsafe import Markup

from ...ledger import SOURCES, WORDS, Statement, claims
from ...results import trained
from ...show import theme
from ...show.display import Page
from ...show.marks import joined, sheet, tag
from . import verdicts

SIDE = 12
LABEL = 0.75  # the height of a group's heading, in squares


class Spot(NamedTuple):
    """Where a square stands: in squares from the left and from the top."""

    x: float
    y: float


class Order(NamedTuple):
    """One way to lay out the squares. width: in squares. headings: [(text, Spot)]."""

    width: float
    spots: dict[str, Spot]
    headings: list[tuple[str, Spot]]


def by_document() -> Order:
    """Twelve rows of twelve, as the documents go; the article's sixty are the lower five rows."""
    return Order(SIDE, {name: Spot(i % SIDE, i // SIDE) for i, name in enumerate(claims())}, [])


def grouped(groups: dict[str, list[str]]) -> Order:
    """Each group under its heading, on as wide a board as is needed for it to be a square. groups: {heading: ids}."""
    width = next(
        side for side in range(SIDE, 145) if sum(LABEL + math.ceil(len(ids) / side) for ids in groups.values()) <= side
    )
    spots, headings, y = {}, [], 0.0
    for heading, ids in groups.items():
        headings.append((heading, Spot(0, y)))
        y += LABEL
        spots |= {name: Spot(i % width, y + i // width) for i, name in enumerate(ids)}
        y += math.ceil(len(ids) / width)
    return Order(width, spots, headings)


def by_lesson() -> Order:
    """A row for each lesson, its number before it."""
    rows = {key: [] for key in verdicts.lessons_in_order()}
    for name, row in claims().items():
        rows[verdicts.first_lesson(row)].append(name)
    rows = {key: ids for key, ids in rows.items() if ids}
    width = max(len(rows), 2 + max(map(len, rows.values())))
    spots = {name: Spot(2 + i, y) for y, ids in enumerate(rows.values()) for i, name in enumerate(ids)}
    return Order(width, spots, [(key, Spot(0, y)) for y, key in enumerate(rows)])


def by(key_of, names: dict[str, str]) -> Order:
    """A group for each key that occurs; in its heading, how many of its judged sentences hold."""
    groups = {}
    for key, words in names.items():
        ids = [name for name, row in claims().items() if key_of(row) == key]
        if ids:
            counted = verdicts.counts(claims()[name] for name in ids)
            judged = sum(counted[verdict] for verdict in verdicts.JUDGED)
            groups[f"{words}: {counted['holds']} of {judged} hold" if judged else f"{words}: {len(ids)}"] = ids
    return grouped(groups)


ORDERS = {
    "lesson": ("By lesson", by_lesson, "A row for each lesson: the first that has evidence for the sentence."),
    "kind": (
        "By kind of sentence",
        partial(by, verdicts.kind_of, verdicts.KINDS),
        "How many hold, of those that have a verdict.",
    ),
    "how": (
        "By how it is known",
        partial(by, verdicts.how_known, verdicts.HOWS),
        "Computed: an equality or a count. Measured: a time or a trained net. Cited: a reference.",
    ),
}


def board(numbers: dict[tuple[str, str], str] | None = None) -> Page:
    """All 144 with their cards. numbers: {(lesson, id): a sentence on what was computed}, as `recomputed` has it."""
    orders = {"documents": by_document()} | {name: make() for name, (_, make, _) in ORDERS.items()}
    changed = verdicts.moved()
    switches = [
        tag("details", tag("summary", words), tag("div", note, class_="vd-note"), class_=f"vd-by-{name}", name="vd-by")
        for name, (words, _, note) in ORDERS.items()
    ]
    ringed = f"Ringed: {len(changed)} verdicts that changed under review. Open one for the why."
    switches.append(
        tag("details", tag("summary", "What moved"), tag("div", ringed, class_="vd-note"), class_="vd-changed")
    )
    cells = [_square(name, row, orders, numbers or {}, changed) for name, row in claims().items()]
    headings = [
        tag("div", text, class_=f"vd-heading vd-of-{name}", style=_at(spot, order.width))
        for name, order in orders.items()
        for text, spot in order.headings
    ]
    hint = tag("div", "Open a square: a click, or Tab and Space.", class_="vd-hint")
    page = tag(
        "div",
        tag("style", Markup(_css(orders))),
        tag("div", switches, class_="vd-switches"),
        tag("div", hint, headings, cells, class_="vd-board"),
        class_="vd",
    )
    counted = verdicts.counts()
    title = f"{counted['holds']} of 144 sentences simply hold"
    text = f"Figure: {title}\n{verdicts.in_words(counted)}\n\n{verdicts.letters_table()}"
    return Page(sheet(title, _legend(counted), page, width=1000), text)


def grey(asked: list[str]) -> Page:
    """The board before anybody has judged: grey, the sentences that are asked about ringed."""
    side = 26
    squares = [
        tag(
            "rect",
            x=i % SIDE * side + 1,
            y=i // SIDE * side + 1,
            width=side - 3,
            height=side - 3,
            fill=theme.LINE,
            stroke=theme.INK if name in asked else "none",
            stroke_width=2,
        )
        for i, name in enumerate(claims())
    ]
    size = SIDE * side
    text = f"Figure: 144 grey squares, {len(asked)} of them ringed: these you judge"
    drawing = tag("svg", squares, viewBox=f"0 0 {size} {size}", width=size, role="img", aria_label=text)
    return Page(sheet(f"144 sentences; {len(asked)} are for you", drawing), text)


def moved() -> Page:
    """The verdicts that changed under review: before, now, and what did it."""
    rows = [
        tag(
            "li",
            f"{claims()[name].says} ",
            tag("b", f"{WORDS[row['before']][0]} → {WORDS[claims()[name].shown][0]}. "),
            row["number"],
        )
        for name, row in verdicts.moved().items()
        if claims()[name].shown != "open"
    ]
    return Page(
        sheet("What moved", tag("ul", rows, style={"padding-left": "20px"})),
        "The verdicts that moved under review, each with why.",
    )


def _legend(counted):
    parts = []
    for verdict, count in counted.items():
        if count:
            word, colour = WORDS[verdict]
            tile = tag("span", verdicts.LETTERS[verdict], class_="vd-tile", style={"background-color": colour})
            parts.append(tag("span", tile, f" {word}: {count}", style={"white-space": "nowrap"}))
    return tag(
        "div",
        joined(*(joined(part, " ") for part in parts)),
        style={"display": "flex", "flex-wrap": "wrap", "gap": "4px 16px"},
    )


def _at(spot, width):
    return {"--x": f"{100 * spot.x / width:.3g}", "--y": f"{100 * spot.y / width:.3g}"}


def _square(name, row: Statement, orders, numbers, changed):
    word, colour = WORDS[row.shown]
    places = {"--c": colour}
    for order, laid in orders.items():
        x, y = _at(laid.spots[name], laid.width).values()
        places |= {f"--x{order[0]}": x, f"--y{order[0]}": y}
    place = int(list(claims()).index(name) // SIDE)
    summary = tag(
        "summary",
        verdicts.LETTERS[row.shown],
        style={"--row": place},
        aria_label=f"{name}, {word}",
    )
    statement = f"vd-{row.ids[0]}" if len(row.ids) > 1 else ""
    classes = f"vd-square {statement} {'vd-moved' if name in changed else ''}".strip()
    return tag("details", summary, _card(name, row, numbers, changed), class_=classes, style=places, name="vd-square")


def _card(name, row, numbers, changed):
    word = WORDS[row.shown][0]
    tile = tag("span", word, class_="vd-tile")
    others = [other for other in row.ids if other != name]
    also = f", and in other words {', '.join(others)}" if others else ""
    source = tag("div", f"{SOURCES[name[:2]]}, {name}{also}", class_="vd-quiet")
    rows = [tag("b", row.says), joined(tile, " ", _known(row, numbers))]
    if row.remark and row.state != "open":
        label, text = row.remark
        rows.append(joined(tag("b", f"{label}."), f" {text}"))
    if name in changed:
        before = WORDS[changed[name]["before"]][0]
        rows.append(joined(tag("b", "Moved."), f" Before: {before}. {changed[name]['number']}"))
    return tag("div", source, [tag("div", part) for part in rows], class_="vd-card")


def _known(row, numbers):
    """How it is known, by each lesson that has evidence, with numbers where there are some."""
    parts = []
    for item in row.evidence:
        if not item.done:
            continue
        text = f"Lesson {item.lesson}: {item.how}."
        if item.how == "computed":
            text += "".join(f" {numbers[item.lesson, key]}" for key in row.ids if (item.lesson, key) in numbers)
        if item.how == "measured" and item.trained:
            text += f" {trained.sentence(item.lesson, item.trained)}"
        parts.append(text)
    if row.literature:
        parts.append(f"See {'; '.join(row.literature)}.")
    return _quiet(" ".join(parts) or "No lesson has evidence yet.")


def _quiet(text):
    """As `muted`, by a rule that all cards share: 144 styles of their own would be a tenth of the notebook."""
    return tag("span", text, class_="vd-quiet")


def _css(orders):
    rules = [
        ".vd{container-type:inline-size;margin-top:10px}",
        ".vd summary{cursor:pointer;list-style:none;user-select:none}.vd summary::-webkit-details-marker{display:none}",
        ".vd-tile{color:#fff;padding:0 6px;border-radius:3px}.vd-square .vd-tile,.vd-square>summary{background:var(--c)}",
        f".vd-quiet{{color:{theme.MUTED}}}",
        ".vd-switches{position:relative;display:flex;flex-wrap:wrap;gap:6px;padding-bottom:78px}",
        f".vd-switches summary{{color:{theme.INK};border:1px solid {theme.GREY};border-radius:4px;padding:3px 10px}}",
        f".vd-switches details[open]>summary{{background:{theme.INK};color:#fff}}",
        f".vd-note{{position:absolute;left:0;bottom:4px;color:{theme.MUTED};font-size:13px;line-height:1.25;pointer-events:none}}",
        ".vd-changed .vd-note{left:auto;right:0;max-width:49%}.vd-switches>details:not(.vd-changed)>.vd-note{max-width:49%}",
        # --u: a hundredth of the board's side.
        ".vd-board{position:relative;min-height:calc(100*var(--u));--x:0;--y:0}.vd-board details{margin:0}",
        f".vd-hint{{position:absolute;white-space:nowrap;color:{theme.MUTED}}}",
        ".vd-square>summary{position:absolute;left:calc(var(--x)*var(--u));top:calc(var(--y)*var(--u));"
        "width:calc(var(--s)*var(--u) - 3px);height:calc(var(--s)*var(--u) - 3px);color:#fff;display:flex;align-items:center;justify-content:center;"
        "font-size:13px;border-radius:3px;transition:left .8s,top .8s,width .8s,height .8s;"
        "animation:vd-turn .7s calc(var(--row)*60ms) backwards;overflow:hidden}",
        f"@keyframes vd-turn{{from{{background:{theme.LINE};color:{theme.LINE};transform:rotateY(180deg)}}}}",
        f".vd-square[open]>summary,.vd summary:focus-visible{{outline:3px solid {theme.INK};outline-offset:1px;z-index:2}}",
        ".vd-heading{position:absolute;left:calc(var(--x)*var(--u));top:calc(var(--y)*var(--u));opacity:0;"
        "transition:opacity .8s;font-size:13px;line-height:1.1;white-space:nowrap;pointer-events:none}",
        ".vd-card{position:relative;z-index:3;box-sizing:border-box;border-left:5px solid var(--c);padding:8px 14px;"
        f"background:{theme.WASH};display:flex;flex-direction:column;gap:6px;overflow-wrap:anywhere}}",
        # The card beside the board where there is room, else below it.
        ".vd-board{--u:1cqw;margin-bottom:30px}.vd-hint{top:calc(102*var(--u))}.vd-square[open]{padding-top:calc(102*var(--u))}",
        "@container (min-width:620px){.vd-switches{padding-bottom:44px}.vd .vd-board{--u:.48cqw;margin-bottom:0}"
        ".vd-hint{left:50cqw;top:0}.vd .vd-square[open]{padding:0}.vd-card{margin-left:50cqw}}",
        "@media (prefers-reduced-motion:reduce){.vd-square>summary,.vd-heading{transition:none;animation:none}}",
    ]
    for name, order in orders.items():
        chosen = ".vd" if name == "documents" else f".vd:has(.vd-by-{name}[open])"
        rules.append(f"{chosen} .vd-board{{--s:{100 / order.width:.3f}}}")
        rules.append(f"{chosen} .vd-square{{--x:var(--x{name[0]});--y:var(--y{name[0]})}}")
        if name != "documents":
            rules.append(f"{chosen} .vd-of-{name}{{opacity:1}}")
    rules.append(f".vd:has(.vd-changed[open]) .vd-moved>summary{{outline:3px solid {theme.GRU};outline-offset:-3px}}")
    joined_ids = {row.ids[0] for row in claims().values() if len(row.ids) > 1}
    same = ",".join(f".vd:has(.vd-{first}[open]) .vd-{first}>summary" for first in sorted(joined_ids))
    rules.append(f"{same}{{outline:3px solid {theme.INK};outline-offset:1px}}")
    return "\n".join(rules)
