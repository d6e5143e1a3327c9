"""What one worker knows of the others: it sends, it receives, and it counts what it sent.

Everything is made of one operation, sending a tensor to one other worker, so that the count is a count and no formula.
The ring: Patarasuk and Yuan 2009, Bandwidth optimal all-reduce algorithms for clusters of workstations.
"""

from typing import NamedTuple

import torch
from torch import Tensor, distributed


class Sent(NamedTuple):
    """What one worker has sent: exchanges (calls in which it waits for others), messages, and bytes."""

    exchanges: int
    messages: int
    bytes: int


class Peers:
    """The workers, as one of them sees them; it is worker `rank` of `size`.

    In a ring each sends to the next one, `after`, and receives from the one `before`.
    """

    def __init__(self, device: torch.device):  # the launcher makes it
        self.device = device
        self._exchanges = self._messages = self._bytes = 0
        self._are(distributed.get_world_size())

    def first(self, size: int) -> "Peers | None":
        """The first `size` workers by themselves, with a count of their own; None for a worker that is not of them."""
        few = Peers(self.device)
        few._are(size)
        return few if few.rank < size else None

    def _are(self, size):
        self.rank, self.size = distributed.get_rank(), size
        self.before, self.after = (self.rank - 1) % size, (self.rank + 1) % size

    def sent(self) -> Sent:
        """What this worker has sent since the last call; then it counts from 0."""
        count = Sent(self._exchanges, self._messages, self._bytes)
        self._exchanges = self._messages = self._bytes = 0
        return count

    def send(self, tensor: Tensor, to: int) -> None:
        """Send a tensor (any shape) to worker `to`, which has to receive it."""
        self._exchanges += 1
        self._count(tensor)
        distributed.send(tensor.contiguous(), to)

    def receive(self, like: Tensor, source: int) -> Tensor:
        """The tensor that worker `source` sends, of the shape and dtype of `like`."""
        self._exchanges += 1
        received = torch.empty_like(like, memory_format=torch.contiguous_format)
        distributed.recv(received, source)
        return received

    def rotate(self, tensor: Tensor, steps: int = 1) -> Tensor:
        """Send a tensor (the same shape on all) `steps` places on in the ring, while one from as far back arrives."""
        self._exchanges += 1
        return self._turn(tensor, tensor, steps)

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """The sum of all workers' tensors (one shape), on every worker; each sends about 2(P−1)/P of its bytes.

        First each of P pieces goes once round and is summed on its way; then each sum goes once round.
        """
        self._exchanges += 1
        pieces = [piece.clone() for piece in tensor.detach().reshape(-1).tensor_split(self.size)]
        for turn in range(self.size - 1):
            going, coming = (self.rank - turn) % self.size, (self.rank - turn - 1) % self.size
            pieces[coming] += self._turn(pieces[going], pieces[coming])
        for turn in range(self.size - 1):
            going, coming = (self.rank - turn + 1) % self.size, (self.rank - turn) % self.size
            pieces[coming] = self._turn(pieces[going], pieces[coming])
        return torch.cat(pieces).reshape(tensor.shape)

    def all_gather(self, tensor: Tensor) -> Tensor:
        """All workers' tensors (one shape), joined along the last axis in the order of the workers, on every worker."""
        own = tensor.detach().contiguous()
        return torch.cat(self._with_all([own] * self.size), -1)

    def reduce_scatter(self, tensor: Tensor) -> Tensor:
        """This worker's piece of the sum of all workers' tensors (one shape), cut along the last axis; P divides it."""
        pieces = [piece.contiguous() for piece in tensor.detach().chunk(self.size, -1)]
        return torch.stack(self._with_all(pieces)).sum(0)

    def wait(self) -> None:
        """Wait until all workers are here."""
        distributed.barrier()

    def _with_all(self, outgoing):
        """Send one tensor to each worker; return what each sends here, all of one shape and in their order."""
        self._exchanges += 1
        incoming = [torch.empty_like(piece) for piece in outgoing]
        incoming[self.rank] = outgoing[self.rank]
        others = [rank for rank in range(self.size) if rank != self.rank]
        self._post({rank: outgoing[rank] for rank in others}, {rank: incoming[rank] for rank in others})
        return incoming

    def _turn(self, outgoing, like, steps=1):
        """Send to the one `steps` further on; return what comes from as far back, of the shape of `like`."""
        if self.size == 1:
            return outgoing
        incoming = torch.empty_like(like, memory_format=torch.contiguous_format)
        self._post(
            {(self.rank + steps) % self.size: outgoing.contiguous()}, {(self.rank - steps) % self.size: incoming}
        )
        return incoming

    def _post(self, outgoing, incoming):
        """All messages at once: {to: tensor} out, {source: a place to fill} in; wait until all have gone and come."""
        operations = [distributed.P2POp(distributed.isend, tensor, to) for to, tensor in outgoing.items()]
        operations += [distributed.P2POp(distributed.irecv, place, source) for source, place in incoming.items()]
        for request in distributed.batch_isend_irecv(operations) if operations else []:
            request.wait()
        for tensor in outgoing.values():
            self._count(tensor)

    def _count(self, tensor):
        self._messages += 1
        self._bytes += tensor.nbytes
