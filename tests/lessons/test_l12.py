"""Lesson 12: trees equal loops, counts are those of a tree that is built, and what is measured is what is said."""

import pytest
import torch
from numpy.polynomial import Polynomial

from course.ledger.decisions import CONDITIONAL, DOES_NOT_HOLD, HOLDS
from course.lessons.l12 import decisions, exercises, figures, nets, steps
from course.results import trained

COMPOSABLE = [name for name, kind in steps.KINDS.items() if kind.compose]


@pytest.mark.parametrize("kind", COMPOSABLE)
def test_a_tree_gives_the_states_of_the_loop_with_nodes_as_wide_as_they_are_said_to_be(kind):
    assert max(steps.tree_misses(kind, T) for T in (1, 2, 7, 300)) < 1e-12
    composite = steps.in_a_tree(steps.draw(kind, 300), steps.KINDS[kind].compose)[0][-1]
    assert len(composite) == steps.KINDS[kind].numbers(300)


@pytest.mark.parametrize("T", [1, 2, 3, 6, 60, 64, 65, 600])
def test_rounds_and_combines_are_those_of_a_tree_that_is_built(T):
    _, rounds, combines = steps.in_a_tree(steps.draw("a h + b", T), steps.affine)
    assert (rounds, combines) == (steps.rounds(T), steps.combines(T))


def test_a_moebius_map_that_is_not_scaled_overflows():
    composite = steps.in_a_tree(steps.draw("Möbius", 6000), lambda one, two: steps.moebius(one, two, scaled=False))
    assert not all(number - number == 0 for number in composite[0][-1])


@pytest.mark.parametrize("words", figures.WORDS)
@pytest.mark.parametrize("step", figures.KINDS)
def test_the_tree_has_a_level_for_each_round_and_the_loop_below(step, words):
    rows = figures.levels(step, words)
    assert len(rows) == steps.rounds(words) + 1
    assert rows[0][:2] == (1, words)
    assert rows[-1][:2] == (words, 1)
    plot = figures.tree(step, words).json
    assert max(plot["data"][0]["x"]) <= figures.ROOM
    assert [note["text"] for note in plot["layout"]["annotations"]].count(f"loop: {words - 1:,} in turn") == 1


@pytest.mark.parametrize(
    ("step", "loop", "times"),
    [("a h + b", 120, 7), ("max-plus", 120, 7), ("Möbius", 300, 12), ("five cups", 60, 25), ("dense 8 × 8", 7680, 45)],
)
def test_a_tree_of_60_steps_does_as_many_times_the_work_as_one_is_asked_to_find(step, loop, times):
    text = figures.tree(step, 60).text
    assert f"The loop: {loop:,} operations, in turn." in text
    assert text.endswith(f" {times} times as many.")


@pytest.mark.parametrize(("step", "loop"), [("h² + c", 120), ("tanh", 180)])
def test_of_a_step_that_grows_only_the_loop_is_priced_and_its_nodes_are_coloured_as_such(step, loop):
    figure = figures.tree(step, 60)
    assert figure.text.endswith(f"The loop: {loop} operations, in turn. The tree: 6 rounds, of nodes that grow.")
    nodes = [bar["marker"]["color"] for bar in figure.json["data"][:2]]
    assert nodes == [figures.theme.LINE, figures.theme.RNN]


def test_steps_of_a_square_need_the_coefficients_of_their_polynomial():
    polynomial = Polynomial([0.0, 1.0])
    for n in range(1, 8):
        polynomial = polynomial**2 + 0.1
        assert len(polynomial.coef) == steps.KINDS["h² + c"].numbers(n)
    assert [steps.power_of_ten(n) for n in (60, 600, 6000)] == [18, 181, 1806]


COMPOSED = {
    "steps": decisions.STEPS,
    "tree_rounds": [3, 6, 10, 13],
    "max_plus_misses": 1e-14,
    "moebius_misses": 1e-14,
    "numbers_of_a_square": [65, 2**60 + 1],
    "attention_misses": 2.0,
    "attention_rounds": [4, 4, 4],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tree_rounds", decisions.STEPS),
        ("max_plus_misses", 1e-3),
        ("moebius_misses", 1e-3),
        ("numbers_of_a_square", [13, 121]),
        ("attention_misses", 1e-9),
        ("attention_rounds", [6, 60, 600]),
    ],
)
def test_each_number_alone_overturns_the_verdict_on_linearity(name, value):
    assert decisions.linear_or_not(**COMPOSED) == DOES_NOT_HOLD
    assert decisions.linear_or_not(**COMPOSED | {name: value}) == HOLDS


@pytest.mark.parametrize(
    ("rounds", "letters", "parity", "verdict"),
    [
        ([3, 6, 10, 13], 7, 91, CONDITIONAL),
        (decisions.STEPS, 7, 91, CONDITIONAL),
        ([3, 6, 10, 13], 300, 91, CONDITIONAL),
        (decisions.STEPS, 300, 91, HOLDS),
        ([3, 6, 10, 13], 7, 20, DOES_NOT_HOLD),
    ],
)
def test_waiting_is_strict_only_where_neither_scan_nor_newton_is_quick(rounds, letters, parity, verdict):
    assert decisions.strictly_sequential(rounds, letters, parity) == verdict


def test_brent_and_kungs_combines_are_those_of_the_literature():
    assert [exercises._brent_kung(T) for T in (6, 60, 600, 1024, 6000)] == [7, 110, 1186, 2036, 11980]


def test_newtons_states_are_the_loops_and_a_random_net_takes_few():
    net = nets.untrained(3)
    assert 3 < nets.newton_iterations(net, nets.bits(100)) <= 6  # fewer would be too coarse
    assert nets.newton_iterations(net, nets.bits(100), "diagonal") > 10
    assert nets.mending_rounds(net, nets.bits(100)) < 40


def test_a_net_that_keeps_a_bit_waits_for_guess_and_mend_and_not_in_pieces():
    net, text = nets.untrained(0), torch.zeros(400, dtype=torch.int64)
    text[[10, 30, 350]] = 1
    with torch.no_grad():
        for weight in (net.layer.from_state.weight, *net.layer.from_input.parameters(), net.embed.weight):
            weight.zero_()
        net.layer.from_state.bias.zero_()
        net.layer.from_state.weight[0, 0], net.layer.from_input.weight[0, 0], net.embed.weight[1, 0] = 3, 1, 5
        net.layer.from_input.bias[0] = -0.3  # near 0 a state falls to the lower resting place
    assert nets.mending_rounds(net, text) > 300
    assert nets.in_pieces(net, text) == (60 + 2 * 40 + 4, pytest.approx(0, abs=1e-6))
    _, miss = nets.in_pieces(net, text, met=5)  # before the first one: the upper place was not met
    assert miss > 1


def test_a_push_is_measured_as_a_share_of_the_state():
    net = nets.untrained(0)
    with torch.no_grad():
        net.layer.from_state.weight.copy_(torch.eye(32))
        for part in (net.layer.from_input.weight, net.layer.from_input.bias, net.layer.from_state.bias):
            part.mul_(1e-4)
    (left,) = nets.left_of_a_push(net, nets.bits(30), [1], share=0.1)
    assert left == pytest.approx(
        0.1, rel=0.1
    )  # tanh is nearly the identity on states this small; a word more changes their length


def test_another_word_moves_the_state_that_follows_it():
    before, first, later = nets.left_of_another_word(nets.untrained(0), nets.bits(140), [-1, 0, 99])
    assert before == 0
    assert first > 0.01
    assert later < 1e-6


def test_what_is_judged_of_a_run_is_what_its_result_says():
    for result in trained.load("12").values():
        for run in (run for run in result["runs"].values() if run["curve"]):
            values = [value for _, value in run["curve"]]
            judged = {
                "iterations": values[-1],
                "iterations, the fewest of ten": min(values),
                "texts with all states as in the loop": sum(miss < 1e-6 for miss in values),
                "distance, as a share of the state": values[2],
            }
            assert run["outcome"] == judged[result["measure"]]


def test_the_runs_that_the_text_speaks_of_passed():
    stored = trained.load("12")
    assert all(len(result["runs"]) == 3 for result in stored.values())
    failed = {name for name, result in stored.items() if not trained.passed(result)}
    assert failed == {
        "parity-right",  # one seed of three has .92 of 1,000 bits right; the lesson prints it
        "pieces-parity",  # the same seed has five texts of ten right; the lesson prints it
        "pieces-five-cups",
        "pieces-holds-a-word",
    }


def test_the_texts_that_came_out_equal_in_pieces_are_as_many_as_the_lesson_and_the_ledger_say():
    stored = trained.load("12")
    equal = {
        name.removeprefix("pieces-"): [int(run["outcome"]) for _, run in sorted(result["runs"].items())]
        for name, result in stored.items()
        if name.startswith("pieces-")
    }
    assert equal["parity"] == [10, 10, 5]
    assert stored["parity-right"]["runs"]["2"]["passed"] is False  # the third is the one that is not exact
    assert sum(equal["parity"] + equal["five-cups"]) == 54
    assert sum(map(sum, equal.values())) == 109


def test_newton_on_other_bits_took_as_often_as_the_ledger_says():
    runs = trained.load("12")["newton-parity-other-bits"]["runs"].values()
    counts = [iterations for run in runs for _, iterations in run["curve"]]
    assert (len(counts), min(counts), max(counts)) == (30, 62, 137)


def test_a_number_chooses_another_text():
    for text in (nets.bits, nets.letters, nets.word_and_others):
        assert not text(50).equal(text(50, 20))
        assert text(50, 20).equal(text(50, 20))
        assert text(50).shape == text(50, 20).shape == (50,)
