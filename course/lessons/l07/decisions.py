"""Lesson 07: lanes, and what depth leaves. Lanes at 6, 60 and 600 words, depth at 6, 60 and 600 blocks."""

import torch

from helpers import span_of
from helpers.counting import rounds as graphs

from ...ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS, Decisions
from ...models.perturbation import changed_by
from ...models.transformer import Block
from ...words import draw
from .depth import Parts, gradient, through

WORDS = [6, 60, 600]
ALONE = Parts(feed_forward=False, residual=False, norm="none")
LOST = 1e-5  # a gradient, where those that teach are about 10

decisions = Decisions()


def one_word_moved():
    """How many outputs of each part of a block move with one word, and the rounds that a part takes."""
    torch.manual_seed(0)
    block = Block(12, 3, norm="after").double()
    parts = {
        "norm_changed": block.attention.norm,
        "feed_forward_changed": block.feed_forward.part,
        "attention_changed": block.attention.part,
    }
    changed = {
        name: [
            (changed_by(lambda words, part=part: part(words[None])[0], draw(T, 12, seed=T), 1) > 0).sum().item()
            for T in WORDS
        ]
        for name, part in parts.items()
    }
    rounds = [span_of(graphs.feed_forward(T)) for T in WORDS]
    return changed | {"feed_forward_rounds": rounds, "words": WORDS}


@decisions.decides(
    "S0-04",
    numbers=one_word_moved,
    shows="one word moved changes 1 output of the LayerNorm and of the feed-forward part, among 6, 60 and 600 words, and "
    "all outputs of the self-attention, where the lanes meet.",
    refuted_by={"norm_changed": [1, 1, 1], "feed_forward_changed": WORDS, "attention_changed": WORDS, "words": WORDS},
)
def a_lane_for_each_word(norm_changed, feed_forward_changed, attention_changed, words):
    own_lane = set(norm_changed + feed_forward_changed) == {1}
    return HOLDS if own_lane and attention_changed == words else DOES_NOT_HOLD


@decisions.decides(
    "S0-06",
    numbers=one_word_moved,
    shows="one word moved changes 1 output of the feed-forward part, among 6, 60 and 600 words, and all of them are ready "
    "after 2 rounds.",
    refuted_by={"feed_forward_changed": [1, 1, 1], "feed_forward_rounds": WORDS},
)
def all_lanes_at_once(feed_forward_changed, feed_forward_rounds):
    return HOLDS if set(feed_forward_changed) == {1} and len(set(feed_forward_rounds)) == 1 else DOES_NOT_HOLD


def over_depth():
    """What is left of the words' difference, and the gradients of queries and keys in the middle block, by depth."""
    left = {
        name: [through(parts).left[blocks - 1] for blocks in (6, 60, 600)]
        for name, parts in {"2017": Parts(), "today": Parts(norm="before")}.items()
    }
    return {
        "gradient_of_attention_alone": gradient(ALONE, 6),
        "gradient_of_2017": gradient(Parts(), 60),
        "left_of_attention_alone": through(ALONE).left[5],
        "left_of_2017": left["2017"],
        "left_of_today": left["today"],
    }


@decisions.decides(
    "S3-36",
    numbers=over_depth,
    shows="over depth attention alone leaves the words no difference after 6 layers, and the middle one's queries and keys "
    "a gradient below 1e-5. Whole blocks as of 2017 keep a gradient over 60 layers, and of the difference most after 6, "
    "less than a tenth after 60, nothing after 600; blocks of today keep more than a tenth of it.",
    refuted_by={
        "gradient_of_attention_alone": 1e-9,
        "gradient_of_2017": 10.0,
        "left_of_attention_alone": 1e-9,
        "left_of_2017": [0.9, 0.05, 1e-9],
        "left_of_today": [0.9, 0.6, 1e-9],
    },
)
def vanishing_over_depth(
    gradient_of_attention_alone, gradient_of_2017, left_of_attention_alone, left_of_2017, left_of_today
):
    if gradient_of_2017 < LOST:
        return DOES_NOT_HOLD
    dead_alone = gradient_of_attention_alone < LOST and left_of_attention_alone < LOST
    slowed = left_of_2017[0] > 0.5 and left_of_2017[1] < 0.1 and left_of_2017[2] < LOST and left_of_today[2] > 0.1
    return CONDITIONAL if dead_alone and slowed else HOLDS
