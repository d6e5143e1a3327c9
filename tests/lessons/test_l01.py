"""Lesson 01: what its figures draw, and that each number of a verdict counts."""

import re

import pytest
from decided import assert_decides

from course.ledger.decisions import DOES_NOT_HOLD, HOLDS
from course.lessons.l01 import decisions, figures
from course.models.tiny import random_words, tiny_rnn
from course.show import theme
from helpers import elman


def traces(picture):
    return {trace["name"]: trace for trace in picture.json["data"]}


@pytest.mark.parametrize(("gain", "words"), [(1.0, "loud"), (0.5, "quiet"), (1.5, "quiet")])
def test_the_walks_are_those_of_the_gain_and_the_words(gain, words):
    _, _, U, W = tiny_rnn("man")
    inputs = (0.1 if words == "quiet" else 1.0) * random_words(figures.LENGTH)
    one, other = (elman(inputs[None], U, gain * W, hidden=start[None])[0] for start in figures.STARTS)
    drawn = traces(figures.memory(gain, words))
    for name, start, walk in (("one start", figures.STARTS[0], one), ("the other start", figures.STARTS[1], other)):
        assert drawn[name]["x"][:3] == pytest.approx([start[0].item(), *walk[:2, 0].tolist()], abs=1e-3)
        assert drawn[name]["y"][:3] == pytest.approx([start[1].item(), *walk[:2, 1].tolist()], abs=1e-3)
    apart = (one - other).abs().amax(dim=1).tolist()
    assert drawn["two walks apart"]["y"][:50] == pytest.approx(apart[:50], rel=0.06, abs=1e-15)


def test_a_walk_that_forgets_is_orange_until_its_start_no_longer_tells():
    picture = figures.memory(1.0, "loud")
    drawn = traces(picture)
    distances = drawn["two walks apart"]["y"]
    remembered = max(word for word, apart in enumerate(distances, 1) if apart > figures.RIGHT)
    assert f"Forgotten after {remembered} words" in picture.text
    assert [len(drawn[name]["x"]) for name in ("still tells the start", "start forgotten")] == [
        remembered,
        figures.LENGTH - remembered,
    ]
    assert drawn["still tells the start"]["marker"]["color"] == theme.RNN
    (line,) = (shape for shape in picture.json["layout"]["shapes"] if "y0" in shape)
    assert line["y0"] in (figures.RIGHT, pytest.approx(-12))


def test_a_net_that_remembers_takes_a_round_a_word_and_one_that_forgets_fewer_the_smaller_its_gain():
    loud = [figures.walks_of(gain, "loud")[1] for gain in figures.GAINS]
    assert loud == sorted(loud)
    assert loud[0] < 30
    assert figures.walks_of(1.5, "quiet")[1] == figures.LENGTH
    assert "Still remembered after 200 words: 200 rounds" in figures.memory(1.5, "quiet").text


def test_the_figure_and_the_verdict_count_the_same_rounds():
    net = decisions.random_net(60)
    assert figures.rounds_needed(*net) == decisions.rounds_to_mend(*net) < 60


def test_the_drawing_of_two_nets_shows_the_rounds_and_the_arrows_of_its_text():
    page = figures.two_nets().html
    left, right = page.split("feeds back its hidden state")[1].split("feeds back its output")
    for half, states, outputs in ((left, [1, 2, 3, 4], [2, 3, 4, 5]), (right, [1] * 4, [2] * 4)):
        rounds = {kind: re.findall(rf">{kind}\d<.*?>round (\d)<", half) for kind in "hy"}
        assert rounds == {"h": [str(number) for number in states], "y": [str(number) for number in outputs]}
    assert left.count('stroke-width="4"') == 3  # from each h to the next
    assert right.count('stroke-width="4"') == 0
    assert "true" not in left
    assert re.findall(r"true y(\d)", right) == ["1", "2", "3"]


CASES = [
    ("S3-12", {"difference": 0.1}, DOES_NOT_HOLD),
    ("S3-12", {"next_state_moves": 0.0}, DOES_NOT_HOLD),
    ("S0-12", {"rounds": [1, 1, 1]}, DOES_NOT_HOLD),
    ("S0-12", {"error_without_the_state_before": 0.0}, DOES_NOT_HOLD),
    ("S0-03", {"rounds_to_mend": [6, 60, 600]}, HOLDS),
    ("S0-03", {"rounds_where_it_is_remembered": [6, 60, 94]}, DOES_NOT_HOLD),
    ("S0-13", {"forced_difference": 0.1}, HOLDS),
    ("S0-13", {"forced_rounds": [7, 61, 601]}, HOLDS),
    ("S0-13", {"hidden_rounds": [2, 2, 2]}, DOES_NOT_HOLD),
    ("S0-13", {"states_from_outputs_differ": 0.1}, DOES_NOT_HOLD),
    ("S0-21", {"elman_tanh": [1, 1, 1, 1]}, DOES_NOT_HOLD),
    ("S0-21", {"elman_gate_products": 1}, DOES_NOT_HOLD),
    ("S0-21", {"lstm_gate_products": 0}, HOLDS),
    ("S1-25", {"words_that_reach_the_last_state": [6, 1, 94]}, DOES_NOT_HOLD),
    ("S1-25", {"words_that_reach_the_last_state": [6, 60, 600]}, DOES_NOT_HOLD),
    ("S1-25", {"difference_when_resumed": 0.1}, DOES_NOT_HOLD),
]


@pytest.mark.parametrize(("claim", "changed", "outcome"), CASES, ids=lambda part: str(part)[:40])
def test_one_number_that_comes_out_otherwise_changes_the_verdict(claim, changed, outcome):
    assert_decides("01", claim, changed, outcome)
