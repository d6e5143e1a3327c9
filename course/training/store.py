"""A model that the student trained in one lesson, for another: in the folder where their progress lies, sent nowhere.

A file that is missing or damaged, a full disk, no home: they cost the memory of it, never the lesson.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from .. import progress

FOLDER, SUFFIX = "models", ".pt"


class Stored(NamedTuple):
    """A model as it was saved, in eval mode, and what was said about it."""

    model: nn.Module
    about: dict


def place(name: str) -> Path | None:
    """Where a model of this name lies; None for a user without a home. Raises ValueError for a name with other signs
    than letters, figures, blanks and hyphens.

    >>> place("LSTM of lesson 09").name
    'LSTM of lesson 09.pt'
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 -]*", name):
        raise ValueError(f"store: a name has letters, figures, blanks and hyphens; given: {name!r}.")
    beside = progress.path()
    return None if beside is None else beside.parent / FOLDER / f"{name}{SUFFIX}"


def save(name: str, model: nn.Module, recipe: dict, **about: str | int | float) -> bool:
    """Keep a model's weights. recipe: what makes such a model again, {"kind": "LSTM", …}, as `load` hands it to `make`;
    about: plain facts beside it, alphabet="abc", seed=0. True if it was saved; else one sentence is printed.

    >>> net = nn.Linear(2, 1)
    >>> save("example", net, {"in_features": 2, "out_features": 1}, seed=0)
    True
    >>> torch.equal(load("example", nn.Linear).model.weight, net.weight)
    True
    """
    target, temporary = place(name), None
    if target is None:
        print("Your model cannot be saved: this user has no home directory. The next lessons train one themselves.")
        return False
    weights = {key: value.detach().cpu() for key, value in model.state_dict().items()}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".new", delete=False) as file:
            temporary = Path(file.name)
            torch.save({"weights": weights, "recipe": recipe, "about": about}, file)
        temporary.replace(target)
    except (OSError, RuntimeError) as error:  # torch names a full disk a RuntimeError
        if temporary:
            temporary.unlink(missing_ok=True)
        print(f"Your model cannot be saved ({_reason(error)}: {target}). The next lessons train one themselves.")
        return False
    return True


def load(name: str, make: Callable[..., nn.Module]) -> Stored | None:
    """The model that was saved under this name; None where there is none, or where it cannot be read: then one sentence
    is printed. make: called with the recipe; course.models.language.language_model for language models.

    Weights alone are read: such a file cannot run code.

    >>> load("nobody saved this", nn.Linear)
    There is no model 'nobody saved this' of yours yet.
    """
    source = place(name)
    try:
        if source is None or not source.exists():
            print(f"There is no model {name!r} of yours yet.")
            return None
        stored = torch.load(source, map_location="cpu", weights_only=True)
        model = make(**stored["recipe"])
        model.load_state_dict(stored["weights"])
        return Stored(model.eval(), dict(stored["about"]))
    except Exception as error:  # whatever it is, it must not stop the lesson
        print(f"Your model {name!r} cannot be read ({_reason(error)}: {source}); the lesson goes on without it.")
        return None


def _reason(error):
    """One line of what went wrong."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return reason.strip().splitlines()[0][:100]
