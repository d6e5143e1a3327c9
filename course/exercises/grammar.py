"""Small grammar for sentences about what a student wrote: "1 term", "an int", "[1, 2, 3, …"."""

MOST_LETTERS = 60  # of a value that is shown inside a sentence


def plural(count: int | float, noun: str) -> str:
    """A number with its noun.

    >>> plural(1, "term"), plural(1000, "term"), plural(2.5, "step")
    ('1 term', '1,000 terms', '2.5 steps')
    """
    digits = f"{count:,}" if isinstance(count, int) else f"{count:,g}"
    return f"{digits} {noun}" if count == 1 else f"{digits} {noun}s"


def kind(value: object) -> str:
    """What sort of thing a value is, with its article.

    >>> kind(3), kind("three"), kind(None), kind([])
    ('an int', 'a str', 'None', 'a list')
    """
    if value is None:
        return "None"
    name = type(value).__name__
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def shown(value: object) -> str:
    """A value as it may stand in a sentence: short, and never an exception.

    >>> shown({"a": []}), shown("x" * 100)[-3:]
    ("{'a': []}", 'xx…')
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a student's own class may refuse
        return kind(value)
    return text if len(text) <= MOST_LETTERS else text[:MOST_LETTERS] + "…"
