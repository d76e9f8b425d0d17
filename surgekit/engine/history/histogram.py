"""Latencies counted in buckets that grow with them, so that an hour of them has the size of a minute, and parts add up exactly."""

from __future__ import annotations

import zlib
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_BITS: Final = 9
"""Each doubling of the latency has 512 buckets of equal width."""
_SHIFT: Final = 52 - _BITS
"""A float's own bits are its exponent and then how far it is on the way to the next one: the upper ones number the buckets."""
LEAST_MS: Final = 0.001
MOST_MS: Final = 3_600_000.0
"""What is beyond counts as the end of the range; least and most themselves are kept exactly."""
ERROR: Final = 2.0 ** -(_BITS + 1)
"""A quantile is at most this part of itself away from the latency that has the rank."""


def _numbers(ms: NDArray[np.float64]) -> NDArray[np.int64]:
    micros = np.clip(ms * 1000.0, 1.0, MOST_MS * 1000.0)
    return (micros.view(np.int64) >> _SHIFT) - _FIRST


_FIRST: Final = int(np.float64(1.0).view(np.int64) >> _SHIFT)
BUCKETS: Final = int(np.float64(MOST_MS * 1000.0).view(np.int64) >> _SHIFT) - _FIRST + 1
_EDGES = ((np.arange(BUCKETS + 1, dtype=np.int64) + _FIRST) << _SHIFT).view(np.float64) / 1000.0
MIDDLES = (_EDGES[:-1] + _EDGES[1:]) / 2
_HEAD = Struct("<4sIddd")
_MAGIC = b"SKH1"


class Histogram:
    """Counts of latencies in ms. ``min`` and ``max`` are infinite where there are none. Not for two threads at a time."""

    __slots__ = ("count", "counts", "max", "min", "total", "used")

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(BUCKETS, np.int64)
        self.used = 0
        """Nothing is counted from this bucket on."""
        self.count = 0
        self.total = 0.0
        self.min = float("inf")
        self.max = float("-inf")

    def add_many(self, ms: NDArray[np.float64]) -> None:
        """Count each of ``ms``; those that are no numbers do not count."""
        ms = np.ascontiguousarray(ms, dtype=np.float64)
        if not len(ms):
            return
        low = float(ms.min())
        if low != low:  # one of them is not a number
            self.add_many(ms[~np.isnan(ms)])
            return
        found = np.bincount(_numbers(ms))
        self.counts[: len(found)] += found
        self.used = max(self.used, len(found))
        self.count += len(ms)
        self.total += float(ms.sum())
        self.min = min(self.min, low)
        self.max = max(self.max, float(ms.max()))

    def merge(self, other: Histogram) -> None:
        """Count what ``other`` has counted, as if it had been added here."""
        used = other.used
        self.counts[:used] += other.counts[:used]
        self.used = max(self.used, used)
        self.count += other.count
        self.total += other.total
        self.min = min(self.min, other.min)
        self.max = max(self.max, other.max)

    def quantile(self, q: float) -> float | None:
        """The least latency that at least the part ``q`` of them do not exceed, within ``ERROR`` of it; None where there are none."""
        if not self.count:
            return None
        rank = max(1, int(np.ceil(q * self.count)))
        if rank >= self.count:
            return self.max
        number = int(np.searchsorted(np.cumsum(self.counts[: self.used]), rank))
        return min(max(float(MIDDLES[number]), self.min), self.max)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    def to_bytes(self) -> bytes:
        """A few kB, for the way to another process."""
        used = np.flatnonzero(self.counts[: self.used])
        head = _HEAD.pack(_MAGIC, len(used), self.total, self.min, self.max)
        return head + zlib.compress(used.astype("<u2").tobytes() + self.counts[used].astype("<i8").tobytes(), 1)

    @classmethod
    def from_bytes(cls, data: bytes) -> Histogram:
        """What ``to_bytes`` made. Raises ``ValueError`` for anything else."""
        made = cls()
        try:
            magic, used, made.total, made.min, made.max = _HEAD.unpack_from(data)
            parts = zlib.decompressobj()
            body = parts.decompress(data[_HEAD.size :], BUCKETS * 10)
            numbers = np.frombuffer(body, "<u2", used)
            counts = np.frombuffer(body, "<i8", used, used * 2)
        except Exception as error:
            raise ValueError("no histogram") from error
        if magic != _MAGIC or not parts.eof or len(body) != used * 10 or (used and (numbers.max() >= BUCKETS or counts.min() < 1)):
            raise ValueError("no histogram")
        made.counts[numbers] = counts
        made.used = int(numbers.max()) + 1 if used else 0
        made.count = int(counts.sum())
        return made

    def __eq__(self, other: Any) -> bool:
        """Equal counts, least and most. Totals of the same latencies may differ in their last digits, so they do not count."""
        if not isinstance(other, Histogram):
            return NotImplemented
        return self.min == other.min and self.max == other.max and bool(np.array_equal(self.counts, other.counts))

    __hash__ = None  # type: ignore[assignment]


class Recent:
    """Latencies of the last few seconds: a histogram for each of them."""

    __slots__ = ("_newest", "_parts", "_window")

    def __init__(self, window_s: int = 5) -> None:
        self._window = window_s
        self._newest = 0
        self._parts: dict[int, Histogram] = {}

    def add(self, latency_s: float, at_s: float) -> None:
        """One latency, seen at ``at_s``; a batch of them costs little more (``add_many``)."""
        self.add_many(np.array([latency_s]), np.array([at_s]))

    def add_many(self, latency_s: NDArray[np.float64], at_s: NDArray[np.float64]) -> None:
        if not len(at_s):
            return
        seconds = np.floor(at_s).astype(np.int64)
        first, last = int(seconds.min()), int(seconds.max())
        if last > self._newest:
            self._newest = last
            for old in [each for each in self._parts if each < last - self._window]:
                del self._parts[old]
        for second in range(max(first, self._newest - self._window), last + 1):
            own = latency_s if first == last else latency_s[seconds == second]
            if len(own):
                self._parts.setdefault(second, Histogram()).add_many(own * 1000.0)

    def whole(self, now_s: float) -> Histogram:
        """What was seen in the last seconds before ``now_s``, counted in whole ones."""
        whole = Histogram()
        for second, part in list(self._parts.items()):
            if now_s - self._window - 1 < second <= now_s:
                whole.merge(part)
        return whole

    def quantile_ms(self, q: float, now_s: float) -> float | None:
        """Of ``whole``; None where that is nothing."""
        return self.whole(now_s).quantile(q)
