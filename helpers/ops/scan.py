"""The linear recurrence h_t = a_t ⊙ h_{t−1} + b_t: a loop of T steps, or a scan, since affine steps compose.

Two steps are one step, (a', b') after (a, b) is (a'a, a'b + b'), and which neighbours are composed first does not
matter (`combine` is associative). So prefixes can be composed side by side: Blelloch 1990, "Prefix sums and their
applications"; Martin and Cundy 2018 for recurrent networks. No method divides by a product of decays: gates near 0
would make that 0/0.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import refuse, require_tensors, require_word
from .kernels import unavailable
from .modes import batch_first, in_given_dtype, is_batched, shows_non_finite, signed

SPEC = {"inputs": "B T D", "decay": "B T D", "hidden": "[B D]"}
REMEDIES = {"decay": "give each input a decay of its own; decay.expand_as(inputs) spreads one that inputs share"}
METHODS = ("auto", "loop", "hillis_steele", "blelloch", "chunked", "triton")
# How many numbers are multiplied and added in about the time that it takes to start one operation.
GRAIN = {"cpu": 2**13, "cuda": 2**20}


@in_given_dtype
def linear_recurrence(
    decay: Tensor, inputs: Tensor, *, hidden: Tensor | None = None, reverse: bool = False, method: str = "auto"
) -> Tensor:
    """h_t = a_t ⊙ h_{t−1} + b_t for t = 1 … T. Returns every state, (B, T, D).

    decay a (B, T, D); inputs b (B, T, D); hidden: the state before the first step, (B, D), zeros unless given.
    reverse: from the last step to the first, h_t = a_t ⊙ h_{t+1} + b_t; hidden is then the state after the last.
    method: "loop" (one step after the other, the definition: T steps, 1 multiply–add each), "hillis_steele" (⌈log₂ T⌉
        rounds, about T·log₂ T combines of 2), "blelloch" (a tree up and down, 2·log₂ T rounds, 2T combines), "chunked"
        (many loops side by side, then one over their ends, in plain torch: the fast one on a CPU), "triton" (one kernel
        that reads and writes every number once, on an NVIDIA GPU), "auto" (triton where it runs, else chunked).

    Any decay will do, 0 and above 1 too; but a scan multiplies decays before it knows the state, so where a product of
    them passes the largest number it gives inf or NaN, even if the states stay small. On a CPU the loop then decides,
    as for numbers that are not finite when they are given.
    16 bits are carried in float32. Products of decays just below 1 are all rounded the same way, so where the memory is
    long the scans compute them in float64. "triton" does not: it composes some 100 steps in float32, which for decays
    of 1 − 10⁻⁴ was three times the loop's error at T = 1000 (in the interpreter).
    Gradients: of the loop by autograd; of the others by the same scan run the other way, as often as you like, and
    under torch.func's transforms. Moves 3 numbers an element at least, 5 backward; helpers.cost has work and span.

    Raises TypeError (not floating point, dtypes or devices differ), ValueError (shapes that do not agree, an empty
    axis, an unknown method, triton where it cannot run).

    >>> ones = torch.ones(1, 4, 1)
    >>> linear_recurrence(ones / 2, ones).flatten()  # half of the state stays, and 1 is added
    tensor([1.0000, 1.5000, 1.7500, 1.8750])
    """
    method = require_word("linear_recurrence: method", method, METHODS)
    require_tensors("linear_recurrence", SPEC, {"inputs": inputs, "decay": decay, "hidden": hidden}, REMEDIES)
    if method in ("auto", "triton"):
        method = _auto_or_triton(method, inputs)
    hidden = inputs.new_zeros(inputs.shape[0], inputs.shape[2]) if hidden is None else hidden
    if method == "loop":
        return _loop(decay, inputs, hidden, reverse)
    states = _Scan.apply(decay, inputs, hidden, bool(reverse), method)
    # What is not finite stays so: the last state tells of all.
    if shows_non_finite(states[:, 0 if reverse else -1]):
        return _loop(decay, inputs, hidden, reverse)
    return states


def combine(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Two affine steps as one, `left` first: (a, b), (a', b') to (a'a, a'b + b').

    >>> combine((2, 1), (3, 5))  # h → 2h + 1, then h → 3h + 5
    (6, 8)
    """
    return right[0] * left[0], right[0] * left[1] + right[1]


def _auto_or_triton(method, inputs):
    """The method that "auto" stands for here, or "triton" if it runs; else a ValueError."""
    if method == "auto":
        return "triton" if inputs.is_cuda and not unavailable(inputs) else "chunked"
    reason = unavailable(inputs)
    if reason:
        refuse("linear_recurrence", method, reason, "'chunked' or 'auto'")
    return method


def _loop(decay, inputs, state, reverse):
    dtype, states = inputs.dtype, []
    decay, inputs, state = (tensor.to(_wide(dtype)) for tensor in (decay, inputs, state))
    # unbind, since the gradient of T slices decay[:, t] is T tensors as large as decay.
    for a, b in zip(*_in_order(reverse, (decay.unbind(1), inputs.unbind(1))), strict=True):
        state = a * state + b  # (B, D)
        states.append(state)
    return torch.stack(states[::-1] if reverse else states, dim=1).to(dtype)


# The scans: decay, inputs (B, T, D), hidden (B, D) -> out (B, T, D), which they write.


def _hillis_steele(decay, inputs, hidden, reverse, out):
    """In every round each prefix is combined with the one that ends just before it: they are 1, 2, 4, … steps long."""
    a, b = _from_zero(decay, inputs, hidden, reverse)
    for step in (2**k for k in range((b.shape[1] - 1).bit_length())):
        longer = combine((a[:, :-step], b[:, :-step]), (a[:, step:], b[:, step:]))
        a, b = (torch.cat([old[:, :step], new], dim=1) for old, new in zip((a, b), longer, strict=True))
    out.copy_(b.flip(1) if reverse else b)


def _blelloch(decay, inputs, hidden, reverse, out):
    """Up: neighbours are combined, into a tree. Down: each node tells its left child what comes before the node, and
    its right child that and the left child's steps."""
    a, b = _from_zero(decay, inputs, hidden, reverse)
    T = inputs.shape[1]
    missing = 2 ** (T - 1).bit_length() - T  # the tree is full: h → 1·h + 0 fills it up
    levels = [(F.pad(a, (0, 0, 0, missing), value=1.0), F.pad(b, (0, 0, 0, missing), value=0.0))]
    while levels[-1][0].shape[1] > 1:
        a, b = levels[-1]
        levels.append(combine((a[:, 0::2], b[:, 0::2]), (a[:, 1::2], b[:, 1::2])))
    total = levels.pop()
    before = torch.ones_like(total[0]), torch.zeros_like(total[1])
    for a, b in reversed(levels):
        after = combine(before, (a[:, 0::2], b[:, 0::2]))
        before = tuple(torch.stack(both, dim=2).flatten(1, 2) for both in zip(before, after, strict=True))
    states = torch.cat([before[1][:, 1:], total[1]], dim=1)[:, :T]
    out.copy_(states.flip(1) if reverse else states)


def _from_zero(decay, inputs, hidden, reverse):
    """The pairs (a, b) in the order of the walk, in float64, with a_1 h_0 in the first b: they start from 0."""
    a, b = (x.flip(1).double() if reverse else x.to(torch.float64, copy=True) for x in (decay, inputs))
    b[:, 0] += a[:, 0] * hidden
    return a, b


def _chunked(decay, inputs, hidden, reverse, out):
    """T steps as N chunks of C, in three passes.

    First each chunk as one step: its decay and its end from state 0, all chunks side by side. Then the states between
    the chunks, which is this recurrence again, N steps long. Then each chunk from the state before it, side by side.
    So one operation takes a step in every chunk. Where B·D numbers already keep it busy, a plain walk is quicker.
    """
    B, T, D = inputs.shape
    grain = GRAIN.get(inputs.device.type, GRAIN["cuda"])
    if T < 16 or grain < B * D:
        return _walk(*_in_order(reverse, (x.unbind(1) for x in (decay, inputs, out))), hidden)  # T × (B, D) each
    C = min(max(8, math.isqrt(B * T * D // grain)), 64)  # more operations, and fewer numbers in the second scan
    N, remainder = divmod(T, C)
    if remainder:  # too few steps for a chunk: they come after the others
        early, late, last = slice(0, T - remainder), slice(T - remainder, T), T - remainder - 1
        if reverse:
            early, late, last = slice(remainder, T), slice(0, remainder), remainder
        _chunked(decay[:, early], inputs[:, early], hidden, reverse, out[:, early])
        return _chunked(decay[:, late], inputs[:, late], out[:, last], reverse, out[:, late])
    steps = (x.unflatten(1, (N, C)).unbind(2) for x in (decay, inputs, out))
    a, b, h = _in_order(reverse, steps)  # C × (B, N, D) each
    whole, end = a[0].clone(), b[0].clone()  # (B, N, D): a chunk as one step, its decay and its end from state 0
    for i in range(1, C):
        whole *= a[i]
        torch.addcmul(b[i], a[i], end, out=end)
    if not _forgets(whole):
        # Products of numbers just below 1 are all rounded the same way: in float32 that made the states of 16384 steps
        # wrong by 20 times a loop's error.
        whole = functools.reduce(torch.mul, a, torch.ones_like(whole, dtype=torch.float64))
    between = inputs.new_empty(B, N + 1, D, dtype=torch.float64)
    before, after = (between[:, 1:], between[:, :-1]) if reverse else (between[:, :-1], between[:, 1:])
    between[:, N if reverse else 0] = hidden
    _chunked(whole.double(), end.double(), hidden.double(), reverse, after)
    _walk(a, b, h, before.to(inputs.dtype))


def _forgets(whole):
    """Whether a chunk leaves less than a tenth of the state before it. A GPU is not asked: it would have to wait."""
    return whole.device.type == "cpu" and bool(whole.abs().max() < 0.1)


def _in_order(reverse, steps):
    return [step[::-1] for step in steps] if reverse else list(steps)


def _walk(decays, inputs, states, state):
    for a, b, h in zip(decays, inputs, states, strict=True):
        state = torch.addcmul(b, a, state, out=h)


SCANS = {"hillis_steele": _hillis_steele, "blelloch": _blelloch, "chunked": _chunked}


class _Scan(torch.autograd.Function):
    """A scan; its gradient is a linear recurrence too, the other way: see `_gradients`."""

    @staticmethod
    @signed
    def forward(decay, inputs, hidden, reverse, method):
        if method == "triton":
            from .kernels.scan import scan

            return scan(decay, inputs, hidden, reverse)
        wide = _wide(inputs.dtype)
        states = inputs.new_empty(inputs.shape, dtype=wide)
        SCANS[method](decay.to(wide), inputs.to(wide), hidden.to(wide), reverse, states)
        return states.to(inputs.dtype)

    @staticmethod
    def setup_context(ctx, inputs, output):
        decay, _, hidden, ctx.reverse, ctx.method = inputs
        ctx.save_for_backward(decay, hidden, output)
        ctx.save_for_forward(decay, hidden, output)

    @staticmethod
    def backward(ctx, grad_states):
        decay, hidden, states = ctx.saved_tensors
        if torch.is_grad_enabled() or is_batched(grad_states):  # torch.func's grad always enables it
            gradients = _gradients_that_have_one
        elif ctx.method == "triton":
            from .kernels.scan import gradients
        else:
            gradients = functools.partial(_gradients, scan=SCANS[ctx.method])
        return *gradients(decay, states, hidden, grad_states, ctx.reverse), None, None

    @staticmethod
    def vmap(info, dims, decay, inputs, hidden, reverse, method):
        tensors = batch_first(info.batch_size, dims[:3], (decay, inputs, hidden))
        states = _Scan.apply(*(tensor.flatten(0, 1) for tensor in tensors), reverse, method)
        return states.unflatten(0, (info.batch_size, -1)), 0

    @staticmethod
    def jvp(ctx, tangent_decay, tangent_inputs, tangent_hidden, *_):
        """The states' tangents are a linear recurrence too, the same way: of ḃ_t + ȧ_t ⊙ h_{t−1}, from that of h_0."""
        decay, hidden, states = ctx.saved_tensors
        tangents = torch.zeros_like(states) if tangent_inputs is None else tangent_inputs
        if tangent_decay is not None:
            tangents = tangents + tangent_decay * _before(states, hidden, ctx.reverse)
        return linear_recurrence(decay, tangents, hidden=tangent_hidden, reverse=ctx.reverse, method=ctx.method)


def _gradients(decay, states, hidden, grad_states, reverse, scan):
    """∂L/∂a, ∂L/∂b (B, T, D) and ∂L/∂h_0 (B, D) from ∂L/∂h: b_t gets g_t = a_{t+1} ⊙ g_{t+1} + ∂L/∂h_t, a_t gets
    g_t ⊙ h_{t−1}, and the state before the first step a_1 ⊙ g_1."""
    dtype = decay.dtype
    decay, states, hidden, grad_states = (x.to(_wide(dtype)) for x in (decay, states, hidden, grad_states))
    first, last, later, earlier = _ends(reverse)
    grads, grad_decay = torch.empty_like(states), torch.empty_like(states)
    grads[:, last] = grad_states[:, last]
    if states.shape[1] > 1:
        scan(decay[:, later], grad_states[:, earlier], grad_states[:, last], not reverse, grads[:, earlier])
    grad_decay[:, first] = grads[:, first] * hidden
    torch.mul(grads[:, later], states[:, earlier], out=grad_decay[:, later])
    return tuple(x.to(dtype) for x in (grad_decay, grads, decay[:, first] * grads[:, first]))


def _gradients_that_have_one(decay, states, hidden, grad_states, reverse):
    """The same, of operations that can be differentiated again: that takes a few copies more."""
    dtype = decay.dtype
    decay, states, hidden, grad_states = (x.to(_wide(dtype)) for x in (decay, states, hidden, grad_states))
    first, last, later, earlier = _ends(reverse)
    grads = grad_states
    if states.shape[1] > 1:
        end = grad_states[:, last]
        grads = linear_recurrence(decay[:, later], grad_states[:, earlier], hidden=end, reverse=not reverse)
        grads = torch.cat([end.unsqueeze(1), grads] if reverse else [grads, end.unsqueeze(1)], dim=1)
    grad_decay = grads * _before(states, hidden, reverse)
    return tuple(x.to(dtype) for x in (grad_decay, grads, decay[:, first] * grads[:, first]))


def _ends(reverse):
    """Where the first and the last step of the walk are, and all steps but the first, and all but the last."""
    return (-1, 0, slice(None, -1), slice(1, None)) if reverse else (0, -1, slice(1, None), slice(None, -1))


def _before(states, hidden, reverse):
    """The state before each step of the walk, (B, T, D)."""
    hidden = hidden.unsqueeze(1)
    return torch.cat([states[:, 1:], hidden] if reverse else [hidden, states[:, :-1]], dim=1)


def _wide(dtype):
    return torch.promote_types(dtype, torch.float32)
