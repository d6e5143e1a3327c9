"""Lesson 04: the numbers of its computed statement, and what they decide."""

import torch

from helpers import attention, elman

from ...ledger.decisions import ANSWERED, ROUNDING, UNANSWERED, Decisions
from ...models.tiny import random_words, tiny_rnn

WORDS = [6, 60, 600]

decisions = Decisions()


def reach():
    """How many words change the last output when they are moved: in lesson 01's recurrent net, by a single bit or more;
    in attention, by more than rounding."""
    _, _, U, W = tiny_rnn("man")
    return {
        "words_that_reach_the_last_state": [
            _reaching(lambda texts: elman(texts, U, W, method="torch")[:, -1], T, beyond=0.0) for T in WORDS
        ],
        "words_that_reach_the_last_output": [
            _reaching(lambda texts: attention(texts, texts, texts)[:, -1], T, beyond=ROUNDING) for T in WORDS
        ],
        "words": WORDS,
    }


def _reaching(net, T, beyond):
    text = random_words(T)
    moved = text.repeat(T, 1, 1)  # one text a row, each with another word moved
    moved[range(T), range(T)] += 1.0
    *outputs, unmoved = net(torch.cat([moved, text[None]]))
    return sum(bool((output - unmoved).abs().max() > beyond) for output in outputs)


@decisions.decides(
    "S1-24",
    numbers=reach,
    shows="in lesson 01's net any of 6 and of 60 words moves the last state, if only by a bit; of 600 fewer than 100 do, and "
    "the others not by one bit. In attention all of 6, 60 and 600 move the last output.",
    refuted_by={
        "words_that_reach_the_last_state": [1, 1, 1],
        "words_that_reach_the_last_output": WORDS,
        "words": WORDS,
    },
)
def reached_through_the_state(words_that_reach_the_last_state, words_that_reach_the_last_output, words):
    through_the_state = words_that_reach_the_last_state[:2] == words[:2]
    forgets = words_that_reach_the_last_state[2] < 100
    everywhere = words_that_reach_the_last_output == words
    return ANSWERED if through_the_state and forgets and everywhere else UNANSWERED
