"""A race in training: several models learn one text for the same time, in turns, each on its own clock."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .loop import Training, interrupt_between_steps, one_thread, stepper

SLICE = 0.5  # seconds of one turn
BETAS = (0.9, 0.99)  # of Adam
WARM_UP = 20  # steps
LEAST = 0.1  # of the learning rate is left at the end


@dataclass
class Racer(Training):
    """What one model came to. seconds: of its own clock. points: [(second, step, measured)], where it was asked."""

    points: list[tuple[float, int, float]] = field(default_factory=list)


def train_in_turns(
    models: Mapping[str, Callable[[], nn.Module]],
    batches: Callable[[torch.Generator], Tensor],
    loss: Callable[[nn.Module, Tensor], Tensor],
    *,
    seconds: float,
    rates: Mapping[str, float],
    measure: Callable[[nn.Module], float] | None = None,
    at: Sequence[float] = (),
    seed: int = 0,
    watch: Callable[[dict[str, Racer], float], None] | None = None,
) -> dict[str, Racer]:
    """Train each model for so many seconds of this process's CPU clock, half a second at a time, one after the other.

    What else runs on the machine lengthens the race, and takes nothing from one model that it does not take from all
    (apart from caches). Drawing a batch counts; measuring, the display and one update before the start do not. All see
    the same batches in the same order, on one thread of the CPU, with Adam, a gradient cut to 1, 20 steps of warm-up,
    then a cosine over the seconds to a tenth of the rate; numbers too small for full precision become 0.

    models: {name: function of nothing that makes one}, called under the seed. rates: {name: learning rate}.
    measure: what is asked of a model at the seconds `at`, and at the end. watch: called after each turn with the racers
    and the share done, 0 to 1. An interrupt ends the race with what there is.
    Raises ValueError (no model, no rate, seconds not positive) and CourseError where a loss is not finite.

    >>> line = lambda generator: torch.rand(8, 1, generator=generator)
    >>> square = lambda net, x: (net(x) - 2 * x).square().mean()
    >>> make = lambda: nn.Linear(1, 1)
    >>> racers = train_in_turns({"a": make, "b": make}, line, square, seconds=0.05, rates={"a": 0.1, "b": 0.001})
    >>> sorted(racers), racers["a"].seconds >= 0.05, racers["a"].interrupted
    (['a', 'b'], True, False)
    """
    if not models or seconds <= 0:
        raise ValueError(f"train_in_turns: give models and seconds above 0; given: {list(models)} and {seconds}.")
    if missing := [name for name in models if name not in rates]:
        raise ValueError(f"train_in_turns: rates has no learning rate for {', '.join(missing)}.")
    watch = watch or (lambda racers, done: None)
    with one_thread(), _small_numbers_are_zero(), torch.random.fork_rng(devices=[]):
        turns = {}
        for name, make in models.items():
            _rehearse(make, batches, loss)
            torch.manual_seed(seed)
            racer = Racer(make(), f"{seconds:g} s")
            rate = _rate(rates[name], seconds)
            step = stepper(racer.model, batches, loss, torch.Generator().manual_seed(seed), rate, betas=BETAS)
            turns[name] = racer, _Turn(racer, step, measure, sorted(second for second in at if second < seconds))
        racers = {name: racer for name, (racer, _) in turns.items()}
        _race(racers, [turn for _, turn in turns.values()], seconds, watch)
    watch(racers, _done(racers, seconds))
    return racers


def _race(racers, turns, seconds, watch):
    interrupted = []
    try:
        with interrupt_between_steps() as interrupted:
            for until in _ends_of_turns(seconds):
                for turn in turns:
                    turn.train(until, interrupted)
                    watch(racers, _done(racers, seconds))
                if interrupted:
                    break
    except KeyboardInterrupt:  # a second one: at once
        interrupted = [True]
    for turn in turns:
        turn.racer.interrupted = bool(interrupted)
        turn.ask()
        turn.racer.model.eval()


class _Turn:
    """One racer's part: train up to a second of its clock, and be asked at some."""

    def __init__(self, racer, step, measure, at):
        self.racer, self.step, self.measure, self.at = racer, step, measure, at

    def train(self, until, interrupted):
        racer = self.racer
        racer.model.train()
        while racer.seconds < until and not interrupted:
            start = time.process_time()
            racer.curve.append((racer.steps + 1, self.step(racer)))
            racer.seconds += time.process_time() - start
            if self.at and racer.seconds >= self.at[0]:
                self.at = [second for second in self.at if second > racer.seconds]
                self.ask()

    def ask(self):
        if self.measure:
            self.racer.model.eval()
            self.racer.points.append((self.racer.seconds, self.racer.steps, self.measure(self.racer.model)))
            self.racer.model.train()


def _rate(most, seconds):
    """A function of a run to the learning rate of its next step."""

    def rate(run):
        warm = min((run.steps + 1) / (WARM_UP + 1), 1.0)
        cosine = (1 + math.cos(math.pi * min(run.seconds / seconds, 1.0))) / 2
        return most * warm * (LEAST + (1 - LEAST) * cosine)

    return rate


def _rehearse(make, batches, loss):
    """One update of a model that is thrown away: the first in a process loads libraries, and would pay for them."""
    run = Training(make(), "1 step")
    stepper(run.model, batches, loss, torch.Generator().manual_seed(0), lambda run: 1e-3)(run)


def _ends_of_turns(seconds):
    return [min(SLICE * turn, seconds) for turn in range(1, math.ceil(seconds / SLICE) + 1)]


def _done(racers, seconds):
    return min(min(racer.seconds for racer in racers.values()) / seconds, 1.0)


@contextlib.contextmanager
def _small_numbers_are_zero() -> Iterator[None]:
    """Denormal numbers cost a processor many times as much as others; torch's default, which comes back, keeps them."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
