"""Lesson 14: what papers and datasheets print, each with its place. Nothing here is computed.

`work` is a name in docs/sources.md; `place` says where in it. FLOP are floating-point operations, a multiply–add two.

Second-hand, from pages that quote them: PaLM's numbers, T5's tokens and FLOP, and Li's 355 years.
"""

from dataclasses import dataclass

from helpers import cost


@dataclass(frozen=True)
class Model:
    """A model, and what is printed of its training. tokens: seen in training; flop: as printed, None where it is not.

    through: the share of the weights that one token passes. Half where a token is read by an encoder or written by a
    decoder: that is our own reckoning, since the two are about equally large.
    """

    name: str
    weights: int
    tokens: int
    flop: float | None
    work: str
    place: str
    through: float = 1.0


@dataclass(frozen=True)
class Device:
    """peak: FLOP/s in 16 bits, or what `place` says; bandwidth: bytes/s of its memory; cache: bytes on the chip."""

    name: str
    peak: float
    work: str
    place: str
    bandwidth: float | None = None
    cache: float | None = None


@dataclass(frozen=True)
class Translator:
    """A row of Table 2 of Vaswani et al. 2017: BLEU and FLOP, English to German and to French; None: not printed."""

    name: str
    german: float
    french: float
    flop_german: float
    flop_french: float


EQUAL = "Equal weights, batch and words, not equal loss."  # beside every number of days of two models

GPT3 = Model(
    "GPT-3", 175 * 10**9, 300 * 10**9, 3.14e23, "Brown et al. 2020 (GPT-3)", "Table 2.1; Appendix D, Table D.1"
)
# Its shape: Table 2.1. The vocabulary is GPT-2's.
GPT3_SHAPE = {"layers": 96, "width": 12_288, "heads": 96, "vocabulary": 50_257, "context": 2048, "batch": 3_200_000}
GPT3_PETAFLOP_DAYS = 3640  # the same table

PALM = Model(
    "PaLM",
    540 * 10**9,
    780 * 10**9,
    2.5272e24,
    "Chowdhery et al. 2022 (PaLM)",
    "sections 2 to 4; the table of training compute",
)
PALM_SHAPE = {"layers": 118, "heads": 48, "head_width": 256, "context": 2048}  # Table 1; section 5
PALM_TOKENS_A_SECOND = 238_300  # Appendix B, on 6,144 chips
PALM_SHARES = {"of the model's operations": 0.462, "with those computed twice": 0.578}  # Appendix B
PALM_PHASES = ((6144, 1200), (3072, 336))  # (chips, hours), "including some downtime and repeated steps"
PALM_BATCHES = (512, 1024, 2048)  # sequences of 2,048 tokens, growing during training
PALM_GROUP = 12  # chips that share the products of a token: section 4, 12-way model parallelism, 256 groups a pod

T5 = Model(
    "T5-11B",
    11 * 10**9,
    10**6 * 2**11 * 512,  # steps, sequences, tokens
    3.3e22,
    "Raffel et al. 2020 (T5)",
    "the largest models, for the tokens; FLOP as Chung et al. 2022 (Flan) print it",
    through=0.5,
)

# Steps, and 25,000 tokens of each language in a batch: sections 5.1 and 5.2. Weights: Table 3. FLOP: Table 2.
BASE = Model("Transformer, base", 65 * 10**6, 100_000 * 50_000, 3.3e18, "Vaswani et al. 2017", "sections 5.1, 5.2", 0.5)
BIG = Model("Transformer, big", 213 * 10**6, 300_000 * 50_000, 2.3e19, "Vaswani et al. 2017", "sections 5.1, 5.2", 0.5)

# (devices, FLOP/s of each, hours) of 2017; speeds as in the footnote of section 6.1: sustained, 32 bits, by estimate.
TIMED_2017 = {
    "Transformer, base": (8, 9.5e12, 12.0),  # P100
    "Transformer, big": (8, 9.5e12, 3.5 * 24),
    "GNMT, to French": (96, 2.8e12, 6.0 * 24),  # K80; "about six days": Wu et al. 2016 (GNMT)
}
TABLE_2 = (
    Translator("GNMT (recurrent)", 24.6, 39.92, 2.3e19, 1.4e20),
    Translator("ConvS2S (convolutions)", 25.16, 40.46, 9.6e18, 1.5e20),
    Translator("Transformer, base", 27.3, 38.1, 3.3e18, 3.3e18),
    Translator("Transformer, big", 28.4, 41.8, 2.3e19, 2.3e19),
)

A100 = Device("A100 (80 GB)", 312e12, "NVIDIA 2021 (A100)", "page 1, dense", bandwidth=2.0e12, cache=40e6)
V100_YEARS = 355  # of one V100 at 28 TFLOP/s: Li 2020 (Lambda)
V100 = Device("V100", 28e12, "Li 2020 (Lambda)", "assumed there, not the peak")
TPU_V4 = Device("TPU v4", 275e12, "Chowdhery et al. 2022 (PaLM)", "Appendix B")
MEGATRON = {
    "devices": 1024,
    "reached": 140e12,
    "passes": 4,
    "days": 34,
}  # Narayanan et al. 2021 (Megatron-LM), equation 4

WORKS = {
    *(model.work for model in (GPT3, PALM, T5, BASE, BIG)),
    *(device.work for device in (A100, V100, TPU_V4)),
    "Chung et al. 2022 (Flan)",
    "Hoffmann et al. 2022 (Chinchilla)",
    "Kaplan et al. 2020",
    "Narayanan et al. 2021 (Megatron-LM)",
    "Wu et al. 2016 (GNMT)",
}


def gpt3_weights() -> int:
    """The weights of GPT-3 from its shape: blocks with all biases, the last LayerNorm, tokens and positions.

    >>> f"{gpt3_weights():,}"
    '174,604,259,328'
    """
    width, layers, heads = (GPT3_SHAPE[name] for name in ("width", "layers", "heads"))
    rule = cost.Accounting(biases="everywhere", final_norm=True)
    blocks = cost.transformer(1, width, heads, layers, accounting=rule).parameters
    return blocks + (GPT3_SHAPE["vocabulary"] + GPT3_SHAPE["context"]) * width


def palm_flop_a_token() -> int:
    """PaLM's operations for a token in training, with attention's squares; Appendix B counts them whole, not causal.

    >>> f"{palm_flop_a_token():.4g}"
    '3.276e+12'
    """
    layers, heads, head_width, context = PALM_SHAPE.values()
    return 6 * PALM.weights + 12 * layers * heads * head_width * context


def gpt3_run(batch: int = GPT3_SHAPE["batch"], layers: int = GPT3_SHAPE["layers"]) -> cost.Run:
    """GPT-3's weights and words; batch: words an update.

    >>> gpt3_run().updates
    93750.0
    """
    return cost.Run(gpt3_weights(), layers, GPT3_SHAPE["width"], GPT3.tokens, batch)


def a100_cluster(devices: int = MEGATRON["devices"]) -> cost.Cluster:
    """So many A100 at their peak.

    >>> round(a100_cluster().ridge)
    156
    """
    return cost.Cluster(devices, A100.peak, A100.bandwidth)
