"""The figures of several engines as those of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

WORST: Final = ("slip_ms", "lag_ms", "t", "confirm_p99_ms")
"""Of these the worst counts, where any engine has one; all others are counts."""


def together(told: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts add up. A quantile so is the worst one, never an average; who has the latencies themselves knows better (``Tally.told``)."""
    total: Counter[str] = Counter()
    worst: dict[str, float | None] = {}
    for figures in told:
        for name, value in figures.items():
            if name not in WORST:
                total[name] += value
            elif value is None:
                worst.setdefault(name, None)
            else:
                worst[name] = max(value, worst.get(name) or 0.0)
    return {**total, **worst}
