"""What the races of models time: whole layers, one step of decoding, one update. contenders.py has the single kernels.

make(new, T, *sizes) -> {label: (function, *tensors)}, as there; but the labels are models, which compute different
things: what they share, and what makes the race fair, each function says. Inputs and weights have one dtype.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..ops import cuda_graph
from ..ops.attention import attention
from ..ops.decoding import decode_attention
from ..ops.min_gru import min_gru

VOCABULARY = 256  # bytes


def make_layers(new, T, B, head):
    """An LSTM layer and self-attention of T = 2D words, D wide: then both take 8·T·D² multiply–adds a text, forward."""
    inputs = new(B, T, max(1, T // 2))
    D = inputs.shape[2]
    layers = {"LSTM": _LSTM(D, 1), "attention": _SelfAttention(D, max(1, D // head), is_causal=False)}
    return {label: _with_its_weights(layer, inputs) for label, layer in layers.items()}


def make_lstm_of_batch(new, B, T, D):
    """torch's LSTM layer, of B texts: how many can it take side by side before a step takes longer?"""
    inputs = new(B, T, D)
    return {"nn": _with_its_weights(_LSTM(D, 1), inputs)}


def make_decoding_step(new, T, B, D, head):
    """One new word for B texts, after T words: two LSTM layers, whose state has one size, and a Transformer's block,
    whose cache holds T keys and values. On a GPU both are CUDA graphs, or starting their kernels would be the time.

    Weights: 16·D² and 12·D². Work: 16·D² multiply–adds a text, and 12·D² + 2·T·D.
    """
    x = new(B, D)
    states, cache = [new(4, B, D)], [new(B, max(1, D // head), T, D // max(1, D // head)) for _ in range(2)]
    steps = {"LSTM": (_LSTMStep(D, 2), states), "attention": (_BlockStep(D), cache)}
    return {label: _recorded(step.to(x), x, *memory) for label, (step, memory) in steps.items()}


def make_update(new, T, tokens, D, head):
    """One update, forward, backward and Adam, of a language model of bytes with 24·D² weights in its layers: three LSTM
    layers, two Transformer blocks (12·D² each), three of minGRU (2·D²) and feed-forward (6·D²). tokens / T texts."""
    B = max(1, tokens // T)
    like = new(1).detach()
    texts = torch.randint(VOCABULARY, (B, T + 1), device=like.device)
    layers = {
        "LSTM": _LSTM(D, 3),
        "attention": nn.Sequential(*(_Block(_SelfAttention(D, max(1, D // head), True), D, 4) for _ in range(2))),
        "minGRU": nn.Sequential(*(_Block(_MinGRU(D), D, 3) for _ in range(3))),
    }
    return {label: (_Update(layer, D, like), texts) for label, layer in layers.items()}


def _with_its_weights(layer, inputs):
    """(function, inputs, weights …): the gradient of every weight is computed too, where one is asked for."""
    layer = layer.to(inputs).train(torch.is_grad_enabled())
    return lambda inputs, *_: layer(inputs), inputs, *layer.parameters()


def _recorded(step, *tensors):
    """(function,) that runs one step on these tensors; on a GPU it starts a graph of it."""
    if not tensors[0].is_cuda:
        return step, *tensors
    shapes = tuple(tuple(tensor.shape) for tensor in tensors)
    buffers, _, replay = cuda_graph.record(step, shapes, tensors[0].dtype, tensors[0].device)
    for buffer, tensor in zip(buffers, tensors, strict=True):
        buffer.copy_(tensor)
    return (replay,)


# The models. Nothing but what is timed: no positions, no dropout.


class _LSTM(nn.Module):
    def __init__(self, D, layers):
        super().__init__()
        self.layers = nn.LSTM(D, D, layers, batch_first=True)

    def forward(self, inputs):
        return self.layers(inputs)[0]


class _SelfAttention(nn.Module):
    def __init__(self, D, heads, is_causal):
        super().__init__()
        self.heads, self.is_causal = heads, is_causal
        self.project, self.join = nn.Linear(D, 3 * D, bias=False), nn.Linear(D, D, bias=False)

    def forward(self, inputs):
        parts = self.project(inputs).unflatten(-1, (3, self.heads, -1))  # (B, T, 3, H, D/H)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (B, H, T, D/H) each
        return self.join(attention(query, key, value, is_causal=self.is_causal).transpose(1, 2).flatten(2))


class _MinGRU(nn.Module):
    def __init__(self, D):
        super().__init__()
        self.gate, self.hidden = nn.Linear(D, D, bias=False), nn.Linear(D, D, bias=False)

    def forward(self, inputs):
        return min_gru(inputs, self.gate.weight, self.hidden.weight)


class _Block(nn.Module):
    """A layer that mixes words and one that does not, each after a LayerNorm and added to its inputs."""

    def __init__(self, mix, D, times):
        super().__init__()
        self.mix, self.before_mix, self.before_wide = mix, nn.LayerNorm(D), nn.LayerNorm(D)
        self.wide, self.back = nn.Linear(D, times * D, bias=False), nn.Linear(times * D, D, bias=False)

    def forward(self, inputs):
        inputs = inputs + self.mix(self.before_mix(inputs))
        return inputs + self.back(F.gelu(self.wide(self.before_wide(inputs))))


class _LSTMStep(nn.Module):
    """(B, D) and the states before, (2 · layers, B, D), which it renews."""

    def __init__(self, D, layers):
        super().__init__()
        self.cells = nn.ModuleList(nn.LSTMCell(D, D) for _ in range(layers))

    def forward(self, x: Tensor, states: Tensor) -> Tensor:
        for layer, cell in enumerate(self.cells):
            hidden, after = cell(x, (states[2 * layer], states[2 * layer + 1]))
            states[2 * layer].copy_(hidden)
            states[2 * layer + 1].copy_(after)
            x = hidden
        return x


class _BlockStep(nn.Module):
    """(B, D) and a cache of keys and of values, (B, H, T, D/H), whose last place it fills."""

    def __init__(self, D):
        super().__init__()
        self.project, self.join = nn.Linear(D, 3 * D, bias=False), nn.Linear(D, D, bias=False)
        self.block = _Block(nn.Identity(), D, 4)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        B, H, T, width = keys.shape
        query, key, value = self.project(self.block.before_mix(x)).view(B, 3, H, width).unbind(1)  # (B, H, D/H)
        keys[:, :, -1], values[:, :, -1] = key, value
        x = x + self.join(decode_attention(query.unsqueeze(2), keys, values, T).reshape(B, -1))
        return x + self.block.back(F.gelu(self.block.wide(self.block.before_wide(x))))


class _Update:
    """A language model of bytes and its optimiser; called with texts (B, T + 1) it makes one update."""

    def __init__(self, layers, D, like):
        self.model = nn.Sequential(nn.Embedding(VOCABULARY, D), layers, nn.Linear(D, VOCABULARY)).to(like)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=like.is_cuda)

    def __call__(self, texts: Tensor) -> Tensor:
        with torch.enable_grad():
            scores = self.model(texts[:, :-1])  # (B, T, bytes)
            loss = F.cross_entropy(scores.flatten(0, 1).float(), texts[:, 1:].flatten())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.detach()
