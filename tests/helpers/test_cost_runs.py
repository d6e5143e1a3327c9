"""helpers.cost: training runs. What they add up from, what binds them, and the numbers that lesson 14 quotes."""

import pytest

from helpers import cost

GPT3 = cost.Run(weights=174_600_000_000, layers=96, width=12_288, tokens=300 * 10**9, batch=3_200_000)
A100 = cost.Cluster(devices=1024, peak=312e12, bandwidth=2e12)


def test_training_takes_six_operations_a_weight_and_token():
    """Three passes of products with weights alone: what the closed forms count, without attention's T² part."""
    T, d, layers = 64, 32, 3
    trained = cost.trained(cost.transformer, T, d, heads=2, layers=layers)
    squares = 3 * layers * 2 * T * T * d
    assert 2 * (trained.work - squares) == cost.training_flop(12 * d * d * layers, T)


def test_the_squares_are_a_share_of_the_products_with_weights():
    T, d = 64, 32
    block = cost.transformer(T, d, heads=2, causal=True)
    run = cost.Run(weights=12 * d * d, layers=1, width=d, tokens=T, batch=T)
    days = cost.transformer_days(run, cost.Cluster(1, 1.0), T)
    products = cost.Cluster(1, 1.0).days(cost.training_flop(12 * d * d, T))
    assert days.total / products == pytest.approx(block.work / (12 * T * d * d))


@pytest.mark.parametrize(
    ("T", "transformer", "recurrent"),
    [(2048, 11.5, 11.7), (8192, 12.0, 11.5), (32_768, 13.9, 16.0), (131_072, 21.5, 52.3), (1_048_576, 92.3, 391.8)],
)
def test_the_days_by_context(T, transformer, recurrent):
    assert round(cost.transformer_days(GPT3, A100, T).total, 1) == transformer
    assert round(cost.recurrent_days(GPT3, A100, T, step=6.8e-6).total, 1) == recurrent


@pytest.mark.parametrize(("copies", "reading", "total"), [(1, 0.79, 11.7), (4, 3.17, 11.7), (16, 12.7, 16.5)])
def test_each_copy_reads_its_weights_for_itself(copies, reading, total):
    days = cost.recurrent_days(GPT3, A100, 2048, copies=copies)
    assert days.reading == pytest.approx(reading, rel=5e-3)
    assert days.total == pytest.approx(total, rel=5e-3)


def test_the_largest_of_the_three_binds():
    assert cost.recurrent_days(GPT3, A100, 2048).bound_by == "passes"
    assert cost.recurrent_days(GPT3, A100, 2048, copies=64).bound_by == "reading"
    assert cost.recurrent_days(GPT3, A100, 2048, step=1.0).bound_by == "waiting"


def test_reading_binds_when_fewer_sequences_than_the_ridge_share_it():
    """One token of each sequence a reading: 2 FLOP a weight and sequence, 2 bytes a weight."""
    enough = round(A100.ridge)
    for sequences, part in ((enough + 1, "passes"), (enough - 1, "reading")):
        run = cost.Run(GPT3.weights, layers=1, width=12_288, tokens=300 * 10**9, batch=sequences * 2048)
        assert cost.recurrent_days(run, A100, 2048).bound_by == part


def test_weights_that_stay_on_the_chips_are_not_read_again():
    whole, half, none = (cost.recurrent_days(GPT3, A100, 2048, reread=share).reading for share in (1, 0.5, 0))
    assert (half, none) == (whole / 2, 0)


def test_waiting_is_the_steps_of_all_updates_at_their_price():
    days = cost.recurrent_days(GPT3, A100, 2048, step=4.2e-6)
    steps = 2 * GPT3.updates * (2048 + 95)
    assert steps == 401_812_500
    assert days.waiting * cost.runs.DAY == pytest.approx(steps * 2.1e-6)


@pytest.mark.parametrize(("T", "copies"), [(2048, 1), (2048, 16), (32_768, 4)])
def test_in_all_steps_of_an_update_a_device_hears_two_states_of_each_token_of_its_copy(T, copies):
    heard = T * cost.states_heard(GPT3, T, copies=copies)
    assert heard == pytest.approx(2 * 2 * GPT3.width * GPT3.batch / copies)


def test_too_many_copies_are_refused_with_a_batch_that_works():
    with pytest.raises(ValueError, match=r"copies=64\. Give a batch of 67,108,864 tokens or more"):
        cost.recurrent_days(GPT3, A100, 1_048_576, copies=64)
    larger = cost.Run(GPT3.weights, 96, 12_288, GPT3.tokens, batch=67_108_864)
    assert larger.sequences(1_048_576, 64) == 1


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: cost.training_flop(1.5e9, 10), TypeError, "weights=1500000000.0 was given; expected a whole number"),
        (lambda: cost.Cluster(0, 1e12), ValueError, "devices=0 was given"),
        (lambda: cost.Cluster(1, -1e12), ValueError, "peak=-1000000000000.0 was given; expected a number above 0"),
        (lambda: A100.days(1e20, used=0), ValueError, "used=0 was given; expected a number above 0"),
        (lambda: cost.recurrent_days(GPT3, A100, 6, step=-1), ValueError, "step=-1 was given; expected seconds"),
        (lambda: cost.recurrent_days(GPT3, A100, 6, reread=2), ValueError, "reread=2 was given; expected a share"),
    ],
)
def test_what_cannot_be_computed_is_refused_with_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
