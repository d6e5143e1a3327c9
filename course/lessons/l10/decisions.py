"""Lesson 10: what can be cut. Real processes, at 4 and 40 words; the notebook goes to 400."""

import functools

from torch import nn

from helpers.distributed import launch, traffic

from ...ledger.decisions import ANSWERED, CONDITIONAL, DOES_NOT_HOLD, HOLDS, ROUNDING, UNANSWERED, Decisions
from . import together

WORKERS = 4
WORDS = (4, 40)

decisions = Decisions()


def weights_of_a_layer():
    """Weights without biases, in D², at widths 8 and 80: a layer of each kind, and two LSTM layers."""
    counts = {}
    for D in (8, 80):
        block = nn.TransformerEncoderLayer(D, 2, 4 * D, bias=False)
        matrices = [weight for weight in block.parameters() if weight.dim() == 2]
        nets = {"block": matrices, "lstm": nn.LSTM(D, D, bias=False).parameters()}
        nets |= {"gru": nn.GRU(D, D, bias=False).parameters(), "elman": nn.RNN(D, D, bias=False).parameters()}
        nets["two_lstm"] = nn.LSTM(D, D, 2, bias=False).parameters()
        for name, weights in nets.items():
            counts.setdefault(name, []).append(sum(weight.numel() for weight in weights) / D**2)
    return counts


@decisions.decides(
    "S1-02",
    numbers=weights_of_a_layer,
    shows="per layer a block has 12 D² weights, an LSTM 8, a GRU 6, an Elman net 2, so a block is the larger one; two LSTM "
    "layers have 16.",
    refuted_by={name: [12.0, 12.0] for name in ("block", "lstm", "gru", "elman", "two_lstm")},
)
def larger_per_layer(block, lstm, gru, elman, two_lstm):
    return CONDITIONAL if max(lstm + gru + elman) < min(block) < min(two_lstm) else HOLDS


@functools.cache
def cut_by_four():
    """Every cut on four processes: {name: ([largest difference at 4 and 40 words], [exchanges of one worker])}."""
    results = launch(together.every_cut, WORKERS, WORDS, backend="gloo")
    return {
        name: (
            [max(result[name][T][0] for result in results) for T in WORDS],
            [results[0][name][T][1].exchanges for T in WORDS],
        )
        for name in results[0]
    }


def differences():
    """The differences from the whole, and the exchanges, by the names that the decisions use."""
    cuts = cut_by_four()
    lstm = {name: max(cuts[name][0]) for name in cuts if "LSTM" in name}
    other = {name: max(cuts[name][0]) for name in cuts if "LSTM" not in name}
    return {
        "lstm_differs": lstm,
        "attention_differs": other,
        "block_exchanges": cuts["width, block"][1],
        "lstm_exchanges": cuts["width, LSTM"][1],
        "data_exchanges": cuts["batch, block"][1],
        "data_differs": [cuts["batch, LSTM"][0], cuts["batch, block"][0]],
        "idle": traffic.idle(WORKERS, together.PIECES),
    }


@decisions.decides(
    "S1-03",
    numbers=differences,
    shows="on four processes batch, width, layers and time give what one gives, for a block and for an LSTM; by width a block "
    "exchanges 4 times in 4 or 40 words, an LSTM 8 and 80 times.",
    refuted_by={
        "lstm_differs": {"time": 0.0},
        "attention_differs": {"time": 0.3},
        "block_exchanges": [4, 4],
        "lstm_exchanges": [8, 80],
    },
)
def can_be_cut_four_ways(lstm_differs, attention_differs, block_exchanges, lstm_exchanges):
    exact = max([*lstm_differs.values(), *attention_differs.values()]) < ROUNDING
    grows = block_exchanges[0] == block_exchanges[1] and lstm_exchanges[1] == 10 * lstm_exchanges[0]
    return ANSWERED if exact and grows else UNANSWERED


@decisions.decides(
    "S1-22",
    numbers=differences,
    shows="on four processes an LSTM gives what one process gives, cut by batch, width, layers or time, forward and backward.",
    refuted_by={"lstm_differs": {"time, LSTM": 0.2}},
)
def an_rnn_cannot(lstm_differs):
    return DOES_NOT_HOLD if max(lstm_differs.values()) < ROUNDING else HOLDS


@decisions.decides(
    "S2-22",
    numbers=differences,
    shows="in one training step of a block, data parallelism exchanges once, a split by width 4 times.",
    refuted_by={"data_exchanges": [4, 4], "block_exchanges": [1, 1]},
)
def fewer_messages(data_exchanges, block_exchanges):
    return ANSWERED if max(data_exchanges) < min(block_exchanges) else UNANSWERED


@decisions.decides(
    "S2-24",
    numbers=differences,
    shows="one exchange brings the gradients of four workers together, exact to rounding.",
    refuted_by={"data_exchanges": [1, 1], "data_differs": [[0.1], [0.1]]},
)
def hard_to_bring_together(data_exchanges, data_differs):
    exact = max(map(max, data_differs)) < ROUNDING
    return DOES_NOT_HOLD if exact and set(data_exchanges) == {1} else HOLDS
