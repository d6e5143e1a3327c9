"""What lesson 13 teaches to keep count: gates that scan, one that turns, a Transformer that reads or writes."""

import functools
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers import linear_recurrence

from ...models import Elman, Recurrent
from ...models.cache import Cache
from ...models.positions import sinusoids
from ...models.transformer import Blocks, may_look_back
from ...training import Training, train
from ...training.tasks import cups_batches, loss_at_every_place, parity_batches

WIDTH = 32
LENGTHS = (1, 2, 4, 6, 8, 9, 10, 12, 16, 17, 20, 32, 64, 128, 300, 1000, 10_000)  # places where answers are judged
Step = Callable[[Tensor, Tensor], Tensor]  # from moves (B,) and states (B, D) to the next states
TASKS = {"parity": (parity_batches, 2), "cups": (cups_batches, 5)}  # (batches, answers)


class Gated(nn.Module):
    """h' = a ⊙ h + (1 − |a|) ⊙ (V x + c): a layer that scans, since its gate a sees the word alone.

    signed: a = tanh(slope · (W x + b)), between −1 and 1; else the sigmoid of it, between 0 and 1, as in a minGRU.
    learns_start: the first state is learned; else it is 0. Called as the layers of course.models.cells are.

    >>> states, (last,) = Gated(5, 4)(torch.ones(2, 3, 5))
    >>> states.shape, torch.equal(states[:, -1], last)
    (torch.Size([2, 3, 4]), True)
    """

    def __init__(self, inputs: int, width: int, *, signed: bool = True, learns_start: bool = False, slope: float = 1.0):
        super().__init__()
        self.gate, self.new = nn.Linear(inputs, width), nn.Linear(inputs, width)
        self.signed, self.slope = signed, slope
        self.first = nn.Parameter(torch.randn(width)) if learns_start else None

    def gates(self, inputs: Tensor) -> Tensor:
        """The gate of every word, (…, Din) to (…, D)."""
        return (torch.tanh if self.signed else torch.sigmoid)(self.slope * self.gate(inputs))

    def start(self, B: int) -> tuple[Tensor]:
        """The state before the first word."""
        first = self.gate.bias.new_zeros(len(self.gate.bias)) if self.first is None else self.first
        return (first.expand(B, -1),)

    def forward(self, inputs: Tensor, state: tuple[Tensor] | None = None) -> tuple[Tensor, tuple[Tensor]]:
        """inputs (B, T, Din); returns all h (B, T, D), and the last state."""
        gate = self.gates(inputs)
        (hidden,) = self.start(len(inputs)) if state is None else state
        states = linear_recurrence(gate, (1 - gate.abs()) * self.new(inputs), hidden=hidden.contiguous())
        return states, (states[:, -1],)


class Turning(nn.Module):
    """h' = Q h with one orthogonal matrix for each of two moves, then a linear layer: it composes, and never shrinks.

    Q = exp(S − Sᵀ). Its first state is learned.

    >>> Turning(answers=5)(torch.zeros(2, 6, dtype=torch.int64)).shape
    torch.Size([2, 6, 5])
    """

    def __init__(self, answers: int, width: int = 8):
        super().__init__()
        self.skew = nn.Parameter(torch.randn(2, width, width) * 0.5)
        self.first = nn.Parameter(torch.randn(width))
        self.out = nn.Linear(width, answers)

    def matrices(self) -> Tensor:
        """(2, D, D): the matrix of each move."""
        return torch.matrix_exp(self.skew - self.skew.mT)

    def start(self, B: int) -> Tensor:
        """The state before the first move, (B, D)."""
        return self.first.expand(B, -1)

    def forward(self, moves: Tensor) -> Tensor:
        """moves (B, T); returns a score for each answer at every place, (B, T, answers)."""
        matrices, state, states = self.matrices(), self.start(len(moves)), []
        for move in moves.unbind(1):
            state = turned(matrices[move], state)
            states.append(state)
        return self.out(torch.stack(states, dim=1))


def turned(matrices: Tensor, states: Tensor) -> Tensor:
    """States (B, D), each by its matrix (B, D, D)."""
    return (matrices @ states[..., None])[..., 0]


class Reader(nn.Module):
    """A Transformer of two layers that says at every place what the words up to there come to.

    writes: each word comes with the answer before it, which is what the net has written last; then it needs no
    positions, and has none.

    >>> Reader(answers=2)(torch.zeros(2, 6, dtype=torch.int64)).shape
    torch.Size([2, 6, 2])
    """

    def __init__(self, answers: int, *, writes: bool = False, width: int = WIDTH, layers: int = 2, heads: int = 4):
        super().__init__()
        self.embed = nn.Embedding(2, width)
        self.written = nn.Embedding(answers, width) if writes else None
        self.blocks = Blocks(layers, width, heads)
        self.out = nn.Linear(width, answers)

    def forward(
        self, tokens: Tensor, before: Tensor | None = None, caches: list | None = None, looks_back: bool = True
    ) -> Tensor:
        """tokens (B, T), before (B, T): the answers before them, if it writes; scores (B, T, answers).

        caches: one for each block; the tokens go on from those read before. looks_back: else each place sees itself.
        """
        start, T = caches[0].length if caches else 0, tokens.shape[1]
        mask = may_look_back(start + T) if looks_back else torch.eye(start + T, dtype=torch.bool)
        words = self.embed(tokens)  # (B, T, D)
        words = words + (sinusoids(T, words.shape[-1]).to(words) if self.written is None else self.written(before))
        return self.out(self.blocks(words, mask[start:].to(tokens.device), caches=caches))


def before_each(answers: Tensor) -> Tensor:
    """The answer before each place, (B, T): before the first it is 0, even, or the cup where the ball begins."""
    return torch.cat([torch.zeros_like(answers[:, :1]), answers[:, :-1]], dim=1)


def writing_loss(model: Reader, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The cross-entropy of all answers in one pass, with the true answers before them fed back (teacher forcing)."""
    tokens, answers = batch
    return F.cross_entropy(model(tokens, before_each(answers)).flatten(0, 1), answers.flatten())


@torch.no_grad()
def write(model: Reader, tokens: Tensor, looks_back: bool = True) -> Tensor:
    """Answers (B, T) to tokens (B, T), each made from what it has written itself: T passes, one after the other."""
    B, T = tokens.shape
    caches = [Cache(T) for _ in model.blocks.blocks]
    answer, written = tokens.new_zeros(B, 1), []
    for token in tokens.split(1, dim=1):
        answer = model(token, answer, caches, looks_back)[:, -1:].argmax(dim=-1)  # (B, 1)
        written.append(answer)
    return torch.cat(written, dim=1)


# ---- the teaching

GATES = {
    "between 0 and 1": functools.partial(Gated, signed=False),
    "between −1 and 1": Gated,
    "… and a learned first state": functools.partial(Gated, learns_start=True),
    "… and three times the slope": functools.partial(Gated, learns_start=True, slope=3.0),
}
PARITY_STEPS, GATE_STEPS, CUPS_STEPS, TURNING_STEPS, WRITING_STEPS = 630, 460, 800, 390, 80
READER_STEPS = {"parity": 350, "cups": 600}  # at 8 places


def _without_a_curve(run, share_done):
    """For trainings of a second or two, of which a lesson has many."""


def taught(
    make: Callable[[], nn.Module],
    task: str,
    steps: int,
    seed: int = 0,
    *,
    least: int = 8,
    most: int = 8,
    lr: float = 3e-3,
    loss: Callable = loss_at_every_place,
    watch: Callable | None = _without_a_curve,
) -> Training:
    """Teach a net "parity" or "cups" on texts of `least` to `most` places, an answer asked for at every one.

    make, steps, seed, lr, loss, watch: as of `train`.
    """
    batches, _ = TASKS[task]
    return train(make, batches(least, most), loss, steps=steps, lr=lr, seed=seed, watch=watch)


def taught_parity(
    kind: Callable = Elman, seed: int = 0, steps: int = PARITY_STEPS, least: int = 8, most: int = 8
) -> Training:
    """A recurrent net, taught parity. kind: a layer, or one of GATES' values."""
    return taught(lambda: Recurrent(2, WIDTH, kind), "parity", steps, seed, least=least, most=most)


def taught_cups(
    kind: Callable = Elman, seed: int = 0, steps: int = CUPS_STEPS, least: int = 2, most: int = 16
) -> Training:
    """A recurrent net, taught to follow five cups."""
    return taught(lambda: Recurrent(2, WIDTH, kind, answers=5), "cups", steps, seed, least=least, most=most)


def taught_to_turn(seed: int = 0) -> Training:
    """The orthogonal net, taught to follow five cups on 2 to 16 moves."""
    return taught(lambda: Turning(5), "cups", TURNING_STEPS, seed, least=2, most=16, lr=1e-2)


def taught_reader(task: str, seed: int = 0, length: int = 8, steps: int | None = None) -> Training:
    """The Transformer that answers in one pass, taught on texts of one length."""
    _, answers = TASKS[task]
    steps = steps or READER_STEPS[task]
    return taught(lambda: Reader(answers), task, steps, seed, least=length, most=length, watch=None)


def taught_writer(task: str, seed: int = 0) -> Training:
    """The Transformer that is given its last answer, taught in one pass on 2 to 16 places."""
    _, answers = TASKS[task]
    make = lambda: Reader(answers, writes=True)  # noqa: E731
    return taught(make, task, WRITING_STEPS, seed, least=2, most=16, loss=writing_loss)


# ---- what is asked afterwards


@torch.no_grad()
def right_by_place(answer: nn.Module | Callable[[Tensor], Tensor], task: str, T: int, B: int = 128) -> Tensor:
    """(T,): the share of B fresh texts whose answer is right at each place, in one reading of T.

    answer: a net, or a function from tokens (B, T) to answers (B, T). No net here looks at later places, so place t of
    a long text is the end of a text of t.
    """
    batches, _ = TASKS[task]
    tokens, answers = batches(T, T, B)(torch.Generator().manual_seed(99))
    named = answer(tokens).argmax(dim=-1) if isinstance(answer, nn.Module) else answer(tokens)
    return (named == answers).double().mean(dim=0)


def at(shares: Tensor, lengths: Sequence[int] = LENGTHS) -> list[tuple[int, float]]:
    """[(length, share)] for those lengths that were read."""
    return [(T, shares[T - 1].item()) for T in lengths if len(shares) >= T]


def turning_step(net: Turning) -> Step:
    """From moves (B,) and states (B, D) to the next states."""
    matrices = net.matrices().detach()
    return lambda moves, states: turned(matrices[moves], states)


def recurrent_step(net: Recurrent) -> Step:
    """The same for a net with one vector as its state."""
    return lambda moves, states: net.layer.step(net.embed(moves), (states,))[0]


@torch.no_grad()
def left_of_a_push(step: Step, start: Tensor, after: Sequence[int], share: float = 0.1, B: int = 64) -> list[float]:
    """States are pushed by a share of their length, then go on with the same moves; how far off they are afterwards.

    step: from moves (B,) and states (B, D) to the next states. start: (1, D). The push comes after 20 moves, in random
    directions. Returns the mean distance after so many moves, as a share of the states' length.
    """
    generator = torch.Generator().manual_seed(1)
    moves = torch.randint(2, (20 + max(after), B), generator=generator)
    states, off = start.expand(B, -1), []
    for move in moves[:20]:
        states = step(move, states)
    push = torch.randn(states.shape, generator=generator)
    pushed = states + share * push * states.norm(dim=1, keepdim=True) / push.norm(dim=1, keepdim=True)
    for move in moves[20:]:
        states, pushed = step(move, states), step(move, pushed)
        off.append(((pushed - states).norm(dim=1) / states.norm(dim=1)).mean().item())
    return [off[moves_later - 1] for moves_later in after]


@torch.no_grad()
def cups_of_rounded(net: Turning, moves: Tensor) -> Tensor:
    """The cups (B, T) that the orthogonal net names if its state is put on the nearest of five after every move.

    The five: the mean state of each cup in 512 texts of 8 moves.
    """
    step, batches = turning_step(net), TASKS["cups"][0]
    some, cups = batches(8, 8, 512)(torch.Generator().manual_seed(3))
    state, states = net.start(512), []
    for move in some.unbind(1):
        state = step(move, state)
        states.append(state)
    states = torch.stack(states, dim=1)  # (512, 8, D)
    five = torch.stack([states[cups == cup].mean(dim=0) for cup in range(5)])  # (5, D)
    state, named = net.start(len(moves)), []
    for move in moves.unbind(1):
        nearest = torch.cdist(step(move, state), five).argmin(dim=1)
        state = five[nearest]
        named.append(nearest)
    return torch.stack(named, dim=1)
