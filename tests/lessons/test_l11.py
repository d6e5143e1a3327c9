"""Lesson 11: counts are the formulas, a draft changes no chance, and writing with one is writing alone."""

from types import SimpleNamespace

import pytest
import torch
from tensors import largest

from course.ledger.decisions import CONDITIONAL, HOLDS
from course.lessons.l11 import decisions, figures, parts, speculation, steps, writer
from course.lessons.l11.speculation import EXACT, RULES
from course.models.cache import Cache
from course.models.cells import LSTM
from course.models.language import language_model
from course.models.transformer import Attention, may_look_back
from course.training.corpus import Text, help_text
from course.training.store import Stored
from helpers.ops.linear_attention import elu_plus_one, linear_attention


@pytest.mark.parametrize("way", steps.WAYS)
@pytest.mark.parametrize(("t", "width", "heads"), [(1, 8, 2), (7, 16, 4), (100, 12, 3)])
def test_what_torch_counts_is_the_formula(way, t, width, heads):
    call = steps.next_word(t, width=width, heads=heads)[way]
    assert steps.multiply_adds(call) == steps.formula(way, t, width, heads)


def test_a_cached_step_can_be_taken_again():
    call = steps.next_word(5, width=8, heads=2)["cache"]
    assert torch.equal(call(), call())


def test_an_lstm_has_no_more_weights_than_a_block():
    for width in (8, 256, 513):
        assert 8 * steps.lstm_width(width) ** 2 <= 12 * width**2 < 8 * (steps.lstm_width(width) + 1) ** 2


@torch.no_grad()
def test_the_step_of_linear_attention_is_linear_attention():
    torch.manual_seed(0)
    layer, words = steps.LinearAttention(12, 3), torch.randn(2, 9, 12)
    state = steps.State(2, 3, 4)
    outputs = torch.cat([layer(word, state=state) for word in words.split(1, dim=1)], dim=1)
    query, key, value = (layer.split(part(words)) for part in (layer.query, layer.key, layer.value))
    whole = linear_attention(query, key, value, feature=elu_plus_one, method="parallel")
    assert largest(outputs, layer.join(whole.transpose(1, 2).flatten(2))) < 1e-5


@torch.no_grad()
def test_fused_attention_is_attention():
    torch.manual_seed(0)
    plain, fused, words = Attention(12, 3), steps.FusedAttention(12, 3), torch.randn(2, 9, 12)
    fused.load_state_dict(plain.state_dict())
    expected, cache = plain(words, mask=may_look_back(9)), Cache(9)
    assert largest(fused(words), expected) < 1e-5
    outputs = [fused(word, cache=cache) for word in words.split(1, dim=1)]
    assert largest(torch.cat(outputs, dim=1), expected) < 1e-5


def test_a_cache_that_needs_no_mask_is_only_half_the_statement():
    assert decisions.reuse_of_the_past([0.0], one_layer_misses=[0.0], two_layers_miss=[0.0]) == CONDITIONAL


# ---- a draft changes no chance


@pytest.mark.parametrize("V", [2, 3, 30, 300, 50_257])
def test_the_rule_of_leviathan_is_exact(V):
    p, q = torch.randn(2, V, generator=torch.Generator().manual_seed(V), dtype=torch.float64).softmax(1)
    assert speculation.total_variation(p, speculation.one_word(p, q)) < 1e-12


def test_the_rule_is_exact_where_a_word_is_never_drafted_or_never_said():
    p, q = (torch.tensor(chances, dtype=torch.float64) for chances in ([0.5, 0.5, 0.0, 0.0], [0.0, 0.4, 0.6, 0.0]))
    assert speculation.total_variation(p, speculation.one_word(p, q)) < 1e-12


@pytest.mark.parametrize("ahead", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 4])
def test_whole_texts_have_the_chances_of_the_model_itself(ahead, length):
    target, draft = parts.says(3, layers=2, seed=3), parts.says(3, layers=1, seed=13)
    alone = speculation.texts_of(target, length)
    chances, passes = speculation.texts(target, draft, length, ahead)
    assert chances.keys() == alone.keys()
    assert max(abs(chances[text] - alone[text]) for text in alone) < 1e-12
    assert length / (ahead + 1) <= passes <= length


@pytest.mark.parametrize("name", [name for name in RULES if name != EXACT])
def test_each_other_rule_is_wrong_in_whole_texts(name):
    target, draft = parts.says(3, layers=2, seed=3), parts.says(3, layers=1, seed=13)
    alone = speculation.texts_of(target, 4)
    chances, _ = speculation.texts(target, draft, 4, ahead=2, rule=RULES[name])
    assert sum(abs(chances[text] - alone[text]) for text in alone) / 2 > 0.1


def test_a_perfect_draft_is_always_accepted():
    target = parts.says(3, layers=2, seed=3)
    assert speculation.texts(target, target, 6, ahead=2)[1] == pytest.approx(2)


# ---- the writer


@pytest.fixture(scope="module")
def text():
    return help_text()


@pytest.fixture(scope="module")
def untaught(text):
    torch.manual_seed(0)
    return language_model(vocabulary=len(text.alphabet), **writer.SHAPE).double().eval()


@pytest.mark.parametrize("order", [2, 3])
def test_a_counted_draft_says_how_often_a_letter_came(order, text):
    table = writer.counted(order, text)
    assert largest(table.sum(dim=-1), torch.ones_like(table[..., 0])) < 1e-9
    q, u = text.encode("qu").tolist()
    row = table[q] if order == 2 else table[text.encode("e").item(), q]
    assert row.argmax() == u


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("ahead", [1, 2, 5])
@torch.no_grad()
def test_greedy_writing_with_a_draft_is_greedy_writing(order, ahead, text, untaught):
    start = greedy = text.encode("the ")[None]
    for _ in range(20):
        greedy = torch.cat([greedy, untaught(greedy)[:, -1].argmax(-1, keepdim=True)], dim=1)
    written = writer.speculate(untaught, writer.counted(order, text), start, 20, ahead, greedy=True)
    assert torch.equal(written.tokens, greedy)
    assert 0 <= written.accepted + written.passes - 20 <= ahead  # each pass gives one letter of its own


def test_what_is_kept_or_drawn_has_the_targets_chances():
    random = torch.Generator().manual_seed(0)
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.2, 0.6])
    counts = torch.zeros(3)
    for _ in range(4000):
        word = torch.multinomial(q, 1, generator=random)
        kept, new = writer._keep(p[None].expand(2, 3), [q], word, random)
        counts[word if kept else new] += 1
    assert largest(counts / 4000, p) < 0.03  # the same numbers each time: the seed is fixed


def test_the_model_of_lesson_09_writes_where_there_is_one(text, monkeypatch):
    capitals = help_text(lower=False)
    torch.manual_seed(0)
    theirs = language_model(vocabulary=len(capitals.alphabet), **writer.SHAPE)
    stored = Stored(theirs, {"alphabet": capitals.alphabet})
    monkeypatch.setattr(writer.store, "load", lambda name, make: stored)
    assert writer.find_writer()[:2] == (theirs, capitals)


def test_a_model_of_another_alphabet_is_left_alone(monkeypatch):
    monkeypatch.setattr(writer.store, "load", lambda name, make: Stored(torch.nn.Linear(1, 1), {"alphabet": "abc"}))
    monkeypatch.setattr(writer, "teach", lambda: SimpleNamespace(model="taught"))
    assert writer.find_writer().model == "taught"
    assert isinstance(writer.find_writer().text, Text)


# ---- the figure


def test_the_figure_says_what_the_slider_is_about():
    for context in figures.CONTEXTS:
        picture = figures.next_word(context)
        assert f"Word {context:,}: without a cache {context:,} times the work" in picture.text


def test_the_figure_draws_the_counts_above_and_what_is_kept_below():
    lines = [line for line in figures.next_word().json["data"] if line["mode"] == "lines"]
    at_256 = {(line["yaxis"], line["name"]): dict(zip(line["x"], line["y"], strict=True))[256] for line in lines}
    for way in steps.WAYS:
        assert at_256["y", way] == pytest.approx(steps.formula(way, 256), rel=1e-3)
        assert at_256["y2", way] == pytest.approx(steps.numbers_kept(way, 256), rel=1e-3)


def test_the_dashed_line_stands_where_attention_is_half_of_a_cached_words_work():
    shapes = figures.next_word().json["layout"]["shapes"]
    (half,) = (shape["x0"] for shape in shapes if shape["line"].get("dash") == "dash")
    assert steps.formula("cache", half) == 2 * steps.formula("cache", 0)


def test_what_is_kept_is_what_lies_in_memory():
    t, width, heads = 7, 16, 4
    cache, state = Cache(t), steps.State(1, heads, width // heads)
    cache.append(*torch.randn(2, 1, heads, t, width // heads).unbind())
    lstm = LSTM(steps.lstm_width(width), steps.lstm_width(width))
    _, hidden = lstm(torch.randn(1, t, lstm.width))
    numbers = {"cache": (cache.key, cache.value), "LSTM": hidden, "linear attention": (state.values, state.weights)}
    numbers["no cache"] = (torch.randint(50, (1, t)),)
    for way, kept_numbers in numbers.items():
        assert sum(part.numel() for part in kept_numbers) == steps.numbers_kept(way, t, width, heads), way


def test_a_draft_that_changes_the_texts_is_no_gain():
    assert decisions.quality_and_efficiency(6, apart=[0.1], passes=[3.0], causal_misses=[0.0]) == HOLDS
    assert decisions.quality_and_efficiency(6, apart=[0.0], passes=[3.0], causal_misses=[0.0]) == CONDITIONAL


def test_after_letters_that_were_never_seen_the_shorter_memory_speaks(text):
    pairs = set(zip(text.train[:-1].tolist(), text.train[1:].tolist(), strict=True))
    V = len(text.alphabet)
    first, second = next((a, b) for a in range(V) for b in range(V) if (a, b) not in pairs)
    assert largest(writer.counted(3, text)[first, second], writer.counted(2, text)[second]) < 1e-9
