"""What the workers of the tests do. A module of its own, since each worker imports its function."""

import os
import socket
import time

import torch
from torch import distributed


def describe(peers, word):
    """Where this worker runs, and what it was given."""
    return peers.rank, peers.size, word, torch.get_num_threads(), float(torch.rand(1)), os.getpid()


def collect(peers, size):
    """The ring's sums and joins beside torch's own, and what each worker sent for them."""
    own = torch.arange(size, dtype=torch.float64) * 0.1 + peers.rank
    expected = own.clone()
    distributed.all_reduce(expected)
    summed, reducing = peers.all_reduce(own), peers.sent()
    parts = [torch.empty_like(own) for _ in range(peers.size)]
    distributed.all_gather(parts, own)
    joined, gathering = peers.all_gather(own), peers.sent()
    rotated = peers.rotate(own)
    return (
        torch.allclose(summed, expected, rtol=1e-14) and torch.equal(joined, torch.cat(parts)),
        rotated[0].item(),
        reducing,
        gathering,
        peers.sent(),
    )


def fail(peers, how):
    """The last worker fails; the others wait for a message from it."""
    if peers.rank < peers.size - 1:
        peers.receive(torch.empty(1), peers.size - 1)
    if how == "raise":
        raise ValueError("the loss is nan\nand more of it")
    os._exit(7)


def hold(peers, port):
    """Connect to a port, and stay connected for as long as this process lives."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(b"here")
    time.sleep(600)
