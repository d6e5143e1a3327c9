"""The methods of elman, gru and lstm that need a GPU: what they say without one, what of them runs anywhere, and, on a
GPU, that they give the loop's numbers."""

import pytest
import torch
from test_recurrence import EXACT, GATES, each_layer, largest, normal, weights_of

from helpers import elman, gru, lstm
from helpers.ops import recurrence
from helpers.ops.recurrence import METHODS, ON_GPU

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU: CUDA graphs and cuDNN need one")
STATES = {elman: 1, gru: 1, lstm: 2}


def call(layer, B=2, T=5, width=3, D=4, dtype=torch.float64, device="cpu", seed=0):
    """inputs, weights and states, all of which need a gradient; weights that forget."""
    weights = weights_of(layer, width, D)
    weights[:2] = [weight / weight.shape[1] ** 0.5 for weight in weights[:2]]
    states = [normal(B, D, seed=seed + 20 + i) for i in range(STATES[layer])]
    tensors = [normal(B, T, width, seed=seed), *weights, *states]
    return [tensor.to(device, dtype).requires_grad_() for tensor in tensors]


def apply(layer, tensors, method):
    return layer(*tensors[:5], **dict(zip(("hidden", "cell"), tensors[5:], strict=False)), method=method)


def with_slopes(result, tensors, towards):
    return result, *torch.autograd.grad(result, tensors, towards)


@pytest.fixture
def eager(monkeypatch):
    """Graphs that are no graphs: the function runs at once, as on a GPU it would when it is recorded."""
    recorded = []

    def record(function, step, *about):
        recorded.append(function)
        return lambda *tensors: [result.clone() for result in function(step, *(tensor.detach() for tensor in tensors))]

    monkeypatch.setattr(recurrence, "_recorded", record)
    monkeypatch.setattr(recurrence, "require_able", lambda *_: None)
    return recorded


@each_layer
@pytest.mark.parametrize("method", ON_GPU)
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_a_method_says_what_it_needs_and_what_to_use(layer, method):
    with pytest.raises(ValueError, match=f"{layer.__name__}'s method '{method}' cannot do this here") as raised:
        apply(layer, [tensor.float() for tensor in call(layer)], method)
    said = str(raised.value)
    assert "\n" not in said
    assert "'torch'" in said
    assert "NVIDIA GPU" in said or "triton is not installed" in said


@each_layer
def test_fused_says_which_sizes_and_dtypes_fit(layer):
    wide = [torch.zeros(GATES[layer] * 130, 3), torch.zeros(GATES[layer] * 130, 130)]
    with pytest.raises(ValueError, match=r"fit on the chip up to D = 128, not D = 130; use 'torch'"):
        layer(torch.zeros(1, 2, 3), *wide, method="fused")
    with pytest.raises(ValueError, match=r"computes in float32, and the tensors are torch\.float64"):
        apply(layer, call(layer), "fused")


@each_layer
def test_a_wrong_shape_is_named_before_a_missing_gpu(layer):
    inputs, *rest = call(layer)
    for method in ON_GPU:
        with pytest.raises(ValueError, match=r"needs inputs \(B, T, Din\)"):
            apply(layer, [inputs[0], *rest], method)


def test_the_methods_are_all_named_and_auto_needs_no_gpu():
    assert set(METHODS) == {"auto", "loop", "hoisted", "torch"}
    with pytest.raises(
        ValueError, match=r"'auto', 'loop', 'hoisted', 'torch', 'graph', 'cudnn', 'fused'.*Did you mean 'fused'"
    ):
        elman(None, None, None, method="fuse")


@each_layer
def test_what_a_graph_records_gives_the_loops_numbers_and_gradients(layer, eager):
    tensors, towards = call(layer), normal(2, 5, 4, seed=5)
    found = with_slopes(apply(layer, tensors, "graph"), tensors, towards)
    wanted = with_slopes(apply(layer, tensors, "loop"), tensors, towards)
    assert all(largest(a, b) < EXACT for a, b in zip(found, wanted, strict=True))


@each_layer
def test_a_graph_serves_two_layers_of_one_shape_before_their_gradients_are_asked_for(layer, eager):
    tensors = call(layer, width=4)
    twice = [apply(layer, [apply(layer, tensors, by), *tensors[1:]], by) for by in ("graph", "loop")]
    found, wanted = (torch.autograd.grad(result.square().sum(), tensors) for result in twice)
    assert all(largest(a, b) < EXACT for a, b in zip(found, wanted, strict=True))


def test_no_graph_of_a_gradient_is_recorded_that_nobody_will_ask_for(eager):
    with torch.no_grad():
        assert not apply(gru, call(gru), "graph").requires_grad
    apply(gru, [tensor.detach() for tensor in call(gru)], "graph")
    assert recurrence._gradient not in eager


@on_gpu
@each_layer
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("method", ["torch", "cudnn", "graph"])
def test_on_a_gpu_every_method_gives_the_loops_numbers_and_gradients(layer, dtype, method):
    for T in (1, 65, 1000):
        tensors, towards = call(layer, T=T, D=33, dtype=dtype, device="cuda"), normal(2, T, 33, seed=5).cuda()
        exact = [tensor.detach().double().requires_grad_() for tensor in tensors]
        wanted = with_slopes(apply(layer, exact, "loop"), exact, towards)
        plain = with_slopes(apply(layer, tensors, "hoisted"), tensors, towards.to(dtype))
        for _ in range(2):  # a graph is recorded, and then replayed
            found = with_slopes(apply(layer, tensors, method), tensors, towards.to(dtype))
            for a, b, c in zip(found, wanted, plain, strict=True):
                assert largest(a, b) <= 2 * largest(c, b) + 1e-6 * (1 + b.abs().max().item())


@on_gpu
@each_layer
def test_on_a_gpu_a_recorded_graph_takes_new_numbers_and_keeps_old_results(layer):
    first, second = (call(layer, device="cuda", seed=seed) for seed in (0, 1))
    results = [apply(layer, tensors, "graph") for tensors in (first, second)]
    for tensors, result in zip((first, second), results, strict=True):
        found = with_slopes(result, tensors, torch.ones_like(result))
        wanted = with_slopes(apply(layer, tensors, "loop"), tensors, torch.ones_like(result))
        assert all(largest(a, b) < EXACT for a, b in zip(found, wanted, strict=True))
