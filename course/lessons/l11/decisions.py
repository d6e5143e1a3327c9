"""Lesson 11: the numbers of its computed statements, and what they decide."""

from helpers import cost

from ...ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS, ROUNDING, Decisions
from .parts import misses, says
from .speculation import texts, texts_of
from .steps import formula, multiply_adds, next_word

WORDS = [6, 60, 600]
CLEAR = 1e-3  # a difference that is no rounding, of scores of about 1

decisions = Decisions()


def with_a_cache():
    """How far the last scores with a cache are from those of one pass, under each mask, at 6, 60 and 600 words."""
    return {
        "causal_misses": [misses(T) for T in WORDS],
        "one_layer_misses": [misses(T, layers=1, causal=False) for T in WORDS],
        "two_layers_miss": [misses(T, layers=2, causal=False) for T in WORDS],
    }


@decisions.decides(
    "S3-29",
    numbers=with_a_cache,
    shows="read word by word with a cache, 6, 60 and 600 words give the scores of one pass, to below 1e-12. Where words "
    "read the future too, one layer still does, and two do not.",
    refuted_by={
        "causal_misses": [0.1, 0.1, 0.1],
        "one_layer_misses": [0.0, 0.0, 0.0],
        "two_layers_miss": [0.1, 0.1, 0.1],
    },
)
def reuse_of_the_past(causal_misses, one_layer_misses, two_layers_miss):
    if max(causal_misses) > ROUNDING:
        return DOES_NOT_HOLD
    needs_the_mask = min(two_layers_miss) > CLEAR and max(one_layer_misses) < ROUNDING
    return HOLDS if needs_the_mask else CONDITIONAL


def counted():
    """Multiply–adds of word t, counted as torch computes them: no cache, a cache, an LSTM of no more weights."""
    contexts = [1, 16, 256, 1024]
    counts = [{way: multiply_adds(call) for way, call in next_word(t).items()} for t in contexts]
    contexts.append(65_536)  # by the formula, which the tests hold against the counts
    counts.append({way: formula(way, 65_536) for way in counts[0]})
    return {
        "contexts": contexts,
        "without_cache": [count["no cache"] for count in counts],
        "with_cache": [count["cache"] for count in counts],
        "of_lstm": [count["LSTM"] for count in counts],
    }


@decisions.decides(
    "S3-30",
    numbers=counted,
    shows="word t costs t times the multiply–adds without the cache. With it, it costs more than an LSTM's step with no "
    "more weights at every t from 1 to 65,536, where it is 44 times as much.",
    refuted_by={
        "contexts": [16, 1024],
        "without_cache": [16_000, 1_024_000],
        "with_cache": [1_000, 1_000],
        "of_lstm": [2_000, 4_000],
    },
)
def faster_than_an_rnn(contexts, without_cache, with_cache, of_lstm):
    if any(cached <= lstm for cached, lstm in zip(with_cache, of_lstm, strict=True)):
        return HOLDS if max(with_cache) <= min(of_lstm) else CONDITIONAL
    saves = [without / cached for without, cached in zip(without_cache, with_cache, strict=True)]
    return DOES_NOT_HOLD if saves == contexts else CONDITIONAL


def inside_a_step():
    """Operations in each level of one word's way through a block, d = 512, 8 heads; what a cache saves."""
    contexts, d = [16, 1024, 65_536], 512
    work = [formula("cache", t, d) for t in contexts]
    spans = [cost.transformer(t, d, heads=8, causal=True).span for t in contexts]
    return {
        "contexts": contexts,
        "operations_a_level": [2 * count // span for count, span in zip(work, spans, strict=True)],
        "saved": [formula("no cache", t, d) / count for t, count in zip(contexts, work, strict=True)],
    }


@decisions.decides(
    "S3-50",
    numbers=inside_a_step,
    shows="one word's way through a block of width 512 has tens of thousands of operations in each level at 16 and at 1,024 "
    "words, more at 65,536; and the cache saves t − 1 of t parts of the work.",
    refuted_by={"contexts": [16, 1024], "operations_a_level": [1, 1], "saved": [1.0, 1.0]},
)
def parallel_inside(contexts, operations_a_level, saved):
    return HOLDS if min(operations_a_level) > 1000 and saved == contexts else DOES_NOT_HOLD


def speculation():
    """What a target of three words writes with a draft: how far from writing alone, and passes for 6 words."""
    target, draft = says(3, layers=2, seed=3), says(3, layers=1, seed=13)
    alone = texts_of(target, 6)
    together = [texts(target, draft, 6, ahead) for ahead in (1, 2, 3)]
    return {
        "words": 6,
        "apart": [max(abs(chances.get(text, 0.0) - alone[text]) for text in alone) for chances, _ in together],
        "passes": [passes for _, passes in together],
        "causal_misses": [misses(T) for T in WORDS],
    }


@decisions.decides(
    "S3-51",
    numbers=speculation,
    shows="a cache changes no score, to below 1e-12: quality is kept. But with a draft the same texts come out with the "
    "same chances, to below 1e-12, in fewer passes than words: efficiency was not as high as possible.",
    refuted_by={"words": 6, "apart": [0.1, 0.1, 0.1], "passes": [4.0, 3.0, 3.0], "causal_misses": [0.1, 0.1, 0.1]},
)
def quality_and_efficiency(words, apart, passes, causal_misses):
    if max(causal_misses) > ROUNDING:
        return DOES_NOT_HOLD
    return CONDITIONAL if max(apart) < ROUNDING and max(passes) < words else HOLDS
