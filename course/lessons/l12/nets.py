"""What lesson 12 trains: nets that read letters, keep count, follow five cups, hold a word; and how long each waits."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers import device, newton_recurrence

from ...models import Elman, Recurrent, rounds_to_mend
from ...models.memory import states_of
from ...models.min_gru import MinGRU
from ...training import Training, train
from ...training.corpus import help_text, windows
from ...training.tasks import (
    DISTRACTORS,
    SYMBOLS,
    VOCABULARY,
    answer_loss,
    cups_batches,
    last_right,
    loss_at_every_place,
    parity_batches,
    recall_batches,
)
from . import steps

WIDTH = 32
TOLERANCE = 1e-8  # of Newton's states, in float64
COUNTING_STEPS, LETTER_STEPS, HOLDING_STEPS = 800, 250, 1000
BITS_TO_JUDGE = 1000


def untrained(seed: int) -> Recurrent:
    """A net as training begins with it, which reads bits."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Recurrent(2, WIDTH, Elman)


def taught_parity(seed: int) -> Training:
    """An Elman net that says after every bit whether the ones so far are odd; 2 to 16 bits, 800 steps."""
    make = lambda: Recurrent(2, WIDTH, Elman)  # noqa: E731
    return train(make, parity_batches(), loss_at_every_place, steps=COUNTING_STEPS, seed=seed)


def taught_cups(seed: int) -> Training:
    """An Elman net that says after every move under which of five cups the ball is; 2 to 16 moves, 800 steps."""
    make = lambda: Recurrent(2, WIDTH, Elman, answers=5)  # noqa: E731
    return train(make, cups_batches(), loss_at_every_place, steps=COUNTING_STEPS, seed=seed)


def taught_to_hold(seed: int) -> Training:
    """Lesson 03's Elman net, which holds one of eight words over 1 to 20 others; 1,000 steps."""
    make = lambda: Recurrent(VOCABULARY, WIDTH, Elman, answers=SYMBOLS)  # noqa: E731
    return train(make, recall_batches(), answer_loss, steps=HOLDING_STEPS, seed=seed)


def taught_letters(seed: int, kind: type = Elman, width: int = WIDTH, steps: int = LETTER_STEPS) -> Training:
    """A net that guesses the next letter of Python's help topics, in windows of 64 letters."""
    text = help_text()
    return train(
        lambda: Recurrent(len(text.alphabet), width, kind),
        lambda generator: windows(text.train, 65, 32, generator),
        _next_letter,
        steps=steps,
        lr=5e-3,
        seed=seed,
    )


def _next_letter(model, batch):
    return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


@torch.no_grad()
def loss_on_letters(model: nn.Module) -> float:
    """Nats a letter on the test text, in 64 windows of 256 letters."""
    return _next_letter(model, windows(help_text().test, 257, 64, torch.Generator().manual_seed(1))).item()


def parity_right(model: nn.Module) -> float:
    """The share of texts of 1,000 bits whose last answer is right."""
    return last_right(model, parity_batches(BITS_TO_JUDGE, BITS_TO_JUDGE)(torch.Generator().manual_seed(1)))


# ---- texts, each (T,); the number says which


def bits(T: int, number: int = 7) -> Tensor:
    """Random bits, or moves of the cups."""
    return torch.randint(2, (T,), generator=torch.Generator().manual_seed(number))


def letters(T: int, number: int = 0) -> Tensor:
    """Letters of the test text, from its beginning or, with a number, from elsewhere."""
    return help_text().test.roll(-501 * number)[:T]


def word_and_others(T: int, number: int = 7) -> Tensor:
    """A word to hold, then others, without the question."""
    generator = torch.Generator().manual_seed(number)
    others = torch.randint(SYMBOLS, SYMBOLS + DISTRACTORS, (T - 1,), generator=generator)
    return torch.cat([torch.tensor([(number - 4) % SYMBOLS]), others])


# ---- how long a net waits


@torch.no_grad()
def newton_iterations(net: Recurrent, text: Tensor, jacobian: str = "dense") -> int:
    """Newton's iterations until all states of a text (T,) are right to 1e-8, in float64; T are always enough."""
    layer = net.layer
    weights = layer.from_input.weight, layer.from_state.weight, layer.from_input.bias + layer.from_state.bias
    words = net.embed(text)[None].double()  # (1, T, D)
    _, report = newton_recurrence(
        words,
        *(weight.double() for weight in weights),
        jacobian=jacobian,
        tolerance=TOLERANCE,
        most=len(text),
        check=False,
    )
    return report.iterations


def _in_float64(net):
    """A copy of the net's layer, in float64."""
    layer = type(net.layer)(WIDTH, WIDTH).double()
    layer.load_state_dict(net.layer.state_dict())
    return layer


@torch.no_grad()
def mending_rounds(net: Recurrent, text: Tensor) -> int:
    """Rounds of guess and mend (lesson 01) until all states of a text (T,) are right to 1e-6, in float64."""
    layer = _in_float64(net)
    return rounds_to_mend(layer.step, net.embed(text).double(), layer.start(1)) or len(text)


@torch.no_grad()
def in_pieces(net: Recurrent, text: Tensor, met: int = 60, length: int = 40) -> tuple[int, float]:
    """The states of a text (T,), T a multiple of `length`, from a table of places; (rounds, miss), in float64.

    A loop over the first words meets `met` places, beside the start. From each of them every piece of the text is run
    at once, and its end is taken for the place that is nearest. The pieces' tables compose (lesson 12's cups), so it is
    known where each begins, and all are run once more. The work is met + 2 times the loop's. rounds: of steps and of
    combines; that a nearest place is looked for is not counted. miss: the largest distance of a state from the loop's;
    it is small where the places that matter were met and `length` words mend a state.

    >>> rounds, miss = in_pieces(untrained(0), bits(600))
    >>> rounds, miss < 1e-6
    (144, True)
    """
    layer = _in_float64(net)
    words, (start,) = net.embed(text).double(), layer.start(1)
    (loop,) = states_of(layer.step, words, (start,))
    places, pieces = torch.cat([start, loop[:met]]), words.view(-1, length, words.shape[1])
    ends = torch.stack([_run(layer, piece, places)[-1] for piece in pieces])  # (pieces, places, D), all at once
    tables = [torch.cdist(end, places).argmin(dim=1) for end in ends]
    place, begins = 0, [start[0]]
    for end, table in zip(
        ends[:-1], tables, strict=False
    ):  # in turn here, for they are short; steps.table composes them
        begins.append(end[place])
        place = table[place]
    states = _run(layer, pieces.transpose(0, 1), torch.stack(begins)).transpose(0, 1).reshape(loop.shape)
    return met + 2 * length + steps.rounds(len(pieces) - 1), (states - loop).abs().max().item()


def _run(layer, words, states):
    """States (length, B, D) over words (length, Din) or (length, B, Din), from B states at once."""
    visited = []
    for word in words:
        (states,) = layer.step(word.expand(len(states), -1), (states,))
        visited.append(states)
    return torch.stack(visited)


@torch.no_grad()
def left_of_a_push(net: Recurrent, text: Tensor, after: Sequence[int], share: float = 0.1) -> list[float]:
    """A state is moved by a share of its length; how far the two are apart after so many words, as a share.

    The push comes after 20 words of the text (T,), in a direction drawn at random, in float64.
    """
    layer = _in_float64(net)
    words, states = net.embed(text).double(), layer.start(1)
    for word in words[:20]:
        states = layer.step(word[None], states)
    (state,) = states
    push = torch.randn(state.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    pair, apart = torch.cat([state, state + share * state.norm() * push / push.norm()]), []
    for word in words[20 : 20 + max(after)]:
        (pair,) = layer.step(word.expand(2, -1), (pair,))
        apart.append(((pair[0] - pair[1]).norm() / pair[0].norm()).item())
    return [apart[words_later - 1] for words_later in after]


@torch.no_grad()
def left_of_another_word(net: Recurrent, text: Tensor, after: Sequence[int]) -> list[float]:
    """The word after 20 words of a text (T,) is exchanged; how far apart the states are after so many more words."""
    layer = _in_float64(net)
    other = text.clone()
    other[20] = 1 - text[20] if text.max() < 2 else (text[20] + 1) % (text.max() + 1)
    pair = net.embed(torch.stack([text, other])).double()  # (2, T, D)
    states, _ = layer(pair, layer.start(2))
    apart = (states[0] - states[1]).norm(dim=1) / states[0].norm(dim=1)
    return [apart[20 + words_later].item() for words_later in after]


# ---- what is timed


def layers_to_time(T: int, width: int = 64, words: int = 4096) -> dict[str, Callable[[], object]]:
    """{name: forward and backward of a layer} on as many texts of T words as make `words` words, in float32."""
    where = device()
    inputs = torch.randn(max(1, words // T), T, width, device=where, requires_grad=True)
    layer = MinGRU(width, width).to(where)
    calls = {
        name: partial(_forward_and_backward, kind(width, width, batch_first=True).to(where), inputs)
        for name, kind in (("GRU", nn.GRU), ("LSTM", nn.LSTM))
    }
    for method in ("loop", "scan"):
        calls[f"minGRU, {method}"] = partial(_forward_and_backward, layer, inputs, method=method)
    return calls


def _forward_and_backward(layer, inputs, **options):
    states, _ = layer(inputs, **options)
    return torch.autograd.grad(states.sum(), [inputs, *layer.parameters()])
