"""Lesson 10: four processes give what one gives, and send what the formulas say; the figure and the bowl are true."""

import json
import re
from pathlib import Path

import pytest

from course.ledger.decisions import ANSWERED, DOES_NOT_HOLD, HOLDS, UNANSWERED
from course.lessons.l10 import critical, decisions, exercises, figures, together
from helpers import span_of
from helpers.distributed import launch, traffic

WORDS = (4, 12)
STORED = Path(__file__).parents[2] / "notebooks" / "10_many_devices.ipynb"


def in_brief(peers):
    """What the notebook's launch does, with shorter texts and without its clocks. (Workers import it from here.)"""
    steps = dict(cuts=lambda peers: together.every_cut(peers, WORDS), odd=together.odd_sizes, turns=together.turns)
    steps |= dict(all_reduces=together.all_reduces)
    return {name: step(peers) for name, step in steps.items()}


@pytest.fixture(scope="module")
def results():
    """What each of four workers has seen."""
    return launch(in_brief, 4, limit=250)


def test_every_cut_gives_what_one_worker_gives(results):
    gaps = {(cut, T): max(result["cuts"][cut][T][0] for result in results) for cut in results[0]["cuts"] for T in WORDS}
    assert len(gaps) == 22
    assert {place: gap for place, gap in gaps.items() if not gap < 1e-12} == {}


def test_sizes_that_divide_nothing_change_nothing(results):
    gaps = [gap for result in results for gap in result["odd"].values()]
    assert len(gaps) == 15
    assert max(gaps) < 1e-12


def test_the_bytes_are_those_of_the_formulas(results):
    for cut in results[0]["cuts"]:
        for T in WORDS:
            if cut != "layers, LSTM, by words" or T >= together.PIECES:
                assert sum(result["cuts"][cut][T][1].bytes for result in results) == together.by_formula(cut, T), (
                    cut,
                    T,
                )


def test_the_exchanges_are_those_of_the_figure(results):
    for T in WORDS:
        exchanges = {cut: results[1]["cuts"][cut][T][1].exchanges for cut in results[0]["cuts"]}
        sizes = dict(P=4, B=together.B, T=T, D=together.D, itemsize=8)
        assert exchanges["width, block"] == traffic.block_by_width(**sizes).exchanges
        assert exchanges["width, LSTM"] == traffic.lstm_by_width(**sizes).exchanges
        assert exchanges["time, attention"] == traffic.attention_by_time(**sizes).exchanges
        handed = traffic.by_layers(**sizes, M=together.PIECES).handed
        assert exchanges["layers, LSTM"] == 2 * handed  # worker 1 has two neighbours
        assert exchanges["time, LSTM"] == 2 * handed + 1


def test_the_ring_by_hand_sends_what_the_processes_send(results):
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(STORED.read_text(encoding="utf-8"))["cells"]}
    names = {}
    exec("import torch\n" + cells["ring-by-hand"], names)
    for workers, sent in results[0]["all_reduces"].items():
        torch = names["torch"]
        _, numbers = names["ring_sum"]([torch.ones(12) for _ in range(workers)])
        assert sent == 8 * numbers[0] == 8 * numbers[-1]


@pytest.mark.parametrize("form", ["causal, neighbours", "causal, stripes"])
def test_the_turns_of_a_ring_are_those_of_the_exercise(results, form):
    for rank, result in enumerate(results):
        assert result["turns"][form] == exercises.pairs(400, 4, rank, form.endswith("stripes"))


@pytest.mark.parametrize(("P", "M"), [(2, 1), (4, 8), (8, 3), (3, 16)])
def test_the_schedule_that_is_drawn_waits_as_the_formula_says(P, M):
    cells = figures.schedule(P, M)
    waits = {(p, m): [(p - 1, m)] * (p > 0) + [(p, m - 1)] * (m > 0) for p, _, m in cells}
    turns = 1 + max(tick for _, tick, _ in cells)
    assert turns == span_of(waits)
    assert 1 - len(cells) / (P * turns) == pytest.approx(traffic.idle(P, M))


def test_the_figure_says_the_numbers_of_its_sliders():
    text = figures.four_ways(workers=8, words=16, pieces=1).text
    assert text.startswith("Figure: By width a block waits 4 times, an LSTM 32 times")
    assert re.search(r"layers .*, LSTM: 2 handed on, .*, idle 88%", text)
    assert re.search(r"batch .*, block: 1 exchange, .*, idle 0%", text)


def test_the_loopback_is_read_or_left_out(monkeypatch, tmp_path):
    listing = "Inter-|   Receive\n face |bytes    packets\n    lo: 1234 9 0\n  eth0: 5 1 0\n"
    monkeypatch.setattr(together.Path, "read_text", lambda *_, **__: listing)
    assert together.carried() == 1234
    monkeypatch.setattr(together.Path, "read_text", lambda *_, **__: "nothing of the kind")
    assert together.carried() is None


def test_steps_in_closed_form_are_the_steps_one_by_one():
    """The mean of w² after each step of gradient descent with noise: (1 − ηλ)² w² + η² noise λ / batch."""
    batch, noise = 256, 10.0
    best = None
    for rate in critical.RATES[200::3].tolist():
        squares, goal = critical.CURVATURES * 0 + 1, critical.TARGET * critical.CURVATURES.sum()
        for step in range(1, best or 2000):
            squares = (1 - rate * critical.CURVATURES) ** 2 * squares
            squares = squares + rate**2 * noise * critical.CURVATURES / batch
            if (critical.CURVATURES * squares).sum() <= goal:
                best = step
                break
    assert critical.steps_to_target(batch) <= best <= 1.02 * critical.steps_to_target(batch)


@pytest.mark.parametrize("noise", [1.0, 10.0, 100.0])
def test_the_critical_batch_grows_with_the_noise(noise):
    steps = {batch: critical.steps_to_target(batch, noise) for batch in critical.BATCHES}
    least, examples = critical.fit(steps)
    assert 40 < least < 55
    assert examples == pytest.approx(195 * noise, rel=0.15)


@pytest.mark.parametrize(("P", "T"), [(2, 16), (4, 16), (8, 16), (4, 4096)])
def test_every_exchange_is_drawn_as_far_as_there_is_room(P, T):
    counted = [sent.exchanges for way in figures.cuts(P, T, 8) for sent in (way.block, way.lstm)]
    drawn = figures.four_ways(workers=P, words=T, pieces=8).html.count('stroke="#000000"')
    assert drawn == sum(min(count, 2 * figures.MOST_DRAWN) for count in counted)


def test_the_bytes_in_the_figure_are_millions_of_16_bit_numbers_times_two():
    (line,) = re.findall(r"batch .*, LSTM: 1 exchange, .*", figures.four_ways(workers=2).text)
    assert line.endswith(f"{2 * 8 * 512**2 * 2 / 1e6:.1f} MB, idle 0%")  # two workers send 8 D² weights each


def test_a_block_is_larger_without_condition_where_two_lstm_layers_are_no_larger():
    assert decisions.larger_per_layer([12.0], lstm=[8.0], gru=[6.0], elman=[2.0], two_lstm=[12.0]) == HOLDS


def test_a_block_that_exchanges_more_in_longer_texts_leaves_the_question_open():
    assert decisions.can_be_cut_four_ways({"time": 0.0}, {"time": 0.0}, [4, 4], [8, 80]) == ANSWERED
    assert decisions.can_be_cut_four_ways({"time": 0.0}, {"time": 0.0}, [4, 40], [8, 80]) == UNANSWERED
    assert decisions.can_be_cut_four_ways({"time": 0.0}, {"time": 0.0}, [4, 4], [8, 8]) == UNANSWERED


def test_one_exchange_has_to_do_at_every_length():
    assert decisions.hard_to_bring_together([1, 1], [[0.0], [0.0]]) == DOES_NOT_HOLD
    assert decisions.hard_to_bring_together([1, 2], [[0.0], [0.0]]) == HOLDS
    assert decisions.fewer_messages([1, 5], block_exchanges=[4, 4]) == UNANSWERED
