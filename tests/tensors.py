"""Numbers that tests share: how they are drawn, and how far two results are apart. Needs torch and numpy alone."""

import math

import numpy as np
import torch

EXACT = 1e-12  # two ways to one result in float64 differ by less
# Of the rms of an error, relative to the rms of what is right.
RMS = {torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 5e-3}


def normal(*shape, seed=0, dtype=torch.float64, device="cpu"):
    """Independent standard normal numbers, the same ones for the same shape and seed, on every machine."""
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape)).to(device, dtype)


def largest(result, expected):
    """The largest absolute difference of two tensors, compared in float64 on the CPU. NaN if one holds NaN."""
    return (result.detach().cpu().double() - expected.detach().cpu().double()).abs().max().item()


def rms(tensor):
    """The root of the mean square."""
    return tensor.detach().double().square().mean().sqrt().item()


def relative(result, expected):
    """The rms of the error over the rms of what is expected; infinity if that is 0."""
    result, expected = result.detach().cpu().double(), expected.detach().cpu().double()
    return rms(result - expected) / rms(expected) if expected.any() else math.inf


def with_gradients(function, tensors, upstream=None, **keywords):
    """function(*tensors, **keywords), and the gradients of Σ result · upstream (ones unless given) to all tensors."""
    leaves = [tensor.detach().requires_grad_() for tensor in tensors]
    result = function(*leaves, **keywords)
    upstream = torch.ones_like(result) if upstream is None else upstream
    return result.detach(), *torch.autograd.grad(result, leaves, upstream)
