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
