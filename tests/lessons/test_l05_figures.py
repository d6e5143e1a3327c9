"""Lesson 05's figures: what each word reads, and who waits for whom."""

import re

import pytest
import torch

from course import words
from course.lessons.l05 import figures, small_head
from helpers import attention_weights


def test_a_repeated_word_can_be_told_from_the_first():
    choices = figures.reader_choices("the cat the cat")
    assert choices == ["1 the", "2 cat", "3 the", "4 cat"]
    assert len({figures.attention_reads("the cat the cat", reader=choice).html for choice in choices}) == 4


@pytest.mark.parametrize("head", figures.HEADS)
@pytest.mark.parametrize("temperature", [0.1, 1.0, 30.0])
def test_shares_shown_for_a_word_add_up_to_the_whole(head, temperature):
    text = figures.attention_reads(words.SENTENCE, head, "1 The", temperature).text
    rows = [re.findall(r"(\d+)%", line) for line in text.split("\n")[1:]]
    assert [len(shares) for shares in rows] == [6] * 6
    assert all(abs(sum(map(int, shares)) - 100) <= 3 for shares in rows), "each is rounded"


def test_the_head_set_by_hand_reads_the_previous_word():
    assert figures.attention_reads().text.startswith("Figure: “rested” reads “mat” most: 99%")


def test_without_projections_every_word_reads_itself_most():
    for place, word in enumerate(words.split_words(words.SENTENCE), 1):
        text = figures.attention_reads(words.SENTENCE, figures.NO_PROJECTIONS, f"{place} {word}").text
        assert f"“{word}” reads “{word}” most" in text


def share_right(query, key, goal):
    return (attention_weights(query, key).argmax(dim=-1) == goal).double().mean().item()


def test_the_trained_head_finds_where_small_words_belong_in_sentences_that_it_has_not_seen():
    generator = torch.Generator().manual_seed(50)
    names = [*small_head.SMALL_WORDS, small_head.OTHER]
    for T in (4, 8, 12):
        numbers, goal = small_head.examples(40, T, generator)
        both = [small_head.queries_and_keys([names[number] for number in row]) for row in numbers.tolist()]
        query, key = (torch.stack(vectors) for vectors in zip(*both, strict=True))
        assert share_right(query, key, goal) > 0.95


def test_training_the_head_again_teaches_it():
    one_hot = torch.eye(len(small_head.WORDS) + words.MOST_WORDS)
    W_Q, W_K = small_head.train(seed=1, steps=300)
    numbers, goal = small_head.examples(200, 8, torch.Generator().manual_seed(51))
    inputs = one_hot[numbers] + one_hot[len(small_head.WORDS) :][:8]
    assert share_right(inputs @ W_Q, inputs @ W_K, goal) > 0.8


@pytest.mark.parametrize("length", [6, 60])
@pytest.mark.parametrize("moved", [1, 3, 6])
def test_who_waits_tells_what_the_graphs_and_the_perturbation_say(length, moved):
    after = length + 1 - moved
    assert figures.who_waits(length, moved).text.split("\n")[1:] == [
        f"feed-forward: 1 of {length} outputs notice; the first is ready in round 2, the last in 2",
        f"Elman RNN: {after} of {length} outputs notice; the first is ready in round 1, the last in {length}",
        f"attention: {length} of {length} outputs notice; the first is ready in round 4, the last in 4",
        f"causal attention: {after} of {length} outputs notice; the first is ready in round 4, the last in 4",
    ]


def test_what_is_drawn_of_who_waits_is_what_is_said():
    notices, bars = figures.who_waits(12, 3).json["data"]
    assert notices["z"] == [[n == 3 for n in range(1, 13)], [n >= 3 for n in range(1, 13)], [1] * 12, notices["z"][1]]
    assert bars["x"] == [2, 12, 4, 4]
    assert bars["text"] == [" 2", " 12", " 4", " 4"]
    assert notices["text"][1] == [str(n) for n in range(1, 13)]


def test_the_readers_row_of_the_matrix_is_drawn_as_lines_too():
    page = figures.attention_reads("one two three", figures.TRAINED, "3 three")
    line = page.text.splitlines()[3].removeprefix("three reads ")
    shares = re.findall(r"\d+%", line)
    assert re.findall(r">(\d+%)</text>", page.html) == shares
    assert [f"{cell}%" for cell in re.findall(r">(\d+)</td>", page.html)[6:]] == shares
