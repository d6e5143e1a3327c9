"""The corpus is there with every Python, clean, and its test part was not trained on."""

import platform
import re

import pytest
import torch

from course.training.corpus import help_text, help_topics, windows


def test_the_text_is_large_enough_and_clean():
    text = help_text()
    whole = text.decode(text.train)
    assert len(whole) > 200_000
    assert 40 < len(text.alphabet) < 200
    assert whole == whole.lower()
    assert not re.search(r"\s\s|[^\S ]|([^\w\s])\1\1", whole)
    assert 0.02 < len(text.test) / len(text.train) < 0.3


def test_no_paragraph_stands_in_two_topics():
    paragraphs = [paragraph for topic in help_topics().values() for paragraph in topic]
    assert len(paragraphs) == len(set(paragraphs)) > 500


def test_letters_become_numbers_and_back():
    text = help_text()
    assert text.decode(text.encode("print(x)")) == "print(x)"
    assert torch.equal(text.encode(text.decode(text.test[:500])), text.test[:500])
    with pytest.raises(ValueError, match="The text has no 'A' '中'"):
        text.encode("A中a")


def test_the_version_of_python_is_named():
    assert help_text().source == f"the help topics of Python {platform.python_version()}"


def test_windows_are_runs_of_the_text_from_everywhere():
    numbers = torch.arange(20)
    drawn = windows(numbers, 6, 400, torch.Generator().manual_seed(0))
    assert drawn.shape == (400, 6)
    assert torch.equal(drawn, drawn[:, :1] + torch.arange(6))
    assert (drawn.min(), drawn.max()) == (0, 19)
    assert torch.equal(windows(numbers, 20, 1, torch.Generator())[0], numbers)
    with pytest.raises(ValueError, match="of 20 letters has no window of 21"):
        windows(numbers, 21, 1, torch.Generator())
