"""Lesson 04: the nets that are kept, and a figure that answers whatever is typed."""

import pytest
import torch

from course.lessons.l04 import figures, nets
from course.training.tasks import reversed_right

WORDS = ["a", "ab", "cabbagehead", "  HeadAche ", "abcdefghabcdefgh"]


@pytest.mark.parametrize("encoder", nets.KEPT)
def test_a_kept_net_is_small_and_has_weights_only(encoder):
    path = nets._file(encoder)
    assert path.stat().st_size < 100_000
    assert set(torch.load(path, weights_only=True)) == set(nets.with_lookup(encoder).state_dict())


def test_kept_nets_reverse_except_the_one_that_is_blind_to_order():
    right = {encoder: reversed_right(nets.kept(encoder), 20, B=64) for encoder in nets.KEPT}
    assert right["recurrent"] > 0.9
    assert right["letters and positions"] > 0.85
    assert right["letters alone"] < 0.3


def test_the_fixed_vector_has_more_weights_than_the_lookup():
    sizes = [
        sum(map(torch.numel, net.parameters())) for net in (nets.with_fixed_vector(), nets.with_lookup("recurrent"))
    ]
    assert sizes[0] > sizes[1]


@pytest.mark.parametrize("word", WORDS)
def test_the_figure_says_of_each_encoder_what_it_writes(word):
    page = figures.encoders(word)
    lines = page.text.splitlines()
    assert [line.split(":")[0] for line in lines[1:]] == list(figures.CAPTIONS.values())
    assert all(f"of {len(word.strip())} right" in line for line in lines[1:])


@pytest.mark.parametrize(
    ("word", "sentence"),
    [("", "Type a word"), ("123 ?", "Type a word"), ("a" * 17, "Room is for 16")],
)
def test_what_does_not_fit_gets_a_sentence(word, sentence):
    with pytest.raises(ValueError, match=sentence):
        figures.encoders(word)


def test_letters_that_the_nets_do_not_know_count_as_those_that_they_know():
    one, other = figures.encoders("zebra"), figures.encoders("bebba")
    assert "writes arbez, 5 of 5 right" in one.text
    assert one.text.count("5 of 5") == other.text.count("5 of 5")
    assert "i counts as a" in one.html
    assert "i counts as a" not in other.html


def test_without_a_live_net_the_stored_seeds_are_drawn():
    names = {trace["name"] for trace in figures.against_length().json["data"]}
    assert names == {"lookup, stored", "fixed vector, stored"}


def test_a_live_net_is_drawn_as_it_was_asked_and_its_name_stands_at_its_end():
    picture = figures.against_length({5: 1.0, 30: 0.9, 60: 0.4}).json
    live = picture["data"][-1]
    assert (live["name"], live["x"], live["y"]) == ("lookup, yours", [5, 30, 60], [1.0, 0.9, 0.4])
    ends = {note["text"]: note["y"] for note in picture["layout"]["annotations"]}
    assert ends["<b>lookup</b>"] == 0.4
    assert ends["<b>fixed vector</b>"] == figures.stored_curves("fixed-vector")[-1][1][-1]
    assert {line["y0"] for line in picture["layout"]["shapes"]} >= {1 / 8}


def test_the_share_on_the_right_letter_is_that_of_the_mirror():
    assert figures._on_the_mirror(torch.tensor([[0.1, 0.9], [0.7, 0.3]])) == pytest.approx(0.8)


def test_the_letters_that_are_wrong_are_underlined_and_the_rest_is_not():
    page = figures.encoders("cabbagehead")
    right = [int(line.split(" of 11 right")[0].split()[-1]) for line in page.text.splitlines()[1:]]
    assert page.html.count("underline") - page.html.count("wrong letters underlined") == 33 - sum(right) > 0
