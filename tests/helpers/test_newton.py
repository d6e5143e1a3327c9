"""helpers.ops.newton: the states of the loop, for all times at once, and a report that says when they are not."""

import math

import pytest
import torch
from started import Started, uncounted
from tensors import largest
from torch.autograd import gradcheck, gradgradcheck

from helpers import elman, limits
from helpers.ops import newton
from helpers.ops.newton import JACOBIANS, NewtonReport, _scan_matrices, newton_recurrence

each_jacobian = pytest.mark.parametrize("jacobian", JACOBIANS)


def call(D=8, gain=0.9, T=64, *, seed=0, drive=1.0, B=1, dtype=torch.float64):
    """inputs (B, T, D) of size `drive`, U = 1, and W with independent normal numbers of variance gain² / D."""
    draw = torch.Generator().manual_seed(seed)
    weight = torch.randn(D, D, generator=draw, dtype=torch.float64) * gain / D**0.5
    inputs = torch.randn(B, T, D, generator=draw, dtype=torch.float64) * drive
    return [tensor.to(dtype) for tensor in (inputs, torch.eye(D, dtype=torch.float64), weight)]


@each_jacobian
@pytest.mark.parametrize("T", [1, 2, 3, 63, 64, 65, 200])
def test_it_finds_the_loops_states(jacobian, T):
    inputs, weight_ih, weight_hh = call(D=5, T=T, B=3)
    bias, hidden = torch.linspace(-1, 1, 5).double(), torch.linspace(-1, 1, 15).double().view(3, 5)
    inputs = inputs.transpose(0, 1).contiguous().transpose(0, 1)
    copy = inputs.clone()
    states, report = newton_recurrence(inputs, weight_ih, weight_hh, bias, hidden=hidden, jacobian=jacobian)
    loop = elman(inputs, weight_ih, weight_hh, bias, hidden=hidden, method="loop")
    assert report.converged
    assert largest(states, loop) == report.difference < 1e-9
    assert report.residual == report.residuals[-1] <= 1e-10 < report.residuals[-2]
    assert report.iterations == len(report.residuals) - 1 <= T
    assert torch.equal(inputs, copy)


@pytest.mark.parametrize(("gain", "fewest", "most"), [(0.5, 3, 5), (0.9, 4, 8), (1.5, 8, 30)])
@pytest.mark.parametrize("T", [64, 1024])
def test_where_the_recurrence_forgets_a_few_iterations_do(gain, fewest, most, T):
    """d = 8, inputs of size 1, seeds 0 to 2; the bounds are wide."""
    for seed in range(3):
        _, report = newton_recurrence(*call(gain=gain, T=T, seed=seed), check=False)
        assert report.converged
        assert fewest <= report.iterations <= most


@each_jacobian
@pytest.mark.parametrize("gain", [0.5, 3.0])
def test_T_iterations_are_always_enough_even_in_chaos(jacobian, gain):
    for seed in range(3):
        _, report = newton_recurrence(*call(gain=gain, T=64, seed=seed), jacobian=jacobian, most=64, tolerance=1e-13)
        assert report.converged
        assert report.difference < 1e-10


@each_jacobian
def test_T_iterations_are_enough_where_products_of_jacobians_overflow(jacobian):
    _, report = newton_recurrence(*call(gain=8.0, T=128, dtype=torch.float32), jacobian=jacobian, most=128)
    assert report.converged
    assert report.difference < 1e-3


@each_jacobian
def test_after_k_iterations_the_first_k_states_are_right(jacobian):
    tensors = call(gain=3.0, T=40)
    loop = elman(*tensors, method="loop")
    for k in (1, 5, 20):
        states, report = newton_recurrence(*tensors, jacobian=jacobian, most=k)
        assert report.iterations == k
        assert largest(states[:, :k], loop[:, :k]) < 1e-13


def test_chaos_is_said_plainly():
    _, report = newton_recurrence(*call(gain=3.0, T=256), most=60)
    assert not report.converged
    assert report.iterations == 60
    assert report.difference > 0.1
    sentence = str(report)
    assert sentence.startswith("NOT converged after 60 iterations")
    assert "not the states of the recurrence" in sentence
    assert "loop" in sentence


def test_a_report_reads_as_a_sentence():
    good = NewtonReport((1.0, 1e-3, 2e-12), 1e-10, 3e-13)
    assert str(good) == "converged in 2 iterations: residual 2.0e-12, 3.0e-13 from the loop"
    assert (
        str(NewtonReport((1.0, 0.0), 1e-10, None))
        == "converged in 1 iteration: residual 0.0e+00, not compared with the loop"
    )
    failed = NewtonReport((1.0, math.nan), 1e-10, None)
    assert not failed.converged
    assert "residual nan, above 1e-10" in str(failed)


def test_the_diagonal_needs_more_iterations_unless_it_is_the_whole_jacobian():
    tensors = call(gain=0.9, T=256)
    dense, diagonal = (newton_recurrence(*tensors, jacobian=by, check=False)[1] for by in JACOBIANS)
    assert dense.iterations < diagonal.iterations < 256
    _, _, weight = tensors
    alone = [tensors[0], tensors[1], torch.diag(weight.diagonal())]  # then the diagonal is the whole Jacobian
    both = [newton_recurrence(*alone, jacobian=by, check=False)[0] for by in JACOBIANS]
    assert largest(*both) < 1e-12


@each_jacobian
def test_float32_reaches_what_float32_can(jacobian):
    tensors = call(D=16, gain=1.0, T=500, dtype=torch.float32)
    states, report = newton_recurrence(*tensors, jacobian=jacobian)
    exact = elman(*(tensor.double() for tensor in tensors), method="loop")
    assert states.dtype == torch.float32
    assert report.converged
    assert report.tolerance == 1e-5
    assert largest(states.double(), exact) < 1e-4


def test_no_input_at_all_is_solved_before_the_first_iteration():
    inputs, weight_ih, weight_hh = call()
    states, report = newton_recurrence(inputs * 0, weight_ih, weight_hh)
    assert not states.any()
    assert report.iterations == 0
    assert report.converged


@each_jacobian
def test_gradients_are_those_of_the_loop(jacobian):
    inputs, weight_ih, weight_hh = call(D=4, T=30, B=2)
    tensors = [inputs, weight_ih, weight_hh, torch.ones(4).double() / 9, torch.ones(2, 4).double() / 7]
    tensors = [tensor.requires_grad_() for tensor in tensors]
    towards = torch.linspace(-1, 1, 240).double().view(2, 30, 4)
    states, report = newton_recurrence(*tensors[:4], hidden=tensors[4], jacobian=jacobian, tolerance=1e-14)
    loop = elman(*tensors[:4], hidden=tensors[4], method="loop")
    assert report.converged
    assert states.requires_grad
    slopes, expected = (torch.autograd.grad(result, tensors, towards) for result in (states, loop))
    assert all(largest(a, b) < 1e-11 for a, b in zip(slopes, expected, strict=True))


@each_jacobian
def test_gradients_pass_gradcheck(jacobian):
    tensors = [tensor.requires_grad_() for tensor in call(D=2, T=5, gain=0.7)]
    assert gradcheck(lambda *t: newton_recurrence(*t, jacobian=jacobian, tolerance=1e-15, check=False)[0], tensors)


@each_jacobian
def test_second_derivatives_pass_gradgradcheck(jacobian):
    tensors = [tensor.requires_grad_() for tensor in call(D=2, T=4, gain=0.7)]
    assert gradgradcheck(lambda *t: newton_recurrence(*t, jacobian=jacobian, tolerance=1e-15, check=False)[0], tensors)


@pytest.fixture
def graphs(monkeypatch):
    """Graphs that are no graphs: what one would hold runs at each replay, where no operation is counted."""

    def record(function, shapes, dtype, device):
        with uncounted():
            buffers = [torch.zeros(size, dtype=dtype, device=device) for size in shapes]
            result = function(*buffers)

        def replay():
            with uncounted():
                result.copy_(function(*buffers))
                replayed.append(function)

        return buffers, result, replay

    replayed = []
    newton._recorded.cache_clear()
    monkeypatch.setattr(newton, "record", record)
    monkeypatch.setattr(newton, "_takes_a_graph", lambda *_: True)
    yield replayed
    newton._recorded.cache_clear()


@each_jacobian
def test_by_graph_an_iteration_is_one_launch_and_one_look_at_the_residual(jacobian, graphs, monkeypatch):
    def started(iterations):
        with torch.no_grad(), Started() as operations:
            newton_recurrence(*tensors, jacobian=jacobian, most=iterations, tolerance=0, check=False)
        return operations.names

    tensors = call(T=4096, gain=1.0, dtype=torch.float32)
    assert started(5) - started(3) == {"_local_scalar_dense": 2}, "two iterations more, two looks more"
    assert len(graphs) == 5 + 3
    monkeypatch.setattr(newton, "_takes_a_graph", lambda *_: False)
    one_by_one = (started(5) - started(3)).total() / 2
    assert one_by_one > 10 * 2, "so many operations did the host start before"


@each_jacobian
def test_a_graph_gives_the_same_again_and_again(jacobian, graphs):
    first, second = (call(T=64, B=2, seed=seed) for seed in (0, 1))
    results = [newton_recurrence(*tensors, jacobian=jacobian) for tensors in (first, second, first)]
    assert [len(set(graphs)), all(report.converged for _, report in results)] == [1, True]
    assert all(report.difference < 1e-9 for _, report in results)
    assert torch.equal(results[0][0], results[2][0])


def test_without_gradients_none_is_prepared():
    tensors = [tensor.requires_grad_() for tensor in call()]
    with torch.no_grad():
        assert not newton_recurrence(*tensors)[0].requires_grad
    assert not newton_recurrence(*(tensor.detach() for tensor in tensors))[0].requires_grad


@pytest.mark.parametrize("T", [1, 2, 3, 4, 5, 8, 13, 64, 65])
def test_the_scan_of_matrices_is_the_loop(T):
    draw = torch.Generator().manual_seed(0)
    matrices, vectors = (torch.randn(2, T, *shape, generator=draw, dtype=torch.float64) / 2 for shape in ((3, 3), (3,)))
    state, states = torch.zeros(2, 3, dtype=torch.float64), []
    for t in range(T):
        state = (matrices[:, t] @ state.unsqueeze(-1)).squeeze(-1) + vectors[:, t]
        states.append(state)
    assert largest(_scan_matrices(matrices, vectors), torch.stack(states, dim=1)) < 1e-12


@each_jacobian
def test_the_first_states_do_not_notice_later_inputs(jacobian):
    inputs, *weights = call(T=20)
    moved = inputs.clone()
    moved[:, 12] += 5
    one, other = (newton_recurrence(x, *weights, jacobian=jacobian, tolerance=1e-14)[0] for x in (inputs, moved))
    assert largest(one[:, :12], other[:, :12]) < 1e-13
    assert largest(one[:, 12:], other[:, 12:]) > 0.1
    short, _ = newton_recurrence(inputs[:, :12], *weights, jacobian=jacobian, tolerance=1e-14)
    assert largest(short, one[:, :12]) < 1e-13


def test_nan_is_blamed_on_what_was_given_at_once():
    inputs, weight_ih, weight_hh = call(T=9)
    inputs[0, 3, 0] = math.nan
    _, report = newton_recurrence(inputs, weight_ih, weight_hh)
    assert (report.iterations, report.converged) == (0, False)
    assert "hold NaN or infinity" in str(report)


def test_jacobians_that_do_not_fit_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(limits, "free_memory", lambda _: 2**20)
    wide = [torch.zeros(1, 20000, 64), torch.zeros(64, 64), torch.zeros(64, 64)]
    with pytest.raises(
        MemoryError, match="the Jacobians need 0.6 GiB, and cpu has 0.0 GiB free; use jacobian='diagonal'"
    ):
        newton_recurrence(*wide)
    assert newton_recurrence(*wide, jacobian="diagonal", check=False)[1].converged
