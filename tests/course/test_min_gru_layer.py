"""minGRU as a layer: by steps, as a loop and as a scan it has the same states, and a text can be read in two parts."""

import torch
from tensors import largest, normal

from course.models.cells import Recurrent
from course.models.min_gru import MinGRU


def layer():
    torch.manual_seed(0)
    return MinGRU(3, 5).double()


def test_steps_loop_and_scan_give_the_same_states():
    words, start = normal(2, 9, 3), (normal(2, 5, seed=1),)
    state, by_steps = start, []
    for word in words.unbind(1):
        state = layer().step(word, state)
        by_steps.append(state[0])
    for method in ("loop", "scan"):
        assert largest(layer()(words, start, method)[0], torch.stack(by_steps, dim=1)) < 1e-12


def test_a_text_can_be_read_in_two_parts():
    words = normal(2, 9, 3)
    states, last = layer()(words)
    _, between = layer()(words[:, :4])
    second, end = layer()(words[:, 4:], between)
    assert largest(second, states[:, 4:]) < 1e-12
    assert torch.equal(end[0], second[:, -1])
    assert largest(end[0], last[0]) < 1e-12


def test_it_reads_in_a_net_as_the_other_layers_do():
    assert Recurrent(7, 4, MinGRU, answers=3)(torch.zeros(2, 6, dtype=torch.int64)).shape == (2, 6, 3)
