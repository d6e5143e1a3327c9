"""One computation, cut four ways."""


def sum_of_ranks(peers):
    """The sum of all workers' numbers: what shows that they reach each other."""
    import torch

    return int(peers.all_reduce(torch.tensor([peers.rank], device=peers.device)).item())
