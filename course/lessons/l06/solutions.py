"""Lesson 06: right answers and wrong ones."""

import math

import numpy as np
import torch

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


# ---- 1: the mask


@reference("1")
def may_read(T):
    return torch.ones(T, T).tril().bool()  # row i: True for every j up to i


@also_right("1")
def mask_by_comparing(T):
    place = torch.arange(T)
    return place[:, None] >= place


@also_right("1")
def mask_by_numpy(T):
    return np.tri(T, dtype=bool)


@also_right("1")
def mask_as_lists(T):
    return [[j <= i for j in range(T)] for i in range(T)]


@also_right("1")
def mask_by_filling(T):
    mask = torch.zeros(T, T, dtype=torch.bool)
    for i in range(T):
        mask[i, : i + 1] = True
    return mask


@also_right("1")
def mask_turned_round(T):
    return ~torch.triu(torch.ones(T, T, dtype=torch.bool), diagonal=1)


@also_right("1")
def mask_of_scores(T):
    return torch.full((T, T), -math.inf).triu(1) == 0


@wrong("1", "word 1 may read nothing at all: a softmax over no scores is 0/0")
def mask_without_itself(T):
    return torch.ones(T, T).tril(-1).bool()


@wrong("1", "each word may read the next one, which is what it has to guess")
def mask_off_by_one(T):
    return torch.ones(T, T).tril(1).bool()


@wrong("1", "A row is a reader: row 1 must be the shortest")
def mask_upside_down(T):
    return torch.ones(T, T).triu().bool()


@wrong("1", "True stands where reading is forbidden")
def mask_of_the_forbidden(T):
    return torch.ones(T, T).triu(1).bool()


@wrong("1", "returned 0 and −∞, which are added to the scores")
def mask_to_be_added(T):
    return torch.full((T, T), -math.inf).triu(1)


@wrong("1", "returned numbers (float32)")
def mask_of_ones(T):
    return torch.ones(T, T).tril()


@wrong("1", "returned numbers (int64)")
def mask_of_whole_numbers(T):
    return torch.ones(T, T, dtype=torch.long).tril()


@wrong("1", "returned one row, (3,)")
def mask_of_one_word(T):
    return torch.arange(T) < T


@wrong("1", "returned shape (3, 4) for T = 3")
def mask_too_wide(T):
    return torch.ones(T, T + 1).tril().bool()


@wrong("1", "every word may read every word: nothing is hidden")
def mask_of_an_encoder(T):
    return torch.ones(T, T).bool()


@wrong("1", "for T = 3 you say that word 2 may not read word 1, and that comes before it")
def mask_of_a_diagonal(T):
    return torch.eye(T).bool()


@wrong("1", "you say that word 3 may not read word 1, and that comes before it")
def mask_of_a_window(T):
    return torch.ones(T, T).tril().triu(-1).bool()


@wrong("1", "you say that word 1 may read word 3, and that lies in its future")
def mask_with_a_hole(T):
    mask = torch.ones(T, T).tril().bool()
    mask[0, -1] = True
    return mask


@wrong("1", "you say that word 1 may not read word 1, and that is itself")
def mask_from_the_second_row(T):
    mask = torch.ones(T, T).tril().bool()
    mask[0] = False
    return mask


@wrong("1", "mask_in_words returned a str")
def mask_in_words(T):
    return "lower triangle"


# ---- 2: a test for leaks


@reference("2")
def leaks(layer, T, D):
    words = torch.randn(T, D)
    before = layer(words)
    for j in range(1, T):
        moved = words.clone()
        moved[j] += 1.0
        if (layer(moved)[:j] - before[:j]).abs().max() > 1e-7:  # an output before word j has noticed it
            return True
    return False


@also_right("2")
def leaks_by_the_gradient(layer, T, D):
    words = torch.randn(T, D, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(layer, words)  # (T, D, T, D)
    read = jacobian.abs().amax(dim=(1, 3))  # (T, T): by how much output i moves with word j
    return bool((read.triu(1) > 1e-12).any())


@also_right("2")
def leaks_by_prefixes(layer, T, D):
    words = torch.randn(T, D, dtype=torch.float64)
    whole = layer(words)
    return any(not torch.allclose(layer(words[:t]), whole[:t], rtol=0, atol=1e-9) for t in range(1, T))


@also_right("2")
def leaks_all_later_words_at_once(layer, T, D):
    words, others = torch.randn(T, D), torch.randn(T, D)
    for t in range(1, T):
        mixed = torch.cat([words[:t], others[t:]])
        if not torch.allclose(layer(mixed)[:t], layer(words)[:t], rtol=0, atol=1e-7):
            return 1
    return 0


@also_right("2")
def leaks_with_fixed_words(layer, T, D):
    words = torch.arange(T * D, dtype=torch.float64).reshape(T, D).sin()
    for j in range(T):
        for number in range(D):
            moved = words.clone()
            moved[j, number] += 0.5
            if (layer(moved) - layer(words))[:j].abs().sum() > 1e-10:
                return np.bool_(True)
    return np.bool_(False)


@also_right("2")
def leaks_exactly(layer, T, D):
    words = torch.randn(T, D, dtype=torch.float64)
    moved = words.repeat(T, 1, 1)
    moved[range(T), range(T)] += 1.0
    return torch.stack([(layer(moved[j])[:j] != layer(words)[:j]).any() for j in range(T)]).any()


def _reads(layer, words, moved_words, tolerance=1e-7):
    """(T, T): whether output i notices word j; only these words are moved."""
    read = torch.zeros(len(words), len(words), dtype=torch.bool)
    for j in moved_words:
        moved = words.clone()
        moved[j] += 1.0
        read[:, j] = (layer(moved) - layer(words)).abs().amax(dim=1) > tolerance
    return read


@wrong("2", "with T = 1, D = 3 you say True of a layer where each output depends on its own word alone")
def leaks_in_one_word(layer, T, D):
    return T == 1 or leaks(layer, T, D)


@wrong("2", "with T = 4, D = 3 you say True of a layer where each output depends on its own word alone")
def leaks_when_anything_moves(layer, T, D):
    return bool(_reads(layer, torch.randn(T, D), range(T)).any())


@wrong("2", "with T = 5, D = 2 you say True of a layer where each word reads the words before it")
def leaks_when_another_word_is_read(layer, T, D):
    return bool((_reads(layer, torch.randn(T, D), range(T)) & ~torch.eye(T).bool()).any())


@wrong("2", "of a layer where word 1 reads word 2, and no other word reads ahead. That is a leak")
def leaks_from_the_last_word(layer, T, D):
    return bool(_reads(layer, torch.randn(T, D), [T - 1]).triu(1).any())


@wrong("2", "you say False of a layer where every word reads every word")
def leaks_from_the_first_word(layer, T, D):
    return bool(_reads(layer, torch.randn(T, D), [0]).triu(1).any())


@wrong("2", "the last word but one reads the last, and no other word reads ahead")
def leaks_into_the_first_output(layer, T, D):
    return bool(_reads(layer, torch.randn(T, D), range(T))[0, 1:].any())


@wrong("2", "word 1 reads the last word, and no other word reads ahead")
def leaks_from_the_neighbour(layer, T, D):
    return bool(_reads(layer, torch.randn(T, D), range(T)).diagonal(1).any())


@wrong("2", "The outputs move by a thousandth or less")
def leaks_roughly(layer, T, D):
    return bool(_reads(layer, torch.randn(T, D), range(T), tolerance=1e-2).triu(1).any())


@wrong("2", "a sum over the outputs hides it")
def leaks_by_sums(layer, T, D):
    words = torch.randn(T, D, dtype=torch.float64)
    for j in range(1, T):
        moved = words.clone()
        moved[j] += 1.0
        if abs(layer(moved)[:j].sum() - layer(words)[:j].sum()) > 1e-9:
            return True
    return False


@wrong("2", "Where all words are 0 nothing moves")
def leaks_from_zeros(layer, T, D):
    return bool(_reads(layer, torch.zeros(T, D), range(T)).triu(1).any())


@wrong("2", "Move all numbers of a word, or each")
def leaks_by_the_first_number(layer, T, D):
    words = torch.randn(T, D)
    for j in range(1, T):
        moved = words.clone()
        moved[j, 0] += 1.0
        if not torch.allclose(layer(moved)[:j], layer(words)[:j], rtol=0, atol=1e-7):
            return True
    return False


@wrong("2", "Move each word in turn, in a copy of the words")
def leaks_in_one_and_the_same_tensor(layer, T, D):
    words = torch.randn(T, D)
    moved = words
    moved[-1] += 1.0
    return bool((layer(moved)[:-1] != layer(words)[:-1]).any())


@wrong("2", "Move one word, leave the others")
def leaks_between_two_draws(layer, T, D):
    return any(bool((layer(torch.randn(T, D))[:j] != layer(torch.randn(T, D))[:j]).any()) for j in range(1, T))


@wrong("2", "you say False of a layer where every word reads every word")
def leaks_by_moving_in_place(layer, T, D):
    words = torch.randn(T, D)
    before = layer(words)
    for j in range(1, T):
        words[j] += 1.0
        before = layer(words)
        if (layer(words)[:j] - before[:j]).abs().max() > 1e-7:
            return True
    return False


@wrong("2", "you say False of a layer where every word reads every word")
def leaks_by_nothing(layer, T, D):
    return bool(_reads(layer, torch.randn(T, D), []).any())


@wrong("2", "must give one answer")
def leaks_word_by_word(layer, T, D):
    return _reads(layer, torch.randn(T, D), range(T)).triu(1).any(dim=1) if T > 1 else False


@wrong("2", "in your line")
def leaks_of_a_batch(layer, T, D):
    words = torch.randn(1, T, D)
    return bool((layer(words)[:, :-1] != layer(words + 1)[:, :-1]).any()) and bool(words[T + 1].any())


# ---- 3: a shift, from the vectors alone


@reference("3")
def shifted(encoding, k):
    D = encoding.shape[1]
    turn = k * 10_000.0 ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)  # one angle for each pair
    sine, cosine = encoding[:, 0::2], encoding[:, 1::2]
    new = torch.empty_like(encoding)
    new[:, 0::2] = sine * turn.cos() + cosine * turn.sin()  # sin(a + b)
    new[:, 1::2] = cosine * turn.cos() - sine * turn.sin()  # cos(a + b)
    return new


@also_right("3")
def shifted_by_complex_numbers(encoding, k):
    D = encoding.shape[1]
    turn = k * 10_000.0 ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    spokes = torch.complex(encoding[:, 1::2], encoding[:, 0::2]) * torch.exp(1j * turn)
    return torch.stack([spokes.imag, spokes.real], dim=2).flatten(1)


@also_right("3")
def shifted_by_angles(encoding, k):
    # The angle of each pair is known up to whole turns, and that is enough.
    D = encoding.shape[1]
    angles = torch.atan2(encoding[:, 0::2], encoding[:, 1::2])
    angles = angles + k * 10_000.0 ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


@also_right("3")
def shifted_by_one_matrix(encoding, k):
    D = encoding.shape[1]
    matrix = torch.zeros(D, D, dtype=encoding.dtype)
    for i in range(0, D, 2):
        angle = k * 10_000.0 ** (-i / D)
        matrix[i, i] = matrix[i + 1, i + 1] = math.cos(angle)
        matrix[i + 1, i], matrix[i, i + 1] = math.sin(angle), -math.sin(angle)
    return encoding @ matrix


@also_right("3")
def shifted_number_by_number(encoding, k):
    T, D = encoding.shape
    new = [[0.0] * D for _ in range(T)]
    for t in range(T):
        for i in range(0, D, 2):
            b = k / 10_000 ** (i / D)
            sine, cosine = float(encoding[t, i]), float(encoding[t, i + 1])
            new[t][i] = sine * math.cos(b) + cosine * math.sin(b)
            new[t][i + 1] = cosine * math.cos(b) - sine * math.sin(b)
    return new


@also_right("3")
def shifted_step_by_step(encoding, k):
    for _ in range(abs(k)):
        encoding = shifted(encoding, 1 if k > 0 else -1)
    return encoding.numpy()


def _angles(encoding, k):
    D = encoding.shape[1]
    return k * 10_000.0 ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)


def _turned_by(encoding, turn):
    sine, cosine = encoding[:, 0::2], encoding[:, 1::2]
    return torch.stack(
        [sine * turn.cos() + cosine * turn.sin(), cosine * turn.cos() - sine * turn.sin()], dim=2
    ).flatten(1)


def _encoding_of(positions, D):
    angles = positions[:, None] * 10_000.0 ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


@wrong("3", "the vector of position k is added")
def shifted_by_adding(encoding, k):
    return encoding + _encoding_of(torch.tensor([float(k)], dtype=torch.float64), encoding.shape[1])


@wrong("3", "the rows change places")
def shifted_by_rolling(encoding, k):
    return encoding.roll(-k, dims=0)


@wrong("3", "each pair is turned the other way")
def shifted_the_other_way(encoding, k):
    return _turned_by(encoding, -_angles(encoding, k))


@wrong("3", "every pair is turned by k")
def shifted_by_one_angle(encoding, k):
    return _turned_by(encoding, torch.full_like(_angles(encoding, k), float(k)))


@wrong("3", "is paired with number i + D/2")
def shifted_by_halves(encoding, k):
    sine, cosine = encoding.chunk(2, dim=1)
    turn = _angles(encoding, k)
    return torch.cat([sine * turn.cos() + cosine * turn.sin(), cosine * turn.cos() - sine * turn.sin()], dim=1)


@wrong("3", "the angle is taken in degrees")
def shifted_in_degrees(encoding, k):
    return _turned_by(encoding, torch.deg2rad(_angles(encoding, k)))


@wrong("3", "The exponent is −2i/D")
def shifted_with_half_the_exponent(encoding, k):
    D = encoding.shape[1]
    return _turned_by(encoding, k * 10_000.0 ** (-torch.arange(D // 2, dtype=torch.float64) / D))


@wrong("3", "only positions up to 3 are right")
def shifted_by_arctan(encoding, k):
    t = torch.atan2(encoding[:, 0], encoding[:, 1])
    return _encoding_of(t + k, encoding.shape[1])


@wrong("3", "if row 0 is position 0")
def shifted_by_counting_rows(encoding, k):
    T, D = encoding.shape
    return _encoding_of(torch.arange(T, dtype=torch.float64) + k, D)


@wrong("3", "the vectors come back as they were")
def shifted_not_at_all(encoding, k):
    return encoding.clone()


@wrong("3", "all sines stand first, and then all cosines")
def shifted_with_the_sines_first(encoding, k):
    new = shifted(encoding, k)
    return torch.cat([new[:, 0::2], new[:, 1::2]], dim=1)


@wrong("3", "for the positions 0, 1, 2, D = 4, k = 1 the vectors are off by up to 1.5.")
def shifted_with_a_wrong_sign(encoding, k):
    sine, cosine, turn = encoding[:, 0::2], encoding[:, 1::2], _angles(encoding, k)
    pairs = [sine * turn.cos() + cosine * turn.sin(), cosine * turn.cos() + sine * turn.sin()]
    return torch.stack(pairs, dim=2).flatten(1)


@wrong("3", "the vectors are off by up to")
def shifted_by_a_product(encoding, k):
    return encoding * _encoding_of(torch.tensor([float(k)], dtype=torch.float64), encoding.shape[1])


@wrong("3", "one vector for each that came in")
def shifted_and_cut(encoding, k):
    return encoding[k:]


@wrong("3", "changes its input encoding")
def shifted_in_place(encoding, k):
    encoding[:] = shifted(encoding, k)
    return encoding


# ---- 4: two texts


@reference("4")
def two_texts():
    # The same words before the same last word: a mean is the same, the outputs below it are not.
    return ["dog", "bites", "man"], ["bites", "dog", "man"]


@also_right("4")
def texts_as_strings():
    return "the mat rested on the floor", "on the mat the rested floor"


@also_right("4")
def texts_of_two_lengths():
    return ["a", "b", "c"], ["a", "b", "c", "a", "b", "c"]


@also_right("4")
def texts_with_the_last_word_twice():
    return ["man", "dog", "bites", "man"], ["dog", "man", "bites", "man"]


@also_right("4")
def texts_of_sixty():
    words = [f"word{n}" for n in range(60)]
    return words, [*words[-2::-1], words[-1]]


@also_right("4")
def texts_of_two_words():
    return [["a", "b"], ["a", "a", "b", "b"]]


@wrong("4", "the last words differ, 'bites' and 'man'")
def texts_reversed():
    return ["man", "dog", "bites"], ["bites", "dog", "man"]


@wrong("4", "the last words differ, 'man' and 'bites'")
def texts_with_the_last_word_moved():
    return ["dog", "bites", "man"], ["dog", "man", "bites"]


@wrong("4", "'a' is 2 of 4 words in one text and 1 of 4 in the other")
def texts_with_a_word_more_often():
    return ["a", "a", "b", "c"], ["a", "b", "b", "c"]


@wrong("4", "'bites' is 1 of 3 words in one text and 0 of 3 in the other")
def texts_of_other_words():
    return ["dog", "bites", "man"], ["dog", "sees", "man"]


@wrong("4", "'Dog' is 1 of 3 words in one text and 0 of 3 in the other")
def texts_with_a_capital():
    return ["Dog", "bites", "man"], ["bites", "dog", "man"]


@wrong("4", "both texts are the same")
def texts_that_are_one():
    return ["dog", "bites", "man"], ["dog", "bites", "man"]


@wrong("4", "two layers cannot tell them apart either")
def texts_of_one_word():
    return ["dog"], ["dog", "dog"]


@wrong("4", "two lists of words are needed")
def texts_in_one_string():
    return "dog bites man"


@wrong("4", "two lists of words are needed")
def three_texts():
    return ["dog", "man"], ["man"], ["man"]


@wrong("4", "a text is an int; a list of words is needed")
def texts_that_are_numbers():
    return 1, 2


@wrong("4", "a text holds a list; a list of words is needed")
def texts_in_lists_of_their_own():
    return [["dog", "bites", "man"]], [["bites", "dog", "man"]]


@wrong("4", "a word has no letters")
def texts_with_an_empty_word():
    return ["", "bites", "man"], ["bites", "", "man"]


@wrong("4", "a text holds an int; a list of words is needed")
def texts_of_numbers():
    return [1, 2, 3], [2, 1, 3]


@wrong("4", "a text has no words")
def texts_without_words():
    return [], ["dog"]
