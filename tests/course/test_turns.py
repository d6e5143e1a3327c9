"""A race in training: each on its own clock, in turns, on the same batches; interruptible. No test asserts a time."""

import signal

import pytest
import torch
from torch import nn

from course.training import turns
from course.training.turns import train_in_turns


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves on only while a model computes: a quarter of a second a reading."""
    seconds = [0.0]

    def read():
        seconds[0] += 0.125
        return seconds[0]

    monkeypatch.setattr(turns.time, "process_time", read)


def numbers(generator):
    return torch.rand(8, 3, generator=generator)


def error(model, batch):
    return (model(batch) - batch.sum(dim=-1, keepdim=True)).square().mean()


def line():
    return nn.Linear(3, 1)


def race(**settings):
    names = settings.pop("names", "ab")
    settings = {"seconds": 2.0, "rates": dict.fromkeys(names, 0.05)} | settings
    return train_in_turns(dict.fromkeys(names, line), numbers, error, **settings)


def test_equals_get_the_same_steps_batches_and_weights(clock):
    first, second = race().values()
    assert first.steps == second.steps == 16
    assert first.curve == second.curve
    assert torch.equal(first.model.weight, second.model.weight)


def test_they_take_turns_of_half_a_second(clock):
    order = []

    def make(name):
        net = line()
        net.register_forward_hook(lambda *_: order.append(name))
        return net

    makers = {name: lambda name=name: make(name) for name in "ab"}
    train_in_turns(makers, numbers, error, seconds=1.0, rates={"a": 0.1, "b": 0.1})
    assert "".join(order) == "ab" + "aaaabbbb" * 2  # each rehearses once


def test_each_is_measured_at_the_seconds_asked_and_at_its_end_off_its_clock(clock):
    asked = []

    def measure(model):
        turns.time.process_time()
        asked.append(model.training)
        return 1.0

    racers = race(measure=measure, at=[0.25, 1.0, 9.0])
    for racer in racers.values():
        assert [(second, step) for second, step, _ in racer.points] == [(0.25, 2), (1.0, 8), (2.0, 16)]
        assert not racer.model.training
    assert not any(asked)


def test_the_rate_warms_up_and_falls_to_a_tenth():
    rate = turns._rate(1.0, 10.0)
    run = turns.Racer(None, "10 s")
    assert rate(run) == pytest.approx(1 / 21)
    run.curve = [(step, 0.0) for step in range(100)]
    run.seconds = 5.0
    assert rate(run) == pytest.approx(0.55)
    run.seconds = 10.0
    assert rate(run) == pytest.approx(0.1)


def test_each_has_its_own_rate(clock):
    slow, quick = race(rates={"a": 1e-6, "b": 0.1}).values()
    assert slow.curve[-1][1] > quick.curve[-1][1]


def test_an_interrupt_ends_the_race_with_what_there_is(clock):
    shares = []

    def interrupt(racers, done):
        shares.append(done)
        if len(shares) == 3:
            signal.raise_signal(signal.SIGINT)

    racers = race(watch=interrupt, measure=lambda model: 1.0)
    assert all(racer.interrupted and 0 < racer.steps < 16 and racer.points for racer in racers.values())
    assert all("It was interrupted" in racer.says("bits", 9.0, at_most=3.0) for racer in racers.values())


def test_torch_is_left_as_it_was(clock):
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    race()
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(2), expected)
    assert (torch.tensor(1e-40) * 1).item() > 0  # denormal numbers are kept again


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="no learning rate for b"):
        race(rates={"a": 0.1})
    with pytest.raises(ValueError, match="seconds above 0"):
        race(seconds=0)
