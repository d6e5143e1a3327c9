"""What the student predicted and solved: one small JSON file on their own machine, sent nowhere.

A file that is damaged or cannot be written costs the memory of it, never the lesson.
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path

import platformdirs

_EMPTY = {"predictions": {}, "passed": []}
_session = {"predictions": {}, "passed": []}  # what this kernel knows, also where nothing can be written
_warned = set()


def path():
    """Where the file is: $COURSE_STATE_DIR, or the user's state directory."""
    folder = os.environ.get("COURSE_STATE_DIR") or platformdirs.user_state_dir("rnn-to-attention", appauthor=False)
    return Path(folder) / "progress.json"


def read():
    """{'predictions': {id: choice}, 'passed': [exercise ids]}, the file and this session together."""
    stored = _stored()
    return {
        "predictions": stored["predictions"] | _session["predictions"],
        "passed": sorted({*stored["passed"], *_session["passed"]}),
    }


def note_prediction(prediction_id, choice):
    """Remember what the student expects."""
    _session["predictions"][str(prediction_id)] = str(choice)
    _write()


def note_passed(exercise_id):
    """Remember that an exercise is solved."""
    if str(exercise_id) not in _session["passed"]:
        _session["passed"].append(str(exercise_id))
    _write()


def _stored():
    try:
        stored = json.loads(path().read_text(encoding="utf-8"))
        predictions, passed = stored["predictions"], stored["passed"]
        if isinstance(passed, list) and all(isinstance(entry, str) for entry in [*predictions.values(), *passed]):
            return {"predictions": predictions, "passed": passed}
    except FileNotFoundError:
        return _EMPTY
    except OSError as error:
        _say_once(f"Your progress cannot be read ({error.strerror or error}: {path()}); the lesson goes on without it.")
        return _EMPTY
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # no JSON, or of another form
        pass
    _say_once(f"The file with your progress is damaged and starts anew; the old one is kept as {_set_aside()}.")
    return _EMPTY


def _set_aside():
    kept = path().with_suffix(".damaged.json")
    try:
        path().replace(kept)
    except OSError:
        kept = path()
    return kept


def _write():
    target, temporary = path(), None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.parent):
            merged = read()  # again: a second lesson may be open and have written since
            with tempfile.NamedTemporaryFile(
                "w", dir=target.parent, suffix=".new", delete=False, encoding="utf-8"
            ) as file:
                temporary = Path(file.name)
                json.dump(merged, file, indent=1, sort_keys=True)
            temporary.replace(target)  # all of it or nothing
    except OSError as error:
        if temporary:
            temporary.unlink(missing_ok=True)
        _say_once(
            f"Your progress cannot be saved ({error.strerror or error}: {target}); it lasts until this kernel stops."
        )


@contextlib.contextmanager
def _alone(folder):
    """One writer at a time, where a folder can be locked: not on Windows, nor on every network drive."""
    try:
        import fcntl

        locked = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(locked, fcntl.LOCK_EX)
        yield
    finally:
        os.close(locked)  # and with it the lock


def _say_once(sentence):
    if sentence not in _warned:
        _warned.add(sentence)
        print(sentence)
