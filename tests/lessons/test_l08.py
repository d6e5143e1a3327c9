"""Lesson 08: what it says of a busy machine, the parts of a batch, the waiting that is drawn, the kernel's lines."""

from types import SimpleNamespace

import pytest
import torch

from course.lessons.l08 import decisions, figures, parts, splitting
from helpers.distributed import launch
from helpers.measuring.load import Load
from helpers.measuring.timing import Comparison, Timing


def times(one, torchs, load=None):
    """A comparison of the four ways with made-up seconds; 2 × 16 and 4 × 8 take as long as one thread."""
    ways = {splitting.ONE: one, "2 × 16 on threads": one, "4 × 8 on threads": one, splitting.TORCH: torchs}
    return Comparison(
        {way: Timing(way, time, time, time, 9, "cpu", threads=1, load=load) for way, time in ways.items()}
    )


@pytest.mark.parametrize("processes", [None, 0.02])
@pytest.mark.parametrize("busy", [times(1.0, 1.2), times(1.0, 0.6, Load(others=1.9, cores=2))])
def test_on_a_busy_machine_no_ratio_is_shown(busy, processes):
    lines = splitting.what_it_says(busy, processes)
    assert lines[0].startswith("This machine is busy")
    assert "×" not in "".join(lines)
    assert max(map(len, lines)) <= 100  # a longer one is broken in the middle of a word


def test_on_a_quiet_machine_every_way_is_shown():
    lines = splitting.what_it_says(times(1.0, 0.6))
    assert [line.split("  ")[0] for line in lines] == ["2 × 16 on threads", "4 × 8 on threads", splitting.TORCH]
    assert "1.67 ×" in lines[2]
    assert splitting.what_it_says(times(1.0, 0.6), processes=0.5)[0].split()[5] == "2.00"


def test_timing_gives_torch_its_threads_back():
    before = torch.get_num_threads()
    splitting.time_the_split(T=4, d=8, budget=0.1)
    assert torch.get_num_threads() == before


def test_processes_have_the_gradient_of_the_batch():
    workers = launch(splitting.on_a_process, 2, 1, backend="gloo", limit=300)
    batch = splitting.Batch()
    whole = batch.gradient(batch.mean_miss, batch.texts)
    assert max(splitting.miss(worker.gradient, whole) for worker in workers) < 1e-13
    assert {worker.sent for worker in workers} == {whole.nbytes}  # 2 (P − 1) / P of it, and P is 2


def test_padding_counts_for_nothing():
    batch = splitting.Batch(T=6, d=4, B=8)
    moved = batch.texts.clone()
    for text, length in zip(moved, batch.lengths.tolist(), strict=True):
        text[length:] += 1.0
    before = batch.padded(batch.texts, batch.lengths)
    assert torch.equal(batch.padded(moved, batch.lengths), before)
    assert not torch.equal(batch.mean_miss(moved), batch.mean_miss(batch.texts))


def test_padded_parts_are_right_once_they_are_weighed_by_their_words():
    batch = splitting.Batch()
    pairs = list(zip(batch.texts.chunk(4), batch.lengths.chunk(4), strict=True))
    words = [(lengths - 1).sum().item() for _, lengths in pairs]
    gradients = [batch.gradient(batch.padded, *pair) for pair in pairs]
    whole = batch.gradient(batch.padded, batch.texts, batch.lengths)
    weighed = sum(count * gradient for count, gradient in zip(words, gradients, strict=True)) / sum(words)
    assert splitting.miss(weighed, whole) < 1e-13
    assert splitting.miss(sum(gradients) / 4, whole) > 0.05


@pytest.mark.parametrize(("reason", "last"), [(None, "fused"), ("triton is not installed", "graph")])
def test_on_a_gpu_the_ladder_has_our_kernel_only_where_it_runs(monkeypatch, reason, last):
    monkeypatch.setattr(parts, "device", lambda: SimpleNamespace(type="cuda"))
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, place: tensor)
    monkeypatch.setattr(parts, "unavailable", lambda tensor: reason)
    monkeypatch.setattr(parts, "compare", lambda functions, **settings: list(functions))
    assert parts.time_the_ladder(T=2)[-1] == last


@pytest.mark.parametrize(("first", "last"), [("blocks = tl.cdiv(Tq", "edge, end"), ("for MASKED", "tl.store(level")])
def test_the_lines_that_are_read_are_few_enough(first, last):
    assert 10 < len(parts.kernel_lines(first, last).splitlines()) <= 25


def test_more_words_leave_the_share_of_waiting_as_it_is_and_more_texts_raise_it():
    titles = {figures.waiting(words=words).text.splitlines()[0] for words in (64, 1024, 16384)}
    assert titles == {"Figure: 16 texts: waiting leaves at most 11 % of this GPU"}
    assert "22 %" in figures.waiting(texts=32).text
    assert "would fill" in figures.waiting(texts=256).text


def test_the_recorded_factor_of_the_title_is_the_one_that_the_lesson_names():
    assert "72 times as busy" in figures.waiting().text
    seconds = parts.recorded("lstm D=128", 1024)
    assert round(seconds["loop"] / seconds["torch"]) == 73
    cpu = parts.recorded_cpu()
    assert round(cpu["loop"] / cpu["torch"], 1) == 3.6


def test_a_machine_is_judged_by_both_recordings():
    assert decisions.batch_against_machine(0.84, 0.11) == "conditional"
    assert decisions.batch_against_machine(0.2, 0.2) == "does-not-hold"


def test_where_the_state_of_an_rnn_grew_too_the_cache_would_be_no_difference():
    assert decisions.no_memory_bottleneck(64.0, 8.0, 1.0, 8.0, 1.0) == "conditional"
    assert decisions.no_memory_bottleneck(64.0, 8.0, 1.0, 8.0, 8.0) == "does-not-hold"


def test_a_gradient_is_clipped_only_where_it_is_too_long():
    gradient = torch.tensor([3.0, 4.0])
    assert torch.equal(splitting.clipped(gradient, 10.0), gradient)
    assert torch.allclose(splitting.clipped(gradient, 1.0), gradient / 5)


def test_on_the_roofline_a_dot_stands_at_its_operations_a_byte_and_a_second():
    def seconds(median):
        return Timing("here", median, median, median, 9, "cpu", threads=1)

    can = SimpleNamespace(copy=seconds(1e10), matmul={"float32": seconds(1e12)})
    picture = figures.roofline(can, {1: seconds(0.01), 16: seconds(0.02)}, D=4096)
    _, roof, dots = picture.json["data"]
    assert (roof["x"][1], roof["y"][1]) == (100, 1e12)  # the ridge: 10¹² operations over 10¹⁰ bytes
    assert dots["y"] == pytest.approx([2 * 4096**2 / 0.01, 2 * 16 * 4096**2 / 0.02], rel=1e-3)
    assert [round(x, 2) for x in dots["x"]] == [0.5, 7.94]  # about half a row's number, for numbers of 4 bytes
