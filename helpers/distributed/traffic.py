"""What a cut sends, in closed form: exchanges and bytes of one training step, forward and backward. No torch.

Counted on processes, the bytes of helpers.distributed.splits are these: tests hold one against the other.
In formulas: P workers, B examples, T words, width D, M pieces; a block has 12·D² weights, an LSTM layer 8·D².
"""

from typing import NamedTuple

BLOCK, LSTM = 12, 8  # weights of a layer of width D, in D²


class Traffic(NamedTuple):
    """exchanges: in which all workers take part. handed: messages from one worker to the next one, or back, between two
    neighbours. bytes: sent by all workers together. idle: the share of the workers' time that they wait for work."""

    exchanges: int
    handed: int
    bytes: int
    idle: float


def all_reduced(n: int, P: int, itemsize: int) -> int:
    """Bytes that all P workers together send to sum n numbers on a ring: each sends 2(P−1)/P of them.

    >>> all_reduced(1000, 4, itemsize=4)
    24000
    """
    return 2 * (P - 1) * n * itemsize


def idle(P: int, M: int) -> float:
    """The share of the time that P workers of a pipeline wait, with M pieces one after the other. Huang et al. 2018.

    >>> idle(4, 1), round(idle(4, 8), 2)
    (0.75, 0.27)
    """
    return (P - 1) / (M + P - 1)


def by_batch(weights: int, P: int, D: int, itemsize: int) -> Traffic:
    """weights: BLOCK or LSTM. The gradients are summed once.

    >>> by_batch(LSTM, P=4, D=32, itemsize=8).bytes
    393216
    """
    return Traffic(1, 0, all_reduced(weights * D * D, P, itemsize), 0.0)


def block_by_width(P: int, B: int, T: int, D: int, itemsize: int) -> Traffic:
    """Two sums over (B, T, D) forward, two backward. Shoeybi et al. 2019, section 3.

    >>> block_by_width(P=4, B=16, T=4, D=32, itemsize=8).bytes
    393216
    """
    return Traffic(4, 0, 4 * all_reduced(B * T * D, P, itemsize), 0.0)


def lstm_by_width(P: int, B: int, T: int, D: int, itemsize: int) -> Traffic:
    """The state of each step is gathered, its gradient scattered; the outputs and the inputs' gradient once.

    >>> lstm_by_width(P=4, B=16, T=4, D=32, itemsize=8)
    Traffic(exchanges=8, handed=0, bytes=221184, idle=0.0)
    """
    return Traffic(2 * T, 0, (P - 1) * B * D * (5 * T - 2) * itemsize, 0.0)


def by_layers(P: int, B: int, T: int, D: int, M: int, itemsize: int) -> Traffic:
    """P layers, one a worker: outputs up, gradients down, between P − 1 pairs of neighbours.

    >>> by_layers(P=4, B=16, T=4, D=32, M=8, itemsize=8)
    Traffic(exchanges=0, handed=16, bytes=98304, idle=0.2727272727272727)
    """
    return Traffic(0, 2 * M, 2 * (P - 1) * B * T * D * itemsize, idle(P, M))


def attention_by_time(P: int, B: int, T: int, D: int, itemsize: int) -> Traffic:
    """Keys and values go round; backward, their gradients too. Liu et al. 2023.

    >>> attention_by_time(P=4, B=16, T=4, D=32, itemsize=8).bytes
    360448
    """
    return Traffic(2 * P - 1, 0, (2 * (P - 1) + 4 * P) * B * T * D * itemsize, 0.0)


def block_by_time(P: int, B: int, T: int, D: int, itemsize: int) -> Traffic:
    """The same with the gradients of the block's weights, of which every worker has a copy: one sum more."""
    ring, shared = attention_by_time(P, B, T, D, itemsize), by_batch(BLOCK, P, D, itemsize)
    return Traffic(ring.exchanges + 1, 0, ring.bytes + shared.bytes, 0.0)


def lstm_by_time(P: int, B: int, D: int, M: int, itemsize: int) -> Traffic:
    """The states h and c to the right, their gradients back, and one sum of the weights' gradients. T does not matter.

    >>> lstm_by_time(P=4, B=16, D=32, M=8, itemsize=8).bytes
    442368
    """
    states = 2 * (P - 1) * 2 * B * D * itemsize
    return Traffic(1, 2 * M, states + by_batch(LSTM, P, D, itemsize).bytes, idle(P, M))
