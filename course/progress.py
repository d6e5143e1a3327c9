"""What the student predicted, what came true, what is solved: one small JSON file on their own machine, sent nowhere.

A file that is damaged or cannot be written, a missing home or a full disk cost the memory of it, never the lesson.
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path

import platformdirs

WAIT = 5.0  # seconds for another lesson that writes at the same time

_EMPTY = {"predictions": {}, "passed": []}
_session = {"predictions": {}, "passed": []}  # what this kernel knows, also where nothing can be written
_warned = set()


def path() -> Path | None:
    """Where the file is: in $COURSE_STATE_DIR, or in the user's state directory. None for a user without a home.

    >>> path().name
    'progress.json'
    """
    folder = os.environ.get("COURSE_STATE_DIR")
    if not folder:
        try:
            folder = platformdirs.user_state_dir("rnn-to-attention", appauthor=False)
        except Exception:  # an arbitrary user of a container has no home, no entry in passwd and no name
            return None
        if not Path(folder).is_absolute():  # "~" could not be expanded
            return None
    return Path(folder) / "progress.json"


def read() -> dict[str, dict | list]:
    """{'predictions': {"05.keys": choice}, 'passed': ["05.1"]}, the file and this session together.

    passed: the exercises that are solved and the predictions that came true.

    >>> sorted(read())
    ['passed', 'predictions']
    """
    stored = _stored()
    return {
        "predictions": stored["predictions"] | _session["predictions"],
        "passed": sorted({*stored["passed"], *_session["passed"]}),
    }


def note_prediction(key: str, choice: str) -> None:
    """Remember what the student expects; key: "05.keys"."""
    _session["predictions"][str(key)] = str(choice)
    _write()


def note_passed(key: str) -> None:
    """Remember that an exercise is solved, or that a prediction came true; key: "05.1" or "05.keys"."""
    if str(key) not in _session["passed"]:
        _session["passed"].append(str(key))
    _write()


def _stored():
    source = path()
    if source is None:
        return _EMPTY
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _EMPTY
    except UnicodeDecodeError:
        text = ""  # damaged
    except Exception as error:  # whatever it is, it must not stop the lesson
        _say_once(f"Your progress cannot be read ({_reason(error)}: {source}); the lesson goes on without it.")
        return _EMPTY
    stored = _parsed(text)
    if stored is None:
        _say_once(
            f"The file with your progress is damaged and starts anew; the old one is kept as {_set_aside(source)}."
        )
    return stored or _EMPTY


def _parsed(text):
    """What a file says, or None where it is no JSON or has another form."""
    try:
        stored = json.loads(text)
        predictions, passed = stored["predictions"], stored["passed"]
        texts = [*predictions.values(), *passed]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not isinstance(passed, list) or not all(isinstance(entry, str) for entry in texts):
        return None
    return {"predictions": predictions, "passed": passed}


def _set_aside(source):
    """The damaged file under another name, where that is possible."""
    aside = source.with_suffix(".damaged.json")
    try:
        source.replace(aside)
    except OSError:
        return source
    return aside


def _write():
    target = path()
    if target is None:
        _say_once("Your progress cannot be saved (this user has no home directory); it lasts until this kernel stops.")
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.parent):
            _replace(target, read())  # read now: a second lesson may be open and have written since
    except Exception as error:  # whatever it is, it must not stop the lesson
        _say_once(f"Your progress cannot be saved ({_reason(error)}: {target}); it lasts until this kernel stops.")


def _replace(target, progress):
    """Write all of it or nothing."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile("w", dir=target.parent, suffix=".new", delete=False, encoding="utf-8") as file:
            temporary = Path(file.name)
            json.dump(progress, file, indent=1, sort_keys=True)
        temporary.replace(target)
    except BaseException:
        if temporary:
            temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _alone(folder):
    """One writer at a time, where a folder can be locked: not on every network drive."""
    from filelock import FileLock  # only once something is written: it loads asyncio

    lock = FileLock(folder / "progress.lock", timeout=WAIT)
    try:
        lock.acquire()
    except (OSError, NotImplementedError):  # no locks here, or somebody holds it for too long
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _reason(error):
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _say_once(sentence):
    if sentence not in _warned:
        _warned.add(sentence)
        print(sentence)
