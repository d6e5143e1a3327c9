"""The ratios that our kernels should reach beside their peers, and whether a recording reached them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """The fastest peer's time over ours (or its bytes), at least `least` at every length from `start` on.

    >>> goal = Goal("lstm D=128", peers=("loop",), ours="graph", least=10)
    >>> print(goal)
    lstm D=128: loop / graph ≥ 10
    >>> goal.verdict({"256": {"loop": {"median": 6e-3}, "graph": {"median": 5e-4}}})
    'reached: 12 at 256'
    """

    contest: str
    peers: tuple[str, ...]
    ours: str
    least: float
    start: int = 0

    def __str__(self) -> str:
        start = f" from {self.start}" if self.start else ""
        return f"{self.contest}: {' or '.join(self.peers)} / {self.ours} ≥ {self.least:g}{start}"

    def verdict(self, points: dict[str, dict[str, dict]]) -> str:
        """ "reached: 1.2 at 1024, 1.3 at 4096", "missed: …" or "not measured".

        points: those of a contest in a recording, {T: {label: result}}.
        """
        ratios = {T: self._ratio(results) for T, results in points.items() if int(T) >= self.start}
        ratios = {T: ratio for T, ratio in ratios.items() if ratio is not None}
        if not ratios:
            return "not measured"
        word = "reached" if min(ratios.values()) >= self.least else "missed"
        return f"{word}: {', '.join(f'{ratio:.3g} at {T}' for T, ratio in ratios.items())}"

    def _ratio(self, results):
        """None where ours, or every peer, could not run."""
        values = {label: result.get("median") or result.get("bytes") for label, result in results.items()}
        peers = [values[peer] for peer in self.peers if values.get(peer)]
        return min(peers) / values[self.ours] if peers and values.get(self.ours) else None


_BACKENDS = ("sdpa flash", "sdpa efficient", "sdpa cudnn")

GOALS = (
    # On a GPU.
    Goal("attention D=64", peers=("sdpa flash",), ours="flash", least=1.1),
    Goal("attention D=64", peers=("sdpa cudnn",), ours="flash", least=0.9),
    Goal("attention D=64", peers=_BACKENDS, ours="auto", least=0.97),
    Goal("attention D=128", peers=("sdpa flash",), ours="flash", least=1.1),
    Goal("attention D=128", peers=("sdpa cudnn",), ours="flash", least=0.75),
    Goal("attention D=128", peers=_BACKENDS, ours="auto", least=0.97),
    # "auto" leaves the choice to torch.
    Goal("decode_attention", peers=("sdpa flash", "sdpa efficient"), ours="auto", least=1),
    Goal("decode_attention", peers=("copy",), ours="auto", least=0.8, start=8192),
    Goal("linear_attention", peers=("fla",), ours="chunked", least=0.4),
    Goal("lstm D=64", peers=("nn",), ours="fused", least=1),
    Goal("lstm D=128", peers=("nn",), ours="fused", least=1),
    Goal("lstm D=128", peers=("loop",), ours="graph", least=10),
    Goal("gru D=128", peers=("nn",), ours="fused", least=1),
    Goal("elman D=128", peers=("nn",), ours="fused", least=1),
    Goal("linear_recurrence", peers=("copy",), ours="triton", least=0.9),
    Goal("linear_recurrence", peers=("accelerated-scan",), ours="triton", least=1),
    Goal("linear_recurrence", peers=("fla",), ours="triton", least=2),
    Goal("min_gru, trained", peers=("nn",), ours="scan", least=10, start=4096),
    Goal("newton_recurrence", peers=("nn.GRU",), ours="dense", least=1, start=16384),
    # On either.
    Goal("attention, memory", peers=("naive",), ours="online", least=10),
    # On a CPU.
    Goal("attention", peers=("sdpa",), ours="auto", least=0.97),
    Goal("linear_recurrence, narrow", peers=("loop",), ours="auto", least=30, start=16384),
    Goal("linear_recurrence, narrow", peers=("associative_scan", "accelerated-scan"), ours="auto", least=1),
    Goal("linear_recurrence, wide", peers=("copy",), ours="auto", least=0.83),
    Goal("lstm", peers=("loop",), ours="torch", least=1),
)
