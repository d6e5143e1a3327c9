"""The one training loop of the course: Adam, the gradient clipped, a curve; it can be interrupted and repeated."""

import contextlib
import math
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..errors import CourseError
from ..show.watching import watch_in_notebook

CLIP = 1.0  # the norm down to which a longer gradient is cut


@dataclass
class Training:
    """What a training came to. curve: [(step, loss)], one a step; seconds: of the steps, not of the display."""

    model: nn.Module
    asked: str  # "600 steps" or "20 s"
    curve: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return len(self.curve)

    def says(self, measure: str, outcome: float, *, at_least: float | None = None, at_most: float | None = None) -> str:
        """One sentence: whether this run learned what the text says. It is the same for all runs that did.

        measure: what outcome is, "share of words recalled". Give one of at_least and at_most; nan meets neither.
        Raises TypeError if both or none are given.

        >>> run = Training(nn.Linear(1, 1), asked="600 steps", curve=[(1, 2.5), (2, 2.4)], interrupted=True)
        >>> run.says("share of words recalled", 0.98, at_least=0.9)
        'As the text says: share of words recalled at least 0.9.'
        >>> print(run.says("share of words recalled", 0.13, at_least=0.9))
        This run did not learn what the text says: share of words recalled 0.13, not at least 0.9. It was interrupted
        after 2 steps of 600 steps asked for: let it run to its end.
        """
        if (at_least is None) == (at_most is None):
            raise TypeError("says: give one of at_least and at_most, the bound that the text states.")
        bound = f"at least {at_least:g}" if at_most is None else f"at most {at_most:g}"
        if outcome >= at_least if at_most is None else outcome <= at_most:
            return f"As the text says: {measure} {bound}."
        sentence = f"This run did not learn what the text says: {measure} {outcome:.3g}, not {bound}. "
        if self.interrupted:
            taken = f"{self.steps} step{'s' * (self.steps != 1)}"
            return sentence + f"It was interrupted after {taken} of {self.asked} asked for: let it run to its end."
        return sentence + "Other seeds and other devices round differently; the stored runs say how often it happens."


def train(
    model: nn.Module | Callable[[], nn.Module],
    batches: Callable[[torch.Generator], object],
    loss: Callable[[nn.Module, object], Tensor],
    *,
    steps: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    lr: float = 3e-3,
    warm_up: int = 0,
    decay: float = 0.0,
    watch: Callable[[Training, float], None] | None = None,
) -> Training:
    """Train a model, in place, for a number of steps or of seconds; an interrupt ends it with what it has.

    model: a module, or a function of nothing that makes one, which is then called under the seed, so that the start is
        the same too. It stays on its device; afterwards it is in eval mode, and `.model` of what is returned.
    batches: from a torch.Generator on the CPU, seeded, to one batch: a tensor or a tuple of them, moved to the device.
    loss: from (model, batch) to one number with a gradient.
    lr: of Adam (Kingma & Ba 2015), reached over warm_up steps in equal parts; decay: of AdamW (Loshchilov & Hutter
        2019). A gradient longer than 1 is cut to 1 (Pascanu et al. 2013, algorithm 1).
    watch: called after every step with the run and the share that is done, 0 to 1; in a notebook a bar and a curve
        unless given, elsewhere nothing.

    torch computes on one thread meanwhile. The same seed on the same device gives the same result, if steps are given.
    Raises ValueError (not one of steps and seconds; one that is not positive; no weights to train; a loss that is not
    one number) and CourseError as soon as a batch, the loss or the gradient is not finite.

    >>> line = lambda generator: torch.rand(8, 1, generator=generator)
    >>> run = train(lambda: nn.Linear(1, 1), line, lambda net, x: (net(x) - 2 * x).square().mean(), steps=300, lr=0.1)
    >>> run.steps, round(run.model.weight.item(), 1)
    (300, 2.0)
    """
    share_done, asked = _limit(steps, seconds)
    with one_thread(), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        model = model if isinstance(model, nn.Module) else model()
        run = Training(model, asked)
        watch = watch or watch_in_notebook(asked)
        step = stepper(model, batches, loss, torch.Generator().manual_seed(seed), warmed(lr, warm_up), decay)
        model.train()
        try:
            with interrupt_between_steps() as interrupted:
                while share_done(run) < 1 and not interrupted:
                    start = time.perf_counter()
                    run.curve.append((run.steps + 1, step(run)))
                    run.seconds += time.perf_counter() - start
                    if share_done(run) < 1:
                        watch(run, share_done(run))
            run.interrupted = bool(interrupted)
        except KeyboardInterrupt:
            run.interrupted = True
        finally:
            model.eval()
    watch(run, min(share_done(run), 1.0))
    return run


def _limit(steps, seconds):
    """(function from a run to the share of it that is done, what was asked for in words)"""
    if (steps is None) == (seconds is None):
        raise ValueError(f"train: give one of steps and seconds; given: steps={steps}, seconds={seconds}.")
    if not (steps if seconds is None else seconds) > 0:  # nan is not, either
        raise ValueError(f"train: steps and seconds are positive; given: steps={steps}, seconds={seconds}.")
    if seconds is None:
        return lambda run: run.steps / steps, f"{steps} steps"
    return lambda run: run.seconds / seconds, f"{seconds:g} s"


def warmed(lr: float, warm_up: int) -> Callable[[Training], float]:
    """From a run to the learning rate of its next step: lr, reached over warm_up steps in equal parts."""
    return lambda run: lr * min((run.steps + 1) / (warm_up + 1), 1.0)


def stepper(
    model: nn.Module,
    batches: Callable,
    loss: Callable,
    generator: torch.Generator,
    rate: Callable[[Training], float],
    decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
) -> Callable[[Training], float]:
    """A function from the run so far to the loss of one more step; rate: from a run to the learning rate of that step.

    model, batches, loss, decay: as of `train`. betas: of Adam.
    """
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if not weights:
        raise ValueError(f"train: this {type(model).__name__} has no weights with a gradient; nothing can be trained.")
    optimizer = torch.optim.AdamW(weights, lr=rate(Training(model, "")), betas=betas, weight_decay=decay)
    where = weights[0].device

    def step(run):
        optimizer.param_groups[0]["lr"] = rate(run)
        batch = _to(where, batches(generator), run)
        cost = loss(model, batch)
        if not (isinstance(cost, Tensor) and cost.numel() == 1 and cost.requires_grad):
            raise ValueError(f"train: loss returns one number with a gradient, as .mean() does; given: {_what(cost)}.")
        number = cost.item()
        _require_finite("the loss", number, run)
        optimizer.zero_grad()
        cost.backward()
        _require_finite("the gradient's length", nn.utils.clip_grad_norm_(weights, CLIP).item(), run)
        optimizer.step()
        return number

    return step


def _what(value):
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"{value!r:.40}"


def _to(where, batch, run):
    """The batch on the device of the model."""
    if isinstance(batch, Tensor):
        if batch.is_floating_point() and not batch.isfinite().all():
            _require_finite("a number in the batch", math.nan, run)
        return batch.to(where)
    return type(batch)(_to(where, part, run) for part in batch) if isinstance(batch, (tuple, list)) else batch


def _require_finite(what, number, run):
    if not math.isfinite(number):
        before = f"The loss before it was {run.curve[-1][1]:.3g}; try" if run.curve else "Look at the inputs, or try"
        raise CourseError(f"Training stopped at step {run.steps + 1}: {what} is {number}. {before} a smaller lr.")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Small products do not gain by more threads, and their sums would depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def interrupt_between_steps() -> Iterator[list]:
    """A list that is empty until somebody interrupts: the step is finished first. A second interrupt is at once."""
    interrupts = []

    def note(number, frame):
        if interrupts:
            raise KeyboardInterrupt
        interrupts.append(number)

    try:
        before = signal.signal(signal.SIGINT, note)
    except ValueError:  # not the main thread, which alone receives signals
        yield interrupts
        return
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
