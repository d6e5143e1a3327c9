"""What a notebook calls: the order of the lessons, the page that opens one, and ids that do not repeat the lesson."""

import re

import pytest
from stored import ROOT

from course import CourseError, check, hint, lesson, predict, progress, reveal, session, solution
from course.catalogue import find_lesson, lessons, written
from course.exercises import judge

LESSONS = lessons()


def my_attention(query, key, value):
    return value


@pytest.fixture
def lesson_05(shown):
    """Lesson 05 is open; returns what is displayed from then on."""
    lesson("05")
    shown.clear()
    return shown


def right_answer(exercise_id):
    return session.opened().answers.of(exercise_id)[0]


# ---- the lessons, and the page of one


def test_the_lessons_stand_in_an_order_that_builds_on_itself():
    for number, row in enumerate(LESSONS.values()):
        assert all(needed in list(LESSONS)[:number] for needed in row.needs)
        assert row.question.endswith("?")
        assert 30 <= row.minutes <= 90
    assert len({row.title for row in LESSONS.values()}) == len(LESSONS)


def test_an_overview_stands_before_the_lessons_and_settles_no_claim():
    overviews = [row for row in LESSONS.values() if row.overview]
    assert overviews
    assert list(LESSONS.values())[: len(overviews)] == overviews
    assert [row.id for row in overviews if row.evidence or row.planned] == []


@pytest.mark.parametrize("row", written(), ids=lambda row: row.id)
def test_a_notebook_is_named_after_its_lesson(row):
    assert re.fullmatch(rf"{row.id}_[a-z0-9_]+", row.notebook)
    assert (ROOT / "notebooks" / f"{row.notebook}.ipynb").exists()


@pytest.mark.parametrize("row", LESSONS.values(), ids=LESSONS)
def test_the_compared_text_is_the_same_on_every_machine_and_for_every_student(row, shown, monkeypatch):
    lesson(row.id)
    for exercise_id in row.exercises:
        progress.note_passed(f"{row.id}.{exercise_id}")
    machine = type("Machine", (), {"sentence": lambda self: "a machine with <b>999</b> cores"})
    monkeypatch.setattr("helpers.describe", machine)
    lesson(row.id)
    first, second = shown
    assert first["text/plain"] == second["text/plain"]
    assert first["text/plain"].startswith(f"Lesson {row.id} · {row.title}: {row.question}\n{row.minutes} minutes, ")
    assert "a machine with &lt;b&gt;999&lt;/b&gt; cores" in second["text/html"]
    count = len(row.exercises)
    assert f"0 of {count} exercises solved" in first["text/html"]
    assert f"{count} of {count} exercises solved" in second["text/html"]


@pytest.mark.parametrize(
    ("lesson_id", "sentence"),
    [
        ("5", "Did you mean .*'05'"),
        (5, "Did you mean .*'05'"),
        ("05_self_attention", "Did you mean|Ready are .*05"),
        ("99", "Did you mean"),
        ("", "Ready are .*05"),
        (None, "Ready are .*05"),
        (["05"], "'05'"),
    ],
)
def test_an_unknown_lesson_names_the_nearest_and_the_open_one_stays_open(lesson_id, sentence, lesson_05):
    with pytest.raises(CourseError, match=f"There is no lesson .*({sentence})"):
        lesson(lesson_id)
    assert session.opened().id == "05"
    assert not lesson_05


@pytest.mark.parametrize(
    "call",
    [
        lambda: check("1", my_attention),
        lambda: hint("1"),
        lambda: solution("1"),
        lambda: predict("keys", "How many?", ["1"]),
        lambda: reveal("keys", "1"),
    ],
)
def test_before_a_lesson_is_open_one_sentence_says_which_cell_to_run(call):
    with pytest.raises(
        CourseError, match=r'No lesson is open: run the first cell of the notebook, which says lesson\("…"\)\.'
    ):
        call()


# ---- ids that do not repeat the lesson


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: check("05.1", my_attention), 'An id does not name its lesson: "05.1" is "1" here.'),
        (lambda: hint("05.2", 2), 'An id does not name its lesson: "05.2" is "2" here.'),
        (lambda: solution("05.1"), 'An id does not name its lesson: "05.1" is "1" here.'),
        (lambda: predict("05.keys", "How many?", ["1"]), 'An id does not name its lesson: "05.keys" is "keys" here.'),
        (lambda: reveal("05.keys", "1"), 'An id does not name its lesson: "05.keys" is "keys" here.'),
        (
            lambda: check("02.1", my_attention),
            '"02.1" belongs to lesson 02, and lesson 05 is open here. In the notebook of lesson 02 it is "1".',
        ),
    ],
)
def test_an_id_of_the_first_edition_is_told_the_new_one(call, sentence, lesson_05):
    with pytest.raises(CourseError) as refusal:
        call()
    assert str(refusal.value) == sentence
    assert not lesson_05


@pytest.mark.parametrize("odd", ["17", "one", "", None, 1, ["1"], "1.5", object()])
def test_an_unknown_exercise_names_those_that_there_are(odd, lesson_05):
    with pytest.raises(CourseError, match=r"Lesson 05 has no exercise .*(Did you mean '1'|There are \"1\", \"2\")"):
        check(odd, my_attention)


def test_a_lesson_without_exercises_says_so(shown, monkeypatch):
    monkeypatch.setattr(type(LESSONS["05"]), "exercises", {})
    lesson("05")
    with pytest.raises(CourseError, match="It has no exercises"):
        hint("1")


def test_function_and_id_in_the_wrong_order_are_told_so(lesson_05):
    with pytest.raises(
        CourseError, match=r'First the id of the exercise, then the function: check\("1", my_attention\)\.'
    ):
        check(my_attention, "1")


@pytest.mark.parametrize("level", [0, 4, 1.0, True, "1", None, [1]])
def test_a_hint_has_a_level_of_three(level, lesson_05):
    with pytest.raises(CourseError, match=r'Hints have the levels 1, 2 and 3, not .*\. Try hint\("1", 1\)\.'):
        hint("1", level)


def test_hints_lead_to_the_next_one(lesson_05):
    for level in (1, 2, 3):
        hint("1", level)
    first, _, last = lesson_05
    assert first["text/plain"] == f"Hint 1 of 3. {session.opened().exercises['1'].hints[0]}"
    assert "Next: hint(&#34;1&#34;, 2)" in first["text/html"]
    assert "Next:" not in last["text/html"]


# ---- checks and solutions


def test_passing_is_remembered_under_the_lessons_name(lesson_05):
    check("1", my_attention)
    assert progress.read()["passed"] == []
    check("1", right_answer("1"))
    assert progress.read()["passed"] == ["05.1"]
    assert [bundle["text/plain"].split(":")[0] for bundle in lesson_05] == ["Exercise 1", "Exercise 1"]
    assert lesson_05[1]["text/plain"] == "Exercise 1: right."


def test_a_sentence_of_two_lines_keeps_them_and_its_markup_is_text(lesson_05):
    def answer(*_):
        raise ValueError("<b>bold</b>")

    check("1", answer)
    assert re.search("ValueError.*: &lt;b&gt;bold&lt;/b&gt;<br>in your line", lesson_05[0]["text/html"])


def test_the_solution_is_shown_as_source_without_its_registration(lesson_05):
    solution("1")
    source = lesson_05[0]["text/plain"]
    assert source.startswith("def ")
    assert "@reference" not in source


def test_an_edition_without_solutions_says_who_has_them(lesson_05, monkeypatch):
    monkeypatch.setattr(type(session.opened()), "answers", None)
    solution("1")
    assert lesson_05[0]["text/plain"] == "The solutions are with your instructor."


def test_nothing_depends_on_docstrings_and_assertions_which_python_OO_leaves_out():
    for path in [*(ROOT / "course").rglob("*.py"), *(ROOT / "helpers").rglob("*.py")]:
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"__doc__|getdoc|^ *assert ", source, flags=re.MULTILINE), path


def test_every_lesson_is_judged_by_its_own_exercises(shown):
    for row in written():
        lesson(row.id)
        for exercise_id, exercise in find_lesson(row.id).exercises.items():
            assert session.find_exercise(exercise_id) is exercise
            assert judge(exercise, ...).sentence == f"not attempted yet. {exercise.task}"
