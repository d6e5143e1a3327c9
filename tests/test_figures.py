"""Every figure, for every value that a notebook offers and for what students type: quick, told in words, and harmless."""

import ast
import inspect
import itertools
import json
import os
import re
import statistics
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from stored import NOTEBOOKS

from course import figures, words
from course.display import Page, Picture
from helpers.device import Quantity

pytestmark = pytest.mark.usefixtures("one_thread")
SECONDS = 0.1 * (3 if os.environ.get("CI") else 1)
FUNCTIONS = {name: getattr(figures, name) for name in figures.__all__ if callable(getattr(figures, name))}
FIGURES = [name for name in FUNCTIONS if not name.endswith("_choices")]
NASTY = '<script>alert(1)</script> <b onclick=x>bold</b> & "co"'
TYPED = [
    "word",
    " ".join(letter * 40 for letter in "abcdefghijkl"),
    " ".join(f"number{n}" for n in range(50)),
    "the the the the",
    NASTY,
    "I ❤️ cats 🐈 👩‍👩‍👧",
    "מה אתה אומר",
    "مرحبا بالعالم today",
    "नमस्ते दुनिया",
    "我 爱 猫",
    "%s {0} \\n $x$ `code`",
    "S0-17",
    "a" * 100_000,
]
WORDLESS = ["", "   ", "🙂", "...", "<>"]


def explored():
    """{figure: [its controls in a notebook]}, read from the cells that call explore."""
    space = {"figures": figures, **vars(words)}
    found = {}
    for cell in (cell for notebook in NOTEBOOKS for cell in notebook.code):
        for call in ast.walk(ast.parse("".join(cell["source"]))):
            if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") == "explore"):
                continue
            controls = {}
            for keyword in call.keywords:
                value = eval(compile(ast.Expression(keyword.value), cell["id"], "eval"), space)
                controls |= value if keyword.arg is None else {keyword.arg: value}
            controls.pop("bake", None)
            found.setdefault(call.args[0].attr, []).append(controls)
    return found


EXPLORED = explored()


def timings(milliseconds, missing=()):
    """Points as helpers.sweep returns them."""
    models = ("attention", "Elman RNN", "LSTM")
    return {
        T: {
            model: SimpleNamespace(
                median=T * milliseconds * (k + 1) / 1e3, p20=T * milliseconds / 2e3, p80=T * milliseconds * 5 / 1e3,
                out_of_memory=(T, model) in missing,
            )
            for k, model in enumerate(models)
        }
        for T in (32, 128, 1024)
    }  # fmt: skip


def machine(speed):
    quantities = {
        name: Quantity(speed, 0.9 * speed, 1.1 * speed, unit, 20, name)
        for name, unit in {"copy": "B/s", "float32": "FLOP/s"}.items()
    }
    launch = Quantity(1 / speed, 0.9 / speed, 1.1 / speed, "s", 20, "launch")
    about = SimpleNamespace(sentence=lambda: f"a machine <b>of speed</b> {speed:g}")
    return SimpleNamespace(
        copy=quantities["copy"], matmul={"float32": quantities["float32"]}, launch=launch, device=about
    )


# What a figure is given where a notebook measured it: two machines, whose text must not differ.
MEASURED = {
    "time_against_length": [(timings(0.01), "Title", "one machine"), (timings(0.77), "Title", "another with 64 cores")],
    "this_machine": [(machine(1.234e9),), (machine(9.87e12),)],
}
# What a figure is given where a notebook counted it.
COUNTED = {"speed_up": ({1: 100, 2: 52, 4: 28, 1000: 9}, 100, 9)}


def defaults(name):
    return {key: parameter.default for key, parameter in inspect.signature(FUNCTIONS[name]).parameters.items()}


def cases(name):
    """Keywords for a figure: each control alone over all it offers, and twenty mixtures of them."""
    if name in MEASURED or name in COUNTED:
        return
    first = defaults(name)
    yield {}
    for controls in EXPLORED[name]:
        offered = {key: options(values, first) for key, values in controls.items()}
        for key, values in offered.items():
            yield from ({key: value} for value in values)
            if isinstance(controls[key], str):
                for typed in TYPED:
                    yield {key: typed}
                    followers = [other for other, values in controls.items() if callable(values)]
                    for other in followers:
                        try:
                            yield from (
                                {key: typed, other: value}
                                for value in options(controls[other], first | {key: typed})[-2:]
                            )
                        except ValueError:
                            continue
        random = np.random.RandomState(0)
        for _ in range(20):
            yield {key: values[random.randint(len(values))] for key, values in offered.items()}


def options(values, chosen):
    if callable(values):
        return list(values(**{key: chosen[key] for key in inspect.signature(values).parameters}))
    if isinstance(values, (bool, str)):
        return [True, False] if isinstance(values, bool) else [values]
    return list(values)


def draw(name, case):
    """The figure, or None for the refusal of what was typed, which must be a sentence."""
    try:
        return FUNCTIONS[name](*COUNTED.get(name, MEASURED.get(name, [()])[0]), **case)
    except ValueError as error:
        refusal = str(error)
    assert refusal.endswith("."), f"{case}: {refusal!r} is no sentence"
    assert set(map(type, case.values())) & {str}, f"{case} is offered, and refused: {refusal}"
    return None


def harmless(page):
    """Nothing that was typed has become markup."""
    return "<script" not in page and "onclick=x>" not in page.replace("&lt;", "") and "<b onclick" not in page


def test_every_figure_is_explored_in_a_notebook_or_has_an_example_here():
    assert set(FIGURES) == set(EXPLORED) | set(MEASURED) | set(COUNTED)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_in_words_what_it_shows(name):
    drawn = 0
    for case in [{}, *cases(name)]:
        figure = draw(name, case)
        if figure is None:
            continue
        drawn += 1
        assert isinstance(figure, (Picture, Page)), case
        assert len(figure.text) >= 60, case
        assert "<b>" not in figure.text.replace(NASTY, ""), case
        assert "nan" not in re.findall(r"\w+", figure.text.lower()), case
        assert "dtype" not in figure.text
        content = json.dumps(figure.bundle(), allow_nan=False)
        assert "bdata" not in content
        assert len(content) < 1_000_000, f"{case}: {len(content):,} characters"
        if isinstance(figure, Page):
            assert harmless(figure.html), case
    assert drawn >= 1


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_answers_within_a_tenth_of_a_second(name):
    def seconds(case):
        start = time.process_time()
        draw(name, case)
        return time.process_time() - start

    every = [{}, *cases(name)]
    for case in every[:2]:
        draw(name, case)  # the first one imports plotly
    slow = sorted(every, key=seconds)[-3:]
    for case in slow:
        spent = statistics.median(seconds(case) for _ in range(5))
        assert spent < SECONDS, f"{name}({case}) takes {1e3 * spent:.0f} ms"


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_the_same_at_every_call_and_number_of_threads(name):
    chosen = list(itertools.islice(cases(name), 0, None, 4)) or [{}]
    for case in chosen:
        first = draw(name, case)
        torch.set_num_threads(2)
        second = draw(name, case)
        torch.set_num_threads(1)
        assert (first is None) == (second is None)
        if first:
            assert first.text == second.text, case
            assert json.dumps(first.bundle()) == json.dumps(second.bundle()), case


@pytest.mark.parametrize("name", MEASURED)
def test_the_text_of_what_was_measured_holds_no_measured_number(name):
    here, there = (FUNCTIONS[name](*arguments) for arguments in MEASURED[name])
    assert here.text == there.text
    assert here.bundle() != there.bundle()
    assert "<b>of speed" not in str(here.bundle()), "a device's name is text"


@pytest.mark.parametrize("name", [name for name in FIGURES if name in EXPLORED])
def test_pictures_of_one_figure_have_the_same_traces(name):
    """So that plotly's frames can replace one by another."""
    counts = {
        len(figure.json["data"]) for figure in (draw(name, case) for case in cases(name)) if isinstance(figure, Picture)
    }
    assert len(counts) <= 1


@pytest.mark.parametrize("name", [name for name in FIGURES if name in EXPLORED])
def test_a_figure_moves_with_each_of_its_controls(name):
    for controls in EXPLORED[name]:
        for key, values in controls.items():
            chosen = options(values, defaults(name))
            chosen = [*TYPED[:1], "floor"] if isinstance(values, str) else chosen
            shown = {json.dumps(figure.bundle()) for figure in (draw(name, {key: value}) for value in chosen) if figure}
            assert len(shown) >= 2, f"{key} changes nothing"


@pytest.mark.parametrize("name", [name for name in FIGURES if name in EXPLORED])
def test_what_has_no_words_is_drawn_or_refused_with_a_sentence(name):
    for controls in EXPLORED[name]:
        for key in (key for key, values in controls.items() if isinstance(values, str)):
            for typed in WORDLESS:
                figure = draw(name, {key: typed})
                assert figure is None or len(figure.text) >= 60


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_stands_on_its_own_background_and_has_a_title_and_axes_that_say_what(name):
    figure = draw(name, {})
    if isinstance(figure, Picture):
        layout = figure.json["layout"]
        assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "#FFFFFF"
        assert len(layout["title"]["text"]) > len("<b>Title</b>") - 1
        assert figure.text.startswith("Figure: ")
    else:
        assert "background-color:#FFFFFF" in figure.html


def test_out_of_memory_is_said_on_the_figure_and_stops_nothing():
    some = FUNCTIONS["time_against_length"](timings(0.1, missing={(1024, "LSTM")}), "Title", "a machine")
    assert "Out of memory: LSTM at T = 1024." in json.dumps(some.json)
    everything = {(T, model) for T in (32, 128, 1024) for model in ("attention", "Elman RNN", "LSTM")}
    none = FUNCTIONS["time_against_length"](timings(0.1, missing=everything), "Title", "a machine")
    assert none.json["data"] == []
    assert "series: attention, Elman RNN, LSTM" in none.text
    absent = timings(0.1)
    del absent[1024]["LSTM"]
    assert "LSTM at T = 1024" in json.dumps(FUNCTIONS["time_against_length"](absent, "Title", "a machine").json)


def test_a_repeated_word_can_be_told_from_the_first():
    choices = figures.reader_choices("the cat the cat")
    assert choices == ["1 the", "2 cat", "3 the", "4 cat"]
    pages = {figures.attention_reads("the cat the cat", reader=choice).html for choice in choices}
    assert len(pages) == 4


@pytest.mark.parametrize("head", figures.PROJECTIONS)
@pytest.mark.parametrize("temperature", [0.1, 1.0, 20.0])
def test_shares_shown_for_a_word_add_up_to_the_whole(head, temperature):
    text = figures.attention_reads(words.SENTENCE, head, "1 The", temperature).text
    rows = [re.findall(r"(\d+)%", line) for line in text.split("\n")[1:]]
    assert len(rows) == 6
    for shares in rows:
        assert len(shares) == 6
        assert abs(sum(map(int, shares)) - 100) <= 3, "each is rounded"


def test_the_head_set_by_hand_reads_the_previous_word_when_cold():
    text = figures.attention_reads(words.SENTENCE, figures.PROJECTIONS[2], "3 rested", 0.1).text
    assert text.startswith("Figure: “rested” reads “mat” most: 100% of its")


def test_without_projections_every_word_reads_itself_most():
    for place, word in enumerate(split := words.split_words(words.SENTENCE), 1):
        text = figures.attention_reads(words.SENTENCE, figures.PROJECTIONS[0], f"{place} {word}").text
        assert f"“{word}” reads “{word}” most" in text
    assert len(split) == 6


def test_who_waits_tells_what_the_graphs_and_the_perturbation_say():
    for changed in range(1, 7):
        lines = figures.who_waits(changed).text.split("\n")[1:]
        assert lines == [
            "feed-forward: 1 of 6 outputs notice; the last is ready in round 1",
            f"Elman RNN: {7 - changed} of 6 outputs notice; the last is ready in round 6",
            "attention: 6 of 6 outputs notice; the last is ready in round 4",
            f"causal attention: {7 - changed} of 6 outputs notice; the last is ready in round 4",
        ]
