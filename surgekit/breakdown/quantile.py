"""Quantiles of latencies of which some are only known to be larger than what was watched."""

from __future__ import annotations

import numpy as np

from surgekit.arrivals.rate import Floats
from surgekit.breakdown.history import Bools


def quantiles(watched_s: Floats, seen: Bools, at: tuple[float, ...]) -> list[float | None]:
    """Kaplan-Meier quantiles (Kaplan & Meier, J. Am. Stat. Assoc. 53, 1958), in seconds.

    ``seen`` marks latencies that were observed to their end; the others are censored at ``watched_s``. Without
    censoring this is the plain empirical quantile, the smallest value that at least a share ``at`` does not exceed.
    None where so many were censored that the quantile lies beyond everything that was watched, or there is no data.
    """
    n = len(watched_s)
    if n == 0:
        return [None] * len(at)
    # At equal times the seen ones come first: a censored one outlived them.
    order = np.lexsort((~seen, watched_s))
    times, events = watched_s[order], seen[order]
    at_risk = n - np.arange(n)
    survival = np.cumprod(np.where(events, 1.0 - 1.0 / at_risk, 1.0))
    found: list[float | None] = []
    for share in at:
        reached = np.nonzero(events & (survival <= 1 - share + 1e-12))[0]
        found.append(float(times[reached[0]]) if len(reached) else None)
    return found


def summary_ms(watched_s: Floats, seen: Bools) -> dict[str, float | int | None]:
    """p50, p90, p99, p999 in ms (None: beyond all that was watched), how many orders, and how many were censored."""
    values = quantiles(watched_s, seen, (0.5, 0.9, 0.99, 0.999))
    told: dict[str, float | int | None] = {
        name: None if value is None else round(value * 1000, 3)
        for name, value in zip(("p50", "p90", "p99", "p999"), values, strict=True)
    }
    longest = round(float(watched_s.max()) * 1000, 3) if len(watched_s) else None
    return {**told, "orders": len(watched_s), "censored": int((~seen).sum()), "watched_to": longest}
