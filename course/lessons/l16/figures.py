"""Lesson 16: memory or parallelism, weighed. The squares are in squares.py, the twelve sentences in twelve.py."""

import functools
import statistics
import textwrap

from ...catalogue import lessons
from ...results import trained
from ...show import theme
from ...show.display import Picture
from ...show.marks import annotate, axis, figure, joined, tag

BEAM = 0.22  # how far an end of the beam goes down when all weight is on it


@functools.cache
def weights() -> tuple[list[str], list[str]]:
    """(what speaks for parallelism, what speaks for memory): sentences with the course's own numbers."""
    rounds = _numbers("06", "S3-28")
    days = _numbers("14", "S3-39")
    busy = _numbers("08", "S2-06")["busy_on_gpu"]
    parallelism = [
        f"Two blocks read {_joined(rounds['words'])} words in {_joined(sorted(set(rounds['reading_rounds'])))} rounds.",
        f"On an H200, with 16 texts, a fused LSTM computes at {busy:.0%} of a large product's rate.",
        "Against: with the batch of GPT-3 a recurrent net needs "
        f"{days['recurrent_days']:.1f} days, the Transformer {days['transformer_days']:.1f}.",
    ]
    memory = [
        f"Of 30 letters a lookup reverses {_median('04', 'lookup'):.0%}, one vector {_median('04', 'fixed-vector'):.0%}, "
        "in equal time.",
        f"A motif of eight notes comes back to {_median('15', 'music'):.0%}, through a GRU to {_median('15', 'music-gru'):.0%}.",
        "Against: an Elman net, taught well, recalls "
        f"{_median('03', 'elman-holds-a-word'):.0%} of the words after 1,000 others.",
    ]
    lead = _median("09", "lead-at-14")
    parallelism.append(f"Against: on one core, after 14 seconds, the LSTM is {lead:.2g} bits a letter ahead.")
    return parallelism, memory


def balance(for_memory=5):
    """The scales, as the reader sets them. for_memory: 0, all for parallelism, to 10, all for memory."""
    plot = figure(
        "What decided it? The numbers do not say",
        x=axis(span=(0, 1), visible=False, fixedrange=True),
        y=axis(span=(-0.95, 0.45), visible=False, fixedrange=True),
        height=430,
        left=10,
        right=10,
        note="Your weight, and no verdict. Rounds and days are counted, shares are stored runs (three seeds, the median) "
        "and a recording.",
    )
    tilt = BEAM * (for_memory - 5) / 5
    plot.add_scatter(
        x=[0.2, 0.8], y=[tilt, -tilt], mode="lines+markers", line={"color": theme.INK, "width": 5}, name="beam",
        marker={"size": [26 - 2 * for_memory + 6, 6 + 2 * for_memory], "color": [theme.RNN, theme.ATTENTION]},
    )  # fmt: skip
    plot.add_scatter(
        x=[0.47, 0.5, 0.53], y=[-0.25, 0, -0.25], mode="lines", fill="toself", line_color=theme.GREY, hoverinfo="skip"
    )
    columns = zip((0.01, 0.52), ("parallelism", "memory"), (10 - for_memory, for_memory), weights(), strict=True)
    for x, name, share, sentences in columns:
        annotate(plot, tag("b", f"{name}: {share} of 10"), x, 0.4, size=15)
        text = joined(*(joined(_wrapped(sentence), tag("br")) for sentence in sentences))
        annotate(plot, text, x, -0.3, size=12, yanchor="top")
    return Picture(plot)


def _wrapped(sentence):
    lines = textwrap.wrap(sentence, 40)
    return joined("• ", lines[0], *(joined(tag("br"), "  ", line) for line in lines[1:]))


def _numbers(lesson_id, claim_id):
    return lessons()[lesson_id].decisions[claim_id].computed()


def _median(lesson_id, name):
    return statistics.median(run["outcome"] for run in trained.load(lesson_id)[name]["runs"].values())


def _joined(values):
    return ", ".join(f"{value:,}" for value in values)
