"""helpers.measuring.races: what a GPU will time runs here at tiny sizes, is what it is called, and is fair."""

from dataclasses import replace

import pytest
import torch
from tensors import largest, normal

from helpers.measuring import races
from helpers.measuring.contests import CONTESTS

CPU = torch.device("cpu")
# The sizes that stand in for those of a GPU, and the lengths.
TINY = {
    races.make_layers: ((2, 4), (8, 16)),
    races.make_lstm_of_batch: ((6, 8), (1, 3)),
    races.make_decoding_step: ((2, 8, 4), (1, 5)),
    races.make_update: ((32, 8, 4), (4, 32)),
}
RACES = {name: contest for name, contest in CONTESTS["cuda"].items() if contest.make in TINY}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", RACES)
def test_a_race_runs_at_tiny_sizes(name):
    sizes, lengths = TINY[RACES[name].make]
    for T in lengths:
        for label, function in replace(RACES[name], sizes=sizes).functions(T, CPU).items():
            result = function()
            tensors = result if RACES[name].trains else [result]
            assert all(part.isfinite().all() for part in tensors), label


def test_every_kind_of_race_is_there():
    assert {contest.make for contest in RACES.values()} == TINY.keys()


def weights(module):
    """How many numbers its matrices hold."""
    return sum(weight.numel() for weight in module.parameters() if weight.ndim > 1)


def test_layers_do_equal_work():
    def new(*shape):
        return torch.zeros(shape)

    T = 32
    calls = races.make_layers(new, T, 2, 4)
    (_, inputs, *lstm), (_, same, *attention) = calls["LSTM"], calls["attention"]
    _, T, D = inputs.shape
    assert inputs is same
    work = {"LSTM": sum(w.numel() for w in lstm if w.ndim > 1), "attention": sum(w.numel() for w in attention)}
    work["attention"] += 2 * T * D  # a word's scores and its mean of the values
    assert work["LSTM"] == work["attention"] == 8 * D**2


def test_the_language_models_have_equal_weights():
    calls = races.make_update(lambda *shape: torch.zeros(shape), 4, 32, 8, 4)
    assert set(calls) == {"LSTM", "attention", "minGRU"}
    for update, _ in calls.values():
        _, layers, _ = update.model
        assert weights(layers) == 24 * 8**2


def test_an_update_learns():
    torch.manual_seed(0)
    for label, (update, texts) in races.make_update(lambda *shape: torch.zeros(shape), 4, 8, 16, 8).items():
        losses = [update(texts).item() for _ in range(60)]
        assert losses[-1] < 0.9 * losses[0], label


def test_no_model_sees_the_word_that_it_should_say():
    for update, texts in races.make_update(lambda *shape: torch.zeros(shape), 6, 6, 8, 4).values():
        changed = texts.clone()
        changed[:, 3] = (changed[:, 3] + 1) % 256
        before, after = (update.model(x) for x in (texts, changed))
        assert largest(before[:, :3], after[:, :3]) < 1e-6
        assert largest(before[:, 3:], after[:, 3:]) > 1e-6


def test_a_step_of_a_block_is_the_block_at_the_last_word():
    torch.manual_seed(0)
    D, heads, T = 8, 2, 5
    step = races._BlockStep(D).double()
    whole = races._Block(races._SelfAttention(D, heads, is_causal=True), D, 4).double()
    whole.mix.project, whole.mix.join = step.project, step.join
    whole.before_mix, whole.before_wide = step.block.before_mix, step.block.before_wide
    whole.wide, whole.back = step.block.wide, step.block.back
    words = normal(3, T, D)
    with torch.no_grad():
        _, key, value = step.project(whole.before_mix(words)).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        key[:, :, -1], value[:, :, -1] = 0, 0  # those of the last word are still to be made
        assert largest(step(words[:, -1], key, value), whole(words)[:, -1]) < 1e-12


def test_steps_of_an_lstm_are_the_lstm():
    torch.manual_seed(0)
    step, whole = races._LSTMStep(4, 2).double(), torch.nn.LSTM(4, 4, 2, batch_first=True).double()
    for layer, cell in enumerate(step.cells):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            setattr(cell, name, getattr(whole, f"{name}_l{layer}"))
    words, states = normal(3, 6, 4), torch.zeros(4, 3, 4, dtype=torch.float64)
    with torch.no_grad():
        outputs = torch.stack([step(words[:, t], states) for t in range(6)], dim=1)
        assert largest(outputs, whole(words)[0]) < 1e-12
