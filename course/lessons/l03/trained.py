"""What lesson 03 trains in three seeds: what a net holds, and what it can be taught. Run by `make evidence`."""

import functools

from ...models import GRU, LSTM, Elman
from ...results.trained import Run, Trained
from . import nets

GUESSING = 1 / nets.SYMBOLS
THOUSAND = nets.LAGS.index(1000)


@functools.cache
def _taught(kind, seed):
    """The run with lags 1 to 20, and what its net remembers: several results are read from one training."""
    run = nets.taught(kind, seed)
    return run, nets.memory_of(run.model)


def _recall(kind):
    def run(seed):
        training, memory = _taught(kind, seed)
        return Run(memory.recall[THOUSAND], training.curve)

    return run


def _gradient(kind):
    def run(seed):
        _, memory = _taught(kind, seed)
        return Run(memory.gradient[THOUSAND], list(zip(nets.LAGS, memory.gradient, strict=True)))

    return run


def _one_lag(kind, lag, steps):
    def run(seed):
        training = nets.taught(kind, seed, lag, lag, steps)
        return Run(nets.recalled_after(training.model, [lag], B=256)[0], training.curve)

    return run


def _letters(seed):
    model = nets.letter_model(seed)
    losses = [(letters, nets.loss_when_it_sees(model, letters)) for letters in (1, 2, 5, 10, 20, 50, 200)]
    return Run(dict(losses)[20] - dict(losses)[200], losses)


def _bath(seed):
    """The curve is the grid of the explorable: (number of the setting, share recalled)."""
    settings = [(keep, let_in) for keep in nets.KEEP for let_in in nets.LET_IN]
    shares = [nets.recalled_in_the_bath(*setting, seed) for setting in settings]
    return Run(dict(zip(settings, shares, strict=True))[0.99, 0.01], list(enumerate(shares)))


TAUGHT_SHORT = "taught with 1 to 20 words between, asked after 1,000."

TRAINED = [
    Trained(
        "elman-holds-a-word",
        f"An Elman net, {TAUGHT_SHORT}",
        "share of words recalled",
        _recall(Elman),
        0.9,
        GUESSING,
    ),
    Trained(
        "elman-gradient",
        "An Elman net, taught with 1 to 20 words between: its gradient over 1,000 words, as a power of ten.",
        "log₁₀ of the gradient",
        _gradient(Elman),
        -50,
        0,
        at_least=False,
    ),
    Trained(
        "elman-rounds",
        "An Elman net, taught with 1 to 20 words between: guess and mend, on 600 words.",
        "rounds",
        lambda seed: Run(_taught(Elman, seed)[1].rounds),
        550,
        19,
    ),
    Trained(
        "lstm-keeps-a-word",
        "An LSTM, taught for 800 steps with 1 to 20 words between, asked after 1,000.",
        "share of words recalled",
        lambda seed: Run(nets.recalled_after(nets.taught(LSTM, seed, steps=800).model, [1000])[0]),
        0.9,
        GUESSING,
    ),
    Trained(
        "lstm-gradient",
        "An LSTM, taught for 400 steps with 1 to 20 words between: its gradient over 1,000 words, as a power of ten.",
        "log₁₀ of the gradient",
        _gradient(LSTM),
        -10,
        -180,
    ),
    Trained("gru-holds-a-word", f"A GRU, {TAUGHT_SHORT}", "share of words recalled", _recall(GRU), 0.3, GUESSING),
    Trained(
        "elman-at-20-words",
        "An Elman net, taught at 20 words alone, 1,500 steps.",
        "share of words recalled",
        _one_lag(Elman, 20, 1500),
        0.25,
        GUESSING,
        at_least=False,
    ),
    Trained(
        "lstm-at-100-words",
        "An LSTM, taught at 100 words alone, 400 steps.",
        "share of words recalled",
        _one_lag(LSTM, 100, 400),
        0.25,
        GUESSING,
        at_least=False,
    ),
    Trained(
        "lstm-with-open-gates",
        "An LSTM, its gates set to keep 0.99 and to let in 0.01, taught at 100 words alone, 400 steps.",
        "share of words recalled",
        _bath,
        0.9,
        GUESSING,
    ),
    Trained(
        "lstm-with-open-gates-longer",
        "An LSTM, its gates set to keep 0.99 and to let in 0.01, taught at 100 words alone, 800 steps.",
        "share of words recalled",
        lambda seed: Run(nets.recalled_in_the_bath(0.99, 0.01, seed, steps=2 * nets.BATH_STEPS)),
        0.9,
        GUESSING,
    ),
    Trained(
        "letters-used",
        "An LSTM on a text, letter by letter: what it loses when it sees the last 20 letters instead of 200.",
        "nats",
        _letters,
        0.05,
        0,
        at_least=False,
    ),
    Trained(
        "bits-kept",
        "An LSTM of 64 units, asked for one of 16 letters of 8 that it has read: of 48 bits it has kept so many.",
        "bits",
        lambda seed: Run(nets.bits_kept(nets.keeper_of_letters(seed))),
        24,
        0,
        at_least=False,
    ),
]
