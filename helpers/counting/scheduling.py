"""A graph of scalar operations on a limited number of processors: greedy list scheduling."""

import heapq
from dataclasses import dataclass

import numpy as np

from ..arguments import require_sizes


@dataclass(frozen=True)
class Schedule:
    """Which operation runs in which tick; in a tick every processor that has an operation does one.

    finished: (ticks,) how many operations each tick does; tick_of: (nodes,) the tick, from 0, in which each runs.
    """

    processors: int
    finished: np.ndarray
    tick_of: np.ndarray

    @property
    def ticks(self) -> int:
        """How many ticks there are."""
        return len(self.finished)


def greedy_schedule(predecessors: np.ndarray, remaining: np.ndarray, processors: int) -> Schedule:
    """Each tick runs up to `processors` ready nodes, those with the longest remaining chain first.

    predecessors: (nodes, 2) ids, −1 for none, every id below its node's; remaining: (nodes,) the longest chain from
    each node on. Raises TypeError unless processors is a whole number, ValueError below 1.

    >>> chain_and_one_alone = np.array([[-1, -1], [0, -1], [-1, -1]])
    >>> greedy_schedule(chain_and_one_alone, np.array([2, 1, 1]), processors=2).tick_of.tolist()
    [0, 1, 0]
    """
    (processors,) = require_sizes(processors=processors)
    n = len(predecessors)
    followers, ends = _followers(predecessors)
    waiting = (predecessors >= 0).sum(axis=1).tolist()  # for how many predecessors each node still waits
    keys = _priorities(remaining).tolist()
    ready = [key for key, count in zip(keys, waiting, strict=True) if count == 0]
    heapq.heapify(ready)
    finished, tick_of = [], np.zeros(n, dtype=np.int32)
    while ready:
        running = [heapq.heappop(ready) % n for _ in range(min(processors, len(ready)))]
        tick_of[running] = len(finished)
        finished.append(len(running))
        for node in running:
            for follower in followers[ends[node] : ends[node + 1]]:
                waiting[follower] -= 1
                if waiting[follower] == 0:
                    heapq.heappush(ready, keys[follower])
    return Schedule(processors, np.array(finished, dtype=np.int64), tick_of)


def _followers(predecessors):
    """(followers, ends): the nodes that wait for node i are followers[ends[i]:ends[i + 1]]."""
    is_edge = predecessors >= 0
    waiting_node, waited_for = np.nonzero(is_edge)[0], predecessors[is_edge]
    followers = waiting_node[np.argsort(waited_for, kind="stable")]
    counts = np.bincount(waited_for, minlength=len(predecessors))
    return followers.tolist(), [0, *np.cumsum(counts).tolist()]


def _priorities(remaining):
    """(nodes,) one whole number that sorts by remaining chain, longest first, then by id, and gives the id modulo n.

    A heap compares numbers faster than tuples.
    """
    n = len(remaining)
    return np.arange(n) - remaining * n
