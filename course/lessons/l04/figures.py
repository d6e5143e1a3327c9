"""Lesson 04: letters right against length, and what one decoder reads from three encoders."""

import torch

from ...results import trained
from ...show import theme
from ...show.display import Page, Picture
from ...show.marks import annotate, axis, figure, guide, muted, sheet, tag
from . import nets

ALPHABET = "abcdefgh"
MOST = 16  # letters of a word that have room
WORD = "cabbagehead"


# ---- letters right against length


def against_length(live: dict[int, float] | None = None) -> Picture:
    """Share of letters right against the length of the string, the decoder running free: stored seeds, and one live.

    live: {letters: share} of the reader's own net; without it only the stored ones are drawn.
    """
    plot = figure(
        "Thirty letters: 95 % right with a lookup, 46 % without",
        x=axis("letters in the string", values=[5, 10, 20, 30, 60], span=(3, 75)),
        y=axis("letters right", span=(0, 1.06), tickformat=".0%"),
        height=380,
        left=84,
        note="Each letter is fed back as it was written, right or wrong. Thin: three stored seeds of each. Dashed: "
        "guessing. Grey line: longer strings were never taught.",
    )
    guide(plot, y=1 / len(ALPHABET), dash="dash")
    guide(plot, x=30)
    ends = {}
    for name, label, colour in (
        ("lookup", "lookup", theme.ATTENTION),
        ("fixed-vector", "fixed vector", theme.LSTM),
    ):
        for lengths, shares in stored_curves(name):
            line = {"color": colour, "width": 1, "dash": "solid" if name == "lookup" else "dot"}
            plot.add_scatter(x=lengths, y=shares, mode="lines", line=line, name=f"{label}, stored")
            ends[label] = (shares[-1], colour)
    if live:
        line = {"color": theme.ATTENTION, "width": 3}
        x, y = list(live), [round(share, 3) for share in live.values()]
        plot.add_scatter(x=x, y=y, mode="lines+markers", line=line, name="lookup, yours")
        ends["lookup"] = (y[-1], theme.ATTENTION)
    for label, (share, colour) in ends.items():
        annotate(plot, tag("b", label), 61, share, colour=colour)
    return Picture(plot, text=_curves_in_words())


def stored_curves(name: str) -> list[tuple[list[int], list[float]]]:
    """[(lengths, shares right)] of the stored seeds of a trained result."""
    runs = trained.load("04").get(name, {"runs": {}})["runs"]
    return [tuple(map(list, zip(*runs[seed]["curve"], strict=True))) for seed in sorted(runs)]


def _curves_in_words():
    lines = [
        "Figure: Thirty letters: 95 % right with a lookup, 46 % without",
        "Letters right, the decoder running free.",
    ]
    for name in ("lookup", "fixed-vector"):
        for lengths, shares in stored_curves(name):
            points = ", ".join(f"{share:.0%} of {T:.0f}" for T, share in zip(lengths, shares, strict=True))
            lines.append(f"{name}, a stored seed: {points}")
    return "\n".join([*lines, "Thick: the net trained here, with a lookup."])


# ---- three encoders, one decoder

CAPTIONS = {
    "recurrent": "recurrent encoder",
    "letters alone": "letters alone",
    "letters and positions": "letters and positions",
}


def encoders(word: str = WORD) -> Page:
    """What the same decoder reads of a word, from three encoders: maps of its weights, output down, input across.

    word: its letters a to z are read; the nets know eight, so i counts as a, j as b and so on. Raises ValueError where
    there are none, or more than 16.
    """
    letters = _letters(word)
    maps = [(caption, *_written(name, letters)) for name, caption in CAPTIONS.items()]
    title = f"“{letters}” backwards: " + ", ".join(f"{right}" for _, _, right, _ in maps)
    title += f" of {len(letters)} letters right"
    svg = tag(
        "svg",
        [_map(6 + 300 * place, letters, *parts) for place, parts in enumerate(maps)],
        viewBox="0 0 900 350",
        width="100%",
        role="img",
        style={"font-family": theme.FONT, "background-color": theme.PAPER},
    )
    text = f"Figure: {title}\n" + "\n".join(
        f"{caption}: writes {written}, {right} of {len(letters)} right; the right letter has "
        f"{_on_the_mirror(weights):.0%} of the weight"
        for caption, written, right, weights in maps
    )
    legend = "Across: the word. Down: what is written, wrong letters underlined. The darker, the more is read."
    if set(letters) - set(ALPHABET):
        legend += " These nets know eight letters: i counts as a, j as b, and so on."
    return Page(sheet(title, svg, muted(legend)), text)


def _letters(word):
    letters = "".join(letter for letter in word.lower() if "a" <= letter <= "z")
    if not letters:
        raise ValueError(f"Type a word of the letters a to z, such as {WORD}.")
    if len(letters) > MOST:
        raise ValueError(f"Room is for {MOST} letters, and these are {len(letters):,}.")
    return letters


def _written(encoder, letters):
    """(what is written, how many letters are right, the weights (T, T)); a right letter is spelled as it was typed."""
    source = [_kind(letter) for letter in letters]
    written, weights = nets.kept(encoder).write(torch.tensor([source]), len(source))
    pairs = list(zip(written[0].tolist(), letters[::-1], strict=True))
    spelled = "".join(meant if letter == _kind(meant) else ALPHABET[letter] for letter, meant in pairs)
    return spelled, sum(letter == _kind(meant) for letter, meant in pairs), weights[0]


def _kind(letter):
    return (ord(letter) - ord("a")) % len(ALPHABET)


def _on_the_mirror(weights):
    return weights.flip(1).diagonal().mean().item()


def _map(left, letters, caption, written, right, weights):
    """One map: the word across the top, what was written down the side, wrong letters underlined."""
    T = len(letters)
    side = 250 / max(T, 6)
    size = min(15, 0.85 * side)
    middle = {"text_anchor": "middle", "font_size": size}
    marks = [
        tag("text", caption, x=left, y=20, font_size=16, font_weight="bold", fill=theme.INK),
        tag("text", f"{right} of {T} right", x=left, y=40, font_size=14, fill=theme.INK),
        tag("text", f"{_on_the_mirror(weights):.0%} of the weight on the right letter", x=left, y=58, font_size=13.5,
            fill=theme.MUTED),
    ]  # fmt: skip
    top, first = 92, left + 20
    for j, letter in enumerate(letters):
        marks.append(tag("text", letter, x=first + side * (j + 0.5), y=top - 6, fill=theme.INK, **middle))
    for i, letter in enumerate(written):
        is_right = _kind(letter) == _kind(letters[T - 1 - i])
        look = {"fill": theme.INK} if is_right else {"fill": theme.BAD, "text_decoration": "underline"}
        marks.append(tag("text", letter, x=left + 8, y=top + side * (i + 0.5) + size / 3, **middle, **look))
        for j, weight in enumerate(weights[i].tolist()):
            box = {"x": first + side * j, "y": top + side * i, "width": side, "height": side}
            marks.append(tag("rect", **box, fill=theme.blue(weight)[0], stroke=theme.LINE, stroke_width=0.5))
    return tag("g", marks)
