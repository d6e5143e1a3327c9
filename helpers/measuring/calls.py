"""What clocks and memory counters share: the function that is called, where its work runs, and whether it fitted."""

from collections.abc import Iterable

import torch

from .device import device as choose_device

# A CPU's allocator raises a plain RuntimeError: "can't allocate memory" on Linux, "not enough memory" on Windows.
_OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def require_callable(caller: str, function) -> None:
    """Raise TypeError unless `function` can be called: the commonest slip is to give f(x) for f and x."""
    if not callable(function):
        raise TypeError(
            f"{caller} needs a function; given {described(function)}. Pass the function itself: f and x, not f(x)."
        )


def described(value) -> str:
    """A value as an error names it: a tensor by its shape, all else by at most 60 characters."""
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else f"{value!r:.60}"


def place_of(device: str | torch.device | None, arguments: Iterable) -> torch.device:
    """Where the work runs: on `device`, or where the first tensor of the arguments is, or on `helpers.device()`."""
    if device is None:
        device = next((argument.device for argument in arguments if isinstance(argument, torch.Tensor)), None)
    return choose_device(device)


def synchronise(place: torch.device) -> None:
    """Wait until a GPU has done all that it was handed; a CPU has done it already."""
    if place.type == "cuda":
        torch.cuda.synchronize(place)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this exception says that memory did not suffice, on a CPU or on a GPU.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
    (True, False)
    """
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)


class Attempts:
    """Calls of one function, until the first that runs out of memory: from then on nothing is called any more."""

    def __init__(self, place):
        self.place, self.out_of_memory = place, False

    def attempt(self, action):
        """action(), or None if memory did not suffice, now or earlier."""
        if self.out_of_memory:
            return None
        try:
            return action()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self.out_of_memory = True
        if self.place.type == "cuda":  # after the except block: until then the error holds the call's tensors
            torch.cuda.empty_cache()
        return None
