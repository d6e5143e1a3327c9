"""Lesson 02's figures: where two paths cross, found with few costs."""

import dataclasses

import pytest

from course.lessons.l02 import figures
from helpers import cost


@pytest.fixture
def costs(monkeypatch):
    """A list that grows by one with each closed form that is evaluated."""
    evaluated = []

    def counting(function):
        def counted(*sizes, **options):
            evaluated.append(sizes)
            return function(*sizes, **options)

        return counted

    monkeypatch.setattr(cost, "transformer", counting(cost.transformer))
    for label, stack in figures.STACKS.items():
        monkeypatch.setitem(figures.STACKS, label, dataclasses.replace(stack, cost=counting(stack.cost)))
    return evaluated


CHOICES = [(64, 2, "as many GRU layers", "no biases at all"), (512, 6, "as many Elman layers", figures.EVERY_OPERATION)]
CHOICES += [(1024, 12, label, "input products outside the recurrence") for label in figures.STACKS]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_the_crossing_is_where_a_search_of_every_length_finds_it(choice):
    width, layers, compared_with, accounting = choice
    shorter = [
        T
        for T in range(1, 600)
        if figures.recurrent_cost(T, width, layers, compared_with, accounting).span
        < figures.blocks_cost(T, width, layers, accounting).span
    ]
    assert figures.crossing(width, layers, compared_with, accounting) == max(shorter, default=0) < 590


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_the_crossing_takes_forty_costs_at_most(choice, costs):
    figures.crossing(*choice)
    assert len(costs) <= 40


def test_the_figure_of_critical_paths_takes_a_hundred_costs_at_most(costs):
    figures.critical_paths()
    assert len(costs) <= 100
