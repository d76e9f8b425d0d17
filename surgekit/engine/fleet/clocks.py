"""How far a worker's clock is from the master's, and how sure that is.

    master  t0 ───ping──▶ t1  worker
    master  t3 ◀──pong─── t2  worker

The reply says when the ping came (t1) and when it left (t2). The clocks differ by ((t1 - t0) + (t2 - t3)) / 2, give or take half of the way there and
back, however unevenly the two ways share it. The least way of a burst decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FIRST_BURST = 30
BURST = 5
LAST_BURST = 10
EVERY_S = 5.0
MOST_DRIFT = 500e-6
"""So fast may two clocks part that are not broken: what daemons correct them by at most. A good burst so is good for a while."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """``at``: on the master's clock. The offset is the worker's clock minus the master's."""

    at: float
    offset_s: float
    error_s: float


def estimate(t0: float, t1: float, t2: float, t3: float) -> Estimate:
    """Of one ping. Where the worker says that it took longer than the whole way, it says nothing that can be used: the error is infinite."""
    way = (t3 - t0) - (t2 - t1)
    return Estimate((t0 + t3) / 2, ((t1 - t0) + (t2 - t3)) / 2, way / 2 if way >= 0 else float("inf"))


class Clock:
    """One worker's. Bursts of pings, each as long as it was begun."""

    def __init__(self) -> None:
        self.pings = 0
        self.left = 0
        """Pings of this burst that are still to come."""
        self._best: Estimate | None = None
        self._bursts: list[Estimate] = []
        self._bounds: list[float] = []

    def begin(self, pings: int) -> None:
        self.left, self._best = pings, None

    def pong(self, t0: float, t1: float, t2: float, t3: float) -> None:
        """One came back."""
        self.pings += 1
        found = estimate(t0, t1, t2, t3)
        if found.error_s < (self._best.error_s if self._best is not None else float("inf")):
            self._best = found
        self.left -= 1
        if self.left == 0:
            if self._best is None:
                self.left = 1  # nothing that could be used came yet
            else:
                self._take(self._best)

    def _take(self, found: Estimate) -> None:
        if not self._bursts:
            self._bursts.append(found)
            self._bounds.append(found.error_s)
            return
        first, before = self._bursts[0], self._bursts[-1]
        apart, drifted = abs(found.offset_s - before.offset_s), MOST_DRIFT * (found.at - before.at)
        bound = abs(found.offset_s - first.offset_s) + found.error_s
        if apart <= found.error_s + before.error_s + drifted:  # a clock that was set is another one
            bound = min(bound, self._bounds[-1] + drifted)
        self._bursts.append(found)
        self._bounds.append(bound)

    @property
    def known(self) -> bool:
        return bool(self._bursts)

    @property
    def offset_s(self) -> float:
        """As it was before the start. All times of the worker are told by it."""
        return self._bursts[0].offset_s if self._bursts else 0.0

    @property
    def error_s(self) -> float:
        """No time of the worker's was ever further off than this."""
        return max(self._bounds, default=float("inf"))

    @property
    def way_s(self) -> float:
        """There and back, at best."""
        return 2 * self._bursts[0].error_s if self._bursts else 0.0

    def told(self) -> dict[str, Any]:
        """For ``run.json``. ``drift_ppm`` is None where it is less than what is known of it."""
        drift = None
        if len(self._bursts) > 1:
            first, last = self._bursts[0], self._bursts[-1]
            moved = last.offset_s - first.offset_s
            if abs(moved) > first.error_s + last.error_s and last.at > first.at:
                drift = round(1e6 * moved / (last.at - first.at), 3)
        return {"offset_s": round(self.offset_s, 9), "error_s": round(self.error_s, 9), "drift_ppm": drift, "pings": self.pings}
