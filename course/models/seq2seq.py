"""Sequence to sequence: an encoder reads, a decoder writes, and between them is one fixed vector or a lookup.

The fixed vector is Sutskever et al. 2014; the lookup has the additive score of Bahdanau et al. 2015. Here the decoder
asks after its LSTM's step, as in Luong et al. 2015, so that a text that is known is asked about in one product.
"""

import torch
from torch import nn

from .positions import sinusoids

State = tuple[torch.Tensor, torch.Tensor]  # h and c of an LSTM, each (1, B, D)


class RecurrentEncoder(nn.Module):
    """An LSTM reads the letters in both directions, half of the width each.

    letters: how many there are. width: D, even.

    >>> outputs, state = RecurrentEncoder(8, 64)(torch.zeros(2, 5, dtype=torch.long))
    >>> outputs.shape, state[0].shape
    (torch.Size([2, 5, 64]), torch.Size([1, 2, 64]))
    """

    def __init__(self, letters: int, width: int):
        super().__init__()
        self.embed = nn.Embedding(letters, width)
        self.lstm = nn.LSTM(width, width // 2, batch_first=True, bidirectional=True)

    def forward(self, source: torch.Tensor) -> tuple[torch.Tensor, State]:
        """source (B, T), whole numbers; returns an output a letter (B, T, D), and both directions' last states."""
        outputs, state = self.lstm(self.embed(source))
        forward_and_back = (part.transpose(0, 1).flatten(1)[None] for part in state)  # (2, B, D/2) to (1, B, D)
        return outputs, tuple(forward_and_back)


class BareEncoder(nn.Module):
    """Nothing recurrent: each letter's own vector, with its position's added if `positions`.

    from_end: count the positions from the end, where a decoder that reverses begins, and not from the start.

    >>> BareEncoder(8, 64, positions=True)(torch.zeros(2, 5, dtype=torch.long))[0].shape
    torch.Size([2, 5, 64])
    """

    def __init__(self, letters: int, width: int, positions: bool = False, from_end: bool = True):
        super().__init__()
        self.embed, self.positions, self.from_end = nn.Embedding(letters, width), positions, from_end

    def forward(self, source: torch.Tensor) -> tuple[torch.Tensor, None]:
        """source (B, T), whole numbers; returns a vector a letter (B, T, D), and no state."""
        vectors = self.embed(source)
        if self.positions:
            places = sinusoids(*vectors.shape[1:]).to(vectors)
            vectors = vectors + (places.flip(0) if self.from_end else places)
        return vectors, None


class AdditiveAttention(nn.Module):
    """Which keys a query reads: softmax over v · tanh(W_q q + W_k k) (Bahdanau et al. 2015, appendix A.1.2).

    >>> weights = AdditiveAttention(64)(torch.randn(2, 3, 64), torch.randn(2, 5, 64))
    >>> weights.shape, torch.allclose(weights.sum(dim=-1), torch.ones(2, 3))
    (torch.Size([2, 3, 5]), True)
    """

    def __init__(self, width: int):
        super().__init__()
        self.from_query = nn.Linear(width, width)
        self.from_key = nn.Linear(width, width, bias=False)
        self.v = nn.Linear(width, 1, bias=False)

    def forward(self, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """query (B, Tq, D), key (B, Tk, D); returns weights (B, Tq, Tk), each row with the sum 1."""
        pairs = self.from_query(query)[:, :, None] + self.from_key(key)[:, None]  # (B, Tq, 1, D) + (B, 1, Tk, D)
        return self.v(torch.tanh(pairs)).squeeze(-1).softmax(dim=-1)


class Seq2Seq(nn.Module):
    """An encoder, and a decoder that writes as many letters as it is asked for: an LSTM.

    encoder: from letters (B, T) to (outputs (B, T, D), state). lookup: the decoder starts from zero, and at each step
    reads the encoder's outputs by additive attention. Without, it starts from the encoder's state: one fixed vector,
    all that it ever knows of the source.

    >>> model = Seq2Seq(RecurrentEncoder(8, 64), letters=8, width=64, lookup=True)
    >>> source = torch.randint(8, (2, 5))
    >>> model(source, source.flip(1)).shape, model.write(source, 3)[0].shape
    (torch.Size([2, 5, 8]), torch.Size([2, 3]))
    """

    def __init__(self, encoder: nn.Module, letters: int, width: int, lookup: bool):
        super().__init__()
        self.encoder, self.letters = encoder, letters
        self.embed = nn.Embedding(letters + 1, width)  # the last one says "begin"
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.attention = AdditiveAttention(width) if lookup else None
        self.predict = nn.Linear(2 * width if lookup else width, letters)

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Scores (B, T, letters) of every next letter, with the true letters before it fed back (teacher forcing)."""
        outputs, state = self.read(source)
        previous = torch.cat([torch.full_like(target[:, :1], self.letters), target[:, :-1]], dim=1)
        states, _ = self.lstm(self.embed(previous), state)  # (B, T, D)
        return self.letter_scores(states, outputs)[0]

    @torch.no_grad()
    def write(self, source: torch.Tensor, length: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """`length` letters (B, length), each fed back as it was written; and what each read (B, length, T), or None."""
        outputs, state = self.read(source)
        letter = torch.full_like(source[:, :1], self.letters)
        # In two pieces from the start: kept step by step, small ones would lie between large ones that were freed, and
        # take 0.5 GB of memory at 600 letters.
        written, reads = source.new_empty(len(source), length), outputs.new_empty(len(source), length, source.shape[1])
        for place in range(length):
            query, state = self.lstm(self.embed(letter), state)  # (B, 1, D)
            scores, weights = self.letter_scores(query, outputs)
            letter = scores.argmax(dim=-1)
            written[:, place] = letter[:, 0]
            if weights is not None:
                reads[:, place] = weights[:, 0]
        return written, reads if self.attention else None

    def read(self, source: torch.Tensor) -> tuple[torch.Tensor, State | None]:
        """The encoder's outputs (B, T, D), and the state from which the decoder starts; None is zero."""
        outputs, state = self.encoder(source)
        return outputs, None if self.attention else state

    def letter_scores(self, states: torch.Tensor, outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Scores of the letters (B, Tq, letters) from the decoder's states (B, Tq, D), and the weights, if it looks."""
        if self.attention is None:
            return self.predict(states), None
        weights = self.attention(states, outputs)  # (B, Tq, T)
        return self.predict(torch.cat([states, weights @ outputs], dim=-1)), weights
