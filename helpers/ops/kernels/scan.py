"""h_t = a_t h_{t−1} + b_t in one pass over memory: a program takes a few channels of one sequence from the first step
to the last, a tile of steps at a time, and holds one number a channel in between: the state.

Its time is that of its bytes: a and b are read once and h is written once, 12 bytes an element in float32 for two
operations. Tiles are fetched ahead, by asynchronous copies from capability 8.0 on, so that memory never waits. But how
wide a row is decides: at (8, 16384, 1024) on an H200, with 8 MB or more on their way in each case, rows of 64 bytes
reached 0.67 of the rate of a copy, of 128 bytes 0.92 to 0.94, of 256 bytes 0.98; with gradients 0.64, 0.87 to 0.91, and
0.96. So blocks of channels are 256 bytes wide while nearly every processor has a program, and narrower only where there
are fewer channels, down to the 32 bytes of a sector; those widths were not measured.

A tile is (STEPS, GROUPS · CHANNELS), groups of steps side by side, because Triton gives the last axis to the threads of
a program. Each thread takes its STEPS steps in its own registers, and only the ends of the groups cross threads.
Compiled for an H200, that is 15 to 20 instructions an element, as many with four warps as with one; one scan over all
steps of a tile, by four warps, takes 52 to 63. Bandwidth leaves time for about 70.

Where there are too few channels for all that and time is long, time is cut in chunks as in helpers.ops.scan: a first
pass (TOTALS) computes what each chunk does as one step, that recurrence is scanned, and a second pass starts each chunk
from its state. a and b are read twice, 20 bytes an element, but by the whole GPU. Where there are channels enough it
loses: 0.41 of a copy's rate at the shape above.

The gradient is the same walk from the last step to the first, over a_{t+1} and ∂L/∂h_t, with h_{t−1} read beside it, so
that ∂L/∂a_t = g_t h_{t−1} is written in the same pass: 20 bytes an element. The direction is a matter of indices alone:
the reverse of tl.associative_scan itself is reported wrong (triton#4362, #8412).

Only helpers.ops.scan calls this file, with arguments that it has checked.
"""

import functools

import torch
import triton
import triton.language as tl

from . import chip


@triton.jit
def _combine(left_decay, left, right_decay, right):
    return right_decay * left_decay, right_decay * left + right


@triton.jit
def _last(tile, index, SIZE: tl.constexpr):
    """The last slice along the first axis, whose indices are given."""
    return tl.sum(tl.where(index == SIZE - 1, tile, 0), 0)


@triton.jit
def scan_kernel(
    decay, inputs, before, hidden, states, outputs, products, B, T, D, C, N,
    REVERSE: tl.constexpr, GRADIENT: tl.constexpr, TOTALS: tl.constexpr,
    STEPS: tl.constexpr, GROUPS: tl.constexpr, CHANNELS: tl.constexpr, WIDE: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """decay, inputs (B, T, D), before (B, N, D), the state before each chunk of C steps -> outputs (B, T, D).

    TOTALS: from 0 instead -> products, outputs (B, N, D), each chunk's product of decays and its end.
    GRADIENT: inputs are ∂L/∂h, states (B, T, D) and hidden (B, D) those of the forward pass -> outputs and products
    (B, T, D), ∂L/∂b and ∂L/∂a. REVERSE: this walk goes from the last step to the first.
    """
    blocks = tl.cdiv(D, CHANNELS)
    sequence = (tl.program_id(0) // blocks % B).to(tl.int64)  # B·T·D may pass 2³¹
    chunk = tl.program_id(0) // blocks // B
    first = tl.program_id(0) % blocks * CHANNELS
    channel = first + tl.arange(0, CHANNELS)
    summary = (sequence * N + chunk) * D + channel  # in a (B, N, D)
    if TOTALS:
        state, product = tl.zeros([CHANNELS], WIDE), tl.full([CHANNELS], 1, WIDE)
    else:
        state = tl.load(before + summary, mask=channel < D, other=0).to(WIDE)

    # For a tile (STEPS, GROUPS · CHANNELS): the channel of a column, and the place of a row in the order of the walk.
    column, step = tl.arange(0, GROUPS * CHANNELS)[None, :], tl.arange(0, STEPS)[:, None]
    beside, row = first + column % CHANNELS, column // CHANNELS * STEPS + step
    group = tl.arange(0, GROUPS)[:, None]  # the rows of the ends of the groups, (GROUPS, CHANNELS)
    one_back = tl.broadcast_to(tl.maximum(group - 1, 0), (GROUPS, CHANNELS))
    if GRADIENT and not TOTALS:
        at_first = tl.load(hidden + sequence * D + beside, mask=beside < D, other=0).to(WIDE)
    onward = -D if REVERSE else D
    stop = tl.minimum((chunk + 1) * C, T)
    for start in tl.range(chunk * C, stop, STEPS * GROUPS, num_stages=STAGES):
        live = (start + row < stop) & (beside < D)
        corner = (sequence * T + (T - 1 - start if REVERSE else start)) * D
        tile = corner + (row * onward + beside)  # within a tile 32 bits do
        # Outside a is 1 and b is 0: the state stays.
        if GRADIENT:  # the decay between two steps of the way back belongs to the step that was left
            a = tl.load(decay + tile - onward, mask=live & (start + row > 0), other=1).to(WIDE)
        else:
            a = tl.load(decay + tile, mask=live, other=1).to(WIDE)
        b = tl.load(inputs + tile, mask=live, other=0).to(WIDE)
        passed, ends = tl.associative_scan((a, b), 0, _combine)  # each group from 0
        whole = tl.reshape(_last(passed, step, STEPS), (GROUPS, CHANNELS))
        end = tl.reshape(_last(ends, step, STEPS), (GROUPS, CHANNELS))
        whole, end = tl.associative_scan((whole, end), 0, _combine)
        if TOTALS:
            product *= _last(whole, group, GROUPS)
        end += whole * state[None, :]  # the state after each group
        if not TOTALS:
            start_from = tl.where(group == 0, state[None, :], tl.gather(end, one_back, 0))
            ends += passed * tl.reshape(start_from, (1, GROUPS * CHANNELS))
            tl.store(outputs + tile, ends.to(outputs.dtype.element_ty), mask=live)
        if GRADIENT and not TOTALS:
            reached = tl.load(states + tile + onward, mask=live & (start + row < T - 1), other=0).to(WIDE)
            reached = tl.where(start + row == T - 1, at_first, reached)
            tl.store(products + tile, (ends * reached).to(products.dtype.element_ty), mask=live)
        state = _last(end, group, GROUPS)
    if TOTALS:
        tl.store(products + summary, product, mask=channel < D)
        tl.store(outputs + summary, state, mask=channel < D)


@functools.cache
def options(B, T, D, dtype, processors, capability):
    """The kernel's constants, and how time is cut: (constants, N chunks, of C steps)."""
    large = capability[0] in (9, 10)  # shared memory for two programs, each with 64 KiB on their way
    warps, ahead = (4, 2**16) if large else (2, 2**14)
    channels = min(256 // dtype.itemsize, triton.next_power_of_2(D))
    while channels * dtype.itemsize > 32 and B * triton.cdiv(D, channels) < 0.9 * processors:
        channels //= 2
    aligned = D % 16 == 0  # then a thread loads 16 bytes at once; else number by number, with an address for each
    vector = 16 // dtype.itemsize if aligned else 1
    elements = 32 if aligned and dtype.itemsize <= 4 else 16  # of a thread; with more, registers spill
    steps, programs = elements // vector, B * triton.cdiv(D, channels)
    is_cut = 2 * programs <= processors  # into many chunks: then a tile is that of one warp
    while warps > 1 and 32 * warps * vector > channels and (is_cut or elements * 32 * warps > T * channels):
        warps //= 2
    groups = max(1, 32 * warps * vector // channels)
    rows = steps * groups
    N = max(1, min(2 * processors // programs, T // (4 * rows))) if is_cut else 1
    C = triton.cdiv(triton.cdiv(T, N), rows) * rows
    stages = min(5 if aligned else 3, max(2, 1 + ahead // (2 * rows * channels * dtype.itemsize)))
    constants = {"STEPS": steps, "GROUPS": groups, "CHANNELS": channels, "STAGES": stages, "num_warps": warps}
    return constants | {"WIDE": tl.float64 if dtype == torch.float64 else tl.float32}, triton.cdiv(T, C), C


def scan(decay, inputs, hidden, reverse):
    """The states (B, T, D) of decay, inputs (B, T, D) and hidden (B, D), carried in float32, float64 in float64."""
    states = torch.empty_like(inputs, memory_format=torch.contiguous_format)
    _launch(decay, inputs, hidden, (None, None, states, None), reverse, False)
    return states


def gradients(decay, states, hidden, grad_states, reverse):
    """∂L/∂a, ∂L/∂b (B, T, D) and ∂L/∂h (B, D) of `scan` with these arguments, which gave `states`, from ∂L/∂states."""
    grads, grad_decay = (torch.empty_like(states) for _ in range(2))
    pointers = (hidden.contiguous(), states, grads, grad_decay)
    _launch(decay, grad_states, torch.zeros_like(hidden), pointers, not reverse, True)
    first = -1 if reverse else 0
    return grad_decay, grads, decay[:, first] * grads[:, first]


def _launch(decay, inputs, hidden, pointers, reverse, gradient):
    """Start the kernel, with time in one piece or in N: then the chunks' ends come from the same scan, N steps long.

    pointers: the kernel's hidden, states, outputs and products.
    """
    B, T, D = inputs.shape
    constants, N, C = options(B, T, D, inputs.dtype, *chip(inputs.device))
    grid, sizes = (B * triton.cdiv(D, constants["CHANNELS"]) * N,), (B, T, D, C, N)
    constants = constants | {"REVERSE": reverse, "GRADIENT": gradient}
    decay, inputs, before = decay.contiguous(), inputs.contiguous(), hidden.contiguous()
    with torch.cuda.device_of(inputs):
        if N > 1:
            whole, ends = hidden.new_empty(2, B, N, D, dtype=torch.promote_types(hidden.dtype, torch.float32))
            scan_kernel[grid](decay, inputs, None, None, None, ends, whole, *sizes, TOTALS=True, **constants)
            between = scan(whole, ends, hidden, False)
            before = torch.cat([hidden[:, None], between[:, :-1]], dim=1)
        scan_kernel[grid](decay, inputs, before, *pointers, *sizes, TOTALS=False, **constants)
