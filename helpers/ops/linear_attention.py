"""Linear attention: without the softmax the sum over the keys can be carried as a matrix, so attention is an RNN.

With features φ, query t reads Σ_s (φ(q_t)·φ(k_s)) v_s = φ(q_t) Σ_s φ(k_s) v_sᵀ: the sum on the right does not depend on
the query. Katharopoulos et al. 2020, "Transformers are RNNs", equations 9 to 20.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import require_tensors, require_word, shape
from ..limits import require_memory
from .attention import REMEDIES, SPEC
from .modes import in_given_dtype, shows_non_finite

METHODS = ("auto", "recurrent", "parallel", "chunked")
CHUNK = 64  # steps; the scores of a chunk are then about as many as the numbers of its state


def elu_plus_one(x: Tensor) -> Tensor:
    """elu(x) + 1: above 0 everywhere, x + 1 for x > 0 and eˣ below. Katharopoulos et al. 2020, equation 7.

    >>> elu_plus_one(torch.tensor([0.0, 2.0]))
    tensor([1., 3.])
    """
    return F.elu(x) + 1


@in_given_dtype
def linear_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    is_causal: bool = True,
    method: str = "auto",
    feature: Callable[[Tensor], Tensor] = elu_plus_one,
) -> Tensor:
    """Every query reads a mean of the values, weighted by φ(q)·φ(k) instead of a softmax. Returns (…, Tq, Dv).

    query (…, Tq, D), key (…, Tk, D), value (…, Tk, Dv): as in `attention`, usually (B, H, T, D).
    is_causal: query t sees the keys up to its own position, and there are as many keys as queries.
    method: "recurrent" (an RNN whose state is the D × Dv matrix Σ φ(k) vᵀ, beside the sum of the φ(k): T steps, the
        definition), "parallel" (the T × T matrix of weights, masked and divided by its row sums), "chunked" (parallel
        inside chunks of 64 steps, recurrent between them; the fast one), "auto" (chunked). All can be differentiated
        as often as you like.
    feature: φ, from (…, T, D) to (…, T, any width). Weights are a mean only if φ is never below 0; a query whose
        weights are all 0 reads 0.

    For 16-bit tensors sums over time are carried in float32; what "parallel" and "chunked" multiply stays in 16 bits.
    NaN and infinity reach no query before their own position; on a GPU that holds for "recurrent" alone.
    Work T·D(2·Dv + 1) multiply–adds a head as an RNN, T²(D + Dv) in parallel, T(64(D + Dv) + D(2·Dv + 1)) in chunks.
    Raises TypeError (not floating point, dtypes or devices differ), ValueError (shapes, an empty axis, unknown method),
    MemoryError (parallel, when the weights do not fit).

    >>> ones, value = torch.ones(3, 2), torch.tensor([[0.0], [2.0], [4.0]])
    >>> linear_attention(ones, ones, value).flatten()  # equal weights: the mean of all values so far
    tensor([0., 1., 2.])
    """
    method = require_word("linear_attention: method", method, METHODS)
    require_tensors("linear_attention", SPEC, {"query": query, "key": key, "value": value}, REMEDIES)
    if not callable(feature):
        raise TypeError(f"feature is a {type(feature).__name__}; give a function of queries, as in feature=torch.exp.")
    T, shapes = key.shape[-2], f"query {shape(query)} and key {shape(key)}"
    if is_causal and query.shape[-2] != T:
        raise ValueError(
            f"is_causal needs one key for each query, got {shapes}; give is_causal=False, or as many keys as queries."
        )
    if method == "parallel":  # the weights before and after the mask
        needed = 2 * query.element_size() * T * query[..., 0].numel()
        require_memory(f"the weights of {shapes}", needed, query.device, "method 'chunked', or a shorter T")
    query, key = _features(feature, query), _features(feature, key)
    sums = torch.promote_types(query.dtype, torch.float32)  # the dtype of sums over time
    if method == "recurrent":
        return _recurrent(query, key, value, is_causal, sums)
    by_products = _parallel if method == "parallel" else _chunked
    output = by_products(query, key, value, is_causal, sums)
    if shows_non_finite(output):
        return _recurrent(query, key, value, is_causal, sums)
    return output


def _features(feature, tensor):
    features = feature(tensor)
    if not isinstance(features, Tensor):
        raise ValueError(f"feature made a {type(features).__name__} of {shape(tensor)}; it must return a tensor.")
    if features.shape[:-1] != tensor.shape[:-1] or not features.shape[-1]:
        raise ValueError(
            f"feature made {shape(features)} of {shape(tensor)}; it may change the size of the last dimension alone."
        )
    return features.to(tensor.dtype)


def _recurrent(query, key, value, is_causal, sums):
    dtype, (query, key, value) = value.dtype, (tensor.to(sums) for tensor in (query, key, value))
    state = value.new_zeros(*key.shape[:-2], key.shape[-1], value.shape[-1])  # (…, D, Dv)
    total = torch.zeros_like(key[..., 0, :])  # (…, D)
    rows = []
    for t in range(key.shape[-2]):
        state = state + key[..., t, :, None] * value[..., t, None, :]
        total = total + key[..., t, :]
        if is_causal:
            rows.append(_read_state(query[..., t : t + 1, :], state, total))
    return (torch.cat(rows, dim=-2) if is_causal else _read_state(query, state, total)).to(dtype)


def _read_state(query, state, total):
    """What queries (…, Tq, D) read from a state (…, D, Dv) and the sum of its keys (…, D): (…, Tq, Dv)."""
    return query @ state / _not_zero(query * total.unsqueeze(-2))


def _parallel(query, key, value, is_causal, sums):
    weights = query @ key.transpose(-2, -1)  # (…, Tq, Tk)
    weights = weights.tril() if is_causal else weights
    return (weights / _not_zero(weights, sums)).to(value.dtype) @ value


def _chunked(query, key, value, is_causal, sums):
    T, dtype = key.shape[-2], value.dtype
    if T <= CHUNK:
        return _parallel(query, key, value, is_causal, sums)
    # Means over the past rather than sums: those stay small enough for 16 bits, however long the past is.
    key, value = _chunks(key), _chunks(value)  # (…, chunks, CHUNK, width)
    states = key.mT @ value  # (…, chunks, D, Dv), of each chunk alone
    totals = key.sum(-2, dtype=sums)  # (…, chunks, D)
    if not is_causal:
        weight = _not_zero(query * totals.sum(-2, keepdim=True))
        return (query * (T / weight)).to(dtype) @ (states.sum(-3, dtype=sums) / T).to(dtype)
    query = _chunks(query)
    steps = torch.arange(CHUNK, T, CHUNK, device=key.device)[:, None, None]  # before each chunk but the first
    means = (states[..., :-1, :, :].cumsum(-3, dtype=sums) / steps).to(dtype)
    totals = totals[..., :-1, :].cumsum(-2).unsqueeze(-2)
    # With zeros for the first chunk, which has no past. Padded late, where there are fewest bytes.
    means, totals, steps = (F.pad(part, (0, 0, 0, 0, 1, 0)) for part in (means, totals, steps))
    within = (query @ key.mT).tril()  # (…, chunks, CHUNK, CHUNK)
    weight = _not_zero(within, sums, query * totals)
    here = (within / weight).to(dtype) @ value
    past = (query * (steps / weight)).to(dtype)
    mixed = torch.baddbmm(*(part.flatten(0, -3) for part in (here, past, means)))  # here + past @ means, in one pass
    return mixed.view(here.shape).flatten(-3, -2)[..., :T, :]


def _chunks(tensor):
    """(…, T, width) as (…, chunks, CHUNK, width); the last chunk is filled up with zeros, which add nothing."""
    missing = -tensor.shape[-2] % CHUNK
    return (F.pad(tensor, (0, 0, 0, missing)) if missing else tensor).unflatten(-2, (-1, CHUNK))


def _not_zero(weights, sums=None, more=None):
    """The sum of each query's weights, and of those in `more`, (…, Tq, 1); 1 where it is 0: such a query reads 0."""
    weight = weights.sum(-1, keepdim=True, dtype=sums)
    if more is not None:
        weight = weight + more.sum(-1, keepdim=True)
    return weight + (weight == 0)
