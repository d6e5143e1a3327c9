"""Lesson 08: the numbers of its computed statements, and what they decide. Recorded times come from course/results."""

import torch

from helpers import attention, cost, peak_memory, span_of
from helpers.counting import rounds as graphs

from ...ledger.decisions import (
    ANSWERED,
    CONDITIONAL,
    DOES_NOT_HOLD,
    HOLDS,
    ROUNDING,
    UNANSWERED,
    Decisions,
)
from ...words import draw
from . import parts
from .splitting import PARTS, TEXTS, Batch, miss

WORDS = [6, 60, 600]
SIZES = [(16, 32), (160, 32), (16, 320)]  # words of a text, texts of a batch

decisions = Decisions()


# ---- the batch in parts


def four_parts():
    """Rounds of an RNN on the batch and on four parts of it side by side, and a part's share of the work."""
    waits = []
    for T in WORDS:
        chain = graphs.recurrent(T)
        four = {f"{n}{state}": [f"{n}{needed}" for needed in needs] for n in range(4) for state, needs in chain.items()}
        waits.append([span_of(chain), span_of(four)])
    work = cost.lstm(60, 24, B=TEXTS // PARTS).work / cost.lstm(60, 24, B=TEXTS).work
    return {"rounds": waits, "words": WORDS, "share_of_work": work}


@decisions.decides(
    "S2-04",
    numbers=four_parts,
    shows="four parts of a batch are four graphs without a common node, each with a quarter of the work. Each waits as many "
    "rounds as the whole batch, 6, 60 and 600 for as many words.",
    refuted_by={"rounds": [[6, 24], [60, 240], [600, 2400]], "words": WORDS, "share_of_work": 0.25},
)
def parts_side_by_side(rounds, words, share_of_work):
    same_wait = all(both == [T, T] for both, T in zip(rounds, words, strict=True))
    return HOLDS if same_wait and abs(share_of_work - 1 / PARTS) < ROUNDING else DOES_NOT_HOLD


def exact_gradients():
    """How far the mean of four parts' gradients is from the batch's: equal parts; parts of unequally many words."""
    misses, unequal = [], []
    for T, B in SIZES:
        batch = Batch(T, B=B)
        whole = batch.gradient(batch.mean_miss, batch.texts)
        equal = [batch.gradient(batch.mean_miss, part) for part in batch.texts.chunk(PARTS)]
        misses.append(miss(sum(equal) / PARTS, whole))
        pairs = zip(batch.texts.chunk(PARTS), batch.lengths.chunk(PARTS), strict=True)
        padded = [batch.gradient(batch.padded, *pair) for pair in pairs]
        unequal.append(miss(sum(padded) / PARTS, batch.gradient(batch.padded, batch.texts, batch.lengths)))
    return {"misses": misses, "misses_of_padded": unequal}


@decisions.decides(
    "S2-05",
    numbers=exact_gradients,
    shows="the mean of the gradients of four equal parts is the batch's gradient to 1e-12, for 32 and 320 texts of 16 words "
    "and 32 of 160.",
    refuted_by={"misses": [0.1, 0.1, 0.1]},
)
def four_by_eight(misses):
    return HOLDS if max(misses) < ROUNDING else DOES_NOT_HOLD


def both_models():
    """The same for an LSTM and for attention: how far the mean of four parts' gradients is from the batch's."""
    batch = Batch(16)
    matrices = [draw(24, 24, seed=seed).requires_grad_() for seed in (21, 22, 23)]

    def loss(texts):
        read = attention(*(texts @ matrix for matrix in matrices), is_causal=True)
        return (read[:, :-1] - texts[:, 1:]).square().mean()

    def gradient(texts):
        return torch.cat([slope.flatten() for slope in torch.autograd.grad(loss(texts), matrices)])

    of_parts = sum(gradient(part) for part in batch.texts.chunk(PARTS)) / PARTS
    return {"lstm_misses": exact_gradients()["misses"][0], "attention_misses": miss(of_parts, gradient(batch.texts))}


@decisions.decides(
    "S2-20",
    numbers=both_models,
    shows="for an LSTM and for attention alike the mean of the gradients of four parts is the batch's gradient, to 1e-12; "
    "one addition of all gradients is all that the parts exchange.",
    refuted_by={"lstm_misses": 0.1, "attention_misses": 1e-16},
)
def no_harder(lstm_misses, attention_misses):
    return ANSWERED if max(lstm_misses, attention_misses) < ROUNDING else UNANSWERED


def busy():
    """What an LSTM layer reached of a large product's rate, on two recorded machines."""
    cpu, gpu = parts.busy_shares()
    return {"busy_on_cpu": cpu, "busy_on_gpu": gpu}


@decisions.decides(
    "S2-06",
    numbers=busy,
    shows="as recorded, an LSTM layer keeps two CPU cores more than half as busy as a large product does, with 8 texts; the "
    "H200, with 16 texts, less than a quarter.",
    refuted_by={"busy_on_cpu": 0.9, "busy_on_gpu": 0.9},
)
def batch_against_machine(busy_on_cpu, busy_on_gpu):
    busy = [busy_on_cpu > 0.5, busy_on_gpu > 0.5]
    return HOLDS if all(busy) else CONDITIONAL if any(busy) else DOES_NOT_HOLD


# ---- attention: its memory, its softmax, its products


def memory():
    """How peaks and states grow when words grow eightfold, and a fused kernel's peak over its output (recorded)."""
    short, long = 512, 4096
    naive, online = ({T: _peak(T, method) for T in (short, long)} for method in ("naive", "online"))
    trained = {T: _trained_peak(T, "online") for T in (short, long)}
    cache = {T: cost.attention(T, 64, causal=True).state for T in (short, long)}
    return {
        "naive_growth": naive[long] / naive[short],
        "online_growth": online[long] / online[short],
        "online_growth_trained": trained[long] / trained[short],
        "fused_over_output": parts.recorded_peaks(8192)["auto"] / parts.BYTES_OF_OUTPUT,
        "cache_growth": cache[long] / cache[short],
        "state_growth": cost.lstm(long, 64).state / cost.lstm(short, 64).state,
    }


def _peak(T, method):
    return peak_memory(lambda x: attention(x, x, x, method=method), torch.zeros(1, 2, T, 64), device="cpu")


def _trained_peak(T, method):
    """The same, forward and backward."""
    words = torch.zeros(1, 2, T, 64, requires_grad=True)
    return peak_memory(lambda x: attention(x, x, x, method=method).sum().backward(), words, device="cpu")


@decisions.decides(
    "S2-13",
    numbers=memory,
    shows="8 times the words take 64 times the memory where the scores are stored, and 8 times where they are read in blocks, "
    "forward, and forward and backward; as recorded, a fused kernel holds no more than its output, forward.",
    refuted_by={"naive_growth": 64.0, "online_growth": 8.0, "online_growth_trained": 64.0, "fused_over_output": 1.0},
)
def a_lot_of_memory(naive_growth, online_growth, online_growth_trained, fused_over_output):
    if naive_growth < 32:
        return DOES_NOT_HOLD
    linear = max(online_growth, online_growth_trained) < 16
    return CONDITIONAL if linear and fused_over_output < 2 else HOLDS


@decisions.decides(
    "S3-35",
    numbers=memory,
    shows="8 times the words take 64 times the memory where the scores are stored, 8 times where they are read in blocks, and "
    "in a fused kernel no more than the output. In generation the cache grows with the words, an RNN's state not at all.",
    refuted_by={
        "naive_growth": 64.0,
        "online_growth": 64.0,
        "fused_over_output": 272.0,
        "cache_growth": 8.0,
        "state_growth": 1.0,
    },
)
def no_memory_bottleneck(naive_growth, online_growth, fused_over_output, cache_growth, state_growth):
    if max(naive_growth, cache_growth) < 2:
        return HOLDS
    avoidable = online_growth < naive_growth / 4 and fused_over_output < 2
    return CONDITIONAL if avoidable and cache_growth > state_growth else DOES_NOT_HOLD


def products_and_softmax():
    """Attention against two products with a softmax between them, and without it; a softmax and a product of zeros."""
    with_softmax, without = [], []
    for T in WORDS:
        query, key, value = (draw(T, 8, seed=T + n) for n in range(3))
        whole, scores = attention(query[None, None], key[None, None], value[None, None])[0, 0], query @ key.T / 8**0.5
        with_softmax.append(miss(scores.softmax(1) @ value, whole))
        without.append(miss(scores @ value, whole))
    return {
        "misses": with_softmax,
        "misses_without_softmax": without,
        "words": WORDS,
        "softmax_of_zeros": [torch.zeros(T, dtype=torch.float64).softmax(0)[0].item() for T in WORDS],
        "product_of_zeros": (torch.zeros(1, 8, dtype=torch.float64) @ draw(8, 8, seed=1)).abs().max().item(),
    }


@decisions.decides(
    "S3-22",
    numbers=products_and_softmax,
    shows="two products with a softmax between them are attention to 1e-12, for 6, 60 and 600 words; the two products alone "
    "are not.",
    refuted_by={"misses": [0.0, 0.0, 0.0], "misses_without_softmax": [0.0, 0.0, 0.0]},
)
def two_products(misses, misses_without_softmax):
    if max(misses) > ROUNDING:
        return DOES_NOT_HOLD
    return CONDITIONAL if min(misses_without_softmax) > 0.1 else HOLDS


@decisions.decides(
    "S3-26",
    numbers=products_and_softmax,
    shows="a softmax makes 1/6, 1/60 and 1/600 of a row of zeros; a matrix product makes zeros of it, whatever the matrix.",
    refuted_by={"words": WORDS, "softmax_of_zeros": [0.0, 0.0, 0.0], "product_of_zeros": 0.0},
)
def softmax_by_products(words, softmax_of_zeros, product_of_zeros):
    even = all(abs(share * T - 1) < ROUNDING for share, T in zip(softmax_of_zeros, words, strict=True))
    return DOES_NOT_HOLD if even and product_of_zeros == 0 else HOLDS


def attention_busy():
    """What fused attention reached of a large product's rate on the recorded H200: reading 4,096 words, writing one."""
    reading, writing = parts.attention_shares()
    return {"busy_reading": reading, "busy_writing": writing}


@decisions.decides(
    "S3-34",
    numbers=attention_busy,
    shows="as recorded on an H200, fused attention over 4,096 words does more than half of what a large product does, and one "
    "step of decoding less than a hundredth.",
    refuted_by={"busy_reading": 0.6, "busy_writing": 0.6},
)
def efficient(busy_reading, busy_writing):
    if min(busy_reading, busy_writing) > 0.4:
        return HOLDS
    return CONDITIONAL if busy_reading > 0.4 and busy_writing < 0.1 else DOES_NOT_HOLD
