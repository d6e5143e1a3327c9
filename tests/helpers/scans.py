"""What the tests of linear recurrences share: decays of every kind, a plain loop, and errors held against its own.

Needs torch, NumPy and pytest alone: the kernel's tests use it where there is a GPU and nothing else.
"""

import numpy as np
import pytest
import torch
from tensors import RMS, largest, normal, relative, with_gradients

from helpers import linear_recurrence

RMS = {torch.float64: 1e-14, **RMS}
each_dtype = pytest.mark.parametrize("dtype", RMS, ids=lambda dtype: str(dtype).removeprefix("torch."))
each_way = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


def decays(*shape, seed=1, dtype=torch.float64):
    """Decays that forget, remember, reset and turn the sign: from −1 to 1, every fifth 0, every fifth nearly 1.

    The first channel never forgets, so that what a scan keeps of the far past is seen: ±0.995 to ±1.
    """
    random = np.random.RandomState(seed)
    a, kind = random.uniform(-1, 1, shape), random.randint(5, size=shape)
    a[kind == 0] = 0
    a[kind == 1] = 1 - 1e-4
    a[..., 0] = np.sign(a[..., 0] + 0.5) * random.uniform(0.995, 1, shape[:-1])
    return torch.from_numpy(a).to(dtype)


def recurrence(decay, inputs, hidden, **keywords):
    """linear_recurrence, with the three tensors in order."""
    return linear_recurrence(decay, inputs, hidden=hidden, **keywords)


def plain(decay, inputs, hidden, *, reverse):
    """What one would write in torch without a thought, in the dtype that is given."""
    steps, states = list(zip(decay.unbind(1), inputs.unbind(1), strict=True)), []
    for a, b in steps[::-1] if reverse else steps:
        hidden = a * hidden + b
        states.append(hidden)
    return torch.stack(states[::-1] if reverse else states, dim=1)


def check_errors(sizes, dtype, reverse, method, *, device="cpu", factor=2):
    """States and gradients: their errors are at most `factor` times those of `plain`, which in float64 is the oracle.

    One number that is rounded twice may be off by its last digit and a half, which for many would be too much.
    """
    hidden, upstream = normal(sizes[0], sizes[2], seed=2, dtype=dtype), normal(*sizes, seed=3, dtype=dtype)
    tensors = [decays(*sizes, dtype=dtype), normal(*sizes, dtype=dtype), hidden]
    exact = with_gradients(plain, [x.double() for x in tensors], upstream.double(), reverse=reverse)
    loops = with_gradients(plain, tensors, upstream, reverse=reverse)
    on_device = [x.to(device) for x in tensors]
    ours = with_gradients(recurrence, on_device, upstream.to(device), reverse=reverse, method=method)
    for name, result, loop, wanted in zip(("states", "decay", "inputs", "hidden"), ours, loops, exact, strict=True):
        assert result.dtype == dtype
        assert largest(result, wanted) <= factor * largest(loop, wanted) + 1e-6 * max(1, wanted.abs().max()), name
        bound = max(RMS[dtype] * factor / 2, 1.5 * torch.finfo(dtype).eps if wanted.numel() < 10 else 0)
        assert relative(result, wanted) < bound or largest(result, wanted) < 1e-6, name
