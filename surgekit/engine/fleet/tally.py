"""The figures of all shards as one: counts add up, of the others the worst counts, and quantiles are those of all latencies together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from surgekit.engine.history.histogram import Histogram
from surgekit.figures import together

CONFIRM: Final = "confirm_p99_ms"
SINCE: Final = ("slip_ms", "lag_ms")
"""The worst since the last time; they are told once."""


class Tally:
    """What the shards said last."""

    def __init__(self) -> None:
        self._figures: dict[int, dict[str, Any]] = {}
        self._recent: dict[int, Histogram] = {}

    def take(self, shard: int, figures: Mapping[str, Any], recent: bytes | None = None) -> None:
        """``recent``: the latencies of orders that ended in the last seconds (``Histogram.to_bytes``). Raises ``ValueError`` where it is none."""
        before = self._figures.get(shard, {})
        kept = {name: max(before.get(name) or 0.0, figures.get(name) or 0.0) for name in SINCE}
        self._figures[shard] = {**figures, **kept}
        if recent is not None:
            self._recent[shard] = Histogram.from_bytes(recent)

    def gone(self, shard: int) -> None:
        """It has nothing under way any more."""
        self._recent.pop(shard, None)
        if shard in self._figures:
            self._figures[shard]["in_flight"] = 0

    def told(self) -> dict[str, Any]:
        """What one engine would say (``Surge.progress``)."""
        total = together(self._figures.values())
        for figures in self._figures.values():
            figures.update(dict.fromkeys(SINCE, 0.0))
        whole = Histogram()
        for recent in self._recent.values():
            whole.merge(recent)
        return {**dict.fromkeys((*SINCE, "t"), 0.0), **total, CONFIRM: whole.quantile(0.99)}
