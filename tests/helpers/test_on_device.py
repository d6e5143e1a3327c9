"""Whether every method gives the right numbers on this device: the GPU where there is one, else the CPU.

The oracle is the plain form in float64 on a CPU. A method passes when its largest error is at most twice that of plain
torch in the same dtype on the same device, plus 1e-6 (the rule of FlashAttention's tests), and when the rms of its
error, relative to the rms of what is right, is below 1e-5 in float32 and 5e-3 in 16 bits, or no worse than plain
torch's. Gradients are held to three times that rms: they add up many rounded numbers.

It needs torch and pytest alone. `python -m helpers.bench` runs this file as a program (see `main`), in processes of its
own: a kernel that writes where it must not leaves a GPU that refuses every later call of its process.
"""

import faulthandler
import functools
import json
import math
import multiprocessing
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # where the bench runs, helpers may not be installed
import helpers

DEVICE = helpers.device()
torch.backends.cudnn.allow_tf32 = False  # or cuDNN's recurrent layers round products of float32 to TF32
# T and width; a kernel has other branches for widths that are powers of two, and for the widest.
SIZES = [(1, 40), (2, 64), (65, 128), (1000, 16)]
if DEVICE.type == "cuda":
    SIZES += [(64, 128), (65, 40), (1000, 64), (4097, 128)]
RMS = {torch.float32: 1e-5, torch.bfloat16: 5e-3, torch.float16: 5e-3}


class Subject(NamedTuple):
    """What is proven: call(method, *tensors), make(T, D) -> the tensors in float64, the methods, the plain one first."""

    call: Callable
    make: Callable
    methods: tuple[str, ...]


def normal(*shape, scale=1.0):
    return torch.randn(*shape, dtype=torch.float64) * scale


def _heads(T, D):
    return [normal(2, 3, T, D) for _ in range(3)]


def _layer(gates, T, D, B=3, width=24):
    weights = normal(gates * D, width, scale=width**-0.5), normal(gates * D, D, scale=0.5 * D**-0.5)
    biases = normal(gates * D, scale=0.3), normal(gates * D, scale=0.3)
    return [normal(B, T, width), *weights, *biases, *(normal(B, D, scale=0.5) for _ in range(2))]


def _recurrent(layer, gates, states):
    def call(method, *tensors):
        return layer(*tensors[:5], **dict(zip(states, tensors[5:], strict=True)), method=method)

    methods = ("loop", "hoisted", "torch", "graph", "cudnn", "fused")
    return Subject(call, lambda T, D: _layer(gates, T, D)[: 5 + len(states)], methods)


def _scan(reverse):
    def call(method, decay, inputs, hidden):
        return helpers.linear_recurrence(decay, inputs, hidden=hidden, reverse=reverse, method=method)

    def make(T, D):
        return [normal(3, T, D).add(2).sigmoid(), normal(3, T, D), normal(3, D)]

    return Subject(call, make, ("loop", "hillis_steele", "blelloch", "chunked", "triton"))


def _newton(method, *tensors):
    if method == "loop":
        return helpers.elman(*tensors, method="loop")
    return helpers.newton_recurrence(*tensors, jacobian=method, tolerance=1e-6, check=False)[0]


def _attention(is_causal):
    def call(method, *tensors):
        return helpers.attention(*tensors, is_causal=is_causal, method=method)

    return Subject(call, _heads, ("naive", "online", "flash", "sdpa"))


def _decode(method, query, key, value):
    return helpers.decode_attention(query[:, :, :1], key, value, key.shape[2], method=method)


def _linear(method, *tensors):
    return helpers.linear_attention(*tensors, method=method)


def _gates(T, D):
    return [normal(3, T, 24), *(normal(D, 24, scale=0.2) for _ in range(2)), normal(D), normal(D)]


def _min_gru(method, *tensors):
    return helpers.min_gru(*tensors, positive=True, method=method)


SUBJECTS = {
    "attention": _attention(False),
    "attention, causal": _attention(True),
    "decode_attention": Subject(_decode, _heads, ("naive", "sdpa")),
    "linear_attention": Subject(_linear, _heads, ("parallel", "recurrent", "chunked")),
    "elman": _recurrent(helpers.elman, 1, ("hidden",)),
    "gru": _recurrent(helpers.gru, 3, ("hidden",)),
    "lstm": _recurrent(helpers.lstm, 4, ("hidden", "cell")),
    "linear_recurrence": _scan(False),
    "linear_recurrence, reverse": _scan(True),
    "min_gru": Subject(_min_gru, _gates, ("loop", "scan")),  # not "log", which is there to lose digits
    "newton_recurrence": Subject(_newton, lambda T, D: _layer(1, T, D)[:4], ("loop", "dense", "diagonal")),
}
CASES = [
    pytest.param(name, method, dtype, id=f"{name}-{method}-{str(dtype).removeprefix('torch.')}")
    for name, subject in SUBJECTS.items()
    for method in subject.methods
    for dtype in RMS
]


@pytest.mark.parametrize(("name", "method", "dtype"), CASES)
def test_a_method_is_as_exact_as_plain_torch(name, method, dtype):
    for T, D in SIZES:
        tensors, exact, plain = _reference(name, dtype, T, D)
        try:
            found = _evaluate(SUBJECTS[name], method, tensors)
        except (TypeError, ValueError, MemoryError) as refused:
            if not re.match(rf"{name.partition(',')[0]}('s method '{method}' cannot| solves in)", str(refused)):
                raise
            pytest.skip(str(refused))
        largest, rms, slopes = _errors(found, exact)
        limits = 2 * plain[0] + 1e-6, max(RMS[dtype], plain[1]), 3 * max(RMS[dtype], plain[2])
        # NaN is below no limit.
        assert largest <= limits[0], f"at T = {T} the largest error is {largest:.2g}, above {limits[0]:.2g}"
        assert rms <= limits[1], f"at T = {T} the error's relative rms is {rms:.2g}, above {limits[1]:.2g}"
        assert slopes <= limits[2], f"at T = {T} that of the gradients is {slopes:.2g}, above {limits[2]:.2g}"


@functools.cache
def _reference(name, dtype, T, D):
    """The tensors on this device, what is exact, and the errors of plain torch."""
    subject = SUBJECTS[name]
    torch.manual_seed(T)
    tensors = [tensor.to(dtype) for tensor in subject.make(T, D)]
    exact = _evaluate(subject, subject.methods[0], [tensor.double() for tensor in tensors])
    tensors = [tensor.to(DEVICE) for tensor in tensors]
    return tensors, exact, _errors(_evaluate(subject, subject.methods[0], tensors), exact)


def _evaluate(subject, method, tensors):
    """The result, and what its gradients are when the result's is the same pattern everywhere."""
    tensors = [tensor.detach().requires_grad_() for tensor in tensors]
    result = subject.call(method, *tensors)
    pattern = torch.arange(result.numel(), device=result.device).remainder(7).sub(3).view_as(result)
    return result.detach(), torch.autograd.grad(result, tensors, pattern.to(result.dtype))


def _errors(found, exact):
    """Largest error of the result, its relative rms, and that of all gradients together: one alone may be 0."""
    (result, slopes), (wanted, wanted_slopes) = found, exact
    largest = (result.cpu().double() - wanted).abs().max().item()
    return largest, _relative([result], [wanted]), _relative(slopes, wanted_slopes)


def _relative(found, exact):
    errors = sum((a.cpu().double() - b).square().sum().item() for a, b in zip(found, exact, strict=True))
    return math.sqrt(errors / sum(b.square().sum().item() for b in exact))


def main(kind, only, word, *done):
    """Run the tests whose names hold both words and are not among `done`, on a "cpu" or on "cuda".

    Prints {test: outcome} in a line of JSON as soon as it is known: "passed", "skipped: why" or "failed: why". A test
    that ends its process has failed, and the next one goes on in another. Ends with {"every test ran": "passed"}.
    """
    if kind == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    done, spawn, test = set(done), multiprocessing.get_context("spawn"), ""
    while test is not None:
        test, (here, there) = None, spawn.Pipe(duplex=False)
        process = spawn.Process(target=_work, args=(_Told(there, (only, word), done), kind))
        process.start()
        there.close()
        try:
            while True:
                test, outcome = here.recv()
                if outcome:
                    _tell(done, test, outcome)
        except EOFError:
            process.join()
        finally:
            process.kill()
        if process.exitcode == 0:
            return _tell(done, "every test ran", "passed")
        if test and test not in done:
            _tell(done, test, f"failed: its process ended with status {process.exitcode}")


def _tell(done, test, outcome):
    done.add(test)
    print(json.dumps({test: outcome}), flush=True)


def _work(told, kind):
    os.dup2(2, 1)  # stdout belongs to `main`: what pytest and torch print is for people
    if kind != DEVICE.type:
        sys.exit(f"The tests were to run on {kind}, and find only {DEVICE}: is the GPU reserved for one process?")
    options = ("-q", "--noconftest", "--assert=plain", "--tb=short", "--disable-warnings", "-p", "no:cacheprovider")
    sys.exit(pytest.main([__file__, *options], plugins=[told]) not in (0, 1, 5))  # all ran, some failed, none was left


class _Told:
    """A plugin that chooses the tests, and sends (test, None) when one begins, (test, outcome) when it ends."""

    def __init__(self, pipe, words, done):
        self.pipe, self.words, self.done = pipe, words, done

    def pytest_collection_modifyitems(self, items):
        names = {item: item.callspec.id for item in items}
        items[:] = [
            item for item in items if names[item] not in self.done and all(w in names[item] for w in self.words)
        ]

    def pytest_runtest_logstart(self, nodeid):
        self.pipe.send((_name(nodeid), None))
        faulthandler.dump_traceback_later(300, exit=True)  # a kernel may also wait for ever

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or not report.passed:
            self.pipe.send((_name(report.nodeid), _outcome(report)))
        if report.failed and DEVICE.type == "cuda":
            try:
                torch.cuda.synchronize()
            except Exception:
                os._exit(1)  # this process has lost the GPU

    def pytest_sessionfinish(self):
        faulthandler.cancel_dump_traceback_later()


def _name(nodeid):
    return nodeid.partition("[")[2].removesuffix("]")


def _outcome(report):
    if report.passed:
        return "passed"
    said = report.longrepr[2].removeprefix("Skipped: ") if report.skipped else report.longrepr.reprcrash.message
    return f"{report.outcome}: {' '.join(said.split())[:200]}"


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(1)  # the bench was cut off, and says so itself
