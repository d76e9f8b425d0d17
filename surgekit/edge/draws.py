"""Random durations that are pure functions of (seed, purpose, index)."""

from __future__ import annotations

import math

from surgekit.edge.config import Spread
from surgekit.seeds import rng


def seconds(spread: Spread, seed: int, purpose: str, index: int) -> float:
    """The ``index``-th log-normal duration of ``purpose``: median * exp(sigma * z), in seconds."""
    if spread.sigma == 0:
        return spread.median / 1000
    return spread.median / 1000 * math.exp(spread.sigma * float(rng(seed, purpose, index).standard_normal()))


def share(probability: float, seed: int, purpose: str, index: int) -> bool:
    """Whether the ``index``-th case of ``purpose`` is one of the ``probability`` that it happens to."""
    return probability > 0 and float(rng(seed, purpose, index).uniform()) < probability
