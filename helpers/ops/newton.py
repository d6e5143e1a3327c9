"""Newton's method along time: all states of a non-linear recurrence at once, by a few linear ones.

h_t = tanh(U x_t + W h_{t−1} + b) is one equation for each t, in all states together. Newton's method guesses them all,
replaces every step by its tangent at the guess, and solves the linear recurrence that is left, which is a scan and
waits log T times instead of T. Lim et al. 2024, "Parallelizing non-linear sequential models over the sequence length"
(DEER); with only the diagonal of the Jacobian, Gonzalez et al. 2024 (quasi-DEER).
"""

import functools
import math
from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor

from ..arguments import require_sizes, require_word
from ..limits import require_memory
from .cuda_graph import record
from .modes import has_numbers, in_given_dtype, signed
from .recurrence import elman, require_recurrence
from .scan import linear_recurrence

JACOBIANS = ("dense", "diagonal")
LARGEST_GRAPH = 2**26  # numbers of all Jacobians
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


@dataclass(frozen=True)
class NewtonReport:
    """How a solution was reached.

    residuals: max |h_t − tanh(U x_t + W h_{t−1} + b)| before every iteration and after the last. difference: max
    |h_t − the loop's h_t|, None if it was not asked for. Where the recurrence is chaotic a small residual does not
    bring a small difference: the loop itself is then an accident of rounding.

    >>> report = NewtonReport(residuals=(0.5, 1e-3, 2e-12), tolerance=1e-10, difference=3e-13)
    >>> report.iterations, report.converged
    (2, True)
    """

    residuals: tuple[float, ...]
    tolerance: float
    difference: float | None

    @property
    def iterations(self) -> int:
        """How many iterations were made: one less than there are residuals."""
        return len(self.residuals) - 1

    @property
    def residual(self) -> float:
        """The last residual."""
        return self.residuals[-1]

    @property
    def converged(self) -> bool:
        """Whether the last residual is within the tolerance. NaN is not."""
        return self.residual <= self.tolerance

    def __str__(self) -> str:
        count = f"{self.iterations} iteration{'' if self.iterations == 1 else 's'}"
        against = "not compared with the loop" if self.difference is None else f"{self.difference:.1e} from the loop"
        if self.converged:
            return f"converged in {count}: residual {self.residual:.1e}, {against}"
        failure = f"NOT converged after {count}: residual {self.residual:.1e}, above {self.tolerance:.0e}, {against}"
        if math.isnan(self.residuals[0]):
            return f"{failure}. The inputs, the weights or the state before hold NaN or infinity."
        return (
            f"{failure}; these are not the states of the recurrence. "
            "Allow more iterations (T are always enough), or use the loop."
        )


@in_given_dtype
def newton_recurrence(
    inputs: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None = None,
    *,
    hidden: Tensor | None = None,
    jacobian: str = "dense",
    tolerance: float | None = None,
    most: int = 100,
    check: bool = True,
) -> tuple[Tensor, NewtonReport]:
    """h_t = tanh(U x_t + W h_{t−1} + b) without a loop over t. Returns the states (B, T, D) and a `NewtonReport`.

    Look at the report: only where report.converged are they the states of the recurrence.

    inputs (B, T, Din); weight_ih U (D, Din); weight_hh W (D, D); bias (D); hidden (B, D): as in `elman`, float32 or
    float64, and computed in that dtype, under autocast too. The first guess is 0.
    jacobian: "dense" (Newton's method; an iteration is a scan of D × D matrices: below T·D³ multiply–adds, 2 log₂ T
        rounds, T·D² numbers held) or "diagonal" (more iterations, each T·D² for W h and a scan of T·D).
    tolerance: of the residual, 1e-10 in float64 and 1e-5 in float32 unless given. most: iterations at most. After k of
        them the first k states are right, so T are always enough; where the recurrence forgets, very few are.
    check: also run the loop, which takes T steps, and report the difference from it. Off: to time Newton alone.

    On an NVIDIA GPU an iteration is one CUDA graph, recorded for each new set of shapes; it keeps its memory.
    The gradient is that of the recurrence, by one more dense scan, provided that it converged; it can be differentiated
    again. For forward mode take `elman`.
    Raises TypeError (dtypes, devices, a `most` that is not a whole number, tensors whose numbers cannot be looked at),
    ValueError (shapes, an unknown jacobian, a tolerance or `most` that cannot be), MemoryError (the Jacobians).

    >>> states, report = newton_recurrence(torch.ones(1, 3, 1), torch.ones(1, 1), torch.ones(1, 1))
    >>> states.flatten().round(decimals=3), report.converged
    (tensor([0.7620, 0.9430, 0.9600]), True)
    """
    tensors = {"inputs": inputs, "weight_ih": weight_ih, "weight_hh": weight_hh, "bias": bias, "hidden": hidden}
    require_recurrence("newton_recurrence", 1, tensors)
    require_word("jacobian", jacobian, JACOBIANS)
    tolerance, most = _require_possible(inputs, tolerance, most)
    _require_numbers(*(tensor for tensor in tensors.values() if tensor is not None))
    if jacobian == "dense":  # the matrices, and those that are composed of them
        needed = 2 * inputs.element_size() * inputs[..., 0].numel() * weight_hh.numel()
        require_memory("the Jacobians", needed, inputs.device, "jacobian='diagonal', or elman")
    start = inputs.new_zeros(inputs.shape[0], weight_hh.shape[0]) if hidden is None else hidden
    from_input = inputs @ weight_ih.T if bias is None else inputs @ weight_ih.T + bias  # (B, T, D)

    with torch.no_grad():
        states, residuals = _iterate(from_input, weight_hh, start, jacobian, tolerance, most)
        difference = None
        if check:
            loop = elman(inputs, weight_ih, weight_hh, bias, hidden=hidden, method="loop")
            difference = (states - loop).abs().max().item()
    states = _Solved.apply(from_input, weight_hh, start, states)
    return states, NewtonReport(tuple(residuals), tolerance, difference)


def _require_possible(inputs, tolerance, most):
    """The tolerance and `most` as numbers; an error for a dtype or a number that Newton's method cannot have."""
    if inputs.dtype not in TOLERANCE:
        raise TypeError(f"newton_recurrence solves in float32 or float64, got {inputs.dtype}; use .float().")
    tolerance = TOLERANCE[inputs.dtype] if tolerance is None else tolerance
    if not isinstance(tolerance, Real) or not 0 <= tolerance < math.inf:
        raise ValueError(f"tolerance={tolerance!r} was given; expected a number from 0 up, such as 1e-10.")
    (most,) = require_sizes(most=most)
    return tolerance, most


def _require_numbers(*tensors):
    """Raise a TypeError where the residual cannot be looked at; torch.compile leaves that part to Python."""
    if not torch.compiler.is_compiling() and not has_numbers(*tensors):
        raise TypeError(
            "newton_recurrence looks at its numbers after each iteration, and on the meta device and under vmap there "
            "are none; use elman, or give the axis of vmap as B."
        )


def _iterate(from_input, weight, start, jacobian, tolerance, most):
    """Newton's method from the guess 0: the states, and the residual before every iteration and after the last."""
    improve = _improvement(from_input, weight, start, jacobian)
    states = torch.zeros_like(from_input)
    stepped = _step(from_input, weight, start, states)
    residuals = [(stepped - states).abs().max().item()]
    while not (residuals[-1] <= tolerance or len(residuals) > most or math.isnan(residuals[0])):  # NaN stays
        states, stepped, residual = improve(states, stepped)
        residuals.append(residual.item())
    return states, residuals


def _improvement(from_input, weight, start, jacobian):
    """One iteration, from (states, stepped) to (states, stepped, residual): on a GPU as a CUDA graph.

    There the host takes longer to start its small kernels, 129 at T = 16384, than the GPU to run them: on an H200 an
    iteration took 3.5 ms so, and 0.31 ms as a graph. Large Jacobians keep the GPU busy, and a graph their memory.
    """
    if _takes_a_graph(from_input, weight):
        tensors, precision = (from_input, weight, start), torch.get_float32_matmul_precision()
        shapes = tuple(tuple(tensor.shape) for tensor in tensors)
        buffers, improve = _recorded(jacobian, shapes, weight.dtype, weight.device, precision)
        for buffer, tensor in zip(buffers, tensors, strict=True):
            buffer.copy_(tensor)
        return improve
    return functools.partial(_improve, jacobian, from_input, weight, start)


def _takes_a_graph(from_input, weight):
    small = from_input.numel() * weight.shape[0] <= LARGEST_GRAPH
    return from_input.is_cuda and small and not torch.compiler.is_compiling()


@functools.lru_cache(maxsize=4)
def _recorded(jacobian, shapes, dtype, device, precision):
    """(the buffers of from_input, weight and start, one iteration): states and stepped stay in the graph's buffers."""

    def advance(*buffers):
        *_, states, stepped = buffers
        better = _improve(jacobian, *buffers)
        for buffer, tensor in zip((states, stepped), better[:2], strict=True):
            buffer.copy_(tensor)
        return better[2]

    (*buffers, states, stepped), residual, replay = record(advance, (*shapes, shapes[0], shapes[0]), dtype, device)

    def improve(*begin):
        for buffer, tensor in zip((states, stepped), begin, strict=True):
            if tensor is not buffer:  # the first guess
                buffer.copy_(tensor)
        replay()
        return states, stepped, residual

    return buffers, improve


def _improve(jacobian, from_input, weight, start, states, stepped):
    """One iteration: the better states, every state from the one before it, and how far apart those are."""
    slope, missing = 1 - stepped.square(), stepped - states
    # δ_t = J_t δ_{t−1} + missing_t, with J_t = diag(slope_t) W or its diagonal.
    if jacobian == "diagonal":
        change = linear_recurrence(slope * weight.diagonal(), missing)
    else:
        change = _scan_matrices(slope.unsqueeze(-1) * weight, missing)
    better = states + change
    # A product of Jacobians may overflow, far beyond the states that are right already: begin there again.
    better = torch.where(better.isfinite(), better, stepped)
    again = _step(from_input, weight, start, better)
    return better, again, (again - better).abs().max()


def _step(from_input, weight, start, states):
    """Every state from the one before it in `states`."""
    return (from_input + _before(start, states) @ weight.T).tanh()


def _before(start, states):
    """h_{t−1} for every t, (B, T, D)."""
    return torch.cat([start.unsqueeze(1), states[:, :-1]], dim=1)


class _Solved(torch.autograd.Function):
    """The states that solve the recurrence, with its gradient: the implicit function theorem.

    With z_t = U x_t + b + W h_{t−1} and slopes s_t = 1 − h_t², the gradient of h_t is
    g_t = ∂L/∂h_t + Wᵀ (s_{t+1} ⊙ g_{t+1}), a linear recurrence from the last step to the first, and that of z_t is
    s_t ⊙ g_t. It is made of operations that have gradients, so it can be differentiated again.
    """

    @staticmethod
    @signed
    def forward(from_input, weight, start, states):
        return states.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, weight, start, _ = inputs
        ctx.save_for_backward(weight, start, output)

    @staticmethod
    @in_given_dtype
    def backward(ctx, grad):
        weight, start, states = ctx.saved_tensors
        slopes = 1 - states.square()
        later = (weight.unsqueeze(0) * slopes.flip(1)[:, :-1].unsqueeze(-1)).mT  # Wᵀ diag(s_{t+1}), from the last on
        matrices = torch.cat([torch.zeros_like(weight).expand(len(start), 1, -1, -1), later], dim=1)
        to_input = slopes * _scan_matrices(matrices, grad.flip(1)).flip(1)  # (B, T, D)
        to_weight = to_input.flatten(0, 1).T @ _before(start, states).flatten(0, 1)
        return to_input, to_weight, to_input[:, 0] @ weight, None

    @staticmethod
    def jvp(ctx, *_):
        raise NotImplementedError("newton_recurrence has no forward mode; use elman for that.")


def _scan_matrices(matrices, vectors):
    """δ_t = A_t δ_{t−1} + b_t from δ_0 = b_0, for (B, T, D, D) and (B, T, D), in about 2 log₂ T rounds.

    Neighbours are composed, (A', b') after (A, b) is (A'A, A'b + b'), the half as many that result are scanned, which
    gives every second state, and one step from each gives the others. Blelloch 1990.
    """
    T = vectors.shape[1]
    if T == 1:
        return vectors
    first, second = matrices[:, 0 : T - 1 : 2], matrices[:, 1::2]  # T // 2 pairs
    pairs = _apply(second, vectors[:, 0 : T - 1 : 2]) + vectors[:, 1::2]
    odd = _scan_matrices(second @ first, pairs)
    even = _apply(matrices[:, 2::2], odd[:, : (T - 1) // 2]) + vectors[:, 2::2]
    even = torch.cat([vectors[:, :1], even], dim=1)
    both = torch.stack([even[:, : T // 2], odd], dim=2).flatten(1, 2)
    return torch.cat([both, even[:, T // 2 :]], dim=1)


def _apply(matrices, vectors):
    return (matrices @ vectors.unsqueeze(-1)).squeeze(-1)
