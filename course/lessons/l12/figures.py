"""Lesson 12: a tree whose nodes are as wide as their composites; Newton's iterations for nets that learned."""

import math

from ...exercises.grammar import plural
from ...results import trained
from ...show import theme
from ...show.display import Picture
from ...show.marks import annotate, axis, figure
from . import steps

WORDS = [6, 60, 600, 6000]
KINDS = list(steps.KINDS)
ROOM = 460  # of the axis across, for the nodes of a level
NUMBER = 2.5  # of it, for one number of a node


SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def count(number: int) -> str:
    """A whole number that may be huge, in words: "72", "about 10¹⁸".

    >>> count(6000), count(2**60 + 1)
    ('6,000', 'about 10¹⁸')
    """
    if number < 10**7:
        return f"{number:,}"
    return "about 10" + str(round(math.log10(number))).translate(SUPERSCRIPTS)


def levels(kind: str, words: int) -> list[tuple[int, int, int]]:
    """From the words up to the top: (steps that a node stands for, nodes, numbers that one node needs).

    >>> levels("a h + b", 6)
    [(1, 6, 2), (2, 3, 2), (4, 2, 2), (6, 1, 2)]
    """
    reaches = [min(2**level, words) for level in range(steps.rounds(words) + 1)]
    return [(reach, -(-words // reach), steps.KINDS[kind].numbers(reach)) for reach in reaches]


def tree(step="a h + b", words=60):
    """A tree over the steps of a recurrence: a node is as wide as the numbers that its composite needs."""
    kind, rows = steps.KINDS[step], levels(step, words)
    grows, price = kind.operations[1] is None, _price(kind, words)
    title = _title(step, words, rows[-1][2])
    plot = figure(
        title,
        x={"visible": False, "range": [0, ROOM]},
        y=axis("steps in one node", span=(-1.7, max(len(rows), 7) - 0.3), showgrid=False, ticks="")
        | {"tickvals": list(range(len(rows))), "ticktext": [f"{reach:,}" for reach, _, _ in rows]},
        height=480,
        left=84,
        right=160,
        note=f"{kind.formula}. In colour: one node, as wide as the numbers in it; grey: all nodes of its level. What fills "
        f"the width is wider. {price}",
    )
    for light, sizes in (
        (True, [nodes * numbers for _, nodes, numbers in rows]),
        (False, [numbers for _, _, numbers in rows]),
    ):
        colour = theme.LINE if light else theme.RNN if grows else theme.ATTENTION
        _centred(plot, [min(NUMBER * min(size, ROOM), ROOM) for size in sizes], colour)
    plot.update_layout(barmode="overlay")
    plot.add_scatter(x=[0, ROOM], y=[-1, -1], mode="lines+markers", line={"color": theme.MUTED, "width": 2})
    for level, (_, _, numbers) in enumerate(rows):
        annotate(plot, _numbers(numbers), ROOM, level, colour=theme.BAD if grows else theme.INK, xshift=8)
    annotate(plot, f"loop: {words - 1:,} in turn", ROOM, -1, colour=theme.MUTED, xshift=8)
    return Picture(plot, _in_words(title, kind, rows, price))


def _centred(plot, widths, colour):
    """A bar for each level, in the middle."""
    plot.add_bar(
        y=list(range(len(widths))),
        base=[(ROOM - width) / 2 for width in widths],
        x=widths,
        orientation="h",
        width=0.6,
        marker_color=colour,
        hoverinfo="skip",
    )


def _numbers(size):
    return f"{count(size)} number{'s' * (size > 1)}"


def _title(step, words, top):
    if step == "tanh":
        return f"{words:,} steps of tanh: nothing shorter than all is known"
    if step == "h² + c":
        return f"{words:,} steps h² + c: {count(top)} coefficients"
    return f"{words:,} steps {step}: {steps.rounds(words)} rounds, {top} numbers hold all"


def _price(kind, words):
    one, combine = kind.operations
    loop = f"The loop: {count(words * one)} operations, in turn."
    if combine is None:
        return f"{loop} The tree: {steps.rounds(words)} rounds, of nodes that grow."
    made, work = steps.combines(words), steps.combines(words) * combine
    return (
        f"{loop} The tree: {count(made)} combines in {steps.rounds(words)} rounds, {count(work)} operations, "
        f"{work / (words * one):.0f} times as many."
    )


def _in_words(title, kind, rows, price):
    of_each = [
        f"{plural(reach, 'step')} in a node, {plural(nodes, 'node')}, {_numbers(size)} each"
        for reach, nodes, size in rows
    ]
    return "\n".join([f"Figure: {title}", kind.formula, *of_each, price])


# ---- Newton's method

NETS = {
    "newton-parity": ("parity", theme.RNN, "solid"),
    "newton-five-cups": ("five cups", theme.BAD, "dash"),
    "newton-holds-a-word": ("holds a word", theme.ACCENT, "dot"),
    "newton-letters": ("letters", theme.INK, "solid"),
}


def newton_and_words():
    """Newton's iterations against words, from the stored runs, all seeds of each net."""
    stored = trained.load("12")
    plot = figure(
        "Newton is quick where a net forgets",
        x=axis("words", log=True, values=[60, 120, 240, 600], span=(52, 700)),
        y=axis("iterations", log=True, values=[1, 4, 10, 30, 100, 300], span=(3, 420)),
        height=430,
        right=150,
        note="Stored runs: Elman nets of 32 units, three seeds each, taught what stands beside. To 1e-8. Grey: one "
        "iteration a word, as the loop takes, and the 4 of a net before any teaching.",
    )
    lengths = [60, 600]
    for values, label in ((lengths, "one a word"), ([4, 4], "untrained")):
        line = {"color": theme.GREY, "width": 2, "dash": "dot"}
        plot.add_scatter(x=lengths, y=values, mode="lines", name=label, line=line)
    annotate(plot, "one a word", 112, 160, colour=theme.MUTED, xanchor="right")
    annotate(plot, "untrained", 600, 4, colour=theme.MUTED, xshift=8)
    for name, (label, colour, dash) in NETS.items():
        runs = list(stored.get(name, {"runs": {}})["runs"].values())
        for seed, run in enumerate(runs):
            words, iterations = zip(*run["curve"], strict=True)
            line = {"color": colour, "width": 2, "dash": dash}
            plot.add_scatter(x=words, y=iterations, mode="lines+markers", name=f"{label}, seed {seed}", line=line)
    for name, words, place, shift in (
        ("newton-five-cups", 240, 112, 8),
        ("newton-parity", 240, 86, -4),
        ("newton-holds-a-word", 240, 48, 0),
        ("newton-letters", 600, 6.6, 0),
    ):
        label, colour, _ = NETS[name]
        annotate(plot, label, words, place, colour=_ink(colour), xshift=10, yshift=shift)
    return Picture(plot)


def _ink(colour):
    return theme.BAD if colour == theme.RNN else colour
