"""A student's function, called with care: what goes wrong inside it becomes a sentence in the student's own words."""

import copy
import functools
import inspect
import linecache
import traceback
from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch

from .alarm import Allowance, TimeUp
from .grammar import kind, shown

MOST_REMEMBERED = 1_000_000  # numbers of an answer that are kept, to compare it with a second one


class Wrong(Exception):
    """What is wrong, said to the student."""


class NotAttempted(Exception):
    """The stub still stands."""


def require(condition: object, sentence: str) -> None:
    """Raise Wrong with this sentence unless the condition holds.

    >>> require(2 + 2 == 4, "never said")
    """
    if not condition:
        raise Wrong(sentence)


def close(result: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-4) -> bool:
    """Whether two tensors of one shape agree as well as float32 can promise.

    >>> close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.00001]))
    True
    """
    return bool((result - expected).abs().max() <= tolerance * max(1.0, float(expected.abs().max())))


class Student:
    """The function that a check asks. `on` names the input in sentences: "the output is wrong for {on}"; without it
    small arguments are shown as they are.

    Every way of asking raises Wrong if the function raises, stops, returns None or changes its input, and NotAttempted
    if it returns `...`, as the stub does.

    >>> student = Student(lambda n: n // 2)
    >>> student(7), student.number(7)
    (3, 3.0)
    """

    def __init__(self, function: Callable, allowance: Allowance | None = None):
        self.function, self.allowance = function, allowance or Allowance()
        name = getattr(function, "__name__", "")
        self.name = name if name.isidentifier() else "your function"
        self._first = None  # (arguments, on, answer) of the first call

    def __call__(self, *arguments: object, on: str = "") -> object:
        """Its answer, whatever that is."""
        on = on or _in_words(self.function, arguments)
        before = tuple(_copied(argument) for argument in arguments)
        answer = self._called(arguments, on)
        for position, (original, argument) in enumerate(zip(before, arguments, strict=True)):
            if not _same(original, argument):
                parameter = _parameter(self.function, position)
                raise Wrong(
                    f"{self.name} changes its input {parameter}. Compute a new value instead of writing into it."
                )
        if _holds_stub(answer):
            raise NotAttempted
        require(answer is not None, f"{self.name} returned None{_for(on)}. Is a return missing?")
        _refuse_unfinished(answer, self.name)
        if self._first is None:
            self._first = before, on, _copied(answer)
        return answer

    def number(self, *arguments: object, on: str = "") -> float:
        """Its answer as a finite number: an int, a float, or a numpy or torch scalar."""
        answer = self(*arguments, on=on)
        return number(answer, _for(on or _in_words(self.function, arguments)))

    def tensor(self, *arguments: object, shape: Sequence[int], meaning: str, on: str = "") -> torch.Tensor:
        """Its answer as a float64 tensor of this shape; `meaning` says in words what the axes are."""
        answer = self(*arguments, on=on)
        place = _for(on or _in_words(self.function, arguments))
        needed = f"a tensor of shape {tuple(shape)} is needed{place}."
        tensor = _as_tensor(answer, f"{self.name} returned {kind(answer)}; {needed}")
        # The shape first: a huge view of few numbers would need its whole size in memory once it is converted.
        require(
            tuple(tensor.shape) == tuple(shape),
            f"{self.name} returned shape {tuple(tensor.shape)} where {tuple(shape)} is needed{place}: {meaning}.",
        )
        tensor = _in_float64(tensor, f"what {self.name} returned{place}")
        require(
            tensor.isfinite().all(),
            f"{self.name} returned values that are not finite (nan or inf) for ordinary inputs{place}.",
        )
        return tensor

    def truth(self, *arguments: object, on: str = "") -> bool:
        """Its answer as True or False. Only what is one of the two passes: a list or a text would always be true."""
        answer = self(*arguments, on=on)
        single = answer.reshape(-1) if isinstance(answer, (torch.Tensor, np.ndarray)) else [answer]
        require(
            len(single) == 1,
            f"{self.name} must give one answer, True or False, not one for each entry; .all() asks whether all hold.",
        )
        value = single[0].item() if isinstance(single[0], (torch.Tensor, np.generic)) else single[0]
        is_truth = isinstance(value, bool) or (isinstance(value, int) and value in (0, 1))
        sentence = f"True or False is needed{_for(on)}, and {self.name} returned {kind(answer)}: {shown(answer)}."
        require(is_truth, sentence)
        return bool(value)

    def choice(self, *arguments: object, options: Collection[str], on: str = "") -> str:
        """Its answer as one of these texts; capitals and blanks around it do not matter."""
        answer = self(*arguments, on=on)
        text = answer.strip().lower() if isinstance(answer, str) else None
        *others, last = (f'"{option}"' for option in options)
        require(
            text in options,
            f"it returned {shown(answer)}{_for(on)}; the answers are {', '.join(others)} and {last}.",
        )
        return text

    def change_of_mind(self) -> str | None:
        """The first input asked once more: a sentence if the answer differs, None if it is the same."""
        if self._first is None:
            return None
        arguments, on, answer = self._first
        try:
            again = self.allowance.call(self.function, tuple(_copied(argument) for argument in arguments))
        except KeyboardInterrupt:
            raise
        except TimeUp:
            return None
        except BaseException as error:
            later = f"{type(error).__name__}: {_message(error)}"
        else:
            if _same(answer, again, tolerance=1e-4):
                return None
            later = _answer_in_words(again)
        return (
            f"asked the same twice{_for(on)}, {self.name} answers differently: first {_answer_in_words(answer)}, later "
            f"{later}. It keeps something from one call to the next: a list, a dict or a tensor made outside the "
            "function or as the default of an argument (or it draws random numbers). Make it anew inside."
        )

    def _called(self, arguments, on):
        try:
            return self.allowance.call(self.function, arguments)
        except (Wrong, NotAttempted, KeyboardInterrupt):  # KeyboardInterrupt is the Stop button
            raise
        except TimeUp:
            raise Wrong(self._stopped(on)) from None
        except BaseException as error:  # SystemExit, asyncio's CancelledError and other exceptions of the student's own
            raise Wrong(_students_error(error, self.function, self.name, on)) from None

    def _stopped(self, on):
        seconds, question = self.allowance.worked, "Is there a loop that never ends, or one that runs far too often?"
        if self.allowance.waits():
            seconds, question = (
                self.allowance.passed,
                "It hardly worked: does it wait for something, as sleep and input do?",
            )
        return f"{self.name} was stopped after {seconds:.0f} seconds{_for(on)}. {question}"


def number(answer: object, place: str = "") -> float:
    """A finite number given as int, float, numpy or torch scalar; Wrong otherwise. place: " for n = 6", say.

    >>> number(np.float32(0.5)), number(torch.tensor([3]))
    (0.5, 3.0)
    """
    if isinstance(answer, (str, bytes)):  # float would read it
        raise Wrong(f"a number is needed{place}, and this is {kind(answer)}.")
    try:
        value = float(answer.item() if isinstance(answer, np.ndarray) else answer)
    except OverflowError:
        raise Wrong(f"a number below 1e308 is needed{place}, and this one is larger.") from None
    except Exception:  # a student's own class may raise anything
        raise Wrong(f"a number is needed{place}, and this is {kind(answer)}.") from None
    require(value - value == 0, f"a finite number is needed{place}, and this is {value}.")
    return value


def in_float64(values: object, meaning: str) -> torch.Tensor:
    """A student's tensor, array or nested list in float64 on the CPU, without gradients, all numbers finite.

    Raises Wrong if it cannot be one. meaning: what it is, for the sentence.

    >>> in_float64([[1, 2]], "W_Q").shape
    torch.Size([1, 2])
    """
    tensor = _in_float64(values, meaning)
    require(tensor.isfinite().all(), f"{meaning} holds numbers that are not finite (nan or inf).")
    return tensor


def _in_float64(values, meaning):
    sentence = f"{meaning} is {kind(values)} that cannot be read as a tensor of real numbers."
    tensor = _as_tensor(values, sentence)
    require(not tensor.is_complex(), sentence)
    try:
        return tensor.detach().to("cpu", torch.float64)
    except Exception:
        raise Wrong(sentence) from None


def _as_tensor(values, sentence):
    try:
        is_flipped = isinstance(values, np.ndarray) and min(values.strides, default=0) < 0
        return torch.as_tensor(values.copy() if is_flipped else values)  # torch reads no array backwards
    except Exception:
        raise Wrong(sentence) from None


# ---- sentences


def _for(on):
    return f" for {on}" if on else ""


def _in_words(function, arguments):
    """'n = 6' or 'T = 3, layers = 1': the arguments that are short enough to be shown."""
    words = []
    for position, argument in enumerate(arguments):
        is_small = isinstance(argument, (bool, int, float, str)) or argument is None
        if is_small or (isinstance(argument, (dict, list, tuple)) and not shown(argument).endswith("…")):
            words.append(f"{_parameter(function, position)} = {shown(argument)}")
    return ", ".join(words)


def _answer_in_words(answer):
    if not isinstance(answer, (torch.Tensor, np.ndarray)) or not answer.ndim:
        return shown(answer)
    try:
        return f"shape {tuple(answer.shape)} with the sum {answer.sum().item():.4g}"
    except Exception:  # of texts, or of nothing that can be added
        return f"shape {tuple(answer.shape)}"


def _parameter(function, position):
    """The student's own name for an argument."""
    try:
        return list(inspect.signature(function).parameters)[position]
    except (TypeError, ValueError, IndexError):
        return f"number {position + 1}"


def _students_error(error, function, name, on):
    """The student's own exception, on which input, with their own line."""
    message = _message(error)
    sentence = f"{name} raised {type(error).__name__}{_for(on)}{': ' + message if message else ''}"
    file = _file_of(function)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{sentence}\nin your line {lines[-1]}: {linecache.getline(file, lines[-1]).strip()}" if lines else sentence


def _message(error):
    try:
        return str(error)
    except Exception:  # a student's own exception may refuse
        return ""


def _file_of(function):
    """The file, or the notebook cell, that the student wrote the function in, below any decorator."""
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        return _file_of(function.func)
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    return code.co_filename if code else None


# ---- what is no answer yet


def what_it_is_not(function: Callable) -> str | None:
    """A sentence for a function that gives no answer when it is called: async def, or one that yields.

    >>> what_it_is_not(lambda n: n) is None
    True
    """
    written = inspect.unwrap(function)
    if inspect.iscoroutinefunction(written) or inspect.isasyncgenfunction(written):
        return "it is an async function, which gives its answer later. Take the word async away."
    if inspect.isgeneratorfunction(written):
        return "it yields its answers one by one. One answer is needed: collect them, and return the result."
    return None


def _refuse_unfinished(answer, name):
    if inspect.iscoroutine(answer):
        answer.close()  # else Python warns that nobody has awaited it
        raise Wrong(f"{name} returned a coroutine, which gives its answer later. Return the answer itself.")
    if inspect.isgenerator(answer) or isinstance(answer, (map, filter, zip)):
        raise Wrong(f"{name} returned {kind(answer)}, which holds no answer yet. Make it a list, or loop over it.")


def _holds_stub(answer):
    """Whether the answer, or a part of it, is the `...` of the stub."""
    if answer is ...:
        return True
    parts = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, (list, tuple)) else ()
    return any(part is ... for part in parts)


# ---- copies, so that a changed input and a changed mind are noticed


def _copied(value):
    if isinstance(value, torch.Tensor):
        return value.detach().clone() if value.numel() <= MOST_REMEMBERED else None
    if isinstance(value, np.ndarray):
        return value.copy() if value.size <= MOST_REMEMBERED else None
    try:
        if type(value) in (list, tuple):
            return type(value)(_copied(part) for part in value)
        return copy.deepcopy(value)
    except Exception:
        return None


def _same(before, after, tolerance=0.0):
    """Whether two values are equal, numbers within a share `tolerance`. What cannot be compared counts as equal."""
    try:
        return _equal(before, after, tolerance)
    except Exception:  # sparse tensors, arrays of texts, a student's own class
        return True


def _equal(before, after, tolerance):
    if isinstance(before, torch.Tensor):
        return isinstance(after, torch.Tensor) and _same_numbers(before, after.detach(), tolerance)
    if isinstance(before, np.ndarray):
        return isinstance(after, np.ndarray) and _same_numbers(before, after, tolerance)
    if isinstance(before, (list, tuple)):
        return (
            isinstance(after, (list, tuple))
            and len(before) == len(after)
            and all(_same(old, new, tolerance) for old, new in zip(before, after, strict=True))
        )
    if isinstance(before, dict):
        return (
            isinstance(after, dict)
            and before.keys() == after.keys()
            and all(_same(before[key], after[key], tolerance) for key in before)
        )
    if isinstance(before, float) and isinstance(after, float):
        return _same_numbers(np.array(before), np.array(after), tolerance)
    return not isinstance(before, (set, int, float, str, bool)) or before == after


def _same_numbers(before, after, tolerance):
    if before.shape != after.shape or before.dtype != after.dtype:
        return False
    before, after = (torch.as_tensor(numbers) for numbers in (before, after))
    if not tolerance:
        return _identical(before, after)
    exact = torch.promote_types(before.dtype, torch.float64)  # complex numbers stay complex
    return torch.allclose(before.to(exact), after.to(exact), rtol=tolerance, atol=tolerance, equal_nan=True)


def _identical(before, after):
    """Equal number by number; a nan is equal to itself here."""
    if torch.equal(before, after):
        return True
    return before.is_floating_point() and torch.allclose(before, after, rtol=0.0, atol=0.0, equal_nan=True)
