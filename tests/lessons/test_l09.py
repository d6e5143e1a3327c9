"""Lesson 09: racers equal in weights, fused attention that is attention, and what the figures say of stored races."""

import math
import re

import pytest
import torch
from tensors import largest

from course.lessons.l09 import figures, race, trained
from course.lessons.l09.trained import AT, RATES, key
from course.models.language import count_weights, language_model
from course.results import recordings
from course.results.recordings import Recording, Time
from course.training.turns import Racer
from helpers.measuring.timing import Timing


def racer(*points):
    """A race's result with these points (second, step, bits)."""
    steps = points[-1][1]
    return Racer(None, "9 s", [(step, 2.0) for step in range(1, steps + 1)], points[-1][0], False, list(points))


@pytest.mark.parametrize("letters", [90, 102, 115])
def test_the_racers_have_equally_many_weights_whatever_the_alphabet(letters):
    counts = [count_weights(language_model(**size, vocabulary=letters)) for size in race.SIZES.values()]
    assert max(counts) < 1.02 * min(counts)


def test_fused_attention_gives_the_same_scores_and_gradients():
    plain, fused = race.make("Transformer"), race.make("Transformer")
    fused.load_state_dict(plain.state_dict())
    race.fuse(fused)
    letters = race.batches(torch.Generator().manual_seed(0))[:3]
    scores = [model(letters) for model in (plain, fused)]
    assert largest(*scores) < 1e-3
    for score in scores:
        score.square().mean().backward()
    gradients = [[weight.grad for weight in model.parameters()] for model in (plain, fused)]
    assert all(largest(one, other) < 1e-3 for one, other in zip(*gradients, strict=True))


def test_the_two_parts_of_a_lead_are_compared_at_equal_characters_and_add_up():
    fast, slow = [(0, 6.0), (400, 2.0)], [(0, 6.0), (200, 2.5)]
    learning, speed = race.lead(fast, slow)
    assert learning == pytest.approx(2.5 - 4.0)
    assert learning + speed == pytest.approx(2.5 - 2.0)


def test_a_point_stands_at_all_the_characters_that_were_read():
    assert race.by_character(racer((1.0, 5, 4.0), (9.0, 20, 3.0))) == [(5 * 64 * 16, 4.0), (20 * 64 * 16, 3.0)]


@pytest.mark.parametrize("length", [16, 1024])
def test_an_update_reads_as_many_characters_whatever_the_length(length, monkeypatch):
    read = []
    monkeypatch.setattr(race, "_update", lambda model, letters: read.append(letters.shape))
    race.updates(length)
    assert {(B * (T - 1), T - 1) for B, T in read} == {(race.AT_ONCE, length)}


def test_the_table_has_the_speed_and_the_parts_of_a_lead():
    racers = {"LSTM": racer((0.0, 0, 6.0), (10.0, 400, 2.0)), "Transformer": racer((0.0, 0, 6.0), (10.0, 200, 2.5))}
    html = figures.table(racers).bundle()["text/html"]
    cells = re.findall(r"<td[^>]*>(?:<b[^>]*>)?([^<]*)", html)
    assert cells == [
        "LSTM",
        "40,960",
        "409,600",
        "2.00",
        "Transformer",
        "20,480",
        "204,800",
        "2.50",
        "0.50",
        "-1.50",
        "+2.00",
    ]


def test_a_loss_that_is_drawn_while_it_runs_is_in_bits():
    assert "2.89 after 9.0 s" in figures.running({"LSTM": racer((9.0, 30, 2.0))}, 1.0).bundle()["text/html"]


def test_a_race_that_ends_otherwise_than_the_text_says_so():
    expected = {"LSTM": racer((9.0, 20, 2.6)), "Transformer": racer((9.0, 10, 2.9))}
    turned = {"LSTM": racer((9.0, 20, 2.9)), "Transformer": racer((9.0, 10, 2.6))}
    assert race.says(expected).startswith("As where this lesson was written")
    assert race.says(turned).startswith("Here the LSTM is last")


def test_the_pictures_of_a_race_say_the_same_on_every_machine():
    races = [{name: racer((1.0, 5, b), (9.0, n, b - 1)) for name in race.SIZES} for n, b in ((20, 4.0), (31, 3.5))]
    for draw in (figures.curves, figures.table, lambda racers: figures.running(racers, 0.5)):
        assert draw(races[0]).text == draw(races[1]).text


def test_a_race_before_its_first_turn_can_be_drawn():
    start = {name: Racer(None, "9 s") for name in race.SIZES}
    assert "NaN" not in str(figures.running(start, 0.0).bundle())


def stored(**bits):
    """A stored race in which each model has these bits throughout, at both rates unless {rate: bits} are given."""
    points, names = len(AT) + 1, {model.lower(): model for model in race.SIZES}
    curves = {}
    for name, value in bits.items():
        for rate in RATES:
            loss = value[rate] if isinstance(value, dict) else value
            curves[key(names[name], rate)] = (
                torch.full((3, points), loss).numpy(),
                torch.arange(1, points + 1).numpy() * 1e5,
            )
    return curves


def test_the_title_names_who_is_ahead_at_the_better_rate(monkeypatch):
    bits = stored(lstm={"high": 2.4, "low": 2.1}, gru=2.5, transformer=2.2)
    monkeypatch.setattr(figures, "stored", lambda: bits)
    assert "the LSTM is ahead by 0.10 bit" in figures.minute(60).text
    assert "the Transformer is ahead by 0.20 bit" in figures.minute(60, "the high ones").text
    monkeypatch.setattr(figures, "stored", lambda: stored(lstm=2.2, gru=2.5, transformer=2.21))
    assert "LSTM and Transformer are level" in figures.minute(60).text


def test_a_lead_at_equal_characters_is_read_where_both_have_been(monkeypatch):
    bits = stored(lstm=2.2, gru=2.5, transformer=2.4)
    for rate in RATES:  # the Transformer has read half as much, and falls from 3.4 to 2.4 bits
        curve, read = bits[key("Transformer", rate)]
        bits[key("Transformer", rate)] = (curve + 1 - read / read[-1], read / 2)
    assert figures.leads_at(bits, 300_000) == pytest.approx([0.7] * 3)
    monkeypatch.setattr(figures, "stored", lambda: bits)
    assert "At 600,000 characters the LSTM is ahead by 0.20 bit" in figures.minute(60, over="characters").text


def test_the_trained_lead_is_taken_at_the_better_rate_and_positive_if_the_lstm_is_ahead(monkeypatch):
    bits = {"lstm-high": [2.4], "lstm-low": [2.1], "transformer-high": [2.2], "transformer-low": [2.6]}
    monkeypatch.setattr(trained, "_stored", lambda seed: bits)
    assert trained._lead(0, 0) == pytest.approx(0.1)


def test_without_a_stored_race_the_figure_says_how_it_is_made(monkeypatch):
    monkeypatch.setattr(figures, "stored", dict)
    assert "make evidence" in figures.minute().text


def test_the_race_on_a_gpu_is_missing_until_it_is_recorded(monkeypatch):
    monkeypatch.setattr(figures, "find_recordings", lambda contest: ())
    assert "not recorded on a GPU yet" in figures.recorded_update().text
    assert "make record" in figures.recorded_update().text


def test_a_recorded_race_is_drawn_with_its_device_and_the_ratio_at_the_longest_text(monkeypatch):
    points = {
        T: {"LSTM": Time(T * 1e-5, 0, 0), "attention": Time(1e-3, 0, 0), "minGRU": Time(2e-3, 0, 0)} for T in (64, 1024)
    }
    points[16384] = {"LSTM": Time(out_of_memory=True), "attention": Time(4e-3, 0, 0)}
    when = recordings.datetime(2026, 12, 1, tzinfo=recordings.UTC)
    recording = Recording(figures.UPDATE, "(16384 / T, T, 512)", points, "a GPU", "cuda", when, "2.13", "3.7")
    monkeypatch.setattr(figures, "find_recordings", lambda contest: (recording,))
    text = figures.recorded_update().text
    assert "recorded 2026-12-01: a GPU" in text
    assert "at T = 1,024, the LSTM takes 10.2 times as long" in text
    assert "nan" not in text


def test_who_loses_most_is_a_share_of_its_own_speed():
    timings = {"LSTM": (1.0, 1.2), "GRU": (2.0, 9.0), "Transformer": (8.0, 16.0), race.FUSED: (1.0, 1.0)}
    points = {
        T: {name: Time(seconds[place], 0, 0) for name, seconds in timings.items()} for place, T in enumerate((16, 64))
    }
    assert race.loses_most(points) == "GRU"


def test_the_title_says_how_many_times_slower_the_loser_became():
    slower = {"LSTM": 1.2, "GRU": 4.5, "Transformer": 2.0, race.FUSED: 1.0}
    points = {
        T: {name: Timing(name, *3 * [times if T == 64 else 1.0], 9, "cpu", threads=1) for name, times in slower.items()}
        for T in (16, 64)
    }
    title = figures.speed_against_length(points).json["layout"]["title"]["text"]
    assert "The GRU loses most: 4.5 times slower at T = 64" in title
    assert math.isclose(race.speeds(points)["LSTM"][16], race.AT_ONCE)
