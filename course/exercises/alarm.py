"""Two seconds for a student's code. The alarm is set only while it runs, so the check's own work costs nothing."""

import signal
import sys
import threading
import time
from collections.abc import Callable

SECONDS = 2.0  # of a processor, for all calls of one check
PATIENCE = 10.0  # seconds by the clock on the wall, for code that seldom gets a processor
IDLE = 0.05  # the share of a processor below which code does not work: it waits
AGAIN = 0.1  # seconds between two rings

_wall, _processor = time.perf_counter, time.thread_time


class TimeUp(BaseException):
    """Not an Exception, so that a student's `except Exception` cannot swallow it."""


class Allowance:
    """What is left of the two seconds; one for each check.

    worked: seconds that a processor has spent on the student's calls. passed: seconds by the clock on the wall.

    >>> allowance = Allowance()
    >>> allowance.call(max, (3, 5))
    5
    >>> allowance.used_up()
    False
    """

    def __init__(self):
        self.worked = self.passed = 0.0
        self._started = self._rang = False

    def call(self, function: Callable, arguments: tuple) -> object:
        """function(*arguments), stopped with TimeUp once the allowance is used up.

        There is no limit where there are no alarms (on Windows, in a thread), nor while a debugger or another tracer
        is set: whoever steps through their code takes their time.
        """
        if not _can_ring():
            return function(*arguments)
        return self._watched(function, arguments)

    def _watched(self, function, arguments):
        started = _wall()
        handler_before = signal.signal(signal.SIGALRM, self._ring)
        delay_before = interval_before = 0.0
        self._start()
        try:
            try:
                # It rings again and again: one ring may fall where the student's code catches everything.
                first = max(SECONDS - self.passed, 0.01)
                delay_before, interval_before = signal.setitimer(signal.ITIMER_REAL, first, AGAIN)
                result = function(*arguments)
            finally:
                self._stop()
        finally:
            self._stop()  # a ring may have broken into the inner one
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler_before or signal.SIG_DFL)
            if delay_before:  # an alarm of the student's own: it rings when it would have rung
                signal.setitimer(signal.ITIMER_REAL, max(delay_before - (_wall() - started), 0.001), interval_before)
        if self._rang:  # and was swallowed
            raise TimeUp
        return result

    def used_up(self) -> bool:
        """Whether the calls so far, with the one that runs now, have had their time."""
        worked, passed = self._spent()
        return worked >= SECONDS or passed >= PATIENCE or (passed >= SECONDS and self.waits())

    def waits(self) -> bool:
        """Whether the code has hardly worked in the time that passed, as in a sleep or an input."""
        worked, passed = self._spent()
        return worked < IDLE * passed

    def _spent(self):
        if not self._started:
            return self.worked, self.passed
        return self.worked + _processor() - self._processor_before, self.passed + _wall() - self._wall_before

    def _start(self):
        self._wall_before, self._processor_before, self._started = _wall(), _processor(), True

    def _stop(self):
        self.worked, self.passed = self._spent()
        self._started = False

    def _ring(self, signum, frame):
        if not self._started:
            return
        if _is_traced():
            self._start()  # what has passed under a debugger does not count when it is gone again
        elif self.used_up():
            self._rang = True
            raise TimeUp


def _can_ring():
    in_main_thread = threading.current_thread() is threading.main_thread()
    return hasattr(signal, "setitimer") and in_main_thread and not _is_traced()


def _is_traced():
    """Whether a debugger, or another tool that follows each line, is at work."""
    if sys.gettrace() is not None:
        return True
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    return monitoring is not None and any(monitoring.get_tool(number) for number in range(6))
