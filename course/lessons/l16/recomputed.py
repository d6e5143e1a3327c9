"""All decisions of all lessons once more: what is quick is computed now, what is slow is read from what was stored."""

import json
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

from helpers import describe

from ...catalogue import lessons
from ...ledger import find_statement
from ...ledger.cards import written

STORED = Path(__file__).parent / "stored.json"  # of the slow ones: verdict, numbers, date and device
QUICK = 3.0  # seconds of the CPU: what takes longer is stored


class Verdicts(NamedTuple):
    """sentences: {(lesson, id): what its numbers say}. differing: those that do not say what is printed."""

    sentences: dict[tuple[str, str], str]
    differing: list[tuple[str, str]]
    computed: int
    read: int
    seconds: float


def recomputed() -> Verdicts:
    """Each decision of each lesson: its numbers, its verdict, and whether it is the printed one."""
    start, sentences, differing, read = time.perf_counter(), {}, [], 0
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    for key, decision in _all_decisions():
        printed = find_statement(key[1]).printed
        entry = stored.get(" ".join(key))
        if entry:
            read += 1
            sentences[key] = f"Stored on {entry['date']}: {entry['numbers']}."
            outcome = entry["outcome"]
        else:
            numbers = decision.computed()
            outcome = decision.read(numbers).outcome
            sentences[key] = f"Just now: {_in_words(numbers)}."
        if outcome != printed:
            differing.append(key)
    return Verdicts(sentences, differing, len(sentences) - read, read, time.perf_counter() - start)


def store_slow() -> None:
    """Compute all, and store the slow ones, with all that share their numbers. Run it when lessons change."""
    entries, seconds = {}, {}
    for key, decision in _all_decisions():
        start = time.process_time()
        numbers = decision.computed()
        seconds.setdefault(decision.numbers, time.process_time() - start)  # only the first one computes
        if seconds[decision.numbers] > QUICK:
            entries[" ".join(key)] = {
                "outcome": decision.read(numbers).outcome,
                "numbers": _in_words(numbers),
                "date": date.today().isoformat(),
                "device": describe().sentence(),
            }
    STORED.write_text(json.dumps(entries, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _all_decisions():
    for lesson in lessons().values():
        for claim_id, decision in lesson.decisions.items():
            yield (lesson.id, claim_id), decision


def _in_words(numbers):
    return ", ".join(f"{name.replace('_', ' ')} {written(value)}" for name, value in numbers.items())


def untouched() -> list[tuple[str, str]]:
    """The decisions that keep their verdict when they get the numbers that should overturn it; none, one hopes."""
    return [
        key
        for key, decision in _all_decisions()
        if decision.read(decision.refuted_by).outcome == find_statement(key[1]).printed
    ]
