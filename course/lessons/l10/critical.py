"""How many steps does a larger batch save? Gradient descent on a bowl with noise, in closed form: nothing is drawn.

The noise scale and the fit: McCandlish et al. 2018, An Empirical Model of Large-Batch Training, section 2.
"""

import torch

CURVATURES = 1 / torch.arange(1, 101, dtype=torch.float64)  # of a loss of 100 weights: one steep, many flat
BATCHES = (1, 4, 32, 128, 256, 512, 1024, 2048, 4096, 16_384, 65_536)
TARGET = 0.01  # of the loss at the start
RATES = torch.logspace(-6, 0.29, 400, dtype=torch.float64)  # below 2, where the steepest weight stops converging


def steps_to_target(batch: int, noise: float = 10.0) -> int:
    """Steps until the mean loss Σ λ w²/2 is 1 % of what it was, with `batch` examples a step, at the best of 400 rates.

    Every weight starts at 1. Where the curvature is λ, an example's gradient has the variance noise·λ.

    >>> steps_to_target(16_384) < steps_to_target(1024) < steps_to_target(32)
    True
    """
    shrink = (1 - RATES[:, None] * CURVATURES) ** 2  # (rates, weights): what a step leaves of w²
    floor = RATES[:, None] ** 2 * noise * CURVATURES / batch / (1 - shrink)  # where the noise of the steps keeps it
    losses = lambda steps: (CURVATURES * (floor + (1 - floor) * shrink ** steps[:, None])).sum(1)  # noqa: E731
    goal = TARGET * CURVATURES.sum()
    few, many = torch.zeros(len(RATES), dtype=torch.float64), torch.full((len(RATES),), 2.0**24, dtype=torch.float64)
    for _ in range(25):
        middle = ((few + many) / 2).floor()
        reached = losses(middle) <= goal
        few, many = torch.where(reached, few, middle), torch.where(reached, middle, many)
    return int(many[losses(many) <= goal].min())


def fit(steps: dict[int, int]) -> tuple[float, float]:
    """(least steps, critical batch) of steps ≈ least · (1 + critical / batch), from {batch: steps}.

    >>> fit({1: 1100, 10: 200, 100: 110})
    (100.0, 10.0)
    """
    batches = torch.tensor(list(steps), dtype=torch.float64)
    counts = torch.tensor(list(steps.values()), dtype=torch.float64)
    # Weighed so that every point is missed by the same share.
    columns = torch.stack([1 / counts, 1 / batches / counts], 1)
    least, product = (
        torch.linalg.lstsq(columns, torch.ones(len(counts), 1, dtype=torch.float64)).solution[:, 0].tolist()
    )
    return round(least, 1), round(product / least, 1)
