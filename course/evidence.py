"""Two commands on the ledger: `ledger`, where each of the 144 claims stands, and `evidence`, which computes it anew."""

from collections import Counter

from .catalogue import Lesson, find_lesson, lessons
from .ledger import Statement, claims, find_statement
from .ledger.cards import written
from .results import trained

BEHIND = "behind the scenes"


def add_commands(commands):
    """Add both to the course's own commands, an argparse subparsers object."""
    ledger = commands.add_parser("ledger", help="where each of the 144 claims stands")
    ledger.set_defaults(run=run_ledger)
    evidence = commands.add_parser("evidence", help="compute all decisions, and train what no result is stored of")
    evidence.add_argument("lessons", nargs="*", help="only these lessons")
    evidence.set_defaults(run=run_evidence)


# ---- python -m course ledger


def run_ledger(_):
    """One line a claim, and the counts."""
    for claim_id, statement in claims().items():
        print(f"{claim_id}  {statement.state:14}  {statement.shown:14}  {_where(statement)}")
    print()
    for line in _counts():
        print(line)


def _where(statement: Statement):
    """ "05 computed (card keys); planned: 12 computed"."""
    done = [
        f"{item.lesson} {item.how}" + {"computed": f" ({item.cell or BEHIND})"}.get(item.how, "")
        for item in statement.evidence
        if item.done
    ]
    planned = [f"{item.lesson} {item.how}" for item in statement.evidence if not item.done]
    parts = ["; ".join(done)] if done else []
    parts += ["planned: " + ", ".join(planned)] if planned else []
    return " · ".join(parts) or "nobody"


def _counts():
    of_claims = claims().values()
    states = Counter(statement.state for statement in of_claims)
    shown = Counter(statement.shown for statement in of_claims)
    nobody = sum(not statement.evidence for statement in of_claims)
    hows = Counter(_best(statement) for statement in of_claims if statement.state != "open")
    yield f"{len(of_claims)} claims in {len(set(of_claims))} statements; {nobody} that no lesson has or plans."
    yield ", ".join(f"{count} {state}" for state, count in states.most_common())
    yield ", ".join(f"{count} {word}" for word, count in shown.most_common())
    yield ", ".join(f"{count} {how}" for how, count in hows.most_common())


def _best(statement):
    """How the first lesson that has evidence settles it."""
    item = next(item for item in statement.evidence if item.done)
    if item.how == "computed":
        return "computed on a card" if item.cell else f"computed {BEHIND}"
    return item.how


# ---- python -m course evidence


def run_evidence(arguments):
    """Compute and compare all decisions, then train what is missing; True (exit status 1) if anything differs."""
    chosen = [find_lesson(lesson_id) for lesson_id in arguments.lessons] or list(lessons().values())
    lines = [line for lesson in chosen for line in decided(lesson)]
    for text, _ in lines:
        print(text)
    trainings = [_train(lesson) for lesson in chosen]
    differing = sum(not agrees for _, agrees in lines) + sum(trainings)
    print(f"{len(lines)} decisions computed; {differing or 'nothing'} differs from what is printed.")
    return differing > 0


def decided(lesson: Lesson) -> list[tuple[str, bool]]:
    """[(a line with the number and the verdict, whether it is the printed one)] for each decision of a lesson."""
    lines = []
    for claim_id, decision in lesson.decisions.items():
        printed = find_statement(claim_id).printed
        numbers = decision.computed()
        reading = decision.read(numbers)
        agrees = reading.outcome == printed
        verdict = reading.outcome or f"no verdict: {reading.complaint}"
        wrong = "" if agrees else f"   DIFFERS: {printed} is printed"
        values = ", ".join(f"{name} = {written(value)}" for name, value in numbers.items())
        lines.append((f"{lesson.id}  {claim_id}  {verdict:14} {values}{wrong}", agrees))
    return lines


def _train(lesson):
    """Run a lesson's missing seeds and say how each result stands; how many that a verdict rests on did not pass."""
    module = lesson.part("trained")
    rested_on, failed = {item.get("trained") for item in lesson.evidence.values()}, 0
    for record in module.TRAINED if module else []:
        for seed, entry in trained.train_missing(lesson.id, record):
            print(f"{lesson.id}  {record.name}, seed {seed}: {entry['outcome']} after {entry['seconds']} s", flush=True)
        passed, bears = trained.passed(trained.load(lesson.id)[record.name]), record.name in rested_on
        failed += bears and not passed
        mark = "" if passed else "   NOT PASSED" if bears else "   not passed; no verdict rests on it"
        print(f"{lesson.id}  {trained.sentence(lesson.id, record.name)}{mark}")
    return failed
