"""Lesson 16: all 144 stand on the page, each once in every order; the systems of the documents have their tests."""

import json
import re
from collections import Counter

import pytest
from markupsafe import escape
from stored import NOTEBOOKS

from course import progress
from course.catalogue import lessons
from course.ledger import WORDS, all_statements, claims
from course.lessons.l16 import article, figures, recomputed, sentences, squares, twelve, verdicts
from course.show import theme

ORDERS = {"documents": squares.by_document, **{name: make for name, (_, make, _) in squares.ORDERS.items()}}


@pytest.mark.parametrize("name", ORDERS)
def test_in_every_order_each_sentence_has_a_square_of_its_own_on_a_square_board(name):
    order = ORDERS[name]()
    assert set(order.spots) == set(claims())
    assert len(set(order.spots.values())) == 144
    assert max(spot.x for spot in order.spots.values()) <= order.width - 1
    assert max(spot.y for spot in order.spots.values()) <= order.width - 1


@pytest.mark.parametrize("name", squares.ORDERS)
def test_no_square_stands_on_a_heading_and_headings_are_seen_in_their_order(name):
    order = ORDERS[name]()
    for _, heading in order.headings:
        assert [spot for spot in order.spots.values() if spot.x < 2 and abs(spot.y - heading.y) < squares.LABEL] == []
    assert f".vd:has(.vd-by-{name}[open]) .vd-of-{name}{{opacity:1}}" in squares.board().html


def test_the_article_is_the_lower_five_rows():
    spots = squares.by_document().spots
    assert {int(spots[name].y) for name in claims() if name.startswith("S3")} == {7, 8, 9, 10, 11}


def test_a_square_opens_its_card_and_says_its_verdict_to_a_screen_reader():
    page = squares.board({("05", "S0-20"): "Just now: 1 < 2."}).html
    assert page.count('class="vd-card"') == 144
    for name, row in claims().items():
        assert f'aria-label="{name}, {WORDS[row.shown][0]}"' in page
    assert "Just now: 1 &lt; 2." in page


def test_the_page_in_words_counts_every_sentence_once():
    text = squares.board().text
    assert sum(int(count) for count in re.findall(r": (\d+)$", text, flags=re.MULTILINE)) == 144
    letters = "".join(line.replace(" ", "") for line in text.splitlines()[-12:])
    assert letters == "".join(verdicts.LETTERS[row.shown] for row in claims().values())


def test_the_stored_board_says_what_the_ledger_says_now():
    (notebook,) = (stored for stored in NOTEBOOKS if stored.lesson == "16")
    (cell,) = (cell for cell in notebook.code if cell["id"] == "turn")
    board = "".join("".join(output["data"].get("text/html", "")) for output in cell["outputs"])
    texts = {name: [row.says, row.remark[1] if row.remark else ""] for name, row in claims().items()}
    stale = [name for name, both in texts.items() if not all(str(escape(text)) in board for text in both)]
    assert stale == [], "The cell is a timed one, whose output is kept: run `python -m course notebooks 16 --refresh`."


def test_the_twelve_are_one_of_each_lesson_and_mixed_as_the_whole():
    for lesson_id, claim_id in twelve.TWELVE.items():
        assert claims()[claim_id].evidence_in(lessons()[lesson_id]), claim_id
    mixture = Counter(claims()[claim_id].shown for claim_id in twelve.TWELVE.values())
    assert mixture == {"holds": 4, "conditional": 5, "does-not-hold": 2, "answer": 1}


def test_the_score_counts_what_was_chosen():
    assert "you have judged none" in twelve.score().html
    for claim_id in ("S0-12", "S0-04", "S0-20"):
        progress.note_prediction(f"16.{claim_id}", "holds")
    assert "2 of 3 that you judged" in twelve.score().html


def test_the_score_of_always_the_same_is_counted():
    assert "has 5 of 12, and 39% of the whole ledger" in twelve.score().html


def test_predictions_of_all_lessons_are_scored_and_nothing_else():
    progress.note_prediction("16.S0-12", "holds")
    progress.note_passed("03.1")
    assert "Of your predictions" not in twelve.score().html
    for key in ("03.holds", "08.row", "10.bytes"):
        progress.note_prediction(key, "anything")
    progress.note_passed("08.row")
    assert "1 of 3 came true" in twelve.score().html


def test_a_guess_comes_true_three_times_in_ten(request):
    shares = []
    for path in sorted((request.config.rootpath / "notebooks").glob("[01]*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
        texts = ["".join(data.get("text/plain", "")) for data in outputs]
        shares += [1 / text.count("( )") for text in texts if text.startswith("Predict.")]
    assert len(shares) == 34
    assert 0.25 < sum(shares) / len(shares) < 0.35


def test_a_card_has_the_repair_and_how_the_first_lesson_knows_it():
    page = squares.board().html
    for row in all_statements():
        if row.remark:
            label, text = row.remark
            assert f"{label}.</b> {escape(text)}" in page
    assert verdicts.how_known(claims()["S3-36"]) == "measured"  # in lesson 03; computed in 07
    assert verdicts.first_lesson(claims()["S3-36"]) == "03"


def test_twelve_grey_squares_are_ringed():
    assert squares.grey(list(twelve.TWELVE.values())).html.count(f'stroke="{theme.INK}"') == 12


def test_a_share_is_of_the_judged():
    counted = dict.fromkeys(verdicts.LETTERS, 0) | {"holds": 1, "conditional": 2, "does-not-hold": 1, "question": 9}
    assert verdicts.share_holding(counted) == 0.25


def test_what_moved_goes_from_the_verdict_before_to_the_one_of_now():
    assert "does not hold → holds on a condition. </b>The recorded GPU" in squares.moved().html


def test_what_moved_was_something_else_before_and_says_why():
    for claim_id, row in verdicts.moved().items():
        assert row["before"] in verdicts.JUDGED
        assert row["number"].endswith("."), claim_id


def test_what_is_stored_belongs_to_a_decision_and_says_what_is_printed():
    stored = json.loads(recomputed.STORED.read_text(encoding="utf-8"))
    for key, entry in stored.items():
        lesson_id, claim_id = key.split()
        assert claim_id in lessons()[lesson_id].decisions
        assert entry["outcome"] == claims()[claim_id].printed


def test_numbers_that_should_overturn_a_verdict_do():
    assert recomputed.untouched() == []


def test_the_scales_tilt_to_the_side_that_the_reader_gives_weight():
    left, right = (figures.balance(weight).json["data"][0]["y"] for weight in (0, 10))
    assert left[0] < left[1]
    assert right[0] > right[1]


def test_the_repaired_article_has_ten_sentences():
    assert len(re.findall(r"^\d+\. ", article.repaired().text, flags=re.MULTILINE)) == 10


def test_the_eight_sentences_are_of_the_ledger_and_three_pairs():
    assert Counter(Counter(sentences.STATEMENTS.values()).values()) == {2: 3, 1: 2}


def test_of_products_without_a_published_architecture_nothing_is_claimed():
    (row,) = [row for row in all_statements() if "ChatGPT" in row.says]
    assert row.verdict is None
    assert row.shown == "answer"


def test_each_system_of_the_documents_names_a_test_that_exists_and_a_lesson(request):
    root = request.config.rootpath
    rows = [line.split(" | ") for line in (root / "docs" / "systems.md").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if len(row) == 4][1:]
    assert len(rows) >= 24
    for system, _, shown_in, tests in rows:
        assert set(shown_in.split(", ")) <= set(lessons()), system
        named = re.findall(r"`([\w./]+)::(\w+)`", tests)
        assert named, system
        missing = [name for file, name in named if f"\ndef {name}(" not in (root / file).read_text(encoding="utf-8")]
        assert missing == [], system
