"""Encoder and decoder: against torch's own modules and against loops, on sizes that differ in every axis."""

import io

import pytest
import torch
from torch import nn

from course.models.seq2seq import AdditiveAttention, BareEncoder, RecurrentEncoder, Seq2Seq
from course.training import tasks

LETTERS, WIDTH = 5, 6


def made(lookup, encoder=RecurrentEncoder):
    torch.manual_seed(1)
    return Seq2Seq(encoder(LETTERS, WIDTH), LETTERS, WIDTH, lookup).double()


def source(B=3, T=4):
    return torch.randint(LETTERS, (B, T), generator=torch.Generator().manual_seed(2))


def test_the_recurrent_encoder_is_two_lstms_one_of_them_reading_from_the_end():
    encoder = made(lookup=False).encoder
    outputs, (h, c) = encoder(source())
    one_way, back = (nn.LSTM(WIDTH, WIDTH // 2, batch_first=True).double() for _ in range(2))
    for name, weight in encoder.lstm.named_parameters():
        getattr(back if name.endswith("_reverse") else one_way, name.removesuffix("_reverse")).data = weight.data
    vectors = encoder.embed(source())
    (ahead, ahead_state), (behind, behind_state) = one_way(vectors), back(vectors.flip(1))
    torch.testing.assert_close(outputs, torch.cat([ahead, behind.flip(1)], dim=-1))
    for part, *halves in zip((h, c), ahead_state, behind_state, strict=True):
        torch.testing.assert_close(part, torch.cat(halves, dim=-1))


def test_additive_attention_equals_a_loop_over_queries_and_keys():
    attention = AdditiveAttention(WIDTH).double()
    query, key = torch.randn(2, 3, WIDTH, dtype=torch.float64), torch.randn(2, 5, WIDTH, dtype=torch.float64)
    for b in range(2):
        for i in range(3):
            scores = [
                attention.v(torch.tanh(attention.from_query(query[b, i]) + attention.from_key(key[b, j])))
                for j in range(5)
            ]
            torch.testing.assert_close(attention(query, key)[b, i], torch.cat(scores).softmax(dim=0))


@pytest.mark.parametrize("lookup", [False, True])
def test_what_it_writes_is_what_teaching_with_the_same_letters_finds_best(lookup):
    model = made(lookup)
    written, _ = model.write(source(), 4)
    torch.testing.assert_close(model(source(), written).argmax(dim=-1), written)


def test_without_lookup_the_state_is_all_that_the_decoder_knows():
    model = made(lookup=False)
    _, state = model.encoder(source())
    previous = torch.cat([torch.full((3, 1), LETTERS), source()[:, :-1]], dim=1)
    expected = model.predict(model.lstm(model.embed(previous), state)[0])
    torch.testing.assert_close(model(source(), source()), expected)


def test_with_lookup_nothing_of_the_source_comes_but_through_the_weights():
    model = made(lookup=True)
    with torch.no_grad():
        model.predict.weight[:, WIDTH:] = 0  # what was read no longer counts
    assert torch.equal(model(source(), source()), model(source().flip(1), source()))


@pytest.mark.parametrize("positions", [False, True])
def test_bare_letters_are_a_bag_unless_they_have_positions(positions):
    model = made(lookup=True, encoder=lambda *sizes: BareEncoder(*sizes, positions=positions))
    model.eval()
    one, other = model(source(), source()), model(source().roll(1, dims=1), source())
    assert torch.allclose(one, other, atol=1e-12) is not positions


@pytest.mark.parametrize("lookup", [False, True])
def test_every_weight_gets_a_gradient_and_comes_back_from_a_file(lookup):
    model, other = made(lookup), Seq2Seq(RecurrentEncoder(LETTERS, WIDTH), LETTERS, WIDTH, lookup).double()
    model(source(B=16), source(B=16)).square().sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in model.parameters())
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(model(source(), source()), other(source(), source()))


class Mirror(nn.Module):
    """Writes the source from its end; `off` letters of each string are another one."""

    def __init__(self, off=0):
        super().__init__()
        self.off, self.weight = off, nn.Parameter(torch.zeros(1))

    def write(self, source, length):
        written = source.flip(1)
        written[:, : self.off] = (written[:, : self.off] + 1) % tasks.LETTERS
        return written, None


def test_the_share_of_letters_that_are_right():
    assert tasks.reversed_right(Mirror(), 6) == 1
    assert tasks.reversed_right(Mirror(off=2), 8) == 0.75


def test_positions_from_the_start_are_those_from_the_end_turned_around():
    same = torch.zeros(1, 5, dtype=torch.long)
    torch.manual_seed(0)
    from_end = BareEncoder(8, 4, positions=True)(same)[0]
    torch.manual_seed(0)
    from_start = BareEncoder(8, 4, positions=True, from_end=False)(same)[0]
    assert torch.equal(from_start, from_end.flip(1))
    assert not torch.equal(from_start, from_end)
