"""One computation, cut four ways over P workers: by examples, by width, by layers, by time. helpers.distributed.ring
cuts attention by time.

Each function is called on every worker, computes forward and backward, and gives what one worker alone would give.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from ..ops.attention import attention
from .peers import Peers

Loss = Callable[[Tensor], Tensor]


def by_batch(
    peers: Peers, model: Callable[[Tensor], Tensor], weights: Iterable[Tensor], loss: Loss, batch: Tensor
) -> Tensor:
    """Data parallelism: all weights on every worker, and some of the examples.

    loss: a mean over the examples of model(part). Returns its gradient over the whole batch (B, …), all weights in one
    vector. One exchange an update. Each worker needs an example: the mean of none is nan.
    """
    part = batch.tensor_split(peers.size)[peers.rank]  # (B/P, …)
    gradient = flat(torch.autograd.grad(loss(model(part)), list(weights)))
    return peers.all_reduce(gradient * len(part) / len(batch))


# ---- by width


class Weights(NamedTuple):
    """Of one Transformer block, or of a worker's part of it: project (3, D, H, d_h), join (H, d_h, D), up (D, F), down
    (F, D)."""

    project: Tensor
    join: Tensor
    up: Tensor
    down: Tensor

    @classmethod
    def of(cls, project: Tensor, join: Tensor, up: Tensor, down: Tensor, heads: int) -> "Weights":
        """From the four matrices of nn.TransformerEncoderLayer (3·D, D), (D, D), (F, D), (D, F), or their gradients."""
        D = len(join)
        return cls(
            project.view(3, heads, -1, D).permute(0, 3, 1, 2), join.T.reshape(heads, -1, D).contiguous(), up.T, down.T
        )

    def part(self, rank: int, size: int) -> "Weights":
        """Some heads, and some columns of the feed-forward: what worker `rank` of `size` holds."""
        axes = (2, 0, 1, 0)
        return Weights(*(tensor.tensor_split(size, axis)[rank] for tensor, axis in zip(self, axes, strict=True)))


def block_by_width(peers: Peers, words: Tensor, weights: Weights) -> Tensor:
    """A Transformer block (LayerNorm before, no biases) of which each worker holds a part. Shoeybi et al. 2019, 3.

    words and the result (B, T, D) are whole on every worker. Two exchanges forward, two backward.
    """
    seen = enter(peers, layer_norm(words, words.shape[-1:]))
    query, key, value = torch.einsum("btd,sdhe->sbhte", seen, weights.project)
    read = attention(query, key, value)  # (B, H/P, T, d_h)
    words = words + leave(peers, torch.einsum("bhte,hed->btd", read, weights.join))
    seen = enter(peers, layer_norm(words, words.shape[-1:]))
    return words + leave(peers, (seen @ weights.up).relu() @ weights.down)


def lstm_by_width(peers: Peers, inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor) -> Tensor:
    """An LSTM layer (no biases) of which each worker holds the four gates of D/P units.

    weight_ih (4, D/P, D), weight_hh (4, D/P, D); inputs (B, T, D) and the outputs (B, T, D) are whole on every worker.
    T exchanges forward, T backward.
    """
    driven = torch.einsum("btd,gnd->btgn", enter(peers, inputs), weight_ih)  # (B, T, 4, D/P)
    hidden, cell, outputs = torch.zeros_like(inputs[:, 0]), 0.0, []
    for step in driven.unbind(1):
        gates = step + torch.einsum("bd,gnd->bgn", hidden, weight_hh)
        write, keep, show = (gates[:, gate].sigmoid() for gate in (0, 1, 3))
        cell = keep * cell + write * gates[:, 2].tanh()  # (B, D/P) stays here
        outputs.append(show * cell.tanh())
        if len(outputs) < inputs.shape[1]:
            hidden = share(peers, outputs[-1])  # (B, D): every step needs the whole state of the one before
    return gather(peers, torch.stack(outputs, 1))


class _Enter(torch.autograd.Function):
    @staticmethod
    def forward(ctx, peers, tensor):
        ctx.peers = peers
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx, grad):
        return None, ctx.peers.all_reduce(grad)


class _Leave(torch.autograd.Function):
    @staticmethod
    def forward(ctx, peers, tensor):
        return peers.all_reduce(tensor)

    @staticmethod
    def backward(ctx, grad):
        return None, grad


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, peers, tensor):
        ctx.peers = peers
        return peers.all_gather(tensor)

    @staticmethod
    def backward(ctx, grad):
        return None, grad.tensor_split(ctx.peers.size, -1)[ctx.peers.rank]


class _Share(_Gather):
    @staticmethod
    def backward(ctx, grad):
        return None, ctx.peers.reduce_scatter(grad)


def enter(peers: Peers, tensor: Tensor) -> Tensor:
    """What all workers have, as it is; backward, the sum of their gradients."""
    return _Enter.apply(peers, tensor)


def leave(peers: Peers, tensor: Tensor) -> Tensor:
    """The sum of the workers' parts; backward, the gradient as it is."""
    return _Leave.apply(peers, tensor)


def gather(peers: Peers, tensor: Tensor) -> Tensor:
    """The parts, joined along the last axis, for what all compute alike; backward, one's part of the gradient."""
    return _Gather.apply(peers, tensor)


def share(peers: Peers, tensor: Tensor) -> Tensor:
    """The same for what each computes a part of; backward, one's part of the sum of all workers' gradients."""
    return _Share.apply(peers, tensor)


# ---- by layers, and by time: pipelines


def by_layers(peers: Peers, layer: Callable[[Tensor], Tensor], loss: Loss, batch: Tensor, pieces: int) -> Tensor | None:
    """A stack of P layers, one a worker; the batch goes through in `pieces` sub-batches. Huang et al. 2018, GPipe.

    loss: a sum over the examples of the outputs. Returns the outputs (B, …) on the last worker, None on the others; the
    gradients stand in the layer's weights. One message for each sub-batch, worker and direction.
    """
    is_first, is_last, kept = peers.rank == 0, peers.rank == peers.size - 1, []
    for examples in batch.tensor_split(pieces):
        received = examples if is_first else peers.receive(examples, peers.before).requires_grad_()
        outputs = layer(received)
        if not is_last:
            peers.send(outputs.detach(), peers.after)
        kept.append((received, outputs))
    for received, outputs in reversed(kept):
        (loss(outputs) if is_last else _with_gradient(outputs, peers.receive(outputs, peers.after))).backward()
        if not is_first:
            peers.send(received.grad, peers.before)
    return torch.cat([outputs.detach() for _, outputs in kept]) if is_last else None


def by_layers_and_words(peers: Peers, lstm: nn.LSTM, loss: Loss, inputs: Tensor, pieces: int) -> Tensor | None:
    """A stack of P recurrent layers, one a worker, of which each starts as soon as the one below has read some words.

    The wavefront: inputs (B, T, D) go through in `pieces` along T. The rest is as in by_layers.
    """
    is_first, is_last, kept = peers.rank == 0, peers.rank == peers.size - 1, []
    state = no_state(lstm, inputs)
    for words in inputs.tensor_split(pieces, 1):
        received = words if is_first else peers.receive(words, peers.before).requires_grad_()
        start = state.detach().requires_grad_()
        outputs, state = _read(lstm, received, start)
        if not is_last:
            peers.send(outputs.detach(), peers.after)
        kept.append((received, start, outputs, state))
    slope = torch.zeros_like(state)  # of the state after the last piece
    for received, start, outputs, state in reversed(kept):
        above = loss(outputs) if is_last else _with_gradient(outputs, peers.receive(outputs, peers.after))
        (above + _with_gradient(state, slope)).backward()
        slope = start.grad
        if not is_first:
            peers.send(received.grad, peers.before)
    return torch.cat([outputs.detach() for _, _, outputs, _ in kept], 1) if is_last else None


def by_time(peers: Peers, lstm: nn.LSTM, loss: Loss, inputs: Tensor, pieces: int) -> Tensor:
    """A recurrent net whose T words are cut among the workers; the batch goes through in `pieces` sub-batches.

    All weights are on every worker; the state after a worker's words is handed to the next one. loss: a sum over
    examples and words of the outputs. Returns this worker's outputs (B, T/P, D); the gradient of the whole loss stands
    in the weights of every worker. One message for each sub-batch, worker and direction, and one sum of gradients.
    """
    is_first, is_last, kept = peers.rank == 0, peers.rank == peers.size - 1, []
    for examples in inputs.tensor_split(peers.size, 1)[peers.rank].tensor_split(pieces):
        start = no_state(lstm, examples)
        start = start if is_first else peers.receive(start, peers.before).requires_grad_()
        outputs, state = _read(lstm, examples, start)
        if not is_last:
            peers.send(state.detach(), peers.after)
        kept.append((start, outputs, state))
    for start, outputs, state in reversed(kept):
        slope = torch.zeros_like(state) if is_last else peers.receive(state, peers.after)
        (loss(outputs) + _with_gradient(state, slope)).backward()
        if not is_first:
            peers.send(start.grad, peers.before)
    _share_gradients(peers, lstm)
    return torch.cat([outputs.detach() for _, outputs, _ in kept])


def no_state(lstm: nn.LSTM, inputs: Tensor) -> Tensor:
    """The state before the first word, (2, layers, B, D): h and c."""
    return inputs.new_zeros(2, lstm.num_layers, len(inputs), lstm.hidden_size)


def flat(tensors) -> Tensor:
    """All numbers of some tensors in one vector."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _read(lstm, inputs, start):
    outputs, state = lstm(inputs, tuple(start))
    return outputs, torch.stack(state)


def _with_gradient(tensor, gradient):
    """A number with this gradient in `tensor`. (A gradient given to backward loads sympy: half a second, 40 MB.)"""
    return (tensor * gradient).sum()


def _share_gradients(peers, model):
    """Sum the gradients of a model of which every worker has a copy."""
    weights = list(model.parameters())
    total = peers.all_reduce(flat(weight.grad for weight in weights))
    for weight, grad in zip(weights, total.split([weight.numel() for weight in weights]), strict=True):
        weight.grad = grad.view_as(weight)


def sum_of_ranks(peers: Peers) -> int:
    """The sum of all workers' numbers: what shows that they reach each other."""
    return int(peers.all_reduce(torch.tensor([peers.rank], device=peers.device)).item())
