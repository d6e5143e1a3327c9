"""Lesson 05's figures: what each word reads, and who waits for whom."""

import re

import pytest

from course import words
from course.lessons.l05 import figures


def test_a_repeated_word_can_be_told_from_the_first():
    choices = figures.reader_choices("the cat the cat")
    assert choices == ["1 the", "2 cat", "3 the", "4 cat"]
    assert len({figures.attention_reads("the cat the cat", reader=choice).html for choice in choices}) == 4


@pytest.mark.parametrize("head", figures.PROJECTIONS)
@pytest.mark.parametrize("temperature", [0.1, 1.0, 20.0])
def test_shares_shown_for_a_word_add_up_to_the_whole(head, temperature):
    text = figures.attention_reads(words.SENTENCE, head, "1 The", temperature).text
    rows = [re.findall(r"(\d+)%", line) for line in text.split("\n")[1:]]
    assert [len(shares) for shares in rows] == [6] * 6
    assert all(abs(sum(map(int, shares)) - 100) <= 3 for shares in rows), "each is rounded"


def test_the_head_set_by_hand_reads_the_previous_word_when_cold():
    text = figures.attention_reads(words.SENTENCE, figures.PREVIOUS, "3 rested", 0.1).text
    assert text.startswith("Figure: “rested” reads “mat” most: 100% of its")


def test_without_projections_every_word_reads_itself_most():
    for place, word in enumerate(words.split_words(words.SENTENCE), 1):
        text = figures.attention_reads(words.SENTENCE, figures.NO_PROJECTIONS, f"{place} {word}").text
        assert f"“{word}” reads “{word}” most" in text


@pytest.mark.parametrize("changed", range(1, 7))
def test_who_waits_tells_what_the_graphs_and_the_perturbation_say(changed):
    assert figures.who_waits(changed).text.split("\n")[1:] == [
        "feed-forward: 1 of 6 outputs notice; the last is ready in round 2",
        f"Elman RNN: {7 - changed} of 6 outputs notice; the last is ready in round 6",
        "attention: 6 of 6 outputs notice; the last is ready in round 4",
        f"causal attention: {7 - changed} of 6 outputs notice; the last is ready in round 4",
    ]
