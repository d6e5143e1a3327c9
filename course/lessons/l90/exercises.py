"""The course in ninety minutes: one round of mending, for B texts at once."""

import torch

from ...exercises import Exercise, close, plural, require

# As many texts as words once, and words as wide as states: what goes wrong there runs, and can be named.
SIZES = [(2, 5, 3, 4), (3, 3, 2, 2), (4, 4, 3, 3), (1, 6, 2, 3), (3, 1, 2, 5)]  # B, T, Din, D


def check_mend_once(student):
    generator = torch.Generator().manual_seed(90)

    def random(*shape):
        return 1.6 * torch.rand(*shape, generator=generator, dtype=torch.float64) - 0.8

    for B, T, width, D in SIZES:
        inputs, guess, hidden = random(B, T, width), random(B, T, D), random(B, D)
        U, W = random(D, width), random(D, D)
        sizes = f"B = {B}, T = {T}, Din = {width}, D = {D}"
        meaning = f"{plural(T, 'state')} of width {D} for each of {plural(B, 'text')}"
        answer = student.tensor(inputs, guess, hidden, U, W, shape=(B, T, D), meaning=meaning, on=sizes)
        before = torch.cat([hidden[:, None], guess[:, :-1]], dim=1)
        if close(answer, (inputs @ U.T + before @ W.T).tanh()):
            continue
        _name_the_step(answer, inputs @ U.T, before, W)
        _name_the_neighbour(answer, inputs @ U.T, guess, hidden, W)
        _name_the_waiting(answer, inputs @ U.T, hidden, W)
        _name_the_first_wrong_word(answer, (inputs @ U.T + before @ W.T).tanh(), sizes)


def _name_the_step(answer, pushed, before, W):
    require(not close(answer, pushed + before @ W.T), "the tanh is missing.")
    require(
        not close(answer, (pushed + before @ W.T).sigmoid()), "this is the sigmoid of the sum. The step takes tanh."
    )
    require(not close(answer, pushed.tanh()), "no guess is used: each state is made from its own word only.")
    require(not close(answer, (before @ W.T).tanh()), "the words are not used: the sum lacks U times the word.")
    require(not close(answer, (pushed + before @ W).tanh()), "W must be transposed: W @ h becomes h @ W.T for rows.")
    require(
        not close(answer, before),
        "the guesses are moved on by one word, and no step is taken: tanh(U x + W h) is missing.",
    )


def _name_the_neighbour(answer, pushed, guess, hidden, W):
    def stepped(before):
        return (pushed + before @ W.T).tanh()

    def neighbours(first):
        return torch.cat([first, guess[:, :-1]], dim=1)

    require(
        not close(answer, stepped(guess)),
        "each word steps from the guess for its own state. It needs the guess for the word before: move them on by one.",
    )
    require(
        not close(answer, stepped(torch.cat([guess[:, 1:], hidden[:, None]], dim=1))),
        "each word steps from the guess for the word after it. It needs the one before.",
    )
    require(
        not close(answer, stepped(guess.roll(1, dims=1))),
        "the first word steps from the guess for the last one: roll brings it round. The state before the first word is "
        "hidden.",
    )
    require(
        not close(answer, stepped(neighbours(torch.zeros_like(hidden)[:, None]))),
        "the first word starts from zeros. The state before it is given: hidden.",
    )
    require(
        not close(answer, stepped(hidden[:, None].expand_as(guess))),
        "every word steps from hidden. Only the first one does; the others take the guess for the word before.",
    )
    across = torch.cat([hidden[:1, None].expand_as(guess[:1]), guess[:-1]])
    require(
        not (close(answer, stepped(across)) or close(answer, stepped(guess.roll(1, dims=0)))),
        "the guesses are moved on from text to text. The words stand along the second axis: guess[:, :-1].",
    )


def _name_the_waiting(answer, pushed, hidden, W):
    state, states = hidden, []
    for words in pushed.unbind(1):
        state = (words + state @ W.T).tanh()
        states.append(state)
    require(
        not close(answer, torch.stack(states, dim=1)),
        "these are the finished states, so each word has waited for the one before. In a round each word uses the guess "
        "that was there before the round began.",
    )


def _name_the_first_wrong_word(answer, expected, sizes):
    wrong = next(t for t in range(expected.shape[1]) if not close(answer[:, t], expected[:, t]))
    require(
        wrong > 0, f"with {sizes} the first word's state is wrong: it should be tanh(U x + W h) with h from hidden."
    )
    require(
        False,
        f"with {sizes} the states are right up to word {wrong}, and wrong from word {wrong + 1} on: each should be "
        "tanh(U x + W h), with h the guess for the word before.",
    )


EXERCISES = [
    Exercise(
        id="1",
        function="mend_once",
        task="Write one round of mending for B texts at once.",
        hints=(
            "Which state does the first word step from, and which the second? Line these states up, one before each word.",
            "Before the first word stands hidden, before word t the guess for word t − 1: guess[:, :-1]. torch.cat joins "
            "them along the words.",
            "before = torch.cat([hidden[:, None], …], dim=1); then one tanh of inputs @ U.T plus what stands for W h.",
        ),
        check=check_mend_once,
    ),
]
