"""The nets that helpers.counting builds as graphs, in torch: the oracle of their numbers and gradients."""

import numpy as np
import torch
import torch.nn.functional as F

MODULES = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def in_torch(arrays, requires_grad=False):
    """{name: float64 tensor} of {name: NumPy array}."""
    return {name: torch.tensor(array, requires_grad=requires_grad) for name, array in arrays.items()}


def recurrent_module(kind, d, layers, seed):
    """(module, weights): torch's own layers, in float64, and their weights as a builder takes them."""
    torch.manual_seed(seed)
    module = MODULES[kind](d, d, layers).double()
    weights = {
        "input": _stacked(module, "weight_ih", layers),
        "hidden": _stacked(module, "weight_hh", layers),
        "bias": _stacked(module, "bias_ih", layers),
    }
    hidden_bias = _stacked(module, "bias_hh", layers)
    if kind == "gru":  # of its candidate's two biases the reset gate multiplies one
        weights["bias"][:, : 2 * d] += hidden_bias[:, : 2 * d]
        weights["candidate_bias"] = hidden_bias[:, 2 * d :]
    else:
        weights["bias"] += hidden_bias
    return module, weights


def recurrent_gradients(kind, module, d, layers):
    """The gradients that torch has left in the module, as a builder names its weights."""
    gradients = {
        "input": _stacked(module, "weight_ih", layers, gradient=True),
        "hidden": _stacked(module, "weight_hh", layers, gradient=True),
        "bias": _stacked(module, "bias_ih", layers, gradient=True),
    }
    if kind == "gru":
        gradients["candidate_bias"] = _stacked(module, "bias_hh", layers, gradient=True)[:, 2 * d :]
    return gradients


def _stacked(module, name, layers, gradient=False):
    parameters = [getattr(module, f"{name}_l{layer}") for layer in range(layers)]
    tensors = [parameter.grad if gradient else parameter.detach() for parameter in parameters]
    return np.stack([tensor.numpy() for tensor in tensors])


def attention(x, w, heads, causal, read=F.scaled_dot_product_attention):
    """One self-attention sub-layer over x (T, d)."""
    T, d = x.shape
    query, key, value = (
        F.linear(x, w[name], w.get(f"{name}_bias")).view(T, heads, d // heads).transpose(0, 1)
        for name in ("query", "key", "value")
    )
    mixed = read(query, key, value, is_causal=causal)  # (H, T, d_h)
    return F.linear(mixed.transpose(0, 1).reshape(T, d), w["output"], w.get("output_bias"))


def layer_norm(x, w, name):
    return F.layer_norm(x, x.shape[-1:], w[f"{name}_scale"], w[f"{name}_shift"])


def blocks(x, weights, heads, layers, causal):
    """Pre-LayerNorm Transformer blocks over x (T, d)."""
    for layer in range(layers):
        w = {name: array[layer] for name, array in weights.items() if not name.startswith("final")}
        x = x + attention(layer_norm(x, w, "norm1"), w, heads, causal)
        wide = F.relu(F.linear(layer_norm(x, w, "norm2"), w["up"], w.get("up_bias")))
        x = x + F.linear(wide, w["down"], w.get("down_bias"))
    return layer_norm(x, weights, "final") if "final_scale" in weights else x


def spread_inputs(T, d, seed):
    """(T, d) of numbers far apart: LayerNorm magnifies the rounding of nearly equal ones up to 1/√ε times."""
    return np.random.default_rng(seed).permutation(np.linspace(-2, 2, T * d) ** 3).reshape(T, d)
