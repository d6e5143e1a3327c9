"""Lesson 15: what its measured statements rest on. The thresholds stood here before a seed of them ran."""

from functools import cache

from ...results.trained import Run, Trained
from ...training.pictures import digits
from . import music, pictures, programs, proteins, series

NEAREST = 0.98  # of the nearest picture, by counting
SHARE = "share of 450 digits right"


@cache
def _read(name, seed, change=pictures.as_they_are):
    model = pictures.run(name, seed, change).model
    return Run(pictures.share_right(model, digits(seed)[1], change))


def _pictures(name, task, threshold, net, change=pictures.as_they_are, at_least=True):
    return Trained(name, task, SHARE, lambda seed: _read(net, seed, change), threshold, NEAREST, at_least)


def _first(name, seed):
    """Far from the exact step at 16 residues? The curve is F1 by round."""
    model = proteins.run(name, seed).model
    return Run(proteins.from_squaring(model), list(enumerate(proteins.of(model, most=8), 1)))


def _longer(name, seed):
    """F1 after eight rounds on 48 residues; the curve by round."""
    scores = proteins.of(proteins.run(name, seed).model, proteins.LONGER, 8)
    return Run(scores[-1], list(enumerate(scores, 1)))


def _ordinary(seed):
    scores = proteins.of(proteins.run("ordinary", seed).model)
    return Run(scores[3] - scores[0], list(enumerate(scores, 1)))


def _music(name, net, threshold, at_least):
    return Trained(
        name,
        f"A {net} guesses eight notes that come back after eight others, after {music.MODELS[net][1]} steps.",
        "share of the eight right",
        lambda seed: Run(music.share_right(music.run(net, seed).model)),
        threshold,
        baseline=0.24,  # what most often follows the note before
        at_least=at_least,
    )


def _series(name, kind):
    def run(seed):
        _, (_, asked) = series.windows(kind, seed)
        linear = series.error(series.linear_map(kind, seed), asked)
        return Run(series.error_of(series.run(kind, seed).model, kind, seed) / linear)

    return Trained(
        name,
        f"A Transformer over patches forecasts a day of a made series: {kind}.",
        "its squared error over that of a linear map",
        run,
        threshold=1.15,
        baseline=1.0,
        at_least=False,
        seeds=tuple(range(9)),  # in the first three the linear map was always ahead; in the others not
    )


def _programs(name, net, threshold):
    return Trained(
        name,
        f"{'An' if net == 'LSTM' else 'A'} {net} guesses the next letter of Python's modules, after "
        f"{programs.MODELS[net][1]} steps; at least so many bits means that counted letters are ahead.",
        "bits a letter",
        lambda seed: Run(programs.bits(programs.run(net, seed).model)),
        threshold,
        baseline=2.37,  # counted 5-grams, Python 3.11
    )


TRAINED = [
    _pictures("vit", "A ViT reads digits cut into 16 patches.", 0.93, "ViT"),
    _pictures(
        "vit-shuffled",
        "The same, the patches of all pictures in one other order.",
        0.93,
        "ViT",
        pictures.shuffled_patches,
    ),
    _pictures("vit-without-places", "The same, without places.", 0.78, "ViT without places", at_least=False),
    _pictures("convolution", "A small convolution reads the same digits.", 0.96, "convolution"),
    _pictures(
        "convolution-shuffled",
        "The same, all pixels in one other order.",
        0.95,
        "convolution",
        pictures.shuffled_pixels,
    ),
    _pictures("linear", "A linear map of the pixels.", 0.92, "linear"),
    Trained(
        "triangle",
        "A triangle step, trained on 16 residues, finds the contacts that the exact step finds, round by round.",
        "largest difference of F1 over rounds 1 to 4",
        lambda seed: _first("triangle", seed),
        threshold=0.01,
        baseline=0.51,  # of the links alone: F1 0.49 where squaring, after four rounds, has 1.00
        at_least=False,
    ),
    Trained(
        "triangle-longer",
        "The same net on 48 residues lags behind the exact step.",
        "F1 after eight rounds",
        lambda seed: _longer("triangle", seed),
        threshold=0.95,
        baseline=1.0,  # the exact step
        at_least=False,
    ),
    Trained(
        "triangle-mixed",
        "A triangle step, trained on 8 to 24 residues, finds at 16 what the exact step finds, round by round.",
        "largest difference of F1 over rounds 1 to 4",
        lambda seed: _first("triangle, mixed sizes", seed),
        threshold=0.01,
        baseline=0.51,  # the same
        at_least=False,
    ),
    Trained(
        "triangle-mixed-longer",
        "That net on 48 residues, which is twice the longest that it has seen.",
        "F1 after eight rounds",
        lambda seed: _longer("triangle, mixed sizes", seed),
        threshold=0.90,
        baseline=1.0,
    ),
    Trained(
        "residues",
        "An ordinary Transformer over residues gains little by being repeated.",
        "gain of F1 from one round to four",
        _ordinary,
        threshold=0.05,
        baseline=0.284,  # the exact step's gain
        at_least=False,
    ),
    _music("music", "Transformer", 0.95, at_least=True),
    _music("music-gru", "GRU", 0.40, at_least=False),
    _music("music-lstm", "LSTM", 0.40, at_least=False),
    _series("series", series.KINDS[0]),
    _series("series-level", series.KINDS[1]),
    _series("series-size", series.KINDS[2]),
    _programs("code", "Transformer", 2.37),
    _programs("code-lstm", "LSTM", 2.37),
]
