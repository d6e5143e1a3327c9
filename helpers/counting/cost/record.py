"""What is counted (Accounting), and the counts (Cost), with the pieces that closed forms are added up from."""

from dataclasses import dataclass, fields

from ...arguments import require_sizes, require_word

BIASES = ("ffn", "everywhere", "nowhere")


@dataclass(frozen=True)
class Accounting:
    """What is counted. Each switch changes the graph that helpers.builders builds, and its closed form in helpers.cost.

    biases             "ffn": in the feed-forward layers and in recurrent cells; "everywhere": in the four projections
                       of attention too; "nowhere": in neither block nor cell (LayerNorm keeps its shift)
    additive_mask      add a mask to the scores; causal attention then computes the whole square, not the triangle
    final_norm         a LayerNorm after the last Transformer block
    one_pass_variance  LayerNorm's variance as mean(x²) − mean(x)², both sums at once
    divide_last        divide by softmax's sum after the product with the values instead of before
    hoist              recurrent cells get U·x + b from outside the recurrence, not inside the cell's one sum

    Raises ValueError for an unknown word, and names the nearest; TypeError for a switch that is not True or False.

    >>> from helpers import cost
    >>> cost.elman(T=100, d=512).span, cost.elman(T=100, d=512, accounting=Accounting(hoist=True)).span
    (1300, 1201)
    """

    biases: str = "ffn"
    additive_mask: bool = False
    final_norm: bool = False
    one_pass_variance: bool = False
    divide_last: bool = False
    hoist: bool = False

    def __post_init__(self):
        require_word("biases", self.biases, BIASES)
        for name, value in vars(self).items():
            if name != "biases" and not isinstance(value, bool):
                raise TypeError(f"Accounting({name}={value!r}) was given; {name} is a switch: give True or False.")


STANDARD = Accounting()


def check_accounting(accounting: Accounting) -> Accounting:
    """Return the accounting. Raises TypeError for anything else."""
    if not isinstance(accounting, Accounting):
        raise TypeError(f"accounting={accounting!r} was given; expected for example Accounting(biases='everywhere').")
    return accounting


@dataclass(frozen=True)
class Cost:
    """What one forward pass takes; every field is an exact integer.

    work         multiply–adds (MAC) in matrix products and recurrences
    span         longest chain, in levels of scalar operations
    operations   all scalar operations: the work of Brent's bound
    parameters   numbers in the weights (one bias a gate where torch keeps two)
    activations  results of dot products that are not scores; of an elementwise recurrence its states
    scores       attention scores, of all layers and heads
    state        what decoding keeps after T tokens: an RNN's state; of causal attention the keys and values, of causal
                 linear attention its sums; 0 where attention is not causal
    traffic      numbers that must cross memory at the least: inputs, weights and results of the whole call, once each

    Traffic is what one fused kernel could do with. Times the bytes of a number, and over the bandwidth, it is a time
    that no kernel beats. It leaves out what a call writes only to read it again: the activations between layers and
    steps, the scores of an unfused attention (twice each, or more), what a backward pass keeps or repeats.

    >>> from helpers import cost
    >>> layer = cost.attention(T=6, d=512, heads=8)
    >>> layer.work, layer.span, layer.parameters
    (6328320, 41, 1048576)
    >>> (layer + layer).span                                     # one after the other
    82
    """

    work: int
    span: int
    operations: int
    parameters: int = 0
    activations: int = 0
    scores: int = 0
    state: int = 0
    traffic: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Two calls, one after the other: everything adds, the span too, and the traffic, because the second call reads
        back what the first one wrote."""
        return Cost(**{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(Cost)})

    def repeated(self, times: int) -> "Cost":
        """The same call so many times, one after the other: everything is multiplied, the span too."""
        return Cost(**{field.name: times * getattr(self, field.name) for field in fields(Cost)})

    @property
    def average_parallelism(self) -> float:
        """work / span, MAC a level: the number of processors beyond which more of them gain little."""
        return self.work / self.span

    def memory(self, itemsize: int = 4) -> dict[str, int]:
        """{name: bytes} of every field that counts numbers; itemsize: bytes a number, 2 for bfloat16."""
        (itemsize,) = require_sizes(itemsize=itemsize)
        return {
            "parameters": itemsize * self.parameters,
            "activations": itemsize * self.activations,
            "scores": itemsize * self.scores,
            "state": itemsize * self.state,
            "traffic": itemsize * self.traffic,
        }

    def intensity(self, itemsize: int = 4) -> float:
        """FLOP a byte, 2·work / (itemsize·traffic): below a device's FLOP/s over its bytes/s, memory sets the time.

        An Elman layer's, in 16 bits: d·N / (d + N) with N = B·T, so about N while N is far below d, and never above d.
        That is for a kernel that keeps the weights; a loop reads them at every step, and has the intensity of T = 1.
        Williams et al., "Roofline", CACM 52(4), 2009.

        >>> from helpers import cost
        >>> [round(cost.elman(T=T, d=512).intensity(2), 1) for T in (1, 1024)]
        [1.0, 341.2]
        """
        return 2 * self.work / self.memory(itemsize)["traffic"]


def ceil_log2(n: int) -> int:
    """⌈log₂ n⌉, exact: the levels of a sum of n terms."""
    return (n - 1).bit_length()


def dot_levels(n: int) -> int:
    """The levels of a dot product of n numbers: the products, and their sum."""
    return 1 + ceil_log2(n)


def elementwise(count: int) -> Cost:
    """One operation on each of `count` numbers, side by side."""
    return Cost(work=0, span=1, operations=count)


def affine(T: int, n: int, m: int, bias: bool = False) -> Cost:
    """W x + b for T vectors of n numbers, to m numbers each."""
    return Cost(
        work=T * n * m,
        span=dot_levels(n) + bias,
        operations=T * m * (2 * n - 1 + bias),
        parameters=m * (n + bias),
        activations=T * m,
    )


def whole_call(B: int, moved: int, cost: Cost) -> Cost:
    """B sequences side by side that share the weights; moved: numbers that each of them has in and out."""
    (B,) = require_sizes(B=B)
    return Cost(
        work=B * cost.work,
        span=cost.span,
        operations=B * cost.operations,
        parameters=cost.parameters,
        activations=B * cost.activations,
        scores=B * cost.scores,
        state=B * cost.state,
        traffic=cost.parameters + B * moved,
    )
