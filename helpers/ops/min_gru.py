"""minGRU: a gated recurrent unit whose gate does not see the state, so that a scan replaces the loop. Feng et al. 2024,
"Were RNNs all we needed?".

    z_t = σ(W_z x_t + b_z)      h̃_t = W_h x_t + b_h      h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ h̃_t

The gates of all steps are one matrix product; what is left is `linear_recurrence` with decay 1 − z and inputs z ⊙ h̃.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import require_tensors, require_word
from .modes import has_numbers, in_given_dtype, shows_non_finite
from .scan import linear_recurrence

METHODS = ("auto", "loop", "scan", "log")
SPEC = {
    "inputs": "B T Din",
    "weight_gate": "D Din",
    "weight_hidden": "D Din",
    "bias_gate": "[D]",
    "bias_hidden": "[D]",
    "hidden": "[B D]",
}


@in_given_dtype
def min_gru(
    inputs: Tensor,
    weight_gate: Tensor,
    weight_hidden: Tensor,
    bias_gate: Tensor | None = None,
    bias_hidden: Tensor | None = None,
    *,
    hidden: Tensor | None = None,
    positive: bool | None = None,
    method: str = "auto",
) -> Tensor:
    """Every hidden state, (B, T, D).

    inputs (B, T, Din); weight_gate W_z, weight_hidden W_h (D, Din); bias_gate, bias_hidden (D); hidden: the state
    before the first step, (B, D), zeros unless given.
    positive: h̃ = g(W_h x + b_h) with g(x) = x + ½ for x ≥ 0, σ(x) below. That is another model with the same weights,
        the paper's appendix B: its states are above 0 and have logarithms. True for method "log", which has only this
        model, else False unless given.
    method: "loop" (one step after the other, the definition), "scan" (`linear_recurrence`, with its "auto"), "log" (the
        paper's way, for comparison: h_t = exp(A_t + log Σ_s exp(log(z_s h̃_s) − A_s)), where A is the cumulative sum of
        log(1 − z)), "auto" (scan). All can be differentiated twice; by forward mode (torch.func.jvp)
        too, where "log" loses more digits still.

    Gates and states are float32 inside (float64 if inputs are), under autocast too. The error of log is that of A,
    which grows with T: with gates around ½ the states were wrong by 2·10⁻⁵ (relative rms) at T = 1000 and 3·10⁻⁴ at
    16384, and the gradient of W_z, whose terms cancel, by 4·10⁻³ and by more than its size; by scan and loop at most
    4·10⁻⁷ at every T.
    Work: 2·T·Din·D multiply–adds and those of the recurrence.

    Raises TypeError (not floating point, dtypes or devices differ), ValueError (shapes, unknown method, log without
    positive, or from a state that is not above 0).

    >>> inputs, gate, candidate = torch.ones(1, 3, 1), torch.zeros(1, 1), torch.full((1, 1), 8.0)
    >>> min_gru(inputs, gate, candidate).flatten()  # the gate is ½: every state goes half of the way to 8
    tensor([4., 6., 7.])
    """
    method = require_word("min_gru: method", method, METHODS)
    tensors = (inputs, weight_gate, weight_hidden, bias_gate, bias_hidden, hidden)
    require_tensors("min_gru", SPEC, dict(zip(SPEC, tensors, strict=True)))
    positive = method == "log" if positive is None else bool(positive)
    if method == "log":
        _require_logarithms(positive, hidden)

    wide = torch.promote_types(inputs.dtype, torch.float32)
    gate = F.linear(inputs, weight_gate, bias_gate).to(wide)  # (B, T, D)
    candidate = F.linear(inputs, weight_hidden, bias_hidden).to(wide)
    hidden = None if hidden is None else hidden.to(wide)
    if method == "log":
        states = _by_logarithms(gate, candidate, hidden)
        if not shows_non_finite(states[:, -1]):
            return states.to(inputs.dtype)
        method = "loop"
    if positive:
        candidate = torch.where(candidate >= 0, candidate + 0.5, candidate.sigmoid())
    # σ(−k) is 1 − σ(k), without the digits that the difference loses where the gate is almost open.
    decay, entering = (-gate).sigmoid(), gate.sigmoid() * candidate
    recurrence = "loop" if method == "loop" else "auto"
    return linear_recurrence(decay, entering, hidden=hidden, method=recurrence).to(inputs.dtype)


def _require_logarithms(positive, hidden):
    """Raise a ValueError where method "log" would meet a number that has no logarithm."""
    if not positive:
        raise ValueError("min_gru cannot run method 'log' without positive=True: logarithms need it; or use 'scan'.")
    if hidden is not None and has_numbers(hidden) and not (hidden > 0).all():
        low = hidden.min().item()
        raise ValueError(f"min_gru by 'log' needs hidden above 0, got {low:.3g}; leave it out for 0, or use 'scan'.")


def _by_logarithms(gate, candidate, hidden):
    """The paper's appendix B: everything in logarithms, which for g are log(x + ½), and log σ(x) below 0."""
    decayed = (-F.softplus(gate)).cumsum(1)  # (B, T, D): A_t = Σ_{s≤t} log(1 − z_s)
    candidate = torch.where(candidate >= 0, (F.relu(candidate) + 0.5).log(), -F.softplus(-candidate))
    terms = candidate - F.softplus(-gate) - decayed
    if hidden is not None:
        terms = torch.cat([hidden.log().unsqueeze(1), terms], dim=1)  # (B, 1 + T, D)
    return (decayed + terms.logcumsumexp(1)[:, -decayed.shape[1] :]).exp()
