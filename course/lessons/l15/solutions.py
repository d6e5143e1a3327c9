"""Lesson 15: right answers and wrong ones."""

import itertools
import math

import numpy as np
import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


# ---- 1: the day before


@reference("1")
def day_before(past, period, horizon):
    last = past[-period:]
    return last[torch.arange(horizon) % period]


answers.also_right("1", lambda past, period, horizon: past[len(past) - period + torch.arange(horizon) % period])
answers.also_right("1", lambda past, period, horizon: np.resize(past[-period:].numpy(), horizon))
answers.also_right("1", lambda past, period, horizon: past[-period:].repeat(horizon)[:horizon])


@also_right("1")
def day_before_by_loop(past, period, horizon):
    series = past.tolist()
    for _ in range(horizon):
        series.append(series[-period])
    return series[len(past) :]


@also_right("1")
def day_before_by_cycle(past, period, horizon):
    return torch.tensor(list(itertools.islice(itertools.cycle(past[-period:].tolist()), horizon)))


@also_right("1")
def day_before_by_cat(past, period, horizon):
    return torch.cat([past[-period:]] * math.ceil(horizon / period))[:horizon]


WRONG_FORECASTS = {
    "you repeat the last numbers, as many as are forecast": lambda past, period, horizon: past[-horizon:],
    "you repeat the first period": lambda past, period, horizon: past[torch.arange(horizon) % period],
    "you repeat the last number": lambda past, period, horizon: past[-1].expand(horizon),
    "the phase is counted from the start": lambda past, period, horizon: past[-period:][
        (torch.arange(horizon) + len(past)) % period
    ],
    "A forecast does not know them": lambda past, period, horizon: past[-1] + 1 + torch.arange(horizon),
    "the last period runs backwards": lambda past, period, horizon: past[-period:].flip(0).repeat(horizon)[:horizon],
    "without its hours": lambda past, period, horizon: past[-period:].mean().expand(horizon),
    "one number too early": lambda past, period, horizon: past[-period - 1 : -1].repeat(horizon)[:horizon],
    "after one period you forecast nothing": lambda past, period, horizon: torch.cat(
        [past[-period:], torch.zeros(max(horizon - period, 0))]
    )[:horizon],
    "for 12 random numbers, period 3": lambda past, period, horizon: (
        past[-1] + 1 - period + torch.arange(horizon) % period
    ),
    "returned shape (4,)": lambda past, period, horizon: past[-period:],
    "the 1st forecast is 0": lambda past, period, horizon: torch.zeros(horizon),
    "Is a return missing": lambda past, period, horizon: print(past[-period:]),
}
for sentence, answer in WRONG_FORECASTS.items():
    wrong("1", sentence, answer)


# ---- 2: patches


@reference("2")
def patches(picture, side):
    height, width = picture.shape
    if height % side or width % side:
        raise ValueError(f"{height} × {width} is not filled by squares of {side}")
    squares = [
        picture[top : top + side, left : left + side].flatten()
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]
    return torch.stack(squares)  # (T, side²)


def _refuses(answer):
    """The answer, with the error that the task asks for: what is wrong with it stands elsewhere."""

    def refusing(picture, side):
        if picture.shape[0] % side or picture.shape[1] % side:
            raise ValueError("squares do not fill the picture")
        return answer(picture, side)

    refusing.__name__ = "patches"
    return refusing


@also_right("2")
def patches_unfolded(picture, side):
    assert_fills(picture, side)
    return picture.unfold(0, side, side).unfold(1, side, side).reshape(-1, side * side)


def assert_fills(picture, side):
    """ValueError where squares do not fill it."""
    if picture.numel() % side or picture.shape[0] % side or picture.shape[1] % side:
        raise ValueError("not filled")


@also_right("2")
def patches_by_reshape(picture, side):
    assert_fills(picture, side)
    height, width = picture.shape
    return picture.reshape(height // side, side, width // side, side).permute(0, 2, 1, 3).flatten(2).flatten(0, 1)


@also_right("2")
def patches_by_numpy(picture, side):
    assert_fills(picture, side)
    height, width = picture.shape
    return picture.numpy().reshape(height // side, side, width // side, side).swapaxes(1, 2).reshape(-1, side**2)


@also_right("2")
def patches_by_torch(picture, side):
    assert_fills(picture, side)
    return torch.nn.functional.unfold(picture[None, None], side, stride=side)[0].T


@also_right("2")
def patches_as_lists(picture, side):
    assert_fills(picture, side)
    rows = [band.split(side, dim=1) for band in picture.split(side)]
    return [square.flatten().tolist() for square in itertools.chain(*rows)]


@also_right("2")
def patches_in_a_batch(picture, side):
    assert_fills(picture, side)
    columns = torch.stack(picture.split(side))  # (rows, side, width)
    return torch.cat([torch.stack(band.split(side, dim=1)).reshape(-1, side**2) for band in columns])


def _squares(picture, side):
    return picture.unfold(0, side, side).unfold(1, side, side)  # (rows, columns, side, side)


WRONG_PATCHES = {
    "these are pieces of rows, not squares": _refuses(lambda picture, side: picture.reshape(-1, side**2)),
    "follow each other down the columns": _refuses(
        lambda picture, side: _squares(picture, side).transpose(0, 1).reshape(-1, side**2)
    ),
    "the pixels run down the columns": _refuses(
        lambda picture, side: _squares(picture, side).transpose(2, 3).reshape(-1, side**2)
    ),
    "height and width are exchanged": _refuses(lambda picture, side: _squares(picture.T, side).reshape(-1, side**2)),
    "they overlap": lambda picture, side: picture.unfold(0, side, 1).unfold(1, side, 1).reshape(-1, side**2),
    "each patch is still a square": _refuses(lambda picture, side: _squares(picture, side).flatten(0, 1)),
    "in the opposite order": _refuses(lambda picture, side: _squares(picture, side).reshape(-1, side**2).flip(0)),
    "returned shape (2, 2, 4)": _refuses(lambda picture, side: _squares(picture, side).flatten(2)),
    "Raise a ValueError": lambda picture, side: (
        picture.unfold(0, side, side).unfold(1, side, side).reshape(-1, side**2)
    ),
    "A ValueError would say": lambda picture, side: (
        _squares(picture, side).reshape(-1, side**2) if picture.shape[0] % side == 0 else [][0]
    ),
    "patch 0 holds others than 0, 1, 4, 5": _refuses(
        lambda picture, side: _squares(picture, side).reshape(-1, side**2).roll(-1, 0)
    ),
    "for a random picture of 6 × 4, side 2, the pixels are others": _refuses(
        lambda picture, side: _squares(torch.arange(picture.numel()).reshape(picture.shape), side).reshape(-1, side**2)
    ),
    "Is a return missing": lambda picture, side: print(picture[:side, :side]),
    "returned a list; a tensor of shape (4, 4)": lambda picture, side: [picture, [side]],
}
for sentence, answer in WRONG_PATCHES.items():
    wrong("2", sentence, answer)


# ---- 3: rounds


@reference("3")
def rounds_needed(distance):
    rounds, reach = 0, 1
    while reach < distance:
        rounds, reach = rounds + 1, 2 * reach  # a found pair is a link of the next round
    return rounds


answers.also_right("3", lambda distance: (distance - 1).bit_length())
answers.also_right("3", lambda distance: len(bin(2 * distance - 1)) - 3)
answers.also_right("3", lambda distance: 0 if distance == 1 else 1 + rounds_needed((distance + 1) // 2))
answers.also_right("3", lambda distance: torch.tensor(next(r for r in range(99) if 2**r >= distance)))
answers.also_right("3", lambda distance: np.int64(sum(2**r < distance for r in range(99))))
answers.also_right("3", lambda distance: float(math.frexp(distance - 0.5)[1]) if distance < 2**50 else 50.0)

WRONG_ROUNDS = {
    "it does not grow by one": lambda distance: distance - 1,
    "for residues 1 link apart you say 1, and 0 is right. Found pairs": lambda distance: distance,
    "round up, not down": lambda distance: distance.bit_length() - 1,
    "A part of a round cannot be run": lambda distance: math.log2(distance),
    "no round more": lambda distance: distance.bit_length(),
    "grow by two a round": lambda distance: distance // 2,
    "Here the reach seems to grow by two": lambda distance: (distance + 1) // 2,
    "2 rounds reach 4 links already": lambda distance: {1: 0, 2: 1}.get(distance, (distance + 3) // 2),
    "the natural logarithm": lambda distance: math.ceil(math.log(distance)),
    "they are not found yet": lambda distance: 0,
    "for residues 1,099,511,627,777 links apart": lambda distance: min((distance - 1).bit_length(), 40),
    "0 rounds reach 1 link already": lambda distance: 7,
    "Is a return missing": lambda distance: print(distance),
    "a number is needed for distance = 1": lambda distance: [distance],
}
for sentence, answer in WRONG_ROUNDS.items():
    wrong("3", sentence, answer)


# ---- 4: the lag


@reference("4")
def find_lag(notes):
    T = notes.shape[1]
    agree = {lag: (notes[:, T - 8 - lag : T - lag] == notes[:, -8:]).float().mean() for lag in range(1, T - 7)}
    return max(agree, key=agree.get)


@also_right("4")
def lag_by_all(notes):
    T = notes.shape[1]
    return next(lag for lag in range(1, T) if torch.equal(notes[:, T - 8 - lag : T - lag], notes[:, -8:]))


@also_right("4")
def lag_by_the_last_note(notes):
    last = notes[:, -1:]
    agree = (notes[:, :-1] == last).float().mean(dim=0)  # which earlier place agrees in all pieces
    return notes.shape[1] - 1 - int(agree.argmax())


@also_right("4")
def lag_from_unfolded(notes):
    pieces = notes.unfold(1, 8, 1)[:, :-1]
    same = (pieces == notes[:, None, -8:]).all(-1).float().mean(0)
    return torch.tensor(notes.shape[1] - 8) - same.argmax()


@also_right("4")
def lag_by_numpy(notes):
    table = notes.numpy()
    scores = [np.mean(table[:, start : start + 8] == table[:, -8:]) for start in range(table.shape[1] - 8)]
    return float(table.shape[1] - 8 - int(np.argmax(scores)))


@also_right("4")
def lag_by_distance(notes):
    T = notes.shape[1]
    return min(range(1, T - 7), key=lambda lag: (notes[:, T - 8 - lag : T - lag] - notes[:, -8:]).abs().sum().item())


WRONG_LAGS = {
    "find it from those that are given": lambda notes: 16,
    "that is the gap": lambda notes: notes.shape[1] - 16,
    "one note too few": lambda notes: notes.shape[1] - 9,
    "one note too many": lambda notes: notes.shape[1] - 7,
    "these pieces begin with others": lambda notes: notes.shape[1] - 8,
    "the length of a whole piece": lambda notes: notes.shape[1],
    "stand 16 places earlier": lambda notes: 3,
    "you find 1; the last eight": lambda notes: min(
        range(1, 9), key=lambda lag: (notes[:, -8 - lag : -lag] - notes[:, -8:]).abs().sum().item()
    ),
    "you find 0;": lambda notes: 0,
    "a number is needed": lambda notes: notes[:, -16],
    "Is a return missing": lambda notes: print(notes),
}
for sentence, answer in WRONG_LAGS.items():
    wrong("4", sentence, answer)
