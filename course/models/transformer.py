"""The Transformer of Vaswani et al. 2017 and the block of today, from their parts. No dropout: trainings are short.

`Sublayer` is the whole difference between the two: where LayerNorm stands.
"""

import math

import torch
from torch import Tensor, nn

from .cache import Cache
from .positions import RelativeBias, rotated, sinusoids


class Attention(nn.Module):
    """Multi-head attention: some words ask, the same words or others answer (section 3.2.2).

    width: D. heads: H, of D / H numbers each. Positions, if the words do not carry them: `rotation` of queries and
    keys, or a learned bias for every distance up to `reach`.

    >>> Attention(16, heads=4)(torch.randn(2, 6, 16), torch.randn(2, 9, 16)).shape
    torch.Size([2, 6, 16])
    """

    def __init__(self, width: int, heads: int, *, rotation: bool = False, reach: int | None = None):
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"width {width} cannot be split into {heads} equal heads; choose a divisor of {width}.")
        self.heads, self.rotation = heads, rotation
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.join = nn.Linear(width, width)
        self.bias = None if reach is None else RelativeBias(heads, reach)

    def forward(
        self,
        asking: Tensor,
        answering: Tensor | None = None,
        mask: Tensor | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """asking (B, Tq, D), answering (B, Tk, D) or the same words; mask: True where a query may look, broadcastable
        to (B, H, Tq, Tk). cache: the words read before, which answer too. Returns (B, Tq, D).
        """
        answering = asking if answering is None else answering
        query, key, value = self.query(asking), self.key(answering), self.value(answering)  # (B, T, D)
        query, key, value = self.split(query), self.split(key), self.split(value)  # (B, H, T, D/H)
        start = 0 if cache is None else cache.length
        if self.rotation:
            query, key = rotated(query, start), rotated(key, start)
        if cache is not None:
            key, value = cache.append(key, value)  # from here on all words so far: Tk = start + T
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (B, H, Tq, Tk)
        if self.bias is not None:
            scores = scores + self.bias(*scores.shape[-2:], start)
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        mixed = scores.softmax(dim=-1) @ value  # (B, H, Tq, D/H)
        return self.join(mixed.transpose(1, 2).flatten(2))  # (B, Tq, D)

    def split(self, vectors: Tensor) -> Tensor:
        """(B, T, D) to (B, H, T, D/H)."""
        return vectors.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class FeedForward(nn.Module):
    """The same two linear layers for every word, with a ReLU between them (section 3.3).

    >>> FeedForward(16)(torch.randn(2, 6, 16)).shape
    torch.Size([2, 6, 16])
    """

    def __init__(self, width: int, hidden: int | None = None):
        super().__init__()
        self.up = nn.Linear(width, hidden or 4 * width)
        self.down = nn.Linear(hidden or 4 * width, width)

    def forward(self, words: Tensor) -> Tensor:
        """words (B, T, D) to (B, T, D)."""
        return self.down(torch.relu(self.up(words)))


class Sublayer(nn.Module):
    """A part of a block with its residual connection and its LayerNorm.

    norm "after": norm(x + part(x)), as in 2017. "before": x + part(norm(x)), as today (Xiong et al. 2020). None: none.

    >>> Sublayer(nn.Identity(), width=4, norm=None)(torch.ones(1, 2, 4)).unique()
    tensor([2.])
    """

    def __init__(self, part: nn.Module, width: int, norm: str | None = "before", residual: bool = True):
        super().__init__()
        if norm not in ("before", "after", None):
            raise ValueError(f"norm is 'before', 'after' or None; given: {norm!r}.")
        self.part, self.place, self.residual = part, norm, residual
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()

    def forward(self, words: Tensor, *others: Tensor | None) -> Tensor:
        """words (B, T, D) to (B, T, D); others are handed to the part."""
        changed = self.part(self.norm(words) if self.place == "before" else words, *others)
        words = words + changed if self.residual else changed
        return self.norm(words) if self.place == "after" else words


class Block(nn.Module):
    """One layer of a Transformer: attention, in a decoder attention to the source, feed-forward.

    hidden: numbers inside the feed-forward part, 4·D unless given. norm, residual: see Sublayer; rotation, reach: see
    Attention. `crossed`: it also reads a source.

    >>> block = Block(16, heads=4, norm="after")
    >>> block(torch.randn(2, 6, 16)).shape, sum(weight.numel() for weight in block.parameters())
    (torch.Size([2, 6, 16]), 3280)
    """

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int | None = None,
        *,
        norm: str | None = "before",
        residual: bool = True,
        crossed: bool = False,
        rotation: bool = False,
        reach: int | None = None,
    ):
        super().__init__()
        own = Attention(width, heads, rotation=rotation, reach=reach)
        self.attention = Sublayer(own, width, norm, residual)
        self.crossing = Sublayer(Attention(width, heads), width, norm, residual) if crossed else None
        self.feed_forward = Sublayer(FeedForward(width, hidden), width, norm, residual)

    def forward(
        self,
        words: Tensor,
        mask: Tensor | None = None,
        source: Tensor | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """words (B, T, D), source (B, Ts, D) if crossed; mask (T, T): True where a word may look, (T, words so far)
        with a cache. Returns (B, T, D).
        """
        words = self.attention(words, None, mask, cache)
        if self.crossing is not None:
            words = self.crossing(words, source)
        return self.feed_forward(words)


class Blocks(nn.Module):
    """Several blocks on top of each other: an encoder, or a decoder if they are crossed.

    final: one more LayerNorm at the end. Blocks of today need it, those of 2017 have none in the paper; torch's
    nn.Transformer adds it to both.

    >>> Blocks(6, 16, heads=4)(torch.randn(2, 5, 16)).shape
    torch.Size([2, 5, 16])
    """

    def __init__(self, layers: int, width: int, heads: int, *, final: bool = True, **of_block):
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, **of_block) for _ in range(layers))
        self.final = nn.LayerNorm(width) if final else nn.Identity()

    def forward(
        self,
        words: Tensor,
        mask: Tensor | None = None,
        source: Tensor | None = None,
        caches: list[Cache] | None = None,
    ) -> Tensor:
        """As Block.forward; caches: one for each block."""
        for block, cache in zip(self.blocks, caches or [None] * len(self.blocks), strict=True):
            words = block(words, mask, source, cache)
        return self.final(words)


def may_look_back(T: int) -> Tensor:
    """The causal mask (T, T): word i may look at itself and the words before it.

    >>> may_look_back(3).int()
    tensor([[1, 0, 0],
            [1, 1, 0],
            [1, 1, 1]], dtype=torch.int32)
    """
    return torch.ones(T, T, dtype=torch.bool).tril()


class Embedding(nn.Module):
    """Words to vectors times √D, and back to a score for each word with the same weights (section 3.4).

    >>> embedding = Embedding(vocabulary=50, width=16)
    >>> embedding.scores(embedding(torch.tensor([[7, 8]]))).shape
    torch.Size([1, 2, 50])
    """

    def __init__(self, vocabulary: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocabulary, width) / math.sqrt(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B, T) to (B, T, D)."""
        return self.weight[tokens] * math.sqrt(self.weight.shape[1])

    def scores(self, words: Tensor) -> Tensor:
        """words (B, T, D) to (B, T, vocabulary)."""
        return words @ self.weight.T


class LanguageModel(nn.Module):
    """Guesses a word from others: the words before it if causal, else all that are not hidden.

    positions: "bias" (a learned number for each distance up to 64), "rotation", "sinusoids", or None.
    of_block: see Block and Blocks.

    >>> model = LanguageModel(vocabulary=50, width=16, layers=2, heads=4)
    >>> model(torch.zeros(2, 6, dtype=torch.int64)).shape
    torch.Size([2, 6, 50])
    """

    def __init__(
        self,
        vocabulary: int,
        width: int,
        layers: int,
        heads: int,
        *,
        positions: str | None = "bias",
        is_causal: bool = True,
        **of_block,
    ):
        super().__init__()
        if positions not in ("bias", "rotation", "sinusoids", None):
            raise ValueError(f"positions is 'bias', 'rotation', 'sinusoids' or None; given: {positions!r}.")
        self.is_causal, self.sinusoids = is_causal, positions == "sinusoids"
        of_block |= {"rotation": positions == "rotation", "reach": 64 if positions == "bias" else None}
        self.embedding = Embedding(vocabulary, width)
        self.blocks = Blocks(layers, width, heads, **of_block)

    def forward(self, tokens: Tensor, mask: Tensor | None = None, caches: list[Cache] | None = None) -> Tensor:
        """tokens (B, T); mask (T, T): True where a word may look, instead of the model's own. A score for each word of
        the vocabulary at each position, (B, T, V).

        caches, of `new_caches`: the tokens go on from those read before. To rounding the scores are those of one pass
        over all of them, if the model is causal: then no later word changes a key or a value of the past.
        """
        start, T = caches[0].length if caches else 0, tokens.shape[1]
        words = self.embedding(tokens)  # (B, T, D)
        if self.sinusoids:
            words = words + sinusoids(T, words.shape[-1], start).to(words)
        if mask is None and self.is_causal:
            mask = may_look_back(start + T)[start:]  # the rows of the new words
        mask = None if mask is None else mask.to(tokens.device)
        return self.embedding.scores(self.blocks(words, mask, caches=caches))

    def new_caches(self, room: int) -> list[Cache]:
        """An empty cache for each block, with room for so many words."""
        return [Cache(room) for _ in self.blocks.blocks]


class Transformer(nn.Module):
    """Encoder and decoder, as in 2017: six blocks each, LayerNorm after the sum, sinusoids, one embedding for all.

    >>> model = Transformer(vocabulary=50, width=16, heads=4, layers=2)
    >>> source, target = torch.zeros(2, 7, dtype=torch.int64), torch.zeros(2, 5, dtype=torch.int64)
    >>> model(source, target).shape
    torch.Size([2, 5, 50])
    """

    def __init__(self, vocabulary: int, width: int = 512, heads: int = 8, layers: int = 6, hidden: int | None = None):
        super().__init__()
        self.embedding = Embedding(vocabulary, width)
        self.encoder = Blocks(layers, width, heads, final=False, hidden=hidden, norm="after")
        self.decoder = Blocks(layers, width, heads, final=False, hidden=hidden, norm="after", crossed=True)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """source (B, Ts), target (B, T) as far as it is written: a score for each next word, (B, T, V)."""
        memory = self.encoder(self.placed(source))
        mask = may_look_back(target.shape[1]).to(target.device)
        return self.embedding.scores(self.decoder(self.placed(target), mask, memory))

    def placed(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T) to their vectors with their positions, (B, T, D)."""
        words = self.embedding(tokens)
        return words + sinusoids(*words.shape[1:]).to(words)
