"""Lesson 16: a verdict from seeds, what would overturn one, the same statement twice, a sentence of one's own."""

from itertools import combinations

from ...exercises import Exercise, require
from .sentences import SENTENCES, STATEMENTS

# ---- a verdict

VERDICTS = ("holds", "conditional", "does not hold", "cannot say")
NAN = float("nan")  # as a broken run gives it: another object than math.nan, so that `math.nan in outcomes` misses it
# (outcomes, threshold, baseline, verdict, the mistake that leads elsewhere)
RESULTS = [
    ([0.95, 0.97, 0.99], 0.9, 0.125, "holds", "all three reach what was asked, and the baseline does not"),
    ([0.2, 0.3, 0.1], 0.9, 0.125, "does not hold", "none of the three reaches what was asked"),
    ([0.9, 0.9, 0.9], 0.9, 0.5, "holds", "0.9 was asked, and 0.9 reaches it"),
    ([0.95, 0.97], 0.9, 0.125, "cannot say", "these are two seeds, and three are asked for"),
    ([0.99, 0.85, 0.99], 0.9, 0.125, "conditional", "one seed is below. Their mean or median is not what was asked"),
    ([0.2, 0.95, 0.3], 0.9, 0.125, "conditional", "one seed reaches it. On what does it depend?"),
    ([0.95, NAN, 0.97], 0.9, 0.125, "cannot say", "nan is no number: that run has broken, it has not failed"),
    ([0.2, 0.1, NAN], 0.9, 0.125, "cannot say", "nan is no number: that run has broken, it has not failed"),
    ([0.95, 0.97, 0.99], 0.9, 0.93, "cannot say", "the baseline passes too, so passing says nothing of the model"),
    ([0.95, 0.97, 0.99], 0.9, 0.9, "cannot say", "the baseline reaches what was asked, and to reach it is to pass"),
    ([0.75, 0.76, 0.77], 0.8, 0.5, "does not hold", "all are near it and below. The threshold was stated before: it stays"),
    ([0.8, 0.9, 0.95, 0.99, 0.6], 0.7, 0.5, "conditional", "one seed of five is below"),
]  # fmt: skip


def check_verdict(student):
    for outcomes, threshold, baseline, right, why in RESULTS:
        shown = ", ".join(f"{outcome:g}" for outcome in outcomes)
        setting = f"outcomes [{shown}], threshold {threshold:g}, baseline {baseline:g}"
        verdict = student.choice(list(outcomes), threshold, baseline, options=VERDICTS, on=setting)
        require(verdict == right, f"{setting}: you say “{verdict}”. It is “{right}”: {why}.")


# ---- what would overturn it

# {sentence: {option: what is wrong with it, or None for the one that overturns the verdict}}
OPTIONS = {
    "whole sequences": {
        "a": "it is a time, and the sentence says what can be trained at all",
        "b": "that is so, and the verdict stands beside it: a causal model does as well, and so does an RNN",
        "c": None,
        "d": "an accuracy says that it learns, and not why it may have whole sequences",
    },
    "linearly": {
        "a": "that is so, for weights that are held fixed, and those come from the inputs: no linear map of them",
        "b": "it is the RNN's half of the sentence, and nobody doubts it",
        "c": "that is what the repair says: linear is enough. The question is whether attention is linear",
        "d": None,
    },
    "model parallelism": {
        "a": None,
        "b": "it is a time. Both kinds of splitting can be fast",
        "c": "that is so of data parallelism as well: it is what exact means",
        "d": "how many there are says nothing of what each of them holds",
    },
    "the cache": {
        "a": "that compares a Transformer with itself. The sentence compares it with an RNN",
        "b": None,
        "c": "it is about memory, and the sentence is about speed",
        "d": "reading a prompt is not generating",
    },
}


def check_overturns(student):
    for sentence, options in OPTIONS.items():
        chosen = student.choice(sentence, options=tuple(options), on=f"“{sentence}”")
        require(
            options[chosen] is None,
            f"“{sentence}”, {chosen}: {options[chosen]}. With it the verdict stays as it is.",
        )


# ---- the same statement

REASONS = {
    frozenset({"S0-02", "S0-03"}): "how states are made is one thing, that nothing else can run meanwhile another",
    frozenset({"S0-02", "S3-08"}): "what a state is made from is one thing, that it has to wait another: see lesson 12",
    frozenset({"S0-02", "S3-13"}): "they share a clause, the reason. What is concluded from it is another statement",
    frozenset({"S0-02", "S1-08"}): "what a state is made from is one thing, that it has to wait another: see lesson 12",
}
APART = "one could hold while the other does not"


def check_same(student):
    names = list(SENTENCES)
    for name in names:
        require(
            student.truth(name, name, on=f"{name} twice"), f"{name} and {name}: a sentence says what it says itself."
        )
    for one, other in combinations(names, 2):
        same = student.truth(one, other, on=f"{one} and {other}")
        back = student.truth(other, one, on=f"{other} and {one}")
        require(same == back, f"{one} and {other}: {same}, and the other way round {back}. Either both say it or none.")
        right = STATEMENTS[one] == STATEMENTS[other]
        require(same or not right, f"{one} and {other} say the same: whatever overturns one overturns the other.")
        if same and not right:
            reason = REASONS.get(frozenset({one, other}), APART)
            require(False, f"{one} and {other}: {reason}.")


# ---- one's own

KEYS = ("what", "how much", "against", "overturned by")


def check_own(student):
    testable = student(on="your sentence")
    require(isinstance(testable, dict), "a dict is needed, with the keys " + ", ".join(KEYS) + ".")
    for key in KEYS:
        text = testable.get(key)
        require(isinstance(text, str) and text.strip(), f"“{key}” is missing: write a text.")
    require(_has_number(testable["how much"]), "“how much” holds no number in digits: how many, how long, which share?")
    require(
        _has_number(testable["overturned by"]),
        "“overturned by” holds no number in digits, so no measurement could do it.",
    )
    distinct = {testable[key].strip().lower() for key in KEYS}
    require(len(distinct) == len(KEYS), "two of the four say the same. What is measured, and against what?")


def _has_number(text):
    return any(character.isdigit() for character in text)


EXERCISES = [
    Exercise(
        id="1",
        function="verdict",
        task="From the outcomes of several seeds, the threshold stated before and a baseline, say what may be printed.",
        hints=(
            "When may one say nothing at all? Ask that first.",
            "Fewer than three seeds, a nan, or a baseline that passes as well: nothing can be said.",
            "Count the seeds with outcome >= threshold: all of them, none, or some.",
        ),
        check=check_verdict,
    ),
    Exercise(
        id="2",
        function="overturns",
        task="Say which of the four numbers, if it came out, would change the verdict.",
        hints=(
            "What kind of number is the sentence about: a time, a count, an equality?",
            "A number that the printed verdict already expects overturns nothing.",
            "All four sentences are printed as “does not hold”: which number makes the sentence true?",
        ),
        check=check_overturns,
    ),
    Exercise(
        id="3",
        function="same_statement",
        task="Say whether two of the eight sentences are one statement: whatever overturns one overturns the other.",
        hints=(
            "Take away the reason that a sentence gives. What does it claim?",
            "There are three pairs, and two sentences that stand alone.",
            'Give each sentence the name of its statement, as in names = {"S1-08": "waits", …}, and compare names.',
        ),
        check=check_same,
    ),
    Exercise(
        id="4",
        function="my_sentence",
        task="Take one sentence of a text of your own and make it testable.",
        hints=(
            "What would you count or measure, on which inputs?",
            "“Faster” than what, at which size, by how much at least?",
            "“overturned by”: the number from which on you would give the sentence up.",
        ),
        check=check_own,
    ),
]
