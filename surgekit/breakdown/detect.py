"""The first sustained breach of a limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surgekit.arrivals.rate import Floats
from surgekit.breakdown.history import Bools, History
from surgekit.model import Status

STEP_S = 0.5
Z = 1.96


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows ``[start, start + width)`` over the intended times of the orders of one measure.

    ``n`` orders, of which ``bad`` are bad for certain and ``maybe`` might be. ``over`` and ``under`` say that the share
    is above or below the limit beyond what chance explains (Wilson's 95 % interval); both false: cannot be told.
    """

    width: float
    start: Floats
    n: Floats
    bad: Floats
    maybe: Floats
    over: Bools
    under: Bools


@dataclass(frozen=True, slots=True)
class Breach:
    """Where a measure broke, if it did. ``interval`` brackets the offered rate at the break, orders/s."""

    status: Status
    at_s: float | None
    at_rate: float | None
    interval: tuple[float, float] | None
    worst: float | None


def wilson(bad: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Wilson's score interval of a share (J. Am. Stat. Assoc. 22, 1927); (0, 1) where ``n`` is 0."""
    m = np.maximum(n, 1)
    p = bad / m
    middle = (p + Z * Z / (2 * m)) / (1 + Z * Z / m)
    half = Z / (1 + Z * Z / m) * np.sqrt(p * (1 - p) / m + Z * Z / (4 * m * m))
    return np.where(n > 0, middle - half, 0.0), np.where(n > 0, middle + half, 1.0)


def windows(intended_s: Floats, bad: Bools, maybe: Bools, limit: float, width: float, duration: float) -> Windows:
    """Slide a window of ``width`` over the run in steps of half a second. ``intended_s`` is sorted."""
    start = np.arange(0.0, max(duration - width, 0.0) + STEP_S, STEP_S)
    first, last = np.searchsorted(intended_s, start), np.searchsorted(intended_s, start + width)

    def count(mask: Bools) -> Floats:
        sums = np.concatenate([[0.0], np.cumsum(mask, dtype=np.float64)])
        return np.asarray(sums[last] - sums[first])

    n, k, unsure = (last - first).astype(np.float64), count(bad), count(maybe & ~bad)
    low, _ = wilson(k, n)
    _, high = wilson(k + unsure, n)
    return Windows(width, start, n, k, unsure, (low > limit) & (k >= 2), (high < limit) & (n > 0))


def breach(history: History, found: Windows, intended_s: Floats, bad: Bools, limit: float) -> Breach:
    """The first breach that lasts: over the limit in every window that begins within one width.

    The break is placed at the first bad order of that window. The interval reaches from the offered rate where the measure
    last held for certain to the rate where it had broken for certain.
    """
    if not len(found.start) or not found.n.sum():
        return Breach(Status.UNDECIDED, None, None, None, None)
    share = np.divide(found.bad, found.n, out=np.zeros_like(found.bad), where=found.n > 0)
    enough = found.n >= min(20.0, float(found.n.max()))
    worst = float(share[enough].max()) if enough.any() else float(share.max())
    at = _first_sustained(found.over, found.width)
    if at is None and not (found.n - found.maybe).sum():
        return Breach(Status.UNDECIDED, None, None, None, None)
    if at is None:
        lasting = np.divide(found.bad + found.maybe, found.n, out=np.zeros_like(found.bad), where=found.n > 0) > limit
        doubtful = found.maybe.sum() > 0 and _first_sustained(lasting, found.width) is not None
        return Breach(Status.UNDECIDED if doubtful else Status.HELD, None, None, None, worst)
    begin, end = found.start[at], found.start[at] + found.width
    inside = bad & (intended_s >= begin) & (intended_s < end)
    at_s = float(intended_s[inside][0])
    held = np.nonzero(found.under[:at])[0]
    calm_until = float(found.start[held[-1]] + found.width / 2) if len(held) else 0.0
    low, high = _rates_between(history, min(calm_until, at_s), float(end))
    return Breach(Status.BROKE, at_s, float(history.rate.rate(at_s)[0]), (low, high), worst)


def _first_sustained(over: Bools, width: float) -> int | None:
    """The first window from which on all windows of one width are over (at the end of the run: all that are left)."""
    need = max(1, round(width / STEP_S))
    run = 0
    for index, each in enumerate(over):
        run = run + 1 if each else 0
        if run >= need:
            return index - run + 1
    return None


def _rates_between(history: History, begin: float, end: float) -> tuple[float, float]:
    """The lowest and highest offered rate of a stretch of the run."""
    rates = history.rate.rate(np.linspace(max(begin, 0.0), min(end, history.rate.duration), 64))
    return float(rates.min()), float(rates.max())
