"""What a training run takes: operations, days on so many devices, and what a recurrence pays beside its arithmetic.

A FLOP is one + or ×, so a multiply–add is two. All days are those of devices at their peak, with nothing lost on
messages, checkpoints and pauses. Weights, batch and words are equal; what is learnt from them is not counted.

    >>> gpt3 = Run(weights=174_600_000_000, layers=96, width=12_288, tokens=300 * 10**9, batch=3_200_000)
    >>> cluster = Cluster(devices=1024, peak=312e12, bandwidth=2e12)                           # A100 by its datasheet
    >>> for T in (2048, 32_768, 1_048_576):
    ...     print(f"{T:9,} words: {transformer_days(gpt3, cluster, T).total:5.1f} days", end=", ")
    ...     print(f"recurrent {recurrent_days(gpt3, cluster, T, step=6.8e-6).total:5.1f}")
        2,048 words:  11.5 days, recurrent  11.7
       32,768 words:  13.9 days, recurrent  16.0
    1,048,576 words:  92.3 days, recurrent 391.8

Numbers of things that are no whole number raise TypeError; sizes below 1, and speeds that are not above 0, ValueError.
"""

import math
from dataclasses import dataclass
from numbers import Real

from ...arguments import require_sizes

DAY = 86_400  # seconds
ITEMSIZE = 2  # bytes a weight, in 16 bits


def training_flop(weights: int, tokens: int, *, passes: int = 3) -> int:
    """2·passes·N·D: each token meets each weight in one multiply–add a pass. Kaplan et al. 2020, section 2.1: 6ND.

    passes: 3 for training (forward once, backward twice: a product's gradient has two factors), 4 where activations are
    computed twice, 1 for reading or writing. Products with weights alone: attention's T² is in `transformer_days`.

    >>> f"{training_flop(174_600_000_000, 300 * 10**9):.3g}"                                   # GPT-3
    '3.14e+23'
    """
    weights, tokens, passes = require_sizes(weights=weights, tokens=tokens, passes=passes)
    return 2 * passes * weights * tokens


@dataclass(frozen=True)
class Cluster:
    """Equal devices. peak: FLOP/s of one; bandwidth: bytes/s between one device and its memory.

    >>> round(Cluster(devices=1, peak=28e12).days(3.14e23) / 365)                              # years on one V100
    356
    """

    devices: int
    peak: float
    bandwidth: float = math.inf

    def __post_init__(self):
        require_sizes(devices=self.devices)
        _require_speeds(peak=self.peak, bandwidth=self.bandwidth)

    def days(self, flop: float, *, used: float = 1.0) -> float:
        """The days of so many operations. used: the share of the peak that is reached, above 0."""
        _require_speeds(used=used)
        return flop / (self.devices * self.peak * used) / DAY

    @property
    def ridge(self) -> float:
        """Peak over bandwidth, FLOP a byte: with weights of 2 bytes, how many sequences must share one reading of them
        to keep the arithmetic busy. Williams et al. 2009."""
        return self.peak / self.bandwidth


@dataclass(frozen=True)
class Run:
    """One training run. weights: in products; width: of the model; tokens: in all; batch: tokens an update."""

    weights: int
    layers: int
    width: int
    tokens: int
    batch: int

    def __post_init__(self):
        require_sizes(**vars(self))

    @property
    def updates(self) -> float:
        """How often the weights are changed."""
        return self.tokens / self.batch

    def sequences(self, T: int, copies: int = 1) -> float:
        """How many sequences of T tokens one copy of the model reads in an update, and shares a reading of its weights.

        Raises ValueError if it is less than one.
        """
        T, copies = require_sizes(T=T, copies=copies)
        if self.batch < T * copies:
            raise ValueError(
                f"A batch of {self.batch:,} tokens holds {self.batch / T:.3g} sequences of {T:,}, which are not enough for "
                f"copies={copies}. Give a batch of {T * copies:,} tokens or more, a smaller T, or fewer copies."
            )
        return self.batch / (T * copies)


@dataclass(frozen=True)
class Days:
    """What each part would take alone, in days. The largest of the first three binds; the gradients come after it.

    passes     the arithmetic of the way there and of the gradients on the way back
    reading    the weights, from memory, as often as the way there and the way back need them anew
    waiting    steps that need each other, at the price of a step
    gradients  of the weights: one large product at the end of an update, a third of the arithmetic
    """

    passes: float
    reading: float
    waiting: float
    gradients: float

    @property
    def total(self) -> float:
        return max(self.passes, self.reading, self.waiting) + self.gradients

    @property
    def bound_by(self) -> str:
        """ "passes", "reading" or "waiting"."""
        return max(("passes", "reading", "waiting"), key=lambda name: getattr(self, name))


def transformer_days(run: Run, cluster: Cluster, T: int, *, copies: int = 1) -> Days:
    """A causal Transformer with blocks of 12 d² weights. copies: how many of the model there are, on equal shares.

    Attention's products with keys and values are (T + 1) / 12d of those with weights, Vaswani et al. 2017, Table 1.
    Its waits, six rounds a block there and six back, are left out.
    """
    run.sequences(T, copies)
    arithmetic = cluster.days(training_flop(run.weights, run.tokens))
    squares = (T + 1) / (12 * run.width)
    reading = _reading(run, cluster, copies)
    return Days((2 / 3 + squares) * arithmetic, reading, waiting=0.0, gradients=arithmetic / 3)


def recurrent_days(
    run: Run, cluster: Cluster, T: int, *, copies: int = 1, step: float = 0.0, reread: float = 1.0
) -> Days:
    """A recurrent net of as many layers and weights: a wave of T + L − 1 steps there, and as many back.

    copies: each lies on its share of the devices, a layer on its own part of them, so that layers overlap and the wave
    has to fill. In each step a layer's weights are read from memory and serve one token of all sequences of the copy.
    step: seconds that a step takes at the least, there and back together; 0 leaves the waiting out.
    reread: the share of the weights that each step reads anew, 0 to 1: half for cells that get U x of many steps from
    one product, 0 where all weights stay on the chips.
    """
    if not isinstance(reread, Real) or not 0 <= reread <= 1:
        raise ValueError(f"reread={reread!r} was given; expected a share from 0 to 1, such as reread=0.5.")
    if not isinstance(step, Real) or not 0 <= step < math.inf:
        raise ValueError(f"step={step!r} was given; expected seconds, 0 or more, such as step=2e-6.")
    run.sequences(T, copies)
    steps = T + run.layers - 1
    arithmetic = cluster.days(training_flop(run.weights, run.tokens))
    return Days(
        passes=2 / 3 * arithmetic * steps / T,
        reading=reread * steps * _reading(run, cluster, copies),
        waiting=run.updates * steps * step / DAY,
        gradients=arithmetic / 3,
    )


def states_heard(run: Run, T: int, *, copies: int = 1) -> float:
    """Bytes that a device receives in one step of a recurrent net, at most: two states a sequence, in 16 bits.

    The layer below sends one. The other is the layer's own, where several devices share it: each makes a part of a
    state and needs all of it for the next step. On the way back the gradients of both are as many.

    >>> gpt3 = Run(weights=174_600_000_000, layers=96, width=12_288, tokens=300 * 10**9, batch=3_200_000)
    >>> states_heard(gpt3, 2048) / 1e6                                                         # MB
    76.8
    """
    return 2 * run.sequences(T, copies) * run.width * ITEMSIZE


def _reading(run, cluster, copies):
    """Days for reading all weights once on the way there and once on the way back, in each update."""
    bytes_read = 2 * ITEMSIZE * run.weights * copies * run.updates
    return bytes_read / (cluster.devices * cluster.bandwidth) / DAY


def _require_speeds(**speeds):
    for name, speed in speeds.items():
        if not isinstance(speed, Real) or not speed > 0:
            raise ValueError(f"{name}={speed!r} was given; expected a number above 0, such as {name}=1e12.")
