"""Lesson 15: the day before, a picture in patches, the rounds of a triangle step; and a lag found without a model."""

import math

import torch

from ...exercises import Exercise, Wrong, close, require
from ...exercises.grammar import plural
from ...models.vit import patches as ours
from . import music


def check_patches(student):
    for height, width, side in ((4, 4, 2), (6, 9, 3), (4, 6, 1), (5, 5, 5)):
        picture = torch.arange(height * width, dtype=torch.float64).reshape(height, width)
        T, setting = (
            height * width // side**2,
            f"the numbers 0 to {height * width - 1} as {height} × {width}, side {side}",
        )
        overlapping = (height - side + 1) * (width - side + 1)
        answer = student(picture, side, on=setting)
        shape = tuple(getattr(answer, "shape", ()))
        require(
            shape != (overlapping, side**2) or overlapping == T,
            f"for {setting} you cut {overlapping} patches: they overlap. The next one begins where the last one ends.",
        )
        require(
            shape != (T, side, side) or side == 1,
            f"for {setting} each patch is still a square, {side} × {side}. Write it as one row of {side**2} numbers.",
        )
        result = student.tensor(
            picture, side, shape=(T, side**2), meaning="one row a patch, with its pixels row by row", on=setting
        )
        if not close(result, ours(picture[None], side)[0]):
            raise Wrong(f"for {setting} {_wrong_cut(result, picture, side)}")
    picture = torch.randn(6, 4, generator=torch.Generator().manual_seed(75), dtype=torch.float64)
    result = student.tensor(picture, 2, shape=(6, 4), meaning="one row a patch", on="a random picture of 6 × 4, side 2")
    require(close(result, ours(picture[None], 2)[0]), "for a random picture of 6 × 4, side 2, the pixels are others.")
    _check_that_it_refuses(student)


def _wrong_cut(result, picture, side):
    right = ours(picture[None], side)[0]
    columns_first = ours(picture.T[None], side)[0].unflatten(1, (side, side)).transpose(1, 2).flatten(1)
    turned = right.unflatten(1, (side, side)).transpose(1, 2).flatten(1)
    others = [
        (
            picture.reshape(-1, side**2),
            "the pixels are taken as they stand in memory: these are pieces of rows, not squares.",
        ),
        (columns_first, "the patches follow each other down the columns. Go along the rows first, as one reads."),
        (turned, "inside each patch the pixels run down the columns. Let them run along the rows."),
        (ours(picture.T[None], side)[0], "height and width are exchanged, for the patches and inside them."),
        (right.flip(0), "the patches stand in the opposite order."),
    ]
    for other, sentence in others:
        if other.shape == result.shape and close(result, other):
            return sentence
    row = next(place for place in range(len(right)) if not close(result[place], right[place]))
    numbers = ", ".join(f"{value:g}" for value in right[row][:9].tolist())
    return f"patch {row} holds others than {numbers}."


def _check_that_it_refuses(student):
    setting = "a picture of 5 × 4 and side 2, which squares do not fill"
    try:
        answer = student(torch.zeros(5, 4, dtype=torch.float64), 2, on=setting)
    except Wrong as wrong:
        sentence = str(wrong)
        require("ValueError" in sentence, f"{sentence}\nA ValueError would say what is wrong.")
        return
    shape = tuple(getattr(answer, "shape", ()))
    raise Wrong(f"for {setting} you return {shape or type(answer).__name__}, and no error. Raise a ValueError.")


def check_day_before(student):
    for hours, period, horizon in ((10, 4, 6), (9, 3, 2), (30, 7, 21), (11, 5, 5)):
        past = torch.arange(hours, dtype=torch.float64)
        setting = f"the numbers 0 to {hours - 1}, period {period}, horizon {horizon}"
        forecast = student.tensor(
            past, period, horizon, shape=(horizon,), meaning="one forecast for each coming hour", on=setting
        )
        right = past[hours - period :].repeat(math.ceil(horizon / period))[:horizon]
        if not close(forecast, right):
            raise Wrong(f"for {setting} {_wrong_forecast(forecast, past, period, right)}")
    past = torch.randn(12, generator=torch.Generator().manual_seed(76), dtype=torch.float64)
    forecast = student.tensor(
        past, 3, 4, shape=(4,), meaning="one forecast for each coming hour", on="12 random numbers"
    )
    right = past[[9, 10, 11, 9]]
    require(
        close(forecast, right), "for 12 random numbers, period 3, horizon 4, other numbers come than the last three."
    )


def _wrong_forecast(forecast, past, period, right):
    horizon, hours = len(right), len(past)
    ahead = torch.arange(horizon)
    others = [
        (past[-horizon:], "you repeat the last numbers, as many as are forecast. The period is what comes back."),
        (past[ahead % period], "you repeat the first period. The last one is nearer."),
        (past[-1].expand(horizon), "you repeat the last number. It stands at another time of the day."),
        (
            past[-period:][(ahead + hours) % period],
            "the phase is counted from the start of the past, not from its end.",
        ),
        (hours + ahead.double(), "these are the numbers that really follow. A forecast does not know them."),
        (past[-period:].flip(0)[ahead % period], "the last period runs backwards."),
        (past[-period:].mean().expand(horizon), "this is the mean of the last period, without its hours."),
        (past[(hours - 1 - period + ahead % period)], "the period begins one number too early."),
        (right * (ahead < period), "after one period you forecast nothing. Begin the period again."),
    ]
    for other, sentence in others:
        if len(other) == horizon and close(forecast, other):
            return sentence
    place = next(place for place in range(horizon) if not close(forecast[place], right[place]))
    return f"the {_ordinal(place + 1)} forecast is {forecast[place]:g}, and one period before stands {right[place]:g}."


def _ordinal(number):
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")


# (what is typed by mistake, as a function of the distance; its sentence)
MISTAKEN_ROUNDS = (
    (math.log2, "A part of a round cannot be run: round up."),
    (lambda distance: distance.bit_length() - 1, "That is the logarithm to base 2 rounded down: round up, not down."),
    (lambda distance: distance.bit_length(), "A power of two is just reached by its logarithm: no round more."),
    (
        lambda distance: distance - 1,
        "Found pairs are links for the next round: the reach doubles, it does not grow by one.",
    ),
    (
        lambda distance: distance,
        "Found pairs are links for the next round: the reach doubles, it does not grow by one.",
    ),
    (lambda distance: distance // 2, "Here the reach seems to grow by two a round. It doubles."),
    (lambda distance: (distance + 1) // 2, "Here the reach seems to grow by two a round. It doubles."),
    (math.log, "That is the natural logarithm. Doubling asks for the one to base 2, rounded up."),
    (lambda distance: math.ceil(math.log(distance)), "That is the natural logarithm. Doubling asks for base 2."),
)


def check_rounds(student):
    answers = {}
    for distances in ((1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 100, 1000), (2**40, 2**40 + 1)):
        answers |= {distance: student.number(distance) for distance in distances}
        _judge_rounds(answers)


def _judge_rounds(answers):
    failing = [distance for distance, rounds in answers.items() if rounds != (distance - 1).bit_length()]
    if not failing:
        return
    distance = failing[0]
    rounds, right = answers[distance], (distance - 1).bit_length()
    sentence = f"for residues {plural(distance, 'link')} apart you say {rounds:g}"
    for mistake, explanation in MISTAKEN_ROUNDS:
        same = all(math.isclose(rounds, mistake(distance), abs_tol=1e-6) for distance, rounds in answers.items())
        require(not same, f"{sentence}, and {right} is right. {explanation}")
    require(rounds > right, f"{sentence}: after as many they are not found yet; {right} is right.")
    raise Wrong(f"{sentence}; {plural(right, 'round')} reach {plural(2**right, 'link')} already.")


def check_lag(student):
    generator = torch.Generator().manual_seed(77)
    for before, gap in ((0, 8), (4, 5), (6, 0), (2, 13)):
        notes = torch.cat([music.pieces(40, generator, before)[:, :before], music.pieces(40, generator, gap)], dim=1)
        setting = f"40 pieces of {before} notes, the eight, {gap} others, the eight again"
        lag, right = student.number(notes, on=setting), music.MOTIF + gap
        if lag != right:
            raise Wrong(f"for {setting} you find {lag:g}{_wrong_lag(lag, gap, notes.shape[1])}")
    other = music.pieces(500, generator, 13)
    share = (music.sixteen_before(other) == other[:, -music.MOTIF :]).float().mean()
    return (
        f"Forty pieces are enough to count. With a gap of 13 “the note sixteen before” has {100 * share:.0f} %; "
        "your line all."
    )


def _wrong_lag(lag, gap, T):
    others = {
        16: ". That is the lag of the lesson's pieces; find it from those that are given.",
        gap: ": that is the gap. How much earlier does each note stand?",
        gap + 7: f": one note too few; it is {gap + 8}.",
        gap + 9: f": one note too many; it is {gap + 8}.",
        T - music.MOTIF: ": so far from the first note, and these pieces begin with others. Compare the notes.",
        T: ": that is the length of a whole piece.",
    }
    return others.get(lag, f"; the last eight notes stand {gap + 8} places earlier, too.")


EXERCISES = [
    Exercise(
        id="1",
        function="day_before",
        task="Forecast the coming numbers, as many as the horizon, from a past (T,): its last period, again and again.",
        hints=(
            "The number one period before the first coming one stands in the past. Where?",
            "Coming number h, from 0, stands where number h % period of the last period stood.",
            "last = past[-period:], and then last[torch.arange(horizon) % period].",
        ),
        check=check_day_before,
    ),
    Exercise(
        id="2",
        function="patches",
        task="Cut a picture (height, width) into squares of side × side, row by row: one row of side² numbers a patch; "
        "ValueError if the squares do not fill it.",
        hints=(
            "Where does patch 1 begin in the picture, and where does the first patch of the second row?",
            "Two loops: the top edge runs over range(0, height, side), the left edge over range(0, width, side). "
            "picture[top:top + side, left:left + side] is one square.",
            "Collect square.flatten() of each in a list, and return torch.stack(list). First: if height % side or "
            "width % side: raise ValueError(…).",
        ),
        check=check_patches,
    ),
    Exercise(
        id="3",
        function="rounds_needed",
        task="How many triangle steps until two residues of one chain are found that are so many links apart? Links are seen.",
        hints=(
            "After one round pairs 2 links apart are found. Which are found after the next, if found pairs count as links?",
            "The reach doubles: 1, 2, 4, 8. Which power of two is the first that is not below the distance?",
            "The logarithm to base 2, rounded up; in whole numbers (distance - 1).bit_length().",
        ),
        check=check_rounds,
    ),
    Exercise(
        id="4",
        function="find_lag",
        task="In pieces (B, T) that begin anyhow find how many notes earlier the last eight stand a first time, for any gap.",
        hints=(
            "For one candidate lag: which notes would the last eight have to equal?",
            "notes[:, T - 8 - lag : T - lag] against notes[:, T - 8 :], for every lag from 1 to T - 8.",
            "Return the lag for which most of them are equal, (… == …).float().mean().",
        ),
        check=check_lag,
    ),
]
