"""What attention keeps while a text is written: the keys and values of the words so far."""

from torch import Tensor


class Cache:
    """The keys and values that one attention has computed, with room for `room` words. For use without gradients.

    length: how many words are in it. To take words back, make it smaller.

    >>> import torch
    >>> cache = Cache(room=8)
    >>> key, value = cache.append(torch.ones(1, 2, 5, 4), torch.ones(1, 2, 5, 4))
    >>> key, value = cache.append(torch.ones(1, 2, 1, 4), torch.ones(1, 2, 1, 4))
    >>> key.shape, cache.length, cache.bytes
    (torch.Size([1, 2, 6, 4]), 6, 512)
    """

    def __init__(self, room: int):
        self.room, self.length = room, 0
        self.key = self.value = None  # (B, H, room, D/H), made with the first words

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Write the keys and values of T more words, (B, H, T, D/H) each; returns those of all words so far.

        Raises ValueError if there is no room, or for another number of texts than before.
        """
        if self.key is None:
            self.key, self.value = (part.new_empty(*part.shape[:2], self.room, part.shape[3]) for part in (key, value))
        if len(key) != len(self.key):
            raise ValueError(
                f"This cache holds {len(self.key)} texts, and these are {len(key)}; make a new one for them."
            )
        end = self.length + key.shape[2]
        if end > self.room:
            raise ValueError(
                f"This cache has room for {self.room} words, and this would be word {end}; give it more room."
            )
        self.key[:, :, self.length : end], self.value[:, :, self.length : end] = key, value
        self.length = end
        return self.key[:, :, :end], self.value[:, :, :end]

    @property
    def bytes(self) -> int:
        """The memory that it takes, with its empty room."""
        return 0 if self.key is None else self.key.nbytes + self.value.nbytes
