"""What `python -m helpers.bench` times: each kernel beside its peers, and models that race.

A contest of kernels has, for every T, functions with equal results on equal inputs, all timed forward or all forward
and backward. In a race of models the results differ, and `races` says what makes it fair.
A peer that is not installed says so when it is called. The sizes are those of a GPU, or small ones for a CPU.

Below some 50 µs look at the labels too: one backend of torch's attention, chosen by us, pays 10 µs for the choice, our
own methods some µs for their checks.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch

from ..ops import cuda_graph
from . import contenders, races


@dataclass(frozen=True)
class Contest:
    """Functions that are timed, or whose memory is counted, beside each other at several lengths T.

    name: the key in a recording. model: what is computed, "lstm". title: in words, for a figure. shapes, dtype: of the
    inputs. make, sizes: make(new, T, *sizes) is a function of `contenders` or `races`. trains: whether the gradient of
    every tensor is computed too. unit: "s" for times, "B" for the peak of memory. over: what grows, if it is not T.
    """

    name: str
    model: str
    title: str
    shapes: str
    dtype: str
    lengths: tuple[int, ...]
    make: Callable
    sizes: tuple = ()
    trains: bool = False
    unit: str = "s"
    over: str = "T"

    @property
    def about(self) -> str:
        """The shapes and the dtype, as a recording and a figure show them."""
        return f"{self.shapes}, {self.dtype}"

    def functions(self, T: int, device: torch.device) -> dict[str, Callable]:
        """{label: function without arguments} of one point."""
        cuda_graph.recorded.cache_clear()  # the last point's CUDA graphs, and their memory

        def new(*shape):
            return torch.randn(shape, device=device).to(getattr(torch, self.dtype)).requires_grad_(self.trains)

        with torch.set_grad_enabled(self.trains):
            calls = self.make(new, T, *self.sizes)
        call = _forward_and_backward if self.trains else _forward
        return {label: partial(call, function, *tensors) for label, (function, *tensors) in calls.items()}


def model_of(contest: str) -> str:
    """The model that a contest of this name times, on a GPU or on a CPU; "" if there is none.

    >>> model_of("lstm D=128, trained")
    'lstm'
    """
    return next((table[contest].model for table in CONTESTS.values() if contest in table), "")


def _forward(function, *tensors):
    with torch.no_grad():
        return function(*tensors)


def _forward_and_backward(function, *tensors):
    with torch.enable_grad():
        result = function(*tensors)
    if not result.requires_grad:
        return result  # a copy, which has no gradient
    return torch.autograd.grad(result, tensors, torch.ones_like(result))


def _and_trained(contest):
    """A contest forward, and the same forward and backward."""
    trained = replace(contest, name=f"{contest.name}, trained", title=f"{contest.title}, trained", trains=True)
    return contest, trained


def _gpu_attention(D):
    return Contest(
        name=f"attention D={D}",
        model="attention",
        title=f"Attention, {D} wide",
        shapes=f"(16384 / T, 16, T, {D}), causal",
        dtype="bfloat16",
        lengths=(1024, 4096, 16384),
        make=contenders.make_attention,
        sizes=(16384, 16, D),
    )


def _gpu_layer(model, word, D):
    # cuDNN is at its best in float16; in float32 nn may use TF32, and ours does not.
    return Contest(
        name=f"{model} D={D}",
        model=model,
        title=f"{word} layer, {D} wide",
        shapes=f"(16, T, {D})",
        dtype="float16",
        lengths=(256, 1024, 4096),
        make=contenders.make_layer,
        sizes=(model, 16, D),
    )


def _gpu_layers_race(B, lengths):
    """Whole layers at equal work, forward and backward: the race of lesson 00."""
    return Contest(
        name=f"layers, {B} texts",
        model="layers",
        title=f"Whole layers, {B} texts",
        shapes=f"({B}, T, T / 2)",
        dtype="bfloat16",
        lengths=lengths,
        make=races.make_layers,
        sizes=(B, 64),
        trains=True,
    )


_LSTM_128 = _gpu_layer("lstm", "LSTM", 128)
ON_A_GPU = [
    *_and_trained(_gpu_attention(64)),
    *_and_trained(_gpu_attention(128)),
    Contest(
        name="attention, memory",
        model="attention",
        title="Attention, peak memory",
        shapes="(1, 8, T, 64), causal",
        dtype="bfloat16",
        lengths=(8192,),
        make=contenders.make_attention,
        sizes=(0, 8, 64),
        unit="B",
    ),
    Contest(
        name="decode_attention",
        model="decode_attention",
        title="One decoding step",
        shapes="(4, 32, 1, 128), T keys",
        dtype="bfloat16",
        lengths=(1024, 8192, 32768),
        make=contenders.make_decode,
        sizes=(4, 32, 128),
    ),
    Contest(
        name="linear_attention",
        model="linear_attention",
        title="Linear attention",
        shapes="(4, 16, T, 64), causal",
        dtype="bfloat16",
        lengths=(1024, 4096, 16384),
        make=contenders.make_linear_attention,
        sizes=(4, 16, 64),
    ),
    *_and_trained(_gpu_layer("lstm", "LSTM", 64)),
    *_and_trained(_LSTM_128),
    *_and_trained(_gpu_layer("gru", "GRU", 128)),
    *_and_trained(_gpu_layer("elman", "Elman", 128)),
    *_and_trained(_gpu_layer("lstm", "LSTM", 768)),
    replace(_LSTM_128, name="lstm D=128, float32", title="LSTM layer, 128 wide, float32", dtype="float32"),
    *_and_trained(
        Contest(
            name="linear_recurrence",
            model="linear_recurrence",
            title="Linear recurrence",
            shapes="(8, T, 1024)",
            dtype="float32",
            lengths=(1024, 4096, 16384, 65536),
            make=contenders.make_scan,
            sizes=(8, 1024),
        )
    ),
    Contest(
        name="min_gru, trained",
        model="min_gru",
        title="minGRU, trained",
        shapes="(16, T, 768)",
        dtype="float16",
        lengths=(1024, 4096, 16384),
        make=contenders.make_min_gru,
        sizes=(16, 768),
        trains=True,
    ),
    Contest(
        name="newton_recurrence",
        model="newton_recurrence",
        title="An Elman net by Newton's method",
        shapes="(1, T, 16), gain 1",
        dtype="float32",
        lengths=(1024, 4096, 16384, 65535, 131072),  # cuDNN takes up to 65,535 steps
        make=contenders.make_newton,
        sizes=(16,),
    ),
    _gpu_layers_race(8, (256, 512, 1024, 2048, 4096)),
    _gpu_layers_race(64, (256, 512, 1024, 2048)),
    _gpu_layers_race(512, (256, 512, 1024)),
    *_and_trained(
        Contest(
            name="lstm D=768, T=1024",
            model="lstm",
            title="LSTM layer of 1,024 steps",
            shapes="(B, 1024, 768)",
            dtype="float16",
            lengths=(1, 4, 16, 64, 256, 1024),
            make=races.make_lstm_of_batch,
            sizes=(1024, 768),
            over="B",
        )
    ),
    Contest(
        name="decoding step",
        model="decoding",
        title="One word more",
        shapes="(16, 1024), after T words",
        dtype="bfloat16",
        lengths=(16, 256, 1024, 4096, 32768),
        make=races.make_decoding_step,
        sizes=(16, 1024, 64),
    ),
    Contest(
        name="language models, one update",
        model="language models",
        title="One update of a language model",
        shapes="(16384 / T, T, 512)",
        dtype="bfloat16",
        lengths=(64, 256, 1024, 4096, 16384),
        make=races.make_update,
        sizes=(16384, 512, 64),
    ),
]
ON_A_CPU = [
    Contest(
        name="attention",
        model="attention",
        title="Attention",
        shapes="(1, 4, T, 64), causal",
        dtype="float32",
        lengths=(512, 2048),
        make=contenders.make_attention,
        sizes=(0, 4, 64),
    ),
    Contest(
        name="attention, memory",
        model="attention",
        title="Attention, peak memory",
        shapes="(1, 1, T, 64), causal",
        dtype="float32",
        lengths=(8192,),
        make=contenders.make_attention,
        sizes=(0, 1, 64),
        unit="B",
    ),
    Contest(
        name="decode_attention",
        model="decode_attention",
        title="One decoding step",
        shapes="(1, 8, 1, 64), T keys",
        dtype="float32",
        lengths=(1024, 4096),
        make=contenders.make_decode,
        sizes=(1, 8, 64),
    ),
    Contest(
        name="linear_attention",
        model="linear_attention",
        title="Linear attention",
        shapes="(1, 4, T, 64), causal",
        dtype="float32",
        lengths=(1024, 4096),
        make=contenders.make_linear_attention,
        sizes=(1, 4, 64),
    ),
    Contest(
        name="linear_recurrence, narrow",
        model="linear_recurrence",
        title="Linear recurrence, 16 wide",
        shapes="(1, T, 16)",
        dtype="float32",
        lengths=(1024, 16384),
        make=contenders.make_scan,
        sizes=(1, 16),
    ),
    Contest(
        name="linear_recurrence, wide",
        model="linear_recurrence",
        title="Linear recurrence, 256 wide",
        shapes="(8, T, 256)",
        dtype="float32",
        lengths=(4096,),
        make=contenders.make_scan_and_copies,
        sizes=(8, 256),
    ),
    Contest(
        name="lstm",
        model="lstm",
        title="LSTM layer",
        shapes="(8, T, 256)",
        dtype="float32",
        lengths=(64, 256, 1024),
        make=contenders.make_layer,
        sizes=("lstm", 8, 256),
    ),
    Contest(
        name="min_gru, trained",
        model="min_gru",
        title="minGRU, trained",
        shapes="(8, T, 64)",
        dtype="float32",
        lengths=(1024,),
        make=contenders.make_min_gru,
        sizes=(8, 64),
        trains=True,
    ),
]
# {kind of device: {name: contest}}
CONTESTS = {
    "cuda": {contest.name: contest for contest in ON_A_GPU},
    "cpu": {contest.name: contest for contest in ON_A_CPU},
}
