"""What the tests of recurrent layers share: their weights, one call with all tensors, and its gradients."""

import pytest
import torch
from tensors import normal

from helpers import elman, gru, lstm

GATES = {elman: 1, gru: 3, lstm: 4}
STATES = {elman: ("hidden",), gru: ("hidden",), lstm: ("hidden", "cell")}
each_layer = pytest.mark.parametrize("layer", GATES, ids=lambda layer: layer.__name__)


def weights_of(layer, width, D, dtype=torch.float64):
    """weight_ih, weight_hh, bias_ih, bias_hh."""
    rows = GATES[layer] * D
    shapes = ((rows, width), (rows, D), (rows,), (rows,))
    return [normal(*shape, seed=10 + i, dtype=dtype) / 2 for i, shape in enumerate(shapes)]


def tensors_of(layer, B=2, T=5, width=3, D=4, *, dtype=torch.float64, device="cpu", seed=0):
    """inputs, four weights and biases, and the states, of a layer that forgets, so that rounding stays small."""
    weights = weights_of(layer, width, D)
    weights[:2] = [weight / weight.shape[1] ** 0.5 for weight in weights[:2]]
    states = [normal(B, D, seed=seed + 20 + i) / 2 for i in range(len(STATES[layer]))]
    return [tensor.to(device, dtype) for tensor in (normal(B, T, width, seed=seed), *weights, *states)]


def apply(layer, *tensors, method):
    """The layer on the tensors of `tensors_of`, in that order."""
    return layer(*tensors[:5], **dict(zip(STATES[layer], tensors[5:], strict=True)), method=method)
