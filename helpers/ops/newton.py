"""Newton's method along time: all states of a non-linear recurrence at once, by a few linear ones.

h_t = tanh(U x_t + W h_{t−1} + b) is one equation for each t, in all states together. Newton's method guesses them all,
replaces every step by its tangent at the guess, and solves the linear recurrence that is left, which is a scan and
waits log T times instead of T. Lim et al. 2024, "Parallelizing non-linear sequential models over the sequence length"
(DEER); with only the diagonal of the Jacobian, Gonzalez et al. 2024 (quasi-DEER).
"""

import math
from dataclasses import dataclass
from numbers import Real

import torch

from ..arguments import require_sizes, require_word
from ..limits import require_memory
from .recurrence import elman, require_recurrence
from .scan import linear_recurrence

JACOBIANS = ("dense", "diagonal")
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


@dataclass(frozen=True)
class NewtonReport:
    """How a solution was found.

    residuals: max |h_t − tanh(U x_t + W h_{t−1} + b)| before every iteration and after the last. difference: max
    |h_t − the loop's h_t|, None if it was not asked for. Where the recurrence is chaotic a small residual does not
    bring a small difference: the loop itself is then an accident of rounding.
    """

    residuals: tuple[float, ...]
    tolerance: float
    difference: float | None

    iterations = property(lambda self: len(self.residuals) - 1)
    residual = property(lambda self: self.residuals[-1])
    converged = property(lambda self: self.residual <= self.tolerance)  # NaN is not

    def __str__(self):
        count = f"{self.iterations} iteration{'s' * (self.iterations != 1)}"
        against = "not compared with the loop" if self.difference is None else f"{self.difference:.1e} from the loop"
        if self.converged:
            return f"converged in {count}: residual {self.residual:.1e}, {against}"
        lost = f"NOT converged after {count}: residual {self.residual:.1e}, above {self.tolerance:.0e}, {against}"
        if math.isnan(self.residuals[0]):
            return f"{lost}. The inputs, the weights or the state before hold NaN or infinity."
        return f"{lost}; these are not the states of the recurrence. Allow more iterations (T are always enough), or use the loop."


def newton_recurrence(
    inputs, weight_ih, weight_hh, bias=None, *, hidden=None, jacobian="dense", tolerance=None, most=100, check=True
):
    """h_t = tanh(U x_t + W h_{t−1} + b) without a loop over t. Returns the states (B, T, D) and a `NewtonReport`.

    Look at the report: only where report.converged are they the states of the recurrence.

    inputs (B, T, Din); weight_ih U (D, Din); weight_hh W (D, D); bias (D); hidden (B, D): as in `elman`, float32 or
    float64. The first guess is 0.
    jacobian: "dense" (Newton's method; an iteration is a scan of D × D matrices: below T·D³ multiply–adds, 2 log₂ T rounds,
        T·D² numbers held) or "diagonal" (more iterations, each T·D² for W h and a scan of T·D).
    tolerance: of the residual, 1e-10 in float64 and 1e-5 in float32 unless given. most: iterations at most. After k of
        them the first k states are right, so T are always enough; where the recurrence forgets, very few are.
    check: also run the loop, which takes T steps, and report the difference from it. Off: to time Newton alone.

    The gradient is that of the recurrence, by one more dense scan, provided that it converged.
    Raises TypeError (dtypes, devices, a most that is no whole number), ValueError (shapes, an unknown jacobian, a tolerance
    or most that cannot be).
    """
    given = {"inputs": inputs, "weight_ih": weight_ih, "weight_hh": weight_hh, "bias": bias, "hidden": hidden}
    require_recurrence("newton_recurrence", 1, given)
    require_word("jacobian", jacobian, JACOBIANS)
    if inputs.dtype not in TOLERANCE:
        raise TypeError(f"newton_recurrence solves in float32 or float64, got {inputs.dtype}; use .float().")
    tolerance = TOLERANCE[inputs.dtype] if tolerance is None else tolerance
    if not isinstance(tolerance, Real) or not 0 <= tolerance < math.inf:
        raise ValueError(f"tolerance={tolerance!r} was given; expected a number from 0 up, such as 1e-10.")
    (most,) = require_sizes(most=most)
    if jacobian == "dense":  # the matrices, and those that are composed of them
        needed = 2 * inputs.element_size() * inputs[..., 0].numel() * weight_hh.numel()
        require_memory("the Jacobians", needed, inputs.device, "jacobian='diagonal', or elman")
    start = inputs.new_zeros(inputs.shape[0], weight_hh.shape[0]) if hidden is None else hidden
    from_input = inputs @ weight_ih.T if bias is None else inputs @ weight_ih.T + bias  # (B, T, D)

    with torch.no_grad():
        states, residuals = torch.zeros_like(from_input), []
        while True:
            stepped = _step(from_input, weight_hh, start, states)
            rest = stepped - states
            residuals.append(rest.abs().max().item())
            if residuals[-1] <= tolerance or len(residuals) > most or math.isnan(residuals[0]):  # NaN stays
                break
            states = states + _solve(1 - stepped.square(), weight_hh, rest, jacobian)
            # A product of Jacobians may overflow, far beyond the states that are right already: begin there again.
            states = torch.where(states.isfinite(), states, stepped)
        difference = None
        if check:
            loop = elman(inputs, weight_ih, weight_hh, bias, hidden=hidden, method="loop")
            difference = (states - loop).abs().max().item()
    if torch.is_grad_enabled() and (from_input.requires_grad or weight_hh.requires_grad or start.requires_grad):
        stepped = _step(from_input, weight_hh, start, states)
        change = _solve((1 - stepped.square()).detach(), weight_hh.detach(), stepped - states, "dense")
        states = states + (change - change.detach())  # the implicit function theorem: the value stays, the slope is new
    return states, NewtonReport(tuple(residuals), tolerance, difference)


def _step(from_input, weight, start, states):
    """Every state from the one before it in `states`."""
    before = torch.cat([start.unsqueeze(1), states[:, :-1]], dim=1)  # h_{t−1}
    return (from_input + before @ weight.T).tanh()


def _solve(slope, weight, rest, jacobian):
    """δ_t = J_t δ_{t−1} + rest_t with J_t = diag(slope_t) W, or its diagonal: what a Newton step changes."""
    if jacobian == "diagonal":
        return linear_recurrence(slope * weight.diagonal(), rest)
    return _scan(slope.unsqueeze(-1) * weight, rest)


def _scan(matrices, vectors):
    """δ_t = A_t δ_{t−1} + b_t from δ_0 = b_0, for (B, T, D, D) and (B, T, D), in about 2 log₂ T rounds.

    Neighbours are composed, (A', b') after (A, b) is (A'A, A'b + b'), the half as many that result are scanned, which
    gives every second state, and one step from each gives the others. Blelloch 1990.
    """
    T = vectors.shape[1]
    if T == 1:
        return vectors
    first, second = matrices[:, 0 : T - 1 : 2], matrices[:, 1::2]  # T // 2 pairs
    pairs = _apply(second, vectors[:, 0 : T - 1 : 2]) + vectors[:, 1::2]
    odd = _scan(second @ first, pairs)
    even = _apply(matrices[:, 2::2], odd[:, : (T - 1) // 2]) + vectors[:, 2::2]
    even = torch.cat([vectors[:, :1], even], dim=1)
    both = torch.stack([even[:, : T // 2], odd], dim=2).flatten(1, 2)
    return torch.cat([both, even[:, T // 2 :]], dim=1)


def _apply(matrices, vectors):
    return (matrices @ vectors.unsqueeze(-1)).squeeze(-1)
