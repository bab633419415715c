"""Randomness that repeats: each draw differs, each run is the same."""

import hashlib


class Numbered:
    """An entropy callable: the n-th draw is a hash of the seed and n."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._draws = 0

    def __call__(self, size: int) -> bytes:
        self._draws += 1
        return hashlib.shake_256(self._seed + b"\0" + str(self._draws).encode()).digest(size)
