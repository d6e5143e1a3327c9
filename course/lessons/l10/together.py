"""What four workers do in this lesson: one launch, every cut, at 4, 40 and 400 words. It imports no plot."""

import functools
import os
import statistics
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from helpers.distributed import Peers, ring, splits, traffic

WORDS = (4, 40, 400)
B, D, HEADS, PIECES = 8, 32, 4, 8
LARGE = 4_000_000  # numbers whose sum the network's own count is compared with
STEPS, EXCHANGES = 256, 64


def squares(outputs):
    """A loss: a sum over examples, words and widths."""
    return outputs.square().sum()


def mean_of_squares(outputs):
    """The same as a mean over the examples."""
    return squares(outputs) / len(outputs)


def every_cut(peers: Peers, sizes: tuple[int, ...] = WORDS) -> dict:
    """{cut: {T: (largest relative difference from the whole, Sent)}}, as this worker sees it."""
    cuts = {
        "batch, LSTM": lstm_by_batch,
        "batch, block": block_by_batch,
        "width, LSTM": lstm_by_width,
        "width, block": block_by_width,
        "layers, LSTM": lstm_by_layers,
        "layers, blocks": blocks_by_layers,
        "layers, LSTM, by words": lstm_by_layers_and_words,
        "time, LSTM": lstm_by_time,
        "time, attention": attention_by_time,
        "time, attention, causal": causal_by_time,
        "time, attention, stripes": striped_by_time,
    }
    return {name: {T: _one(peers, cut, T) for T in sizes} for name, cut in cuts.items()}


def by_formula(cut: str, T: int, P: int = 4) -> int:
    """Bytes that all workers together send in a cut of every_cut, in closed form.

    >>> by_formula("batch, LSTM", 400)
    393216
    """
    sizes, words = dict(P=P, D=D, itemsize=8), dict(B=B, T=T)
    forms = {
        "batch, LSTM": lambda: traffic.by_batch(traffic.LSTM, **sizes),
        # Torch's layer has two LayerNorms with a weight for each of D.
        "batch, block": lambda: traffic.by_batch(traffic.BLOCK + 2 / D, **sizes),
        "width, LSTM": lambda: traffic.lstm_by_width(**sizes, **words),
        "width, block": lambda: traffic.block_by_width(**sizes, **words),
        "time, LSTM": lambda: traffic.lstm_by_time(**sizes, B=B, M=PIECES),
    }
    if cut in forms:
        return round(forms[cut]().bytes)
    form = (
        traffic.attention_by_time(**sizes, **words) if "time" in cut else traffic.by_layers(**sizes, **words, M=PIECES)
    )
    return form.bytes


def odd_sizes(peers: Peers) -> dict:
    """The same with sizes that divide nothing: three workers, seven examples, 101 words, three pieces."""
    few = peers.first(3)
    if few is None:
        return {}
    cuts = {
        "batch, LSTM": lstm_by_batch,
        "batch, block": block_by_batch,
        "layers, LSTM": functools.partial(lstm_by_layers, pieces=3),
        "layers, LSTM, by words": functools.partial(lstm_by_layers_and_words, pieces=3),
        "time, LSTM": functools.partial(lstm_by_time, pieces=3),
    }
    return {name: _one(few, cut, 101, examples=7)[0] for name, cut in cuts.items()}


def _one(peers, cut, T, examples=B):
    torch.manual_seed(T)
    peers.sent()
    pairs = cut(peers, torch.randn(examples, T, D, dtype=torch.float64))
    sent = peers.sent()
    return max(_difference(own, whole) for own, whole in pairs), sent


def _difference(own, whole):
    return ((own - whole).abs().max() / whole.abs().max().clamp(min=1.0)).item()


# ---- the whole, by torch, on one worker


def whole_lstm(inputs, layers=1):
    """(outputs, the LSTM with the gradients of the sum of squares in its weights, the gradient of the inputs)."""
    lstm = nn.LSTM(D, D, layers, bias=False, batch_first=True, dtype=torch.float64)
    inputs = inputs.clone().requires_grad_()
    outputs, _ = lstm(inputs)
    squares(outputs).backward()
    return outputs.detach(), lstm, inputs.grad


def whole_blocks(inputs, layers=1):
    """The same of a stack of torch's Transformer layers."""
    options = dict(norm_first=True, bias=False, batch_first=True, dropout=0.0, dtype=torch.float64)
    stack = nn.ModuleList(nn.TransformerEncoderLayer(D, HEADS, 4 * D, **options) for _ in range(layers))
    inputs = inputs.clone().requires_grad_()
    outputs = inputs
    for layer in stack:
        outputs = layer(outputs)
    squares(outputs).backward()
    return outputs.detach(), stack, inputs.grad


def copy_of(lstm, layer):
    """One layer of an LSTM by itself."""
    alone = nn.LSTM(D, D, 1, bias=False, batch_first=True, dtype=torch.float64)
    weights = {
        name.replace(f"l{layer}", "l0"): value for name, value in lstm.state_dict().items() if f"l{layer}" in name
    }
    alone.load_state_dict(weights)
    return alone


def gradients(model):
    """All gradients in one vector."""
    return splits.flat(weight.grad for weight in model.parameters())


# ---- the cuts: each gives pairs of (what the workers have together, what one has alone)


def lstm_by_batch(peers, inputs):
    """All weights, two of eight examples each."""
    _, lstm, _ = whole_lstm(inputs)
    together = splits.by_batch(peers, lambda part: lstm(part)[0], lstm.parameters(), mean_of_squares, inputs)
    return [(together, gradients(lstm) / len(inputs))]


def block_by_batch(peers, inputs):
    """The same with a block."""
    _, (block,), _ = whole_blocks(inputs)
    used = [weight for weight in block.parameters() if weight.requires_grad]
    together = splits.by_batch(peers, block, used, mean_of_squares, inputs)
    return [(together, gradients(block) / len(inputs))]


def lstm_by_width(peers, inputs):
    """All examples, the gates of eight of 32 units each."""
    outputs, lstm, slope = whole_lstm(inputs)
    weights = [w.detach().view(4, D, D).tensor_split(peers.size, 1)[peers.rank] for w in lstm.parameters()]
    weights = [weight.clone().requires_grad_() for weight in weights]
    inputs = inputs.clone().requires_grad_()
    together = splits.lstm_by_width(peers, inputs, *weights)
    squares(together).backward()
    grads = [w.grad.view(4, D, D).tensor_split(peers.size, 1)[peers.rank] for w in lstm.parameters()]
    return [(together.detach(), outputs), (inputs.grad, slope), *zip((w.grad for w in weights), grads, strict=True)]


def block_by_width(peers, inputs):
    """All examples, one of four heads and 32 of 128 columns each."""
    outputs, (block,), slope = whole_blocks(inputs)
    matrices = [block.self_attn.in_proj_weight, block.self_attn.out_proj.weight]
    matrices += [block.linear1.weight, block.linear2.weight]
    grads = splits.Weights.of(*(matrix.grad for matrix in matrices), HEADS).part(peers.rank, peers.size)
    own = splits.Weights.of(*(matrix.detach() for matrix in matrices), HEADS).part(peers.rank, peers.size)
    own = splits.Weights(*(tensor.clone().requires_grad_() for tensor in own))
    inputs = inputs.clone().requires_grad_()
    together = splits.block_by_width(peers, inputs, own)
    squares(together).backward()
    return [(together.detach(), outputs), (inputs.grad, slope), *zip((w.grad for w in own), grads, strict=True)]


def lstm_by_layers(peers, inputs, pieces=PIECES):
    """One of four layers each, eight sub-batches."""
    outputs, lstm, _ = whole_lstm(inputs, peers.size)
    own = copy_of(lstm, peers.rank)
    together = splits.by_layers(peers, lambda part: own(part)[0], squares, inputs, pieces)
    return _last(together, outputs) + _layer_gradients(peers, own, lstm)


def lstm_by_layers_and_words(peers, inputs, pieces=PIECES):
    """The same, with pieces of the text in place of sub-batches, as many as there are words up to eight."""
    outputs, lstm, _ = whole_lstm(inputs, peers.size)
    own = copy_of(lstm, peers.rank)
    together = splits.by_layers_and_words(peers, own, squares, inputs, min(pieces, inputs.shape[1]))
    return _last(together, outputs) + _layer_gradients(peers, own, lstm)


def blocks_by_layers(peers, inputs):
    """One of four blocks each, eight sub-batches."""
    outputs, stack, _ = whole_blocks(inputs, peers.size)
    expected = gradients(stack[peers.rank])
    own = stack[peers.rank]
    own.zero_grad()
    together = splits.by_layers(peers, own, squares, inputs, PIECES)
    return [*_last(together, outputs), (gradients(own), expected)]


def lstm_by_time(peers, inputs, pieces=PIECES):
    """All weights, a quarter of the words each, eight sub-batches."""
    outputs, lstm, _ = whole_lstm(inputs)
    expected = gradients(lstm)
    lstm.zero_grad()
    together = splits.by_time(peers, lstm, squares, inputs, pieces)
    return [(together, outputs.tensor_split(peers.size, 1)[peers.rank]), (gradients(lstm), expected)]


def attention_by_time(peers, inputs, **options):
    """A quarter of the words each; keys and values go round."""
    T = inputs.shape[1]
    parts = torch.randn(3, B, HEADS, T, D // HEADS, dtype=torch.float64, requires_grad=True)
    grad = torch.randn(B, HEADS, T, D // HEADS, dtype=torch.float64)
    whole = scaled_dot_product_attention(*parts, is_causal=options.get("is_causal", False))
    (slopes,) = torch.autograd.grad((whole * grad).sum(), parts)
    mine = ring.own_positions(T, peers, options.get("is_striped", False))
    own = parts.detach()[..., mine, :]
    result = ring.ring_attention(peers, *own, **options)
    together = ring.ring_gradients(peers, *own, result, grad[..., mine, :], **options)
    return [(result.output, whole.detach()[..., mine, :]), *zip(together, slopes[..., mine, :], strict=True)]


def causal_by_time(peers, inputs):
    """The same, where no word reads a later one."""
    return attention_by_time(peers, inputs, is_causal=True)


def striped_by_time(peers, inputs):
    """The same with words dealt out like cards."""
    return attention_by_time(peers, inputs, is_causal=True, is_striped=True)


def _last(together, outputs):
    return [] if together is None else [(together, outputs)]


def _layer_gradients(peers, own, lstm):
    whole = [weight.grad for name, weight in lstm.named_parameters() if f"l{peers.rank}" in name]
    return [(gradients(own), splits.flat(whole))]


# ---- bytes, turns and seconds


def all_reduces(peers: Peers) -> dict:
    """{P: bytes that this worker sent for the sum of 12 numbers of 8 bytes}, among the first P workers."""
    sent = {}
    for size in (2, 3, 4):
        few = peers.first(size)
        if few:
            few.all_reduce(torch.ones(12, dtype=torch.float64))
            sent[size] = few.sent().bytes
    return sent


def loopback(peers: Peers) -> dict:
    """Bytes that the network inside of this machine carried while 4 million numbers were summed, and those we counted.

    None where the system does not tell, which is anywhere but on Linux.
    """
    numbers = torch.ones(LARGE)
    peers.wait()
    before = carried()
    peers.wait()
    peers.all_reduce(numbers)
    peers.wait()
    after = carried()
    return {"counted": peers.sent().bytes, "carried": None if before is None else after - before}


def carried() -> int | None:
    """Bytes that the loopback of this machine has carried since it started; None where the system does not tell."""
    try:
        lines = Path("/proc/net/dev").read_text(encoding="utf-8").splitlines()
        return next(int(line.split(":")[1].split()[0]) for line in lines if line.strip().startswith("lo:"))
    except (OSError, StopIteration, ValueError):
        return None


def turns(peers: Peers, T: int = 400) -> dict:
    """{form: (query, key) pairs that this worker scores in each turn of a ring}."""
    parts = torch.randn(3, 1, 1, T // peers.size, 4)
    forms = {"every word reads all": {}, "causal, neighbours": {"is_causal": True}}
    forms["causal, stripes"] = {"is_causal": True, "is_striped": True}
    return {name: ring.ring_attention(peers, *parts, **options).pairs for name, options in forms.items()}


def seconds(peers: Peers, runs: int = 3) -> dict:
    """{what: seconds of each run}: one large exchange and 64 small ones of the same bytes; the whole, and cut."""
    small = torch.ones(B, D // peers.size)
    large = small.repeat(EXCHANGES, 1)
    _, lstm, _ = whole_lstm(torch.randn(B, 40, D, dtype=torch.float64))
    inputs = torch.randn(B, STEPS, D, dtype=torch.float64)
    model = lambda part: lstm(part)[0]  # noqa: E731
    alone = lambda part: torch.autograd.grad(squares(model(part)), list(lstm.parameters()))  # noqa: E731
    timed = {
        "one exchange": lambda: peers.all_gather(large),
        "64 exchanges": lambda: [peers.all_gather(small) for _ in range(EXCHANGES)],
        "LSTM, whole": lambda: alone(inputs),
        "one of 8 texts": lambda: alone(inputs[:1]),
        "LSTM, by batch": lambda: splits.by_batch(peers, model, lstm.parameters(), mean_of_squares, inputs),
        "LSTM, by time": lambda: splits.by_time(peers, lstm, squares, inputs, PIECES),
    }
    return {name: [_clocked(peers, call, name) for _ in range(runs)] for name, call in timed.items()}


def _clocked(peers, call, name):
    """Seconds from when all are ready to when all are done; what is not cut is computed by one, while others wait."""
    peers.wait()
    start = time.perf_counter()
    if peers.rank == 0 or name not in ("LSTM, whole", "one of 8 texts"):
        call()
    peers.wait()
    return time.perf_counter() - start


def everything(peers: Peers) -> dict:
    """All of the above: the lesson's one launch."""
    steps = dict(
        cuts=every_cut, odd=odd_sizes, all_reduces=all_reduces, loopback=loopback, turns=turns, seconds=seconds
    )
    return {name: step(peers) for name, step in steps.items()} | {"process": os.getpid()}


def median(results: list[dict], what: str) -> float:
    """The median of what took that many seconds, on worker 0."""
    return statistics.median(results[0]["seconds"][what])
