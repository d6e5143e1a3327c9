"""The made tasks hold what they say."""

import torch

from course.models.cells import LSTM, Recurrent
from course.models.seq2seq import RecurrentEncoder, Seq2Seq
from course.training import tasks, train


def test_recall_asks_for_the_first_word_after_others():
    tokens, symbols = tasks.recall(lag=50, B=40, generator=torch.Generator().manual_seed(0))
    assert tokens.shape == (40, 52)
    assert torch.equal(tokens[:, 0], symbols)
    assert set(symbols.tolist()) == set(range(8))
    assert set(tokens[:, 1:-1].flatten().tolist()) == set(range(8, 16))
    assert set(tokens[:, -1].tolist()) == {16}
    assert tasks.VOCABULARY == 17


def test_every_batch_of_recall_has_one_lag_of_those_asked_for():
    generator, batches = torch.Generator().manual_seed(0), tasks.recall_batches(2, 5, B=3)
    assert {batches(generator)[0].shape[1] - 2 for _ in range(60)} == {2, 3, 4, 5}


def test_a_net_that_names_the_first_word_recalls_and_one_that_guesses_does_not():
    class Looks(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Parameter(torch.eye(17))

        def forward(self, tokens):
            return self.table[tokens[:, :1]].expand(-1, tokens.shape[1], -1)

    assert tasks.recalled(Looks(), lag=9) == 1
    assert tasks.recalled(Recurrent(17, 8, LSTM), lag=9) < 0.3


def test_a_small_lstm_learns_to_recall():
    run = train(
        lambda: Recurrent(17, 16, LSTM, answers=8), tasks.recall_batches(1, 3), tasks.answer_loss, steps=250, lr=2e-2
    )
    assert tasks.recalled(run.model, lag=3) > 0.9


def test_strings_of_every_length_are_reversed():
    generator, batches = torch.Generator().manual_seed(0), tasks.reversing_batches(2, 4, B=30)
    drawn = [batches(generator) for _ in range(40)]
    assert {strings.shape[1] for strings, _ in drawn} == {2, 3, 4}
    for strings, backwards in drawn:
        assert strings.tolist() == [row[::-1] for row in backwards.tolist()]
        assert set(strings.flatten().tolist()) <= set(range(8))


def test_a_small_lookup_learns_to_reverse():
    def model():
        return Seq2Seq(RecurrentEncoder(8, 16), letters=8, width=16, lookup=True)

    run = train(model, tasks.reversing_batches(1, 3), tasks.writing_loss, steps=200, lr=2e-2)
    strings, backwards = tasks.reversing_batches(3, 3)(torch.Generator().manual_seed(1))
    written, _ = run.model.write(strings, 3)
    assert (written == backwards).float().mean() > 0.9


def test_parity_tells_at_every_place_whether_the_ones_so_far_are_odd():
    bits, odd = tasks.parity_batches(9, 9, B=50)(torch.Generator().manual_seed(0))
    for text, answers in zip(bits.tolist(), odd.tolist(), strict=True):
        assert answers == [sum(text[: t + 1]) % 2 for t in range(9)]


def test_the_ball_follows_the_cups_and_the_moves_make_all_orders():
    moves, cups = tasks.cups_batches(9, 9, B=50)(torch.Generator().manual_seed(0))
    for text, answers in zip(moves.tolist(), cups.tolist(), strict=True):
        row = ["ball", "", "", "", ""]
        for move, cup in zip(text, answers, strict=True):
            row = [row[1], row[0], *row[2:]] if move == 0 else [row[-1], *row[:-1]]
            assert row.index("ball") == cup
    orders = {tuple(range(5))}
    while (
        more := {tuple(move[cup] for cup in order) for order in orders for move in (tasks.SWAP, tasks.ROTATION)}
        - orders
    ):
        orders |= more
    assert len(orders) == 120


def test_a_batch_has_one_length_of_those_asked_for_and_its_last_answers_are_judged():
    generator, batches = torch.Generator().manual_seed(0), tasks.parity_batches(2, 5, B=3)
    assert {batches(generator)[0].shape[1] for _ in range(60)} == {2, 3, 4, 5}
    answers = torch.tensor([[0, 1], [1, 0]])
    model = lambda tokens: torch.nn.functional.one_hot(torch.tensor([[1, 1], [0, 1]]), 2)  # noqa: E731
    assert tasks.last_right(model, (answers, answers)) == 0.5
