"""The first sustained breach of a limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surgekit.arrivals.rate import Floats
from surgekit.breakdown.history import Bools, History
from surgekit.model import Status

STEP_S = 0.5
Z = 1.96
LASTING = 1.5
"""A breach lasts when every window that begins within so many widths is over. The first and the last of them share no
order, so that one short stall, however many orders it hits, is no breakdown; two seconds of nothing but late orders are."""
AFTER = 0.2
"""A share as high as this is a breakdown like any higher one; so the break is put where it comes near this, and not where everything is bad."""
ENOUGH = 20.0
"""A share of fewer orders than this is no figure to show, unless there never are more."""
LEAST = 1 / 3
"""The last windows are cut off by the end of the run; they count while this part of them is left."""


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
    blind: Bools


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


def windows(
    intended_s: Floats, bad: Bools, maybe: Bools, limit: float, width: float, duration: float, hidden_s: Floats | None = None
) -> Windows:
    """Slide a window of ``width`` over the run in steps of half a second. ``intended_s`` is sorted.

    ``hidden_s`` (sorted) are orders that arrived and tell nothing about this measure; a window of such orders only is blind.
    """
    start = np.arange(0.0, max(duration - LEAST * width, 0.0) + 1e-9, STEP_S)
    first, last = np.searchsorted(intended_s, start), np.searchsorted(intended_s, start + width)

    def count(mask: Bools) -> Floats:
        sums = np.concatenate([[0.0], np.cumsum(mask, dtype=np.float64)])
        return np.asarray(sums[last] - sums[first])

    n, k, unsure = (last - first).astype(np.float64), count(bad), count(maybe & ~bad)
    low, _ = wilson(k, n)
    _, high = wilson(k + unsure, n)
    blind = np.zeros(len(start), dtype=np.bool_)
    if hidden_s is not None:
        blind = (n == 0) & (np.searchsorted(hidden_s, start + width) > np.searchsorted(hidden_s, start))
    return Windows(width, start, n, k, unsure, (low > limit) & (k >= 2), (high < limit) & (n > 0), blind)


def breach(history: History, found: Windows, intended_s: Floats, bad: Bools, limit: float) -> Breach:
    """The first breach that lasts (``LASTING``), in windows over the sorted ``intended_s``.

    The interval reaches from the lowest to the highest offered rate between where the measure last held for certain and where
    it had broken for certain. A share that is above the limit over the whole run is a
    break too, wherever it began. *Held* becomes undecided where orders were planned and not tried, where a lasting stretch
    tells nothing, and where the share of the whole run is above the limit without being certain.
    """
    if not len(found.start) or not found.n.sum():
        return Breach(Status.UNDECIDED, None, None, None, None)
    share = np.divide(found.bad, found.n, out=np.zeros_like(found.bad), where=found.n > 0)
    enough = found.n >= min(ENOUGH, float(found.n.max()))
    worst = float(share[enough].max())
    at = _first_lasting(found.over, found.width)
    if at is None:
        surely, _ = wilson(np.asarray(float(bad.sum())), np.asarray(float(len(bad))))
        if float(surely) > limit:
            return _all_along(history, found, max(worst, float(bad.mean())))
        perhaps = np.divide(found.bad + found.maybe, found.n, out=np.zeros_like(found.bad), where=found.n > 0) > limit
        doubtful = bool(found.maybe.sum()) and _first_lasting(perhaps, found.width) is not None
        blind = (
            not (found.n - found.maybe).sum()
            or bool(history.unsent.any())
            or _first_lasting(found.blind, found.width) is not None
            or float(bad.mean()) > limit
        )
        return Breach(Status.UNDECIDED if doubtful or blind else Status.HELD, None, None, None, worst)
    begin, end = float(found.start[at]), float(found.start[at] + found.width)
    at_s = _change(intended_s, bad, limit, begin, found.width)
    held = np.nonzero(found.under[:at])[0]
    calm_until = float(found.start[held[-1]] + found.width / 2) if len(held) else 0.0
    low, high = _rates_between(history, min(calm_until, at_s), max(end, at_s))
    # The window that broke is a figure too, however few orders it has.
    return Breach(Status.BROKE, at_s, float(history.rate.rate(at_s)[0]), (low, high), max(worst, float(share[at])))


def _all_along(history: History, found: Windows, worst: float) -> Breach:
    """Over the limit for certain in the whole run, and in no stretch of it so clearly that a moment could be named.

    It is placed at the first window that is over by itself, else at the start; the bracket is every rate that was offered.
    """
    over = np.nonzero(found.over)[0]
    at_s = float(found.start[over[0]]) if len(over) else 0.0
    interval = _rates_between(history, 0.0, history.rate.duration)
    return Breach(Status.BROKE, at_s, float(history.rate.rate(at_s)[0]), interval, worst)


def _first_lasting(over: Bools, width: float) -> int | None:
    """The first of so many windows in a row, each over, that the breach lasts."""
    need = min(max(1, round(LASTING * width / STEP_S)), len(over))
    run = 0
    for index, each in enumerate(over):
        run = run + 1 if each else 0
        if run >= need:
            return index - run + 1
    return None


def _change(intended_s: Floats, bad: Bools, limit: float, begin: float, width: float) -> float:
    """The first bad order after the most likely moment at which the share of bad ones went up.

    ``begin`` is where the first window of the breach begins. That window is over as soon as its last part is bad, and a bad
    order before that part may have been bad luck. So the moment is where the likelihood of a step from the limit to
    the later share is highest (Page, Biometrika 41, 1954).
    """
    near = (intended_s >= begin - width) & (intended_s < begin + (1 + LASTING) * width)
    times, hits = intended_s[near], bad[near]
    later = hits[times >= begin + width]
    after = float(np.clip(later.mean() if len(later) else 1.0, min(2 * limit, 0.9), max(2 * limit, AFTER)))
    before = max(limit, 0.01)
    gain = np.where(hits, np.log(after / before), np.log((1 - after) / (1 - before)))
    since = np.cumsum(gain[::-1])[::-1]
    step = int(np.argmax(np.where(hits, since, -np.inf)))
    return float(times[step])


def _rates_between(history: History, begin: float, end: float) -> tuple[float, float]:
    """The lowest and highest offered rate of a stretch of the run."""
    rates = history.rate.rate(np.linspace(max(begin, 0.0), min(end, history.rate.duration), 64))
    return float(rates.min()), float(rates.max())
