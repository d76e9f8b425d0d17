"""The offered rate over time, in closed form.

An inhomogeneous Poisson process with rate λ(t) is a unit-rate process seen through the inverse of
Λ(t) = ∫₀ᵗ λ(s) ds (the time-rescaling theorem: Brown et al., Neural Computation 14, 2002). Each segment of a
profile has an exact Λ and an exact inverse, so no thinning, no grid and no rejected draws are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of ``length`` seconds whose rate goes from ``first`` to ``last`` (orders/s).

    An exponential one has rates above 0 at both ends.
    """

    name: str
    length: float
    first: float
    last: float
    curve: Literal["linear", "exponential"] = "linear"

    def rate(self, u: Floats) -> Floats:
        """λ at ``u`` seconds into the segment."""
        if self._grows():
            return np.asarray(self.first * np.exp(self._k() * u))
        return np.asarray(self.first + (self.last - self.first) * u / self.length)

    def expected(self, u: Floats) -> Floats:
        """Arrivals expected in the first ``u`` seconds."""
        if self._grows():
            return np.asarray(self.first * np.expm1(self._k() * u) / self._k())
        return np.asarray(self.first * u + (self.last - self.first) * u * u / (2 * self.length))

    def when(self, x: Floats) -> Floats:
        """The inverse of ``expected``: seconds into the segment by which ``x`` arrivals are expected."""
        if self._grows():
            return np.asarray(np.log1p(self._k() * x / self.first) / self._k())
        slope = (self.last - self.first) / self.length
        root = np.sqrt(np.maximum(self.first**2 + 2 * slope * x, 0.0))
        # 2x/(a + √…) instead of (−a + √…)/slope: exact for a flat segment, no cancellation for a nearly flat one.
        below = self.first + root
        return np.divide(2 * x, below, out=np.zeros_like(x), where=below > 0)

    def _grows(self) -> bool:
        return self.curve == "exponential" and self._k() != 0  # nearly flat is flat: its logarithm rounds to 0

    def _k(self) -> float:
        return float(np.log(self.last / self.first)) / self.length


class RateCurve:
    """λ(t), Λ(t) and Λ⁻¹(x) of a list of segments that follow one another."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = tuple(segments)
        self._starts = np.concatenate([[0.0], np.cumsum([segment.length for segment in segments])])
        totals = [float(segment.expected(np.asarray(segment.length))) for segment in segments]
        self._before = np.concatenate([[0.0], np.cumsum(totals)])

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self._starts[-1])

    @property
    def total(self) -> float:
        """Λ(duration): how many arrivals are expected in all."""
        return float(self._before[-1])

    def index(self, t: ArrayLike) -> NDArray[np.int64]:
        """Which segment each time lies in; the last one at and after the end."""
        at = np.searchsorted(self._starts, np.asarray(t, dtype=np.float64), side="right") - 1
        return np.clip(at, 0, len(self.segments) - 1)

    def rate(self, t: ArrayLike) -> Floats:
        """λ in orders/s at each time; 0 outside the run."""
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        found = np.zeros_like(times)
        where = self.index(times)
        for number, segment in enumerate(self.segments):
            here = (where == number) & (times >= 0) & (times <= self.duration)
            found[here] = segment.rate(times[here] - self._starts[number])
        return found

    def expected(self, t: ArrayLike) -> Floats:
        """Λ at each time."""
        times = np.clip(np.atleast_1d(np.asarray(t, dtype=np.float64)), 0.0, self.duration)
        found = np.zeros_like(times)
        where = self.index(times)
        for number, segment in enumerate(self.segments):
            here = where == number
            found[here] = self._before[number] + segment.expected(times[here] - self._starts[number])
        return found

    def when(self, x: ArrayLike) -> Floats:
        """Λ⁻¹: the time by which ``x`` arrivals are expected (0 ≤ x ≤ total). Never inside a stretch of rate 0."""
        counts = np.atleast_1d(np.asarray(x, dtype=np.float64))
        # The segment whose end is the first to reach the count: one of rate 0 adds nothing and is never the first.
        opening = int(np.searchsorted(self._before, 0.0, side="right")) - 1
        where = np.clip(np.searchsorted(self._before, counts, side="left") - 1, opening, len(self.segments) - 1)
        found = np.zeros_like(counts)
        for number, segment in enumerate(self.segments):
            here = where == number
            # Before the next segment begins, whatever rounding says: that one may have a rate of 0.
            last = np.nextafter(self._starts[number + 1], -np.inf)
            found[here] = np.minimum(self._starts[number] + segment.when(counts[here] - self._before[number]), last)
        return found
