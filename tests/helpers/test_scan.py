"""helpers.scan: the loop in float64 defines the recurrence; every scan, and every gradient, is held against it."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from helpers import builders as graph
from helpers import cost
from helpers.ops import scan
from helpers.ops.scan import METHODS, SCANS, combine, linear_recurrence

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import strategies as st  # noqa: E402

DRAWN = hypothesis.settings(max_examples=25, deadline=None, derandomize=True)
EXACT = 1e-12
RMS = {torch.float64: 1e-14, torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 5e-3}
SIZES = [(2, 1, 3), (1, 2, 1), (3, 63, 5), (2, 64, 7), (1, 65, 1), (2, 1000, 3), (1, 4097, 2)]
ON_CPU = [method for method in METHODS if method != "triton"]
each_method = pytest.mark.parametrize("method", ON_CPU)
each_dtype = pytest.mark.parametrize("dtype", RMS, ids=lambda dtype: str(dtype).removeprefix("torch."))
each_way = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


@pytest.fixture(autouse=True)
def no_interpreter(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)


@pytest.fixture
def poisoned(monkeypatch):
    """Memory that torch hands out unfilled holds NaN: what a scan forgets to write shows."""
    monkeypatch.setattr("torch.utils.deterministic.fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert torch.zeros(1).new_empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape)).to(dtype)


def gates(*shape, seed=1, dtype=torch.float64):
    """Decays that forget, remember, reset and turn the sign: from −1 to 1, every fifth 0, every fifth nearly 1.

    The first channel never forgets, so that what a scan keeps of the far past is seen: ±0.995 to ±1.
    """
    random = np.random.RandomState(seed)
    a, kind = random.uniform(-1, 1, shape), random.randint(5, size=shape)
    a[kind == 0] = 0
    a[kind == 1] = 1 - 1e-4
    a[..., 0] = np.sign(a[..., 0] + 0.5) * random.uniform(0.995, 1, shape[:-1])
    return torch.from_numpy(a).to(dtype)


def largest(a, b):
    return (a.double() - b.double()).abs().max().item()


def relative(found, wanted):
    """rms of the error over rms of what is wanted."""
    return ((found.double() - wanted).square().mean() / wanted.square().mean()).sqrt().item()


def plain(decay, inputs, *, hidden, reverse):
    """What one would write in torch without a thought, in the dtype that is given."""
    steps, states = list(zip(decay.unbind(1), inputs.unbind(1), strict=True)), []
    for a, b in steps[::-1] if reverse else steps:
        hidden = a * hidden + b
        states.append(hidden)
    return torch.stack(states[::-1] if reverse else states, dim=1)


def with_gradients(decay, inputs, hidden, upstream, function=linear_recurrence, **keywords):
    """The states and the gradients of decay, inputs and hidden."""
    leaves = [tensor.detach().requires_grad_() for tensor in (decay, inputs, hidden)]
    states = function(*leaves[:2], hidden=leaves[2], **keywords)
    return states.detach(), *torch.autograd.grad(states, leaves, upstream)


def check_errors(sizes, dtype, reverse, method, device="cpu", factor=2):
    """kernels.md, Numerics, for states and gradients; the oracle is the plain loop in float64 on the CPU."""
    hidden, upstream = normal(sizes[0], sizes[2], seed=2, dtype=dtype), normal(*sizes, seed=3, dtype=dtype)
    tensors = [gates(*sizes, dtype=dtype), normal(*sizes, dtype=dtype), hidden, upstream]
    exact = with_gradients(*(x.double() for x in tensors), plain, reverse=reverse)
    loops = with_gradients(*tensors, plain, reverse=reverse)
    ours = with_gradients(*(x.to(device) for x in tensors), reverse=reverse, method=method)
    for name, mine, loop, wanted in zip(("states", "decay", "inputs", "hidden"), ours, loops, exact, strict=True):
        mine = mine.cpu()
        assert mine.dtype == dtype
        assert largest(mine, wanted) <= factor * largest(loop, wanted) + 1e-6 * max(1, wanted.abs().max()), name
        assert relative(mine, wanted) < RMS[dtype] * factor / 2 or largest(mine, wanted) < 1e-6, name


def in_pythons_own_numbers(decay, inputs, hidden, reverse):
    """One channel, as lists."""
    states, steps = [], zip(decay, inputs, strict=True)
    for a, b in reversed(list(steps)) if reverse else steps:
        hidden = a * hidden + b
        states.append(hidden)
    return states[::-1] if reverse else states


@st.composite
def calls(draw):
    """(decay, inputs, keywords): any sizes, with or without an initial state, either way, strided or not."""
    B, D = draw(st.sampled_from([1, 2, 5])), draw(st.sampled_from([1, 3, 8]))
    T = draw(st.sampled_from([1, 2, 15, 16, 17, 63, 64, 65, 130]))
    decay, inputs = gates(B, T, D), normal(B, T, D)
    keywords = {"reverse": draw(st.booleans())}
    if draw(st.booleans()):
        keywords["hidden"] = normal(B, D, seed=3)
    if draw(st.booleans()):
        decay, inputs = gates(T, D, B).permute(2, 0, 1), normal(B, 2 * T, D)[:, ::2]
        keywords = {name: value.T.contiguous().T if name == "hidden" else value for name, value in keywords.items()}
    return decay, inputs, keywords


@DRAWN
@hypothesis.given(calls())
def test_every_method_gives_the_loops_numbers_in_float64(call):
    decay, inputs, keywords = call
    loop = linear_recurrence(decay, inputs, **keywords, method="loop")
    assert loop.shape == inputs.shape
    for method in ON_CPU:
        assert largest(linear_recurrence(decay, inputs, **keywords, method=method), loop) < EXACT, method


@DRAWN
@hypothesis.given(calls())
def test_gradients_are_the_loops_and_nothing_is_written_into_the_inputs(call):
    decay, inputs, keywords = call
    hidden = keywords.pop("hidden", normal(len(inputs), inputs.shape[2], seed=3))
    upstream = normal(*inputs.shape, seed=4)
    kept = [tensor.clone() for tensor in (decay, inputs, hidden, upstream)]
    reference = with_gradients(decay, inputs, hidden, upstream, **keywords, method="loop")
    for method in ON_CPU:
        found = with_gradients(decay, inputs, hidden, upstream, **keywords, method=method)
        assert all(largest(*pair) < 1e-11 for pair in zip(found, reference, strict=True)), method
    assert all(map(torch.equal, kept, (decay, inputs, hidden, upstream)))


@each_way
@pytest.mark.parametrize("T", [1, 2, 20])
def test_it_is_the_recurrence_in_pythons_own_numbers(T, reverse):
    decay, inputs, hidden = gates(1, T, 1), normal(1, T, 1), normal(1, 1, seed=2)
    by_hand = in_pythons_own_numbers(decay.flatten().tolist(), inputs.flatten().tolist(), hidden.item(), reverse)
    for method in ON_CPU:
        states = linear_recurrence(decay, inputs, hidden=hidden, reverse=reverse, method=method)
        assert largest(states.flatten(), torch.tensor(by_hand)) < 1e-6


@each_dtype
@pytest.mark.parametrize("method", ON_CPU[1:])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_errors_are_at_most_twice_those_of_the_plain_loop(sizes, method, dtype, poisoned):
    for reverse in (False, True) if sizes[1] < 1000 else (True,):
        check_errors(sizes, dtype, reverse, method)


@each_method
@pytest.mark.parametrize(
    ("decay", "T"), [(0.0, 300), (1e-30, 300), (1e-42, 300), (1.0, 1000), (-1.0, 1000), (1.002, 4097)]
)
def test_gates_of_0_near_0_1_and_slightly_above_are_right(decay, T, method):
    inputs, hidden = normal(1, T, 2, dtype=torch.float32), normal(1, 2, seed=2, dtype=torch.float32)
    decays = torch.full_like(inputs, decay)
    upstream = normal(1, T, 2, seed=3, dtype=torch.float32)
    exact = with_gradients(*(x.double() for x in (decays, inputs, hidden, upstream)), method="loop")
    # A tree squares one and the same product again and again, and doubles what it was rounded by each time.
    bound = 1e-4 if decay > 1 and method in ("hillis_steele", "blelloch") else 1e-5
    for mine, wanted in zip(with_gradients(decays, inputs, hidden, upstream, method=method), exact, strict=True):
        assert mine.isfinite().all()
        assert relative(mine, wanted) < bound or largest(mine, wanted) < 1e-6


@each_method
def test_a_reset_forgets_whatever_stood_there(method):
    inputs, hidden = normal(1, 200, 2), torch.full((1, 2), 1e300, dtype=torch.float64)
    decay = gates(1, 200, 2)
    decay[:, 100] = 0
    states = linear_recurrence(decay, inputs, hidden=hidden, method=method)
    assert torch.equal(states[:, 100], inputs[:, 100])
    assert largest(states[:, 101:], linear_recurrence(decay[:, 101:], inputs[:, 101:], hidden=inputs[:, 100])) < EXACT


def test_chunks_within_chunks_and_a_wide_batch_are_right(poisoned):
    """Three levels of chunks with a rest at each, then so many channels that no chunk is made."""
    for sizes in ((1, 16 * 16 * 16 + 99, 2), (64, 40, 130)):
        decay, inputs, upstream = gates(*sizes), normal(*sizes), normal(*sizes, seed=3)
        hidden = normal(sizes[0], sizes[2], seed=2)
        for reverse in (False, True):
            loop = with_gradients(decay, inputs, hidden, upstream, reverse=reverse, method="loop")
            found = with_gradients(decay, inputs, hidden, upstream, reverse=reverse, method="chunked")
            assert all(largest(*pair) < 1e-11 for pair in zip(found, loop, strict=True))


class Operations(TorchDispatchMode):
    """Counts the products that are run, whatever their size."""

    def __init__(self):
        super().__init__()
        self.products = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.products += function.overloadpacket.__name__ in ("mul", "mul_", "addcmul")
        return function(*args, **kwargs or {})


def products(sizes, **keywords):
    with Operations() as counted:
        linear_recurrence(torch.ones(sizes), torch.ones(sizes), **keywords)
    return counted.products


def test_auto_runs_few_operations_on_a_cpu():
    """What makes it fast, counted instead of timed: about 2 √T operations or fewer, where a loop runs T."""
    assert products((1, 1000, 16), method="loop") == 1000
    assert products((1, 16384, 16)) < 2 * 128
    assert products((8, 4096, 256)) < 2 * 64 + 64
    assert products((64, 256, 256)) == 256  # wide enough: each number is touched once


@pytest.mark.parametrize("T", [1, 2, 3, 8, 13, 16, 64])
@pytest.mark.parametrize("method", ["hillis_steele", "blelloch"])
def test_a_scan_does_the_combines_that_its_graph_has(method, T, monkeypatch):
    counted = []

    def counting(left, right):
        counted.append(left[0].shape[1])
        return combine(left, right)

    monkeypatch.setattr(scan, "combine", counting)
    full = 2 ** (T - 1).bit_length() if method == "blelloch" else T  # its tree is filled up to a power of two
    decay, inputs = gates(1, T, 2), normal(1, T, 2)
    states = linear_recurrence(decay, inputs, method=method)
    built, _ = graph.linear_recurrence(full, 2, method=method)
    assert sum(counted) == built.combines == cost.combines(full, method)
    # The first combine on the way down only meets "nothing before", so Blelloch's path has one round less.
    assert max(len(counted) - (method == "blelloch"), 0) == cost.combine_path(full, method)
    if full == T:
        built, traced = graph.linear_recurrence(T, 2, method=method, decay=decay[0].numpy(), inputs=inputs[0].numpy())
        assert largest(states[0], torch.from_numpy(traced.values)) < EXACT


whole_numbers = st.tuples(*[st.integers(-9, 9)] * 2).map(lambda pair: torch.tensor(pair, dtype=torch.float64))


@DRAWN
@hypothesis.given(*[st.tuples(whole_numbers, whole_numbers)] * 3)
def test_combining_is_associative_and_is_one_step_after_the_other(first, second, third):
    assert all(map(torch.equal, combine(combine(first, second), third), combine(first, combine(second, third))))
    state = torch.tensor([3.0, -2.0])
    a, b = combine(first, second)
    assert torch.equal(a * state + b, second[0] * (first[0] * state + first[1]) + second[1])
    nothing = torch.ones(2), torch.zeros(2)
    assert all(map(torch.equal, combine(nothing, first), first))
    assert all(map(torch.equal, combine(first, nothing), first))


@each_method
def test_the_first_outputs_do_not_notice_later_inputs(method):
    decay, inputs, hidden = gates(2, 70, 3), normal(2, 70, 3), normal(2, 3, seed=2)
    whole = linear_recurrence(decay, inputs, hidden=hidden, method=method)
    for cut in (1, 35, 69):
        half = linear_recurrence(decay[:, :cut], inputs[:, :cut], hidden=hidden, method=method)
        assert largest(half, whole[:, :cut]) < EXACT
        rest = linear_recurrence(decay[:, cut:], inputs[:, cut:], hidden=whole[:, cut - 1], method=method)
        assert largest(rest, whole[:, cut:]) < EXACT
    for place in (0, 36, 69):
        for tensor in (decay, inputs):
            moved = tensor.clone()
            moved[:, place] += 1.0
            pair = (moved, inputs) if tensor is decay else (decay, moved)
            changed = (linear_recurrence(*pair, hidden=hidden, method=method) != whole).any(dim=2)
            assert not changed[:, :place].any()
            assert changed[:, place].all()


@each_method
def test_channels_and_sequences_keep_to_themselves_and_may_change_places(method):
    decay, inputs, hidden = gates(3, 40, 4), normal(3, 40, 4), normal(3, 4, seed=2)
    states = linear_recurrence(decay, inputs, hidden=hidden, method=method)
    rows, columns = torch.tensor([2, 0, 1]), torch.tensor([3, 1, 0, 2])
    swapped = linear_recurrence(
        decay[rows][:, :, columns], inputs[rows][:, :, columns], hidden=hidden[rows][:, columns], method=method
    )
    assert torch.equal(swapped, states[rows][:, :, columns])


@each_method
def test_reverse_is_the_recurrence_of_the_flipped_tensors(method):
    decay, inputs, hidden = gates(2, 50, 3), normal(2, 50, 3), normal(2, 3, seed=2)
    backwards = linear_recurrence(decay, inputs, hidden=hidden, reverse=True, method=method)
    flipped = linear_recurrence(decay.flip(1), inputs.flip(1), hidden=hidden, method=method).flip(1)
    assert largest(backwards, flipped) < EXACT


@each_way
@each_method
@pytest.mark.parametrize("T", [1, 4, 18])
def test_gradients_pass_gradcheck(T, method, reverse):
    sizes = (1, T, 2) if T > 8 else (2, T, 3)
    tensors = [gates(*sizes), normal(*sizes), normal(sizes[0], sizes[2], seed=2)]
    tensors = [tensor.requires_grad_() for tensor in tensors]
    assert gradcheck(lambda a, b, h: linear_recurrence(a, b, hidden=h, reverse=reverse, method=method), tensors)


def test_only_what_needs_a_gradient_gets_one_and_expanded_gates_add_up():
    inputs, one = normal(2, 30, 3), torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    found = {}
    for method in ON_CPU:
        states = linear_recurrence(one.expand_as(inputs), inputs, method=method)
        found[method] = torch.autograd.grad(states.sum(), one)[0]  # an upstream gradient without strides, too
        assert not linear_recurrence(torch.ones_like(inputs), inputs, method=method).requires_grad
    assert all(largest(gradient, found["loop"]) < 1e-10 for gradient in found.values())


def test_a_second_derivative_is_refused_except_by_the_loop():
    decay, inputs = gates(1, 5, 2).requires_grad_(), normal(1, 5, 2)
    for method in ON_CPU:
        states = linear_recurrence(decay, inputs, method=method)
        (first,) = torch.autograd.grad(states.square().sum(), decay, create_graph=True)
        if method == "loop":
            first.sum().backward()
        else:
            with pytest.raises(RuntimeError, match="differentiate twice"):
                first.sum().backward()


@pytest.mark.parametrize("name", SCANS)
def test_triton_and_auto_are_no_other_names_for_a_scan_that_was_broken(name, monkeypatch):
    """Each method runs its own code: with one scan broken, exactly that method (and auto, if chunked) fails."""

    def broken(*_):
        raise ArithmeticError

    monkeypatch.setitem(SCANS, name, broken)
    for method in ON_CPU:
        if method == name or (method, name) == ("auto", "chunked"):
            with pytest.raises(ArithmeticError):
                linear_recurrence(gates(1, 40, 2), normal(1, 40, 2), method=method)
        else:
            linear_recurrence(gates(1, 40, 2), normal(1, 40, 2), method=method)


def bad_calls():
    """{what is wrong: (what to change in a good call, the error, words in it)}"""
    a, b = gates(2, 3, 4), normal(2, 3, 4)
    return {
        "no batch": ({"inputs": b[0], "decay": a[0]}, ValueError, ["(B, T, D)", "inputs (3, 4)", "inputs[None]"]),
        "four dimensions": ({"inputs": b[None], "decay": a[None]}, ValueError, ["(B, T, D)", "(1, 2, 3, 4)"]),
        "an empty time axis": ({"inputs": b[:, :0], "decay": a[:, :0]}, ValueError, ["inputs is empty", "(2, 0, 4)"]),
        "an empty batch": ({"inputs": b[:0], "decay": a[:0]}, ValueError, ["inputs is empty", "(0, 3, 4)"]),
        "one decay a channel": ({"decay": a[0, 0]}, ValueError, ["decay (4,)", "(2, 3, 4)", "decay.expand_as(inputs)"]),
        "fewer decays": ({"decay": a[:, 1:]}, ValueError, ["decay (2, 2, 4)", "inputs (2, 3, 4)"]),
        "a state of torch's module": (
            {"hidden": normal(1, 2, 4)},
            ValueError,
            ["hidden (B, D)", "hidden (1, 2, 4)", "hidden.squeeze(0)"],
        ),
        "a state of another width": ({"hidden": normal(2, 3)}, ValueError, ["D is 4 in inputs and 3 in hidden"]),
        "whole numbers": ({"inputs": b.long()}, TypeError, ["inputs", "torch.int64", "inputs.float()"]),
        "complex numbers": ({"decay": a.to(torch.complex64)}, TypeError, ["decay", "complex64"]),
        "mixed dtypes": ({"decay": a.float()}, TypeError, ["decay torch.float32", "inputs torch.float64"]),
        "a state of another dtype": ({"hidden": normal(2, 4).half()}, TypeError, ["hidden torch.float16"]),
        "mixed devices": ({"decay": a.to("meta")}, TypeError, ["decay meta", "inputs cpu", ".to(device)"]),
        "an array": ({"decay": a.numpy()}, TypeError, ["decay", "ndarray", "torch.tensor"]),
        "a number": ({"decay": 0.9}, TypeError, ["decay", "float", "torch.tensor"]),
        "no inputs": ({"inputs": None}, TypeError, ["inputs", "NoneType"]),
    }


@pytest.mark.parametrize("case", bad_calls())
def test_bad_input_gets_a_sentence_before_any_work(case, monkeypatch):
    changed, kind, said = bad_calls()[case]
    monkeypatch.setattr(scan, "_loop", lambda *_: pytest.fail("worked on bad input"))
    monkeypatch.setattr(scan, "_Scan", None)
    for method in METHODS:
        with pytest.raises(kind) as raised:
            linear_recurrence(**{"decay": gates(2, 3, 4), "inputs": normal(2, 3, 4)} | changed, method=method)
        assert type(raised.value) is kind
        assert str(raised.value).startswith("linear_recurrence")
        assert not [words for words in said if words not in str(raised.value)], raised.value
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("given", "meant"), [("hillis", "hillis_steele"), ("chunk", "chunked"), ("cudnn", None)])
def test_an_unknown_method_names_the_others_and_the_nearest(given, meant):
    with pytest.raises(ValueError, match="linear_recurrence: method=") as raised:
        linear_recurrence(None, None, method=given)
    assert all(repr(method) in str(raised.value) for method in METHODS)
    assert (f"Did you mean {meant!r}?" in str(raised.value)) == (meant is not None)


def test_triton_without_a_gpu_says_so_and_what_to_use():
    with pytest.raises(
        ValueError, match=r"method 'triton' cannot do this here: .*(cpu|not installed); use 'chunked' or 'auto'"
    ):
        linear_recurrence(gates(1, 3, 2), normal(1, 3, 2), method="triton")


def test_torchs_prototype_agrees():
    from torch._higher_order_ops.associative_scan import associative_scan

    decay, inputs = gates(2, 33, 3), normal(2, 33, 3)
    _, states = associative_scan(combine, (decay, inputs), dim=1, combine_mode="generic")
    assert largest(linear_recurrence(decay, inputs), states) < EXACT


@pytest.mark.parametrize("method", ["hillis_steele", "blelloch", "chunked"])
def test_decays_just_below_one_cost_no_digits(method):
    """Products of such numbers are all rounded the same way: in float32 that adds up over thousands of steps."""
    decay, inputs = 1 - torch.rand(2, 4097, 5) * 1e-4, normal(2, 4097, 5).float()
    exact = linear_recurrence(decay.double(), inputs.double(), method="loop")
    plain, found = (linear_recurrence(decay, inputs, method=by) for by in ("loop", method))
    assert largest(found, exact) <= 2 * largest(plain, exact) + 1e-6
    assert (found - exact).pow(2).mean().sqrt() < 1e-5 * exact.pow(2).mean().sqrt()
