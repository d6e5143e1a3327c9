"""Language models that are called alike: tokens (B, T) to a score for each next word, (B, T, V)."""

from torch import Tensor, nn

from .cells import GRU, LSTM, Elman, Layer
from .transformer import Embedding, LanguageModel

RECURRENT = {"Elman": Elman, "GRU": GRU, "LSTM": LSTM}


class RecurrentLanguageModel(nn.Module):
    """Guesses each next word from the state alone. One embedding goes in and comes out, as in `LanguageModel`.

    kind: Elman, GRU or LSTM. layers: how many, one on the states of the other.

    >>> import torch
    >>> model = RecurrentLanguageModel(vocabulary=50, width=16, kind=LSTM)
    >>> model(torch.zeros(2, 6, dtype=torch.int64)).shape, sum(weight.numel() for weight in model.parameters())
    (torch.Size([2, 6, 50]), 2976)
    """

    def __init__(self, vocabulary: int, width: int, kind: type[Layer], layers: int = 1):
        super().__init__()
        self.embedding = Embedding(vocabulary, width)
        self.layers = nn.ModuleList(kind(width, width) for _ in range(layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B, T); a score for each word of the vocabulary after each of them, (B, T, V)."""
        return self.read(tokens)[0]

    def read(self, tokens: Tensor, states: list | None = None) -> tuple[Tensor, list]:
        """The scores (B, T, V), and the last state of each layer: given back, the next tokens follow on these.

        >>> import torch
        >>> model, tokens = RecurrentLanguageModel(50, 16, GRU), torch.arange(6)[None]
        >>> first, states = model.read(tokens[:, :4])
        >>> torch.allclose(model.read(tokens[:, 4:], states)[0], model(tokens)[:, 4:], atol=1e-6)
        True
        """
        words, after = self.embedding(tokens), []  # (B, T, D)
        for place, layer in enumerate(self.layers):
            words, state = layer(words, None if states is None else states[place])
            after.append(state)
        return self.embedding.scores(words), after


def language_model(kind: str, vocabulary: int, width: int, layers: int = 1, heads: int = 4) -> nn.Module:
    """A causal model by name: "LSTM", "GRU" or "Elman", or "Transformer" of blocks of today with turned positions.

    heads: of the Transformer alone. Raises ValueError for another name.

    >>> import torch
    >>> language_model("Transformer", 50, 16, layers=2)(torch.zeros(2, 6, dtype=torch.int64)).shape
    torch.Size([2, 6, 50])
    """
    if kind == "Transformer":
        return LanguageModel(vocabulary, width, layers, heads, positions="rotation")
    if kind not in RECURRENT:
        raise ValueError(f"There is no language model {kind!r}; choose Transformer, {', '.join(RECURRENT)}.")
    return RecurrentLanguageModel(vocabulary, width, RECURRENT[kind], layers)


def count_weights(model: nn.Module) -> int:
    """How many numbers a model learns.

    >>> count_weights(nn.Linear(3, 2))
    8
    """
    return sum(weight.numel() for weight in model.parameters())
