"""The recurrent layers equal torch's with the same weights, in values and gradients, by steps and at once."""

import pytest
import torch
from tensors import largest, normal, with_gradients
from torch import nn

from course.models.cells import GRU, LSTM, Elman, Recurrent

TORCHS = {Elman: nn.RNN, GRU: nn.GRU, LSTM: nn.LSTM}
kinds = pytest.mark.parametrize("kind", TORCHS, ids=lambda kind: kind.__name__)


def pair(kind, inputs, width):
    """Ours, and torch's module with the same weights; float64."""
    torch.manual_seed(0)
    ours, theirs = kind(inputs, width).double(), TORCHS[kind](inputs, width, batch_first=True).double()
    weights = [ours.from_input.weight, ours.from_state.weight, ours.from_input.bias, ours.from_state.bias]
    for weight, other in zip(weights, theirs.all_weights[0], strict=True):
        other.data.copy_(weight)
    return ours, theirs, weights


@kinds
@pytest.mark.parametrize("by_steps", [False, True])
@pytest.mark.parametrize("T", [1, 7])
def test_a_layer_equals_torchs_with_the_same_weights(kind, by_steps, T):
    ours, theirs, weights = pair(kind, 3, 5)
    start = [normal(2, 5, seed=place) for place in range(ours.states)]
    upstream = normal(2, T, 5, seed=4)
    states, *gradients = with_gradients(
        lambda words, *parts: ours(words, parts, by_steps=by_steps)[0], [normal(2, T, 3), *start], upstream
    )
    expected, *slopes = with_gradients(
        lambda words, *parts: theirs(words, parts[0][None] if len(parts) == 1 else tuple(p[None] for p in parts))[0],
        [normal(2, T, 3), *start],
        upstream,
    )
    assert states.shape == (2, T, 5)
    for result, reference in zip([states, *gradients], [expected, *slopes], strict=True):
        assert largest(result, reference) < 1e-12
    (ours(normal(2, T, 3), by_steps=by_steps)[0] * upstream).sum().backward()
    (theirs(normal(2, T, 3))[0] * upstream).sum().backward()
    for weight, other in zip(weights, theirs.all_weights[0], strict=True):
        assert largest(weight.grad, other.grad) < 1e-12


@kinds
@pytest.mark.parametrize("by_steps", [False, True])
def test_a_text_can_be_read_in_two_parts(kind, by_steps):
    layer, words = pair(kind, 3, 5)[0], normal(2, 9, 3)
    states, last = layer(words)
    first, between = layer(words[:, :4], by_steps=by_steps)
    second, end = layer(words[:, 4:], between, by_steps=by_steps)
    assert largest(torch.cat([first, second], dim=1), states) < 1e-12
    assert all(largest(part, expected) < 1e-12 for part, expected in zip(end, last, strict=True))
    assert torch.equal(last[0], states[:, -1])


@kinds
def test_the_start_is_torchs(kind):
    torch.manual_seed(0)
    for weight in kind(3, 400).parameters():
        assert weight.abs().max() <= 0.05
        assert weight.std().item() == pytest.approx(0.05 / 3**0.5, rel=0.1)


@kinds
def test_a_net_is_saved_and_loaded_as_weights_alone(kind, tmp_path):
    net, other = Recurrent(17, 6, kind, answers=8), Recurrent(17, 6, kind, answers=8)
    tokens = torch.arange(10).view(2, 5)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    other.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
    assert torch.equal(net(tokens), other(tokens))
    assert net(tokens).shape == (2, 5, 8)
