"""Lesson 15: how the five tasks stand. What is no model is computed, what is trained is read from the stored runs."""

from dataclasses import dataclass
from functools import cache
from statistics import mean

import torch

from ...results import trained
from ...training.pictures import digits, nearest_picture
from . import music, pictures, programs, proteins, series

KINDS = ("no model", "specialist", "the block", "LSTM")
SEEDS = (0, 1, 2)
CLOSE = 0.01  # of the way: nearer than that is level


@dataclass(frozen=True)
class Row:
    """One task. reached: {kind: (name, number)}; guessing: the number of guessing; unit: "%" for shares, else what the
    numbers are, of which the smallest is best.
    """

    task: str
    guessing: float
    reached: dict[str, tuple[str, float]]
    unit: str = "%"

    @property
    def best(self) -> float:
        """The best number that was reached here."""
        numbers = [number for _, number in self.reached.values()]
        return max(numbers) if self.unit == "%" else min(numbers)

    def share(self, kind: str) -> float:
        """How much of the way from guessing to the best, 0 to 1.

        >>> Row("a", 0.1, {"no model": ("one", 0.9), "LSTM": ("two", 0.5)}).share("LSTM")
        0.5
        """
        return (self.reached[kind][1] - self.guessing) / (self.best - self.guessing)

    def is_ahead(self, kind: str) -> bool:
        """Whether it is ahead of all others, by more than a hundredth of the way."""
        others = [self.share(other) for other in self.reached if other != kind]
        return self.share(kind) > max(others) + CLOSE

    def number(self, number: float) -> str:
        """A number as it is printed."""
        return f"{number:.0%}".replace("%", " %") if self.unit == "%" else f"{number:.2g} {self.unit}"

    def says(self, kind: str) -> str:
        """A method and its number: "nearest picture 98 %"."""
        name, number = self.reached[kind]
        return f"{name} {self.number(number)}"


def stored(name: str, fourth: bool = False) -> float:
    """The mean outcome of a stored result, or of its curves' fourth point; 0.0 where nothing is stored."""
    runs = trained.load("15").get(name, {"runs": {}})["runs"].values()
    return mean((run["curve"][3][1] if fourth else run["outcome"]) for run in runs) if runs else 0.0


# ---- what is no model


@cache
def nearest(seed: int = 0) -> float:
    """The share of 450 digits that the nearest of the 1,347 others reads right."""
    known, test = digits(seed)
    return (nearest_picture(known, test.pictures) == test.labels).float().mean().item()


@cache
def nearest_mean(seed: int = 0) -> float:
    """The same for the nearest of ten mean pictures."""
    known, test = digits(seed)
    return (pictures.nearest_mean(known, test.pictures) == test.labels).float().mean().item()


def compared(my_guesses: dict) -> str:
    """The methods without a model, a line each, with the reader's guess: None where there is none."""
    of_series = errors(series.KINDS[1])["the day before"]
    bits = programs.counted().bits()
    numbers = {
        "pictures": f"the nearest picture reads {nearest():.1%}".replace("%", " %"),
        "proteins": f"squaring, four times: F1 {proteins.of_squaring()[3]:.3f}",
        "music": f"the note sixteen before: {notes_right()[0]:.0%}".replace("%", " %"),
        "a series": f"the day before: a squared error of {of_series:.3f}",
        "code": f"counted letters: between {int(bits)} and {int(bits) + 1} bits a letter",
    }
    if not isinstance(my_guesses, dict) or set(my_guesses) != set(numbers):
        return f"my_guesses is a dict with these names: {', '.join(numbers)}."
    return "\n".join(f"{task:9} your guess {_guessed(my_guesses[task])}; {text}" for task, text in numbers.items())


def _guessed(guess):
    return "–" if guess is None else str(guess)[:20]


@cache
def links_alone() -> float:
    """F1 of who takes the links that are seen for all contacts."""
    apart = proteins.unseen()
    return proteins.f1(apart == 1, proteins.contacts(apart))


@cache
def notes_right() -> tuple[float, float]:
    """(the note sixteen before, the likeliest next note): shares of the eight notes that come back."""
    notes = music.pieces(500, torch.Generator().manual_seed(99))
    known = music.pieces(2000, torch.Generator().manual_seed(98))
    guesses = music.sixteen_before(notes), music.likeliest_next(notes, known)
    return tuple((guess == notes[:, -music.MOTIF :]).float().mean().item() for guess in guesses)


@cache
def errors(kind: str, seed: int = 0) -> dict[str, float]:
    """{method: squared error} on one made series: the last value, the day before, a linear map by least squares."""
    _, (seen, asked) = series.windows(kind, seed)
    forecasts = {
        "last value": series.last_value(seen),
        "the day before": series.day_before(seen),
        "linear map": series.linear_map(kind, seed),
    }
    return {name: series.error(forecast, asked) for name, forecast in forecasts.items()}


COUNTED = 2.37  # bits a letter, 5-grams over 2 million letters of Python 3.11's modules; `programs.Counted` counts anew


# ---- the rows


@cache
def rows() -> list[Row]:
    """The five tasks."""
    kind = series.KINDS[1]
    of_series = {name: mean(errors(kind, seed)[name] for seed in SEEDS) for name in errors(kind)}
    letters = torch.tensor(float(len(programs.ALPHABET))).log2().item()
    digits_read = {
        "no model": ("nearest picture", mean(nearest(seed) for seed in SEEDS)),
        "specialist": ("convolution", stored("convolution")),
        "the block": ("ViT", stored("vit")),
    }
    contacts = {
        "no model": ("squaring", proteins.of_squaring()[3]),
        "specialist": ("triangle", stored("triangle", fourth=True)),
        "the block": ("Transformer over residues", stored("residues", fourth=True)),
    }
    notes = {
        "no model": ("sixteen before", notes_right()[0]),
        "the block": ("Transformer", stored("music")),
        "LSTM": ("LSTM", stored("music-lstm")),
    }
    hours = {
        "no model": ("the day before", of_series["the day before"]),
        "specialist": ("linear map", of_series["linear map"]),
        "the block": ("Transformer", of_series["linear map"] * stored("series-level")),
    }
    letter_by_letter = {
        "no model": ("counted letters", COUNTED),
        "the block": ("Transformer", stored("code")),
        "LSTM": ("LSTM", stored("code-lstm")),
    }
    return [
        Row("Pictures", 0.1, digits_read),
        Row("Proteins", links_alone(), contacts),
        Row("Music", notes_right()[1], notes),
        Row("A series", of_series["last value"], hours, "error"),
        Row("Code", letters, letter_by_letter, "bits"),
    ]
