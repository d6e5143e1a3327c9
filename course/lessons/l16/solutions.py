"""Lesson 16: right answers and wrong ones."""

import math
import statistics

from ...exercises.answers import Answers

answers = Answers()
also_right, reference, wrong = answers.also_right, answers.reference, answers.wrong


# ---- 1: a verdict


@reference("1")
def verdict(outcomes, threshold, baseline):
    # nan alone is not equal to itself
    if len(outcomes) < 3 or any(outcome != outcome for outcome in outcomes) or baseline >= threshold:
        return "cannot say"
    passed = sum(outcome >= threshold for outcome in outcomes)
    if passed == len(outcomes):
        return "holds"
    return "conditional" if passed else "does not hold"


@also_right("1")
def verdict_by_extremes(outcomes, threshold, baseline):
    if any(outcome != outcome for outcome in outcomes) or len(outcomes) <= 2 or not baseline < threshold:
        return "Cannot say"
    if min(outcomes) >= threshold:
        return "Holds"
    return "Conditional" if max(outcomes) >= threshold else "Does not hold"


@also_right("1")
def verdict_by_table(outcomes, threshold, baseline):
    if len(outcomes) < 3 or math.isnan(sum(outcomes)) or baseline >= threshold:
        return "cannot say"
    return {(True,): "holds", (False,): "does not hold"}.get(
        tuple({outcome >= threshold for outcome in outcomes}), "conditional"
    )


@wrong("1", "Their mean or median is not what was asked")
def by_the_mean(outcomes, threshold, baseline):
    if verdict(outcomes, threshold, baseline) == "cannot say":
        return "cannot say"
    return "holds" if statistics.mean(outcomes) >= threshold - 1e-9 else "does not hold"


@wrong("1", "Their mean or median is not what was asked")
def by_the_median(outcomes, threshold, baseline):
    if verdict(outcomes, threshold, baseline) == "cannot say":
        return "cannot say"
    return "holds" if statistics.median(outcomes) >= threshold else "does not hold"


@wrong("1", "the baseline passes too")
def without_baseline(outcomes, threshold, baseline):
    return verdict(outcomes, threshold, -math.inf)


@wrong("1", "to reach it is to pass")
def baseline_has_to_be_above(outcomes, threshold, baseline):
    return verdict(outcomes, threshold, baseline - 1e-9)


@wrong("1", "that run has broken, it has not failed")
def nan_by_identity(outcomes, threshold, baseline):
    if math.nan in outcomes:
        return "cannot say"
    return nan_fails(outcomes, threshold, baseline)


@wrong("1", "these are two seeds")
def two_are_enough(outcomes, threshold, baseline):
    return verdict([*outcomes, outcomes[0]], threshold, baseline)


@wrong("1", "that run has broken, it has not failed")
def nan_fails(outcomes, threshold, baseline):
    return verdict([0.0 if math.isnan(outcome) else outcome for outcome in outcomes], threshold, baseline)


@wrong("1", "The threshold was stated before: it stays")
def threshold_moved(outcomes, threshold, baseline):
    return verdict(outcomes, threshold - 0.05 if min(outcomes) > 0.7 and threshold == 0.8 else threshold, baseline)


@wrong("1", "0.9 reaches it")
def above_only(outcomes, threshold, baseline):
    return verdict(outcomes, threshold + 1e-9, baseline)


@wrong("1", "On what does it depend?")
def one_below_is_a_failure(outcomes, threshold, baseline):
    if max(outcomes) >= threshold and sum(outcome >= threshold for outcome in outcomes) < 2:
        return "does not hold"
    return verdict(outcomes, threshold, baseline)


@wrong("1", "the answers are")
def verdict_as_truth(outcomes, threshold, baseline):
    return min(outcomes) >= threshold


@wrong("1", "Is a return missing?")
def verdict_printed(outcomes, threshold, baseline):
    print(verdict(outcomes, threshold, baseline))


# ---- 2: what would overturn it


@reference("2")
def overturns(sentence):
    return {"whole sequences": "c", "linearly": "d", "model parallelism": "a", "the cache": "b"}[sentence]


@also_right("2")
def overturns_in_turn(sentence):
    if sentence == "whole sequences":
        return "C"
    if sentence == "linearly":
        return "D"
    return "a" if sentence.startswith("model") else "b"


@also_right("2")
def overturns_by_place(sentence):
    return "cdab"[["whole sequences", "linearly", "model parallelism", "the cache"].index(sentence)]


def _with(name, option):
    def chosen(sentence):
        return option if sentence == name else overturns(sentence)

    chosen.__name__ = f"{option}_for_{name.replace(' ', '_')}"
    return chosen


for _name, _option, _sentence in [
    ("whole sequences", "a", "it is a time"),
    ("whole sequences", "b", "a causal model does as well, and so does an RNN"),
    ("whole sequences", "d", "an accuracy says that it learns"),
    ("linearly", "a", "for weights that are held fixed"),
    ("linearly", "b", "the RNN's half of the sentence"),
    ("linearly", "c", "linear is enough"),
    ("model parallelism", "b", "Both kinds of splitting can be fast"),
    ("model parallelism", "c", "it is what exact means"),
    ("model parallelism", "d", "what each of them holds"),
    ("the cache", "a", "compares a Transformer with itself"),
    ("the cache", "c", "it is about memory"),
    ("the cache", "d", "reading a prompt is not generating"),
]:
    wrong("2", _sentence, _with(_name, _option))


@wrong("2", "the answers are")
def overturns_by_number(sentence):
    return 3


# ---- 3: the same statement


@reference("3")
def same_statement(one, other):
    names = {
        "S0-02": "made from the state before",
        **dict.fromkeys(["S3-08", "S1-08"], "waits"),
        **dict.fromkeys(["S0-03", "S3-13"], "nothing in parallel"),
        **dict.fromkeys(["S3-32", "S3-46"], "much data"),
        "S2-16": "memory, not parallelism",
    }
    return names[one] == names[other]


PAIRS = ({"S3-08", "S1-08"}, {"S0-03", "S3-13"}, {"S3-32", "S3-46"})


@also_right("3")
def same_by_pairs(one, other):
    return one == other or {one, other} in PAIRS


@also_right("3")
def same_by_a_union(one, other):
    return len({one, other}) == 1 or any({one, other} <= pair for pair in PAIRS)


def _joining(*pair):
    def joined(one, other):
        return {one, other} == set(pair) or same_by_pairs(one, other)

    joined.__name__ = "joins_" + "_".join(name.replace("-", "_") for name in pair)
    return joined


wrong("3", "They share a clause".lower(), _joining("S0-02", "S3-13"))
wrong("3", "how states are made is one thing", _joining("S0-02", "S0-03"))
wrong("3", "what a state is made from is one thing", _joining("S0-02", "S3-08"))
wrong("3", "one could hold while the other does not", _joining("S2-16", "S3-32"))
wrong("3", "one could hold while the other does not", _joining("S0-03", "S1-08"))


@wrong("3", "S3-32 and S3-46 say the same")
def data_apart(one, other):
    return same_by_pairs(one, other) and {one, other} != {"S3-32", "S3-46"}


@wrong("3", "Either both say it or none")
def one_way_only(one, other):
    return one == other or (one, other) == ("S3-08", "S1-08")


@wrong("3", "a sentence says what it says itself")
def never_with_itself(one, other):
    return {one, other} in PAIRS


@wrong("3", "True or False is needed")
def same_in_words(one, other):
    return "yes" if same_by_pairs(one, other) else "no"


@wrong("3", "one could hold while the other does not")
def same_document(one, other):
    return same_by_pairs(one, other) or {one, other} == {"S3-08", "S3-32"}


# ---- 4: one's own


@reference("4")
def my_sentence():
    return {
        "what": "seconds that our program takes for one page, median of 20 runs",
        "how much": "at most half, for pages of 100 to 10,000 words",
        "against": "the version of last week, on the same machine, in turns",
        "overturned by": "more than 0.5 of the old time in the median at any of the three sizes",
    }


@also_right("4")
def shorter():
    return {"what": "share right", "how much": "95 %", "against": "counted letters", "overturned by": "below 0.95"}


@also_right("4")
def with_more_keys():
    return my_sentence() | {"of": "a flyer"}


def _own(**changed):
    def written():
        return my_sentence() | {key.replace("_", " "): text for key, text in changed.items()}

    written.__name__ = "own_" + "_".join(changed)
    return written


wrong("4", "“how much” holds no number", _own(how_much="much faster"))
wrong("4", "so no measurement could do it", _own(overturned_by="nothing"))
wrong("4", "“against” is missing", _own(against=" "))
wrong("4", "two of the four say the same", _own(against=my_sentence()["what"]))


@wrong("4", "a dict is needed")
def a_sentence():
    return "Our program is twice as fast."


@wrong("4", "“what” is missing")
def without_keys():
    return {"sentence": "Our program is twice as fast."}
