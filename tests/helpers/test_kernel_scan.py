"""helpers.ops.kernels.scan: run on a GPU where there is one, else in Triton's interpreter; compiled for four GPUs.

The interpreter scans strictly from left to right: that the combine is associative has a test of its own.
"""

import re

import pytest
import torch
from interpreter import DEVICE, INTERPRETED, compiles, runs
from scans import RMS, check_errors, decays, each_dtype, each_way, recurrence
from tensors import EXACT, largest, normal, relative, with_gradients

from helpers import linear_recurrence, min_gru
from helpers.ops import scan

triton = pytest.importorskip("triton", reason="triton is not installed: its kernels are neither compiled nor run")

# The interpreter cuts a float32 off where it should round it to a bfloat16: off by up to a whole last digit, not half.
FACTOR = {torch.bfloat16: 8} if INTERPRETED else {}

# One step, odd widths, tiles that end early, several blocks of channels, widths of which 16 bytes can be loaded, and
# the tile of four warps.
SIZES = [(2, 1, 3), (1, 2, 1), (1, 20, 33), (2, 63, 5), (1, 65, 16), (1, 130, 2), (1, 66, 64)]
SIZES += [] if INTERPRETED else [(2, 1000, 63), (3, 4097, 96), (16, 2048, 768), (1, 65537, 16), (300, 70, 40)]
POINTERS = {torch.float64: "*fp64", torch.float32: "*fp32", torch.float16: "*fp16", torch.bfloat16: "*bf16"}


@pytest.fixture
def kernel():
    from helpers.ops.kernels import scan as kernel

    return kernel


@pytest.fixture
def poisoned(monkeypatch):
    """Memory that torch hands out unfilled holds NaN: what the kernel forgets to write shows."""
    monkeypatch.setattr("torch.utils.deterministic.fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert torch.empty(3, device=DEVICE).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@compiles
def test_the_kernels_combine_is_associative_and_that_of_the_definition(kernel):
    steps = [tuple(torch.randint(-9, 10, (2, 50))) for _ in range(3)]  # whole numbers: exactly equal, or not

    def after(left, right):
        return kernel._combine.fn(*left, *right)

    first, second, third = steps
    one, other = after(after(first, second), third), after(first, after(second, third))
    assert all(map(torch.equal, one, other))
    assert all(map(torch.equal, after(first, second), scan.combine(first, second)))
    assert not all(map(torch.equal, after(first, second), after(second, first)))


@runs
@each_dtype
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_errors_are_at_most_twice_those_of_the_plain_loop(sizes, dtype, poisoned):
    both = not INTERPRETED or dtype == torch.float32
    for reverse in (False, True) if both else (sizes[1] % 2 == 0,):
        check_errors(sizes, dtype, reverse, "triton", device=DEVICE, factor=FACTOR.get(dtype, 2))


@runs
@pytest.mark.parametrize(
    ("sizes", "C", "reverse"), [((1, 250, 3), 128, False), ((1, 500, 3), 256, True), ((2, 100, 16), 64, True)]
)
def test_time_cut_in_chunks_gives_the_same(sizes, C, reverse, kernel, monkeypatch, poisoned):
    """On a GPU a few channels and a long time are cut; here a T of two or three chunks is, for gradients too."""
    whole = kernel.options

    def cut(B, T, D, dtype, *chip):
        constants, N, steps = whole(B, T, D, dtype, 1, (9, 0))
        assert C % (constants["STEPS"] * constants["GROUPS"]) == 0
        return (constants, triton.cdiv(T, C), C) if T > C else (constants, N, steps)

    monkeypatch.setattr(kernel, "options", cut)
    dtype = torch.float32 if reverse else torch.bfloat16
    check_errors(sizes, dtype, reverse, "triton", device=DEVICE, factor=FACTOR.get(dtype, 2))


@runs
def test_strides_an_expanded_decay_and_a_missing_state():
    decay, inputs = decays(40, 5, 2).permute(2, 0, 1), normal(2, 80, 5)[:, ::2]
    wanted = linear_recurrence(decay, inputs, method="loop")
    assert largest(linear_recurrence(decay.to(DEVICE), inputs.to(DEVICE), method="triton").cpu(), wanted) < EXACT
    slopes = {}
    for method, device in (("triton", DEVICE), ("loop", "cpu")):
        one = torch.tensor(0.9, dtype=torch.float64, device=device, requires_grad=True)
        states = linear_recurrence(one.expand(2, 40, 5), inputs.to(device), method=method)
        slopes[method] = torch.autograd.grad(states.sum(), one)[0].cpu()
    assert largest(slopes["triton"], slopes["loop"]) < 1e-10


@runs
@each_way
def test_gradients_pass_gradcheck(reverse):
    tensors = [
        tensor.to(DEVICE).requires_grad_() for tensor in (decays(1, 3, 1), normal(1, 3, 1), normal(1, 1, seed=2))
    ]
    assert torch.autograd.gradcheck(
        lambda a, b, h: linear_recurrence(a, b, hidden=h, reverse=reverse, method="triton"), tensors
    )


@runs
@pytest.mark.parametrize(("decay", "T"), [(0.0, 20), (1e-30, 20), (-1.0, 20), (1.002, 300)])
def test_decays_of_0_near_0_1_and_slightly_above_are_right(decay, T):
    inputs, hidden = normal(1, T, 1, dtype=torch.float32), normal(1, 1, seed=2, dtype=torch.float32)
    tensors, upstream = [torch.full_like(inputs, decay), inputs, hidden], normal(1, T, 1, seed=3, dtype=torch.float32)
    exact = with_gradients(recurrence, [x.double() for x in tensors], upstream.double(), method="loop")
    on_device = [x.to(DEVICE) for x in tensors]
    for result, wanted in zip(
        with_gradients(recurrence, on_device, upstream.to(DEVICE), method="triton"), exact, strict=True
    ):
        assert largest(result, wanted) <= 1e-5 * wanted.abs().max().item() + 1e-6


@runs
def test_the_first_outputs_do_not_notice_later_inputs():
    decay, inputs = decays(1, 200, 2).to(DEVICE), normal(1, 200, 2).to(DEVICE)
    whole = linear_recurrence(decay, inputs, method="triton")
    assert largest(linear_recurrence(decay[:, :130], inputs[:, :130], method="triton"), whole[:, :130]) < EXACT
    moved = inputs.clone()
    moved[:, 131] += 1.0
    changed = (linear_recurrence(decay, moved, method="triton") != whole).any(dim=2)
    assert not changed[:, :131].any()
    assert changed[:, 131].all()


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", RMS, ids=str)
def test_auto_is_triton_on_a_gpu(dtype, kernel, monkeypatch):
    called = []
    monkeypatch.setattr(kernel, "scan", lambda *tensors, real=kernel.scan: called.append(1) or real(*tensors))
    decay, inputs = decays(1, 9, 2, dtype=dtype).cuda(), normal(1, 9, 2, dtype=dtype).cuda()
    linear_recurrence(decay, inputs)
    runs_here = dtype != torch.bfloat16 or torch.cuda.get_device_capability() >= (8, 0)
    assert bool(called) == runs_here
    for method in ("hillis_steele", "blelloch", "chunked", "loop"):
        assert largest(linear_recurrence(decay, inputs, method=method), linear_recurrence(decay, inputs)) < 1e-2
    weight = normal(4, 2, dtype=dtype).cuda()
    assert largest(min_gru(inputs, weight, weight), min_gru(inputs, weight, weight, method="loop")) < 1e-2


@runs
@each_way
def test_second_derivatives_and_vmap_are_the_loops(reverse):
    tensors = [tensor.to(DEVICE) for tensor in (decays(2, 12, 3), normal(2, 12, 3), normal(2, 3, seed=2))]

    def penalty(method):
        leaves = [tensor.clone().requires_grad_() for tensor in tensors]
        states = recurrence(*leaves, reverse=reverse, method=method)
        slopes = torch.autograd.grad(states.square().sum(), leaves, create_graph=True)
        return torch.autograd.grad(sum(slope.square().sum() for slope in slopes), leaves)

    assert all(relative(a, b) < EXACT for a, b in zip(penalty("triton"), penalty("loop"), strict=True))

    def states(decay, method):
        return recurrence(decay, *tensors[1:], reverse=reverse, method=method)

    batch = torch.stack([tensors[0], -tensors[0]])
    triton, loop = (torch.func.vmap(states, in_dims=(0, None))(batch, method) for method in ("triton", "loop"))
    assert largest(triton, loop) < EXACT


@compiles
def test_rows_are_as_wide_as_leaves_a_program_to_nearly_every_processor(kernel):
    """Of 256 bytes they took 0.98 of the rate of a copy on an H200, which has 132 processors; of 64 bytes 0.67."""

    def settings(B, T, D, dtype=torch.float32):
        constants, chunks, _ = kernel.options(B, T, D, dtype, 132, (9, 0))
        return [constants[name] for name in ("STEPS", "GROUPS", "CHANNELS", "STAGES", "num_warps")], chunks

    for T in (1024, 65536):
        assert settings(8, T, 1024) == ([8, 8, 64, 3, 4], 1)
    assert settings(8, 16384, 512)[0][2] == 32, "narrower: half as wide, and as many programs"
    assert settings(8, 16384, 1024, torch.float64)[0][2] == 32
    assert settings(8, 16, 1024)[0] == [8, 2, 64, 5, 1], "shorter than a tile: one warp"
    (*_, warps), chunks = settings(1, 16384, 16)
    assert (warps, chunks) == (1, 32), "two programs: time is cut"


def compile_scan(kernel, capability, dtype, D=128, *, gradient=False, totals=False, reverse=False, processors=132):
    """(compiled, constants) for (16, 16384, D); a D that is no multiple of 16 is a constant: of others 16 is one."""
    from cross_compile import cross_compile

    constants, *_ = kernel.options(16, 16384, D, dtype, processors, divmod(capability, 10))
    constants = dict(constants)
    warps = constants.pop("num_warps")
    fixed = constants | {"REVERSE": reverse, "GRADIENT": gradient, "TOTALS": totals} | ({"D": D} if D % 16 else {})
    unused = ("before", "hidden", "states") if totals else () if gradient else ("hidden", "states", "products")
    fixed |= dict.fromkeys(unused)
    types = dict.fromkeys(("decay", "inputs", "before", "hidden", "states", "outputs", "products"), POINTERS[dtype])
    types |= dict.fromkeys("BTDCN", "i32") | (dict.fromkeys(("outputs", "products"), "*fp32") if totals else {})
    return cross_compile(kernel.scan_kernel, types, fixed, capability, num_warps=warps), constants


@compiles
@pytest.mark.test_all
@pytest.mark.parametrize("capability", [75, 80, 89, 90])
@pytest.mark.parametrize("kind", ["forward", "gradient", "totals"])
def test_it_compiles_fits_and_fetches_its_tiles_ahead(kind, capability, kernel):
    from cross_compile import SHARED_MEMORY

    dtype = torch.float16 if capability == 75 else torch.bfloat16
    cases = [(torch.float32, 128), (torch.float32, 1024), (dtype, 1024)]
    cases += [(torch.float32, 63)] if capability == 90 else []
    for stored, D in cases:
        kinds = {"gradient": kind == "gradient", "totals": kind == "totals"}
        (shared, ptx, _), constants = compile_scan(kernel, capability, stored, D, **kinds, reverse=kind == "gradient")
        assert 2 * shared <= SHARED_MEMORY[capability], "two programs have room on a processor"
        if capability >= 80:
            assert len(re.findall(r"cp\.async\.c[ag]", ptx)) >= 2 * (constants["STAGES"] - 1)
        # With the steps of a tile spread over threads these were 330 to 650.
        assert ptx.count("shfl.sync") < (128 if stored == torch.float32 else 256), "each thread takes its own steps"
