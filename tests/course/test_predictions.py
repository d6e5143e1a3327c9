"""predict and reveal: unanswered is fine, and what a student chose never stands in the text that is compared."""

import pytest

from course import CourseError, lesson, predict, predictions, progress, reveal
from course.show.display import WIDGET

CHOICES = ["only its own", "its own and the later ones", "all six"]
CALM = "You had not chosen; that is fine."


@pytest.fixture(autouse=True)
def lesson_05(monkeypatch, shown):
    """Lesson 05 is open, and has asked nothing yet."""
    monkeypatch.setattr(predictions, "_asked", {})
    lesson("05")
    shown.clear()


def ask(question="How many?", choices=CHOICES):
    predict("keys", question, choices)


def buttons(bundle):
    from ipywidgets.widgets import widget

    widgets = getattr(widget, "_instances", None) or widget.Widget.widgets
    heading, radio, noted = widgets[bundle[WIDGET]["model_id"]].children
    return heading, radio, noted


def test_a_question_is_shown_with_its_choices_live_and_as_text(shown):
    ask()
    assert set(shown[0]) == {"text/plain", "text/html", WIDGET}
    assert shown[0]["text/plain"].split("\n") == ["Predict. How many?", *(f"  ( ) {choice}" for choice in CHOICES)]
    assert shown[0]["text/html"].count("<li>") == 3
    heading, radio, noted = buttons(shown[0])
    assert "How many?" in heading.value
    assert list(radio.options) == CHOICES
    assert radio.value is None
    assert noted.value == ""


def test_a_choice_is_noted_at_once_and_kept(shown, state):
    ask()
    _, radio, noted = buttons(shown[0])
    radio.value = "all six"
    assert "Noted" in noted.value
    assert progress.read()["predictions"] == {"05.keys": "all six"}
    radio.value = "only its own"
    assert progress.read()["predictions"] == {"05.keys": "only its own"}
    ask()
    assert buttons(shown[1])[1].value == "only its own"
    assert shown[1]["text/plain"] == shown[0]["text/plain"]


def test_unanswered_is_a_state(shown):
    ask()
    reveal("keys", "only its own")
    assert shown[1]["text/plain"] == "It is: only its own."
    assert CALM in shown[1]["text/html"]
    assert progress.read()["predictions"] == {}


@pytest.mark.parametrize(
    ("chosen", "comment"), [("all six", "As you predicted."), ("only its own", "You predicted: only its own.")]
)
def test_the_prediction_stands_beside_and_never_in_the_text(chosen, comment, shown):
    ask()
    buttons(shown[0])[1].value = chosen
    reveal("keys", "all six")
    assert shown[1]["text/plain"] == "It is: all six."
    assert comment in shown[1]["text/html"]
    assert CALM not in shown[1]["text/html"]


def test_what_came_true_is_remembered_and_what_did_not_is_not(shown):
    ask()
    progress.note_prediction("05.keys", CHOICES[0])
    reveal("keys", CHOICES[2])
    assert progress.read()["passed"] == []
    progress.note_prediction("05.keys", CHOICES[2])
    reveal("keys", CHOICES[2])
    assert progress.read()["passed"] == ["05.keys"]


def test_an_answer_is_compared_as_text(shown):
    predict("rounds", "How many rounds?", [4, 60, 3600])
    buttons(shown[0])[1].value = "4"
    reveal("rounds", 4)
    assert "As you predicted." in shown[1]["text/html"]


@pytest.mark.parametrize("answer", ["seven", "", None, "ALL SIX", ["all six"]])
def test_an_answer_that_is_not_among_the_choices_is_the_notebooks_mistake(answer, shown):
    ask()
    with pytest.raises(
        CourseError, match='is not among the choices of "keys": only its own, its own and the later ones, all six'
    ):
        reveal("keys", answer)
    assert len(shown) == 1


def test_a_reveal_before_its_question_says_which_cell_to_run(shown):
    with pytest.raises(CourseError, match='Nothing was asked as "keys"; run the cell above that says predict'):
        reveal("keys", "all six")
    ask()
    with pytest.raises(CourseError, match="Nothing was asked as \"kesy\".* Did you mean 'keys'?"):
        reveal("kesy", "all six")


def test_questions_of_another_lesson_are_not_offered(shown):
    ask()
    lesson("02")
    with pytest.raises(CourseError) as refusal:
        reveal("kesy", "all six")
    assert "Did you mean" not in str(refusal.value)


def test_a_stored_prediction_that_is_no_longer_offered_counts_as_none(shown):
    progress.note_prediction("05.keys", "all seven")
    ask()
    assert buttons(shown[0])[1].value is None
    reveal("keys", "all six")
    assert CALM in shown[1]["text/html"]
    assert "all seven" not in shown[1]["text/html"]


def test_the_last_form_of_a_question_is_the_one_that_counts(shown):
    ask()
    ask("How many now?", ["1", "6"])
    reveal("keys", 6)
    assert shown[-1]["text/plain"] == "It is: 6."
    with pytest.raises(CourseError, match="not among the choices"):
        reveal("keys", "all six")


def test_markup_in_a_question_or_a_choice_is_shown_as_text(shown):
    nasty = "<b onmouseover=x>a < b & c</b>"
    ask(nasty, [nasty, "other"])
    heading, radio, _ = buttons(shown[0])
    radio.value = nasty
    reveal("keys", nasty)
    reveal("keys", "other")
    for page in (shown[0]["text/html"], heading.value, shown[1]["text/html"], shown[2]["text/html"]):
        assert "<b onmouseover" not in page
        assert "a &lt; b &amp; c" in page
    assert nasty in shown[0]["text/plain"]


def test_a_damaged_or_unwritable_file_does_not_stop_a_prediction(shown, state, monkeypatch, capsys):
    (state / "progress.json").write_text('{"predictions": {"05.keys": 5}, "passed": []}')
    ask()
    monkeypatch.setenv("COURSE_STATE_DIR", str(state / "progress.damaged.json" / "below a file"))
    buttons(shown[0])[1].value = "all six"
    reveal("keys", "all six")
    assert "As you predicted." in shown[1]["text/html"]
    assert "cannot be saved" in capsys.readouterr().out


def test_no_choices_at_all_is_not_a_question_but_no_traceback_either(shown):
    ask(choices=[])
    with pytest.raises(CourseError, match="not among the choices"):
        reveal("keys", "anything")
