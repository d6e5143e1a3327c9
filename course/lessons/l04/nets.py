"""The nets of lesson 04, built and taught in one way; KEPT are in files, ready to be asked.

`python -m course.lessons.l04.nets` trains these anew, about a minute each.
"""

import functools
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from ...models.seq2seq import BareEncoder, RecurrentEncoder, Seq2Seq
from ...training import Training, train
from ...training.tasks import LETTERS, reversing_batches, writing_loss

WIDTH = 64  # of the nets with a lookup
FIXED_WIDTH = 72  # of the net without: two vectors of 72 numbers, and more weights in all
STEPS = 800  # with a lookup
BARE_STEPS = 1600  # with a lookup and no recurrent encoder
FIXED_STEPS = 1600  # without: at least as many as fit into the same seconds of one core
# Adam's lr, the best of those tried: 0.003 and 0.005 with a lookup, 0.01 too without and with bare letters.
RATE, BARE_RATE, FIXED_RATE = 3e-3, 5e-3, 5e-3

ENCODERS: dict[str, Callable[[], nn.Module]] = {
    "recurrent": lambda: RecurrentEncoder(LETTERS, WIDTH),
    "letters alone": lambda: BareEncoder(LETTERS, WIDTH),
    "letters and positions": lambda: BareEncoder(LETTERS, WIDTH, positions=True),
    "positions from the start": lambda: BareEncoder(LETTERS, WIDTH, positions=True, from_end=False),
}
KEPT = ("recurrent", "letters alone", "letters and positions")
FOLDER = Path(__file__).parent / "weights"


def with_lookup(encoder: str) -> Seq2Seq:
    """An untrained net whose decoder looks at what this encoder hands it, one of ENCODERS."""
    return Seq2Seq(ENCODERS[encoder](), LETTERS, WIDTH, lookup=True)


def with_fixed_vector() -> Seq2Seq:
    """An untrained net whose decoder starts from the encoder's last state, and never sees the source again."""
    return Seq2Seq(RecurrentEncoder(LETTERS, FIXED_WIDTH), LETTERS, FIXED_WIDTH, lookup=False)


def taught(encoder: str, seed: int = 0) -> Training:
    """A net with a lookup, trained as the lesson does it; for twice as many steps if its encoder is not recurrent."""
    steps, lr = (STEPS, RATE) if encoder == "recurrent" else (BARE_STEPS, BARE_RATE)
    model = functools.partial(with_lookup, encoder)
    return train(model, reversing_batches(), writing_loss, steps=steps, seed=seed, lr=lr, watch=_silent)


def taught_fixed(seed: int = 0, times: int = 1) -> Training:
    """The net with a fixed vector, trained `times` as long as that with a lookup."""
    steps = times * FIXED_STEPS
    return train(
        with_fixed_vector, reversing_batches(), writing_loss, steps=steps, seed=seed, lr=FIXED_RATE, watch=_silent
    )


def _silent(run, done):
    """No bar and no curve."""


# ---- kept in files


def _file(encoder):
    return FOLDER / f"{encoder.replace(' ', '-')}.pt"


def keep(encoder: str, model: nn.Module) -> None:
    """Store its weights in 8 bits, each row with a scale of its own."""
    packed = {}
    for name, weight in model.state_dict().items():
        scale = weight.abs().amax(dim=-1, keepdim=True) / 127
        packed[name] = ((weight / scale).round().to(torch.int8), scale)
    FOLDER.mkdir(exist_ok=True)
    torch.save(packed, _file(encoder))


@functools.cache
def kept(encoder: str) -> Seq2Seq:
    """The trained net with this encoder, one of KEPT, in float64: what it writes is the same on every machine."""
    model = with_lookup(encoder).double()
    packed = torch.load(_file(encoder), weights_only=True)
    model.load_state_dict({name: whole.double() * scale for name, (whole, scale) in packed.items()})
    return model.eval()


if __name__ == "__main__":
    for name in KEPT:
        keep(name, taught(name).model)
