"""Lesson 13: the lead that a weight needs, and the part of the work that grows with T²; at 6 to a million words."""

import math

from helpers import cost

from ...ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS, Decisions

decisions = Decisions()
KEYS = [6, 60, 600, 6000, 1_000_000]
LEAD = 5.0


def leads():
    """The lead that a weight of 0.9 takes among equal keys, the weight that a lead of 5 gives, what the others keep."""
    return {
        "keys": KEYS,
        "lead_for_nine_tenths": [math.log(9 * (n - 1)) for n in KEYS],
        "weight_with_a_lead_of_5": [1 / (1 + (n - 1) * math.exp(-LEAD)) for n in KEYS],
        "least_weight": [1 / (n - 1 + math.exp(LEAD)) for n in KEYS],
    }


@decisions.decides(
    "S1-27",
    numbers=leads,
    shows="every key keeps a weight above 0; but to give one nine tenths takes a lead of 3.8 among 6 equal keys and of 16 "
    "among a million, and with a lead of 5 one has 0.97 among 6 and less than 0.001 among a million.",
    refuted_by={
        "lead_for_nine_tenths": [3.8] * 5,
        "weight_with_a_lead_of_5": [0.97] * 5,
        "least_weight": [0.0] * 5,
    },
)
def kept_and_read_through_an_average(lead_for_nine_tenths, weight_with_a_lead_of_5, least_weight):
    if min(least_weight) <= 0:
        return DOES_NOT_HOLD
    spreads = lead_for_nine_tenths[-1] > 10 and weight_with_a_lead_of_5[-1] < 0.001
    return HOLDS if spreads else CONDITIONAL  # "not in full": some of it is lost, and not all


WIDTH, WORDS = 512, [6, 60, 600, 6000]


def share_of_the_square():
    """What grows with T² of a block's multiply-adds, as counted: all but the 12 D² for each word."""
    work = {T: cost.transformer(T, WIDTH, heads=8).work for T in WORDS}
    return {"words": WORDS, "share_of_T_squared": [1 - 12 * T * WIDTH**2 / counted for T, counted in work.items()]}


@decisions.decides(
    "S3-58",
    numbers=share_of_the_square,
    shows="of a block 512 wide the part that grows with T² is less than a hundredth of the work at 6 words, and more than "
    "half at 6,000.",
    refuted_by={"share_of_T_squared": [0.002] * 4},
)
def at_a_price(share_of_T_squared):
    return CONDITIONAL if share_of_T_squared[0] < 0.01 and share_of_T_squared[-1] > 0.5 else HOLDS
