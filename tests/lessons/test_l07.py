"""Lesson 07: its quick blocks are course.models' blocks, its lanes are measured, and its models lack what they say."""

import itertools
import re

import pytest
import torch
from tensors import largest

from course.lessons.l07 import ablation, depth, figures, lanes
from course.lessons.l07.depth import Parts
from course.models.transformer import Block
from course.results import trained
from course.words import draw

NORMS = {"after": "after", "before": "before", "none": None}


def in_a_block(weights, parts):
    """course.models' Block with these weights, and the parts that are on."""
    block = Block(16, 4, norm=NORMS[parts.norm], residual=parts.residual).double()
    attention, feed_forward = block.attention.part, block.feed_forward.part
    for linear in (attention.query, attention.key, attention.value, attention.join):
        linear.bias.data.zero_()
    stacked = weights["project"].chunk(3)
    for linear, weight in zip((attention.query, attention.key, attention.value), stacked, strict=True):
        linear.weight.data = weight
    attention.join.weight.data = weights["join"]
    feed_forward.up.weight.data, feed_forward.up.bias.data = weights["up"], weights["up_bias"]
    feed_forward.down.weight.data, feed_forward.down.bias.data = weights["down"], weights["down_bias"]
    for name in ("attention", "feed_forward"):
        if not getattr(parts, name):
            setattr(block, name, ablation.Missing())
    return block


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize(("attention", "feed_forward"), [(True, True), (True, False), (False, True), (False, False)])
def test_the_blocks_of_the_figure_are_the_blocks_of_the_course(attention, feed_forward, residual, norm):
    parts, words = Parts(attention, feed_forward, residual, norm), draw(7, 16, seed=5)
    (weights,) = depth.weights(width=16, depth=1, seed=3)
    assert largest(depth.block(words, weights, parts), in_a_block(weights, parts)(words[None])[0]) < 1e-12


def test_the_weights_are_spread_as_torchs_own():
    torch.manual_seed(0)
    theirs = torch.nn.TransformerEncoderLayer(64, 4, 256)
    tensors = {
        "project": theirs.self_attn.in_proj_weight,
        "join": theirs.self_attn.out_proj.weight,
        "up": theirs.linear1.weight,
        "up_bias": theirs.linear1.bias,
        "down": theirs.linear2.weight,
        "down_bias": theirs.linear2.bias,
    }
    for name, (shape, size) in depth.spread(64).items():
        assert tensors[name].shape == shape
        assert size == pytest.approx(tensors[name].std().item(), rel=0.15)


def test_the_difference_left_and_the_sizes_follow_the_words():
    words, depths = draw(8, 16, seed=1000), depth.through(Parts(), T=8, width=16, depth=3)
    for weights, left, size in zip(depth.weights(16, 3), depths.left, depths.sizes, strict=True):
        words = depth.block(words, weights, Parts())
        assert left == pytest.approx(((words - words.mean(0)).norm() / words.norm()).item())
        assert size == pytest.approx(words.square().mean().sqrt().item())
    assert depth.difference_left(torch.ones(3, 2)) == depth.difference_left(torch.zeros(3, 2)) == 0


def test_after_the_first_figure_a_control_computes_no_block(monkeypatch):
    figures.words_over_depth()
    monkeypatch.setattr(depth, "block", None)
    for *switches, norm in itertools.product(*[(True, False)] * 3, figures.NORMS):
        assert figures.words_over_depth(*switches, norm).text.startswith("Figure: After 60 blocks")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_start_decides_what_sixty_blocks_leave(seed):
    for norm in ("after", "before"):
        assert depth.through(Parts(norm=norm), depth=60, seed=seed, gain=0.5).left[59] > 0.9
        assert depth.through(Parts(norm=norm), depth=60, seed=seed, added=120**-0.5).left[59] > 0.95
    alone = Parts(feed_forward=False, residual=False, norm="none")
    assert depth.through(alone, depth=6, seed=seed).left[5] < 1e-5
    assert depth.through(alone, depth=6, seed=seed, gain=3.0).left[5] > 0.5


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ([], "No order of yours yet."),
        (["today", "2017"], "Your order is right."),
        (["2017", "today"], "Your order puts 2017 before today, and 1 % is left of the one, 46 % of the other."),
        (["2017"], "my_order holds each of these once: '2017', 'today'; given: ['2017']."),
        ([1, "today"], "my_order holds each of these once"),
        ("today, 2017", "my_order holds each of these once"),
    ],
)
def test_an_order_is_compared(order, sentence):
    assert depth.order_says(order, {"2017": 0.01, "today": 0.46}).startswith(sentence)


def test_a_gradient_is_what_trying_says():
    """The middle block's first weight moved a little: the loss moves as its gradient says, among all of W_Q, W_K."""
    length = depth.gradient(Parts(), 2, T=4, width=8)
    words, of_all = draw(4, 8, seed=1000), depth.weights(8, 2)
    noise, total = draw(4, 8, seed=2000), 0.0
    for row in range(16):
        for column in range(8):
            losses = []
            for nudge in (1e-5, -1e-5):
                project = of_all[1]["project"].clone()
                project[row, column] += nudge
                first = depth.block(words, of_all[0], Parts())
                losses.append((depth.block(first, of_all[1] | {"project": project}, Parts()) * noise).sum().item())
            total += ((losses[0] - losses[1]) / 2e-5) ** 2
    assert length == pytest.approx(total**0.5, rel=1e-5)


def test_words_meet_in_attention_alone():
    measured = lanes.dependencies()
    assert [name for name, _ in measured] == ["self-attention", "feed-forward"] * 6
    for name, moved in measured:
        assert moved.all() if name == "self-attention" else torch.equal(moved, torch.eye(6, dtype=torch.bool))
    assert figures.lanes().text.startswith("Figure: 6 meetings")


@pytest.mark.parametrize("norm", figures.NORMS)
def test_the_title_says_what_is_left(norm):
    left = depth.through(Parts(norm=figures.NORMS[norm])).left[59]
    assert f"After 60 blocks {left:.0%}".replace("%", " %") in figures.words_over_depth(layer_norm=norm).text


@pytest.mark.parametrize("name", ablation.MODELS)
def test_every_model_lacks_what_it_says_and_runs(name):
    model = ablation.MODELS[name]()
    blocks = model.blocks.blocks
    kinds = [type(module).__name__ for block in blocks for module in block.modules()]
    assert len(blocks) == 6
    assert kinds.count("Attention") == (0 if name == "no attention" else 6)
    assert kinds.count("FeedForward") == (0 if name == "no feed-forward" else 6)
    assert kinds.count("LayerNorm") == {"no LayerNorm": 0, "no attention": 6, "no feed-forward": 6}.get(name, 12)
    assert all(part.residual == (name != "no residual") for part in blocks.modules() if hasattr(part, "residual"))
    assert isinstance(model.blocks.final, torch.nn.LayerNorm) == (name not in ("no LayerNorm", "whole, as in 2017"))
    assert kinds.count("Unscaled") == (6 if name == "no 1/√D" else 0)
    assert model(torch.zeros(1, 3, dtype=torch.int64)).isfinite().all()


def test_unscaled_scores_are_larger_by_the_root_of_the_heads_width():
    query = torch.nn.Linear(64, 64)
    assert largest(ablation.Unscaled(query, 4)(torch.ones(1, 64)), 4 * query(torch.ones(1, 64))) < 1e-6


def test_stored_runs_passed_and_counting_letters_is_their_baseline():
    results = trained.load("07")
    assert len(results) == len(ablation.MODELS) + len(ablation.DEEP_MODELS)
    assert all(trained.passed(result) and len(result["runs"]) == 3 for result in results.values())
    assert ablation.counting_letters() == pytest.approx(ablation.LETTERS, abs=0.1)


def test_these_parts_are_drawn_blue_and_the_others_as_they_are_called():
    picture = figures.words_over_depth(residual=False, layer_norm="none").json["data"]
    chosen = depth.through(Parts(residual=False, norm="none"))
    assert [trace["name"] for trace in picture[-2:]] == ["these parts"] * 2
    assert picture[-2]["y"] == [round(chosen.left[blocks - 1], 3) for blocks in figures.DRAWN]
    ends = {trace["name"]: trace["y"][-1] for trace in picture[::2]}
    assert ends["2017"] == 0 < ends["today"] < ends["today, no attention"]


@pytest.mark.parametrize("word", [1, 3, 6])
def test_blue_is_one_lane_down_to_the_last_attention_and_all_lanes_below(word):
    page = figures.lanes(word).html
    assert len(re.findall(rf'<line[^>]*stroke="{lanes.theme.ATTENTION}"', page)) == 1 + 6 + 5 * (6 + 36)
    assert [f">block {n}<" in page for n in (1, 6, 7)] == [True, True, False]
