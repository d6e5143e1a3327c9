"""Lesson 14: the numbers of its computed statements, and what they decide. Days are those of devices at their peak."""

from helpers import cost

from ...ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS, Decisions
from . import figures, published

CONTEXTS = [2048, 32_768, 2**20]
YEAR = 365

decisions = Decisions()


def translators():
    """The recurrent translator beside those of 2017: operations as device time × speed, as printed, and BLEU."""
    gnmt, convolutions, base, big = published.TABLE_2
    devices, speed, hours = published.TIMED_2017["GNMT, to French"]
    old = devices * speed * hours * 3600
    ours = [
        count * rate * time * 3600 for name, (count, rate, time) in published.TIMED_2017.items() if "GNMT" not in name
    ]
    return {
        "times_fewer_french": [old / flop for flop in ours],
        "big_over_gnmt_german": big.flop_german / gnmt.flop_german,
        "convolution_over_gnmt_french": convolutions.flop_french / gnmt.flop_french,
        "gained_bleu_of_base": [base.german - gnmt.german, base.french - gnmt.french],
    }


@decisions.decides(
    "S3-31",
    numbers=translators,
    shows="to French the big Transformer's operations are a sixth of the recurrent translator's, to German as many; a "
    "convolutional one, as parallel in time, is listed with 1.07 times as many to French. The base model writes better German "
    "and worse French than the recurrent one.",
    refuted_by={
        "times_fewer_french": [42.0, 6.0],
        "big_over_gnmt_german": 0.1,
        "convolution_over_gnmt_french": 0.1,
        "gained_bleu_of_base": [2.7, 2.0],
    },
)
def days_for_weeks(times_fewer_french, big_over_gnmt_german, convolution_over_gnmt_french, gained_bleu_of_base):
    if min(times_fewer_french) < 2:
        return DOES_NOT_HOLD
    as_dear = max(big_over_gnmt_german, convolution_over_gnmt_french) > 0.9
    return CONDITIONAL if as_dear or min(gained_bleu_of_base) < 0 else HOLDS


def operations_by_data():
    """Operations of training on 10, 100 and 1,000 texts of 512 words, for a Transformer's layer and a recurrent one."""
    texts = [10, 100, 1000]
    words = [count * 512 for count in texts]
    return {
        "words": words,
        "transformer": [2 * cost.trained(cost.transformer, 512, 64, heads=4, B=count).work for count in texts],
        "recurrent": [2 * cost.trained(cost.lstm, 512, 64, B=count).work for count in texts],
        "a_weight_and_word": 2 * cost.trained(cost.lstm, 6000, 64).work / (8 * 64**2) / 6000,
    }


@decisions.decides(
    "S3-32",
    numbers=operations_by_data,
    shows="at one length ten times the words take ten times the operations, in a Transformer block and in a recurrent layer: "
    "6 for each weight and word in a recurrent layer, over 6,000 words, and in a block what the squares add.",
    refuted_by={
        "words": [1, 10, 100],
        "transformer": [1, 100, 10_000],
        "recurrent": [1, 10, 100],
        "a_weight_and_word": 6.0,
    },
)
def data_in_proportion(words, transformer, recurrent, a_weight_and_word):
    proportional = all(
        abs(flop / counts[0] - count / words[0]) < 1e-6 * count / words[0]
        for counts in (transformer, recurrent)
        for flop, count in zip(counts, words, strict=True)
    )
    return HOLDS if proportional and abs(a_weight_and_word - 6) < 0.01 else DOES_NOT_HOLD


def contexts():
    """What a longer context costs at GPT-3's size: the squares' share, the cache, and days of both models."""
    run, width = published.gpt3_run(), published.GPT3_SHAPE["width"]
    both = [figures.days(T) for T in CONTEXTS]
    return {
        "squares": [(T + 1) / (12 * width) for T in CONTEXTS],
        "cache_bytes": [cost.kv_cache(T, run.layers, 96, 128) for T in CONTEXTS],
        "transformer_days": [transformer.total for transformer, _ in both],
        "recurrent_days": [recurrent.total for _, recurrent in both],
    }


@decisions.decides(
    "S3-33",
    numbers=contexts,
    shows="at GPT-3's size attention's squares add 1.4 % to the work at 2,048 words and 7.1 times the work at a million, and "
    "the cache of a text grows from 9.7 GB to 4.9 TB; yet a million words a text are 92 days of training, and 392 for a "
    "recurrent net that reads all its weights in each step (equal weights, batch and words, not equal loss).",
    refuted_by={
        "squares": [0.01, 0.01, 0.01],
        "cache_bytes": [1, 1, 1],
        "transformer_days": [11.5, 11.5, 11.5],
        "recurrent_days": [11.7, 16.0, 392.0],
    },
)
def long_contexts(squares, cache_bytes, transformer_days, recurrent_days):
    free = squares[-1] < 0.1 and cache_bytes[-1] < 10 * cache_bytes[0]
    if free:
        return HOLDS
    return CONDITIONAL if transformer_days[-1] < recurrent_days[-1] else DOES_NOT_HOLD


def weeks():
    """GPT-3's training in days, on a thousand devices and on one, and with a recurrent net of its weights."""
    flop = cost.training_flop(published.gpt3_weights(), published.GPT3.tokens)
    reached = cost.Cluster(published.MEGATRON["devices"], published.MEGATRON["reached"])
    transformer, recurrent = figures.days(published.GPT3_SHAPE["context"])
    return {
        "days_reached": reached.days(flop),
        "years_on_one": cost.Cluster(1, published.V100.peak).days(flop) / YEAR,
        "transformer_days": transformer.total,
        "recurrent_days": recurrent.total,
    }


@decisions.decides(
    "S3-39",
    numbers=weeks,
    shows="25 days on 1,024 A100 at the speed that was reached, 356 years on one V100; with all devices at their peak 11.5 days, "
    "and 11.7 for a recurrent net with as many weights, in one copy (equal weights, batch and words, not equal loss).",
    refuted_by={"days_reached": 25.4, "years_on_one": 356.0, "transformer_days": 11.5, "recurrent_days": 3650.0},
)
def weeks_not_years(days_reached, years_on_one, transformer_days, recurrent_days):
    as_quick_without_attention = recurrent_days < 2 * transformer_days
    if days_reached > YEAR or (as_quick_without_attention and years_on_one < 1):
        return DOES_NOT_HOLD
    return CONDITIONAL if as_quick_without_attention else HOLDS
