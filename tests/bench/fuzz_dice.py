"""Draws of one mutant: the same number gives the same mutant, on every machine and in every order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from surgekit.seeds import rng

SEED = 20261125
Item = TypeVar("Item")


class Dice:
    """A stream of its own for input ``number``."""

    def __init__(self, number: int) -> None:
        self._stream = rng(SEED, "fuzz", number)

    def below(self, limit: int) -> int:
        """0 … ``limit`` - 1; 0 where there is no choice."""
        return int(self._stream.integers(limit)) if limit > 1 else 0

    def chance(self, share: float) -> bool:
        return bool(self._stream.random() < share)

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def data(self, length: int) -> bytes:
        return self._stream.bytes(length)
