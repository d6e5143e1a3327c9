"""The methods of elman, gru and lstm that need a GPU: what they say without one, what of them runs anywhere, and, on a
GPU, that they give the loop's numbers."""

from functools import partial

import pytest
import torch
from fused_cells import OPERATIONS, fused_cells_for_a_cpu
from layers import GATES, apply, each_layer, tensors_of
from started import Started
from tensors import EXACT, largest, normal, with_gradients

from helpers import gru, lstm
from helpers.ops import cuda_graph, recurrence
from helpers.ops.recurrence import ON_GPU

PEERS = {"torch": 2e-5, "cudnn": 2e-5}  # code that is not ours: cuDNN's float32 was off by 7e-6 on an H200


def gradients_of(layer, tensors, upstream, method):
    """The states, and the gradients of all tensors."""
    return with_gradients(lambda *leaves: apply(layer, *leaves, method=method), tensors, upstream)


@pytest.fixture
def eager(monkeypatch):
    """Graphs that are no graphs: the function runs at once, as on a GPU it would when it is recorded.

    Torch has its fused cells for GPUs alone: here plain operations stand in for them, by the same names.
    """
    recorded = []

    @torch.no_grad()
    def replay(function, *tensors):
        return [result.clone() for result in function(*(tensor.detach() for tensor in tensors))]

    def record(function, *recorded_for):
        recorded.append(function)
        return partial(replay, function)

    monkeypatch.setattr(cuda_graph, "recorded", record)
    monkeypatch.setattr(recurrence, "_require_gpu", lambda *_: None)
    with fused_cells_for_a_cpu():
        yield recorded


@each_layer
@pytest.mark.parametrize("method", ON_GPU)
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_a_method_says_what_it_needs_and_what_to_use(layer, method):
    with pytest.raises(ValueError, match=f"{layer.__name__}'s method '{method}' cannot do this here") as raised:
        apply(layer, *tensors_of(layer, dtype=torch.float32), method=method)
    sentence = str(raised.value)
    assert "\n" not in sentence
    assert sentence.endswith("use 'torch', or leave it to 'auto'.")
    assert "NVIDIA GPU" in sentence or "triton is not installed" in sentence


@each_layer
def test_fused_says_which_sizes_and_dtypes_fit(layer):
    wide = [torch.zeros(GATES[layer] * 130, 3), torch.zeros(GATES[layer] * 130, 130)]
    with pytest.raises(ValueError, match=r"fit on the chip up to D = 128, not D = 130; use 'torch'"):
        layer(torch.zeros(1, 2, 3), *wide, method="fused")
    with pytest.raises(ValueError, match=r"computes in float32, and the tensors are torch\.float64"):
        apply(layer, *tensors_of(layer), method="fused")


@each_layer
def test_what_a_graph_records_gives_the_loops_numbers_and_gradients(layer, eager):
    tensors, upstream = tensors_of(layer), normal(2, 5, 4, seed=5)
    by_graph, by_loop = (gradients_of(layer, tensors, upstream, method) for method in ("graph", "loop"))
    assert all(largest(a, b) < EXACT for a, b in zip(by_graph, by_loop, strict=True))


@each_layer
def test_a_graph_serves_two_layers_of_one_shape_before_their_gradients_are_asked_for(layer, eager):
    def twice(method):
        def stack(inputs, *others):
            return apply(layer, apply(layer, inputs, *others, method=method), *others, method=method)

        return with_gradients(stack, tensors_of(layer, width=4))

    assert all(largest(a, b) < EXACT for a, b in zip(twice("graph"), twice("loop"), strict=True))


@each_layer
def test_a_step_of_a_graph_is_two_kernels_and_on_the_way_back_two_or_three(layer, eager):
    def started(T, function):
        tensors = tensors_of(layer, T=T)
        tensors += [normal(2, T, 4, seed=5)] if function is cuda_graph.gradients_of else []
        with torch.no_grad(), Started() as operations:
            function(*tensors)
        return operations.names.total()

    forward, both = ((started(9, f) - started(5, f)) // 4 for f in (cuda_graph.states_of, cuda_graph.gradients_of))
    assert forward == 2
    assert both - forward == (3 if layer is gru else 2)


@each_layer
def test_a_graph_has_torchs_fused_cell_where_torch_has_one(layer, eager):
    with torch.no_grad(), Started() as operations:
        cuda_graph.states_of(*tensors_of(layer, T=5))
    cells = {gru: "_thnn_fused_gru_cell", lstm: "_thnn_fused_lstm_cell"}
    assert {name: n for name, n in operations.names.items() if name in OPERATIONS} == (
        {cells[layer]: 5} if layer in cells else {}
    )


def test_no_graph_of_a_gradient_is_recorded_where_none_is_asked_for(eager):
    tensors = [tensor.requires_grad_() for tensor in tensors_of(gru)]
    with torch.no_grad():
        assert not apply(gru, *tensors, method="graph").requires_grad
    apply(gru, *tensors_of(gru), method="graph")
    assert cuda_graph.gradients_of not in eager
    assert apply(gru, *tensors, method="graph").requires_grad
    assert cuda_graph.gradients_of in eager


def test_what_a_graph_cannot_do_is_said_with_the_method_that_can(eager):
    inputs, *others = tensors_of(gru)

    def states(x):
        return apply(gru, x, *others, method="graph")

    def penalty(x):
        (slope,) = torch.autograd.grad(states(x).sum(), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), x)

    instead = "has a first derivative by backward only; use method 'hoisted' for"
    with pytest.raises(NotImplementedError, match=f"'graph' {instead} second derivatives"):
        penalty(inputs.clone().requires_grad_())
    with pytest.raises(NotImplementedError, match=f"'graph' {instead} vmap"):
        torch.func.vmap(states)(inputs[None])
    with pytest.raises(NotImplementedError, match=f"'graph' {instead} forward mode"):
        torch.func.jvp(states, (inputs,), (inputs,))


@pytest.mark.gpu
@each_layer
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("method", ["torch", "cudnn", "graph"])
def test_on_a_gpu_every_method_gives_the_loops_numbers_and_gradients(layer, dtype, method, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    floor = PEERS.get(method, 1e-6) if dtype == torch.float32 else 1e-6
    for T in (1, 65, 1000):
        tensors, upstream = tensors_of(layer, T=T, D=33, dtype=dtype, device="cuda"), normal(2, T, 33, seed=5).cuda()
        exact = gradients_of(layer, [tensor.double() for tensor in tensors], upstream, "loop")
        plain = gradients_of(layer, tensors, upstream.to(dtype), "hoisted")
        for _ in range(2):  # a graph is recorded, and then replayed
            results = gradients_of(layer, tensors, upstream.to(dtype), method)
            for result, wanted, by_loop in zip(results, exact, plain, strict=True):
                assert largest(result, wanted) <= 2 * largest(by_loop, wanted) + floor * (1 + wanted.abs().max().item())


@pytest.mark.gpu
@each_layer
def test_on_a_gpu_a_recorded_graph_takes_new_numbers_and_keeps_old_results(layer):
    calls = [tensors_of(layer, device="cuda", seed=seed) for seed in (0, 1)]
    leaves = [[tensor.requires_grad_() for tensor in tensors] for tensors in calls]
    results = [apply(layer, *tensors, method="graph") for tensors in leaves]
    for tensors, result in zip(leaves, results, strict=True):
        slopes = torch.autograd.grad(result.sum(), tensors)
        wanted, *wanted_slopes = gradients_of(layer, tensors, None, "loop")
        assert all(largest(a, b) < EXACT for a, b in zip((result, *slopes), (wanted, *wanted_slopes), strict=True))
