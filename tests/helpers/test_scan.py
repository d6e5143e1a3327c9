"""helpers.ops.scan: the loop in float64 defines the recurrence; every scan, and every gradient, is held against it."""

import hypothesis
import pytest
import torch
from hypothesis import strategies as st
from scans import check_errors, decays, each_dtype, each_way, recurrence
from tensors import EXACT, largest, normal, relative, with_gradients
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from helpers import builders as graph
from helpers import cost
from helpers.ops import scan
from helpers.ops.scan import METHODS, SCANS, combine, linear_recurrence

pytestmark = pytest.mark.usefixtures("unaided")
DRAWN = hypothesis.settings(max_examples=25)
SIZES = [(2, 1, 3), (1, 2, 1), (3, 63, 5), (2, 64, 7), (1, 65, 1), (2, 1000, 3), (1, 4097, 2)]
ON_CPU = [method for method in METHODS if method != "triton"]
each_method = pytest.mark.parametrize("method", ON_CPU)


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
    decay, inputs = decays(B, T, D), normal(B, T, D)
    keywords = {"reverse": draw(st.booleans())}
    if draw(st.booleans()):
        keywords["hidden"] = normal(B, D, seed=3)
    if draw(st.booleans()):
        decay, inputs = decays(T, D, B).permute(2, 0, 1), normal(B, 2 * T, D)[:, ::2]
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
    tensors = (decay, inputs, hidden)
    copies = [tensor.clone() for tensor in (*tensors, upstream)]
    reference = with_gradients(recurrence, tensors, upstream, **keywords, method="loop")
    for method in ON_CPU:
        results = with_gradients(recurrence, tensors, upstream, **keywords, method=method)
        assert all(largest(*pair) < 1e-11 for pair in zip(results, reference, strict=True)), method
    assert all(map(torch.equal, copies, (*tensors, upstream)))


@each_way
@pytest.mark.parametrize("T", [1, 2, 20])
def test_it_is_the_recurrence_in_pythons_own_numbers(T, reverse):
    decay, inputs, hidden = decays(1, T, 1), normal(1, T, 1), normal(1, 1, seed=2)
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
def test_decays_of_0_near_0_1_and_slightly_above_are_right(decay, T, method):
    inputs, hidden = normal(1, T, 2, dtype=torch.float32), normal(1, 2, seed=2, dtype=torch.float32)
    tensors = [torch.full_like(inputs, decay), inputs, hidden]
    upstream = normal(1, T, 2, seed=3, dtype=torch.float32)
    exact = with_gradients(recurrence, [x.double() for x in tensors], upstream.double(), method="loop")
    # A tree squares one and the same product again and again, and doubles what it was rounded by each time.
    bound = 1e-4 if decay > 1 and method in ("hillis_steele", "blelloch") else 1e-5
    for result, wanted in zip(with_gradients(recurrence, tensors, upstream, method=method), exact, strict=True):
        assert result.isfinite().all()
        assert relative(result, wanted) < bound or largest(result, wanted) < 1e-6


@each_method
def test_a_decay_of_0_forgets_the_state_before_however_large(method):
    inputs, hidden = normal(1, 200, 2), torch.full((1, 2), 1e300, dtype=torch.float64)
    decay = decays(1, 200, 2)
    decay[:, 100] = 0
    states = linear_recurrence(decay, inputs, hidden=hidden, method=method)
    assert torch.equal(states[:, 100], inputs[:, 100])
    assert largest(states[:, 101:], linear_recurrence(decay[:, 101:], inputs[:, 101:], hidden=inputs[:, 100])) < EXACT


def test_chunks_within_chunks_and_a_wide_batch_are_right(poisoned):
    """Three levels of chunks with a rest at each, then so many channels that no chunk is made."""
    for sizes in ((1, 16 * 16 * 16 + 99, 2), (64, 40, 130)):
        tensors = [decays(*sizes), normal(*sizes), normal(sizes[0], sizes[2], seed=2)]
        upstream = normal(*sizes, seed=3)
        for reverse in (False, True):
            loop = with_gradients(recurrence, tensors, upstream, reverse=reverse, method="loop")
            chunked = with_gradients(recurrence, tensors, upstream, reverse=reverse, method="chunked")
            assert all(largest(*pair) < 1e-11 for pair in zip(chunked, loop, strict=True))


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
    decay, inputs = decays(1, T, 2), normal(1, T, 2)
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
    decay, inputs, hidden = decays(2, 70, 3), normal(2, 70, 3), normal(2, 3, seed=2)
    whole = linear_recurrence(decay, inputs, hidden=hidden, method=method)
    for cut in (1, 35, 69):
        half = linear_recurrence(decay[:, :cut], inputs[:, :cut], hidden=hidden, method=method)
        assert largest(half, whole[:, :cut]) < EXACT
        later = linear_recurrence(decay[:, cut:], inputs[:, cut:], hidden=whole[:, cut - 1], method=method)
        assert largest(later, whole[:, cut:]) < EXACT
    for place in (0, 36, 69):
        for tensor in (decay, inputs):
            moved = tensor.clone()
            moved[:, place] += 1.0
            pair = (moved, inputs) if tensor is decay else (decay, moved)
            changed = (linear_recurrence(*pair, hidden=hidden, method=method) != whole).any(dim=2)
            assert not changed[:, :place].any()
            assert changed[:, place].all()


@each_method
def test_channels_and_sequences_do_not_mix(method):
    decay, inputs, hidden = decays(3, 40, 4), normal(3, 40, 4), normal(3, 4, seed=2)
    states = linear_recurrence(decay, inputs, hidden=hidden, method=method)
    rows, columns = torch.tensor([2, 0, 1]), torch.tensor([3, 1, 0, 2])
    swapped = linear_recurrence(
        decay[rows][:, :, columns], inputs[rows][:, :, columns], hidden=hidden[rows][:, columns], method=method
    )
    assert torch.equal(swapped, states[rows][:, :, columns])


@each_method
def test_reverse_is_the_recurrence_of_the_flipped_tensors(method):
    decay, inputs, hidden = decays(2, 50, 3), normal(2, 50, 3), normal(2, 3, seed=2)
    backwards = linear_recurrence(decay, inputs, hidden=hidden, reverse=True, method=method)
    flipped = linear_recurrence(decay.flip(1), inputs.flip(1), hidden=hidden, method=method).flip(1)
    assert largest(backwards, flipped) < EXACT


@each_way
@each_method
@pytest.mark.parametrize("T", [1, 4, 18])
def test_gradients_pass_gradcheck(T, method, reverse):
    sizes = (1, T, 2) if T > 8 else (2, T, 3)
    tensors = [decays(*sizes), normal(*sizes), normal(sizes[0], sizes[2], seed=2)]
    tensors = [tensor.requires_grad_() for tensor in tensors]
    assert gradcheck(lambda a, b, h: linear_recurrence(a, b, hidden=h, reverse=reverse, method=method), tensors)


def test_a_gradient_is_made_only_where_one_is_asked_for_and_a_shared_decay_gets_the_sum():
    inputs, one = normal(2, 30, 3), torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    slopes = {}
    for method in ON_CPU:
        states = linear_recurrence(one.expand_as(inputs), inputs, method=method)
        slopes[method] = torch.autograd.grad(states.sum(), one)[0]  # an upstream gradient without strides, too
        assert not linear_recurrence(torch.ones_like(inputs), inputs, method=method).requires_grad
    assert all(largest(slope, slopes["loop"]) < 1e-10 for slope in slopes.values())


@each_way
@each_method
@pytest.mark.parametrize("T", [1, 6])
def test_second_derivatives_pass_gradgradcheck(T, method, reverse):
    tensors = [tensor.requires_grad_() for tensor in (decays(1, T, 2), normal(1, T, 2), normal(1, 2, seed=2))]
    assert gradgradcheck(lambda a, b, h: recurrence(a, b, h, reverse=reverse, method=method), tensors)


@each_way
def test_second_derivatives_keep_the_digits_of_16_bits(reverse):
    tensors = [decays(2, 40, 3), normal(2, 40, 3), normal(2, 3, seed=2)]

    def penalty(dtype, method):
        leaves = [tensor.to(dtype).requires_grad_() for tensor in tensors]
        states = recurrence(*leaves, reverse=reverse, method=method)
        slopes = torch.autograd.grad(states.sum(), leaves, create_graph=True)
        return torch.autograd.grad(sum(slope.float().square().sum() for slope in slopes), leaves[0])[0]

    assert relative(penalty(torch.bfloat16, "chunked"), penalty(torch.float64, "loop")) < 2e-2


@each_way
@pytest.mark.parametrize("method", ["hillis_steele", "blelloch", "chunked"])
def test_the_hessian_of_torch_func_is_the_loops(method, reverse):
    decay, inputs, hidden = decays(1, 17, 2), normal(1, 17, 2), normal(1, 2, seed=2)

    def loss(a, by):
        return recurrence(a, inputs, hidden, reverse=reverse, method=by).square().sum()

    hessians = [torch.func.hessian(loss)(decay, by) for by in (method, "loop")]
    assert largest(*hessians) < 1e-10


@pytest.mark.parametrize("name", SCANS)
def test_each_method_runs_its_own_code(name, monkeypatch):
    """With one scan broken, exactly that method (and auto, if chunked) fails."""

    def broken(*_):
        raise ArithmeticError

    monkeypatch.setitem(SCANS, name, broken)
    for method in ON_CPU:
        if method == name or (method, name) == ("auto", "chunked"):
            with pytest.raises(ArithmeticError):
                linear_recurrence(decays(1, 40, 2), normal(1, 40, 2), method=method)
        else:
            linear_recurrence(decays(1, 40, 2), normal(1, 40, 2), method=method)


def test_triton_without_a_gpu_says_so_and_what_to_use():
    with pytest.raises(
        ValueError, match=r"method 'triton' cannot do this here: .*(cpu|not installed); use 'chunked' or 'auto'"
    ):
        linear_recurrence(decays(1, 3, 2), normal(1, 3, 2), method="triton")


def test_torchs_prototype_agrees():
    from torch._higher_order_ops.associative_scan import associative_scan

    decay, inputs = decays(2, 33, 3), normal(2, 33, 3)
    _, states = associative_scan(combine, (decay, inputs), dim=1, combine_mode="generic")
    assert largest(linear_recurrence(decay, inputs), states) < EXACT


@pytest.mark.parametrize("method", ["hillis_steele", "blelloch", "chunked"])
def test_decays_just_below_one_cost_no_digits(method):
    """Products of such numbers are all rounded the same way: in float32 that adds up over thousands of steps."""
    decay, inputs = 1 - torch.rand(2, 4097, 5) * 1e-4, normal(2, 4097, 5).float()
    exact = linear_recurrence(decay.double(), inputs.double(), method="loop")
    loop, states = (linear_recurrence(decay, inputs, method=by) for by in ("loop", method))
    assert largest(states, exact) <= 2 * largest(loop, exact) + 1e-6
    assert relative(states, exact) < 1e-5
