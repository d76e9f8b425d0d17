"""Did it come back, once the surge was over?"""

from __future__ import annotations

from typing import Any

import numpy as np

from surgekit.breakdown.detect import Breach, Windows
from surgekit.breakdown.history import History
from surgekit.model import Status

CALM_WINDOWS = 4
"""So many windows in a row, half a second apart, must be under the limit."""
WATCH_S = 10.0
"""Less time than this after the surge says nothing about being stuck."""


def recovery(history: History, measures: list[tuple[Breach, Windows]], faults_end_s: float) -> dict[str, Any]:
    """``recovered`` with the seconds it took, ``draining``, ``metastable`` or ``inconclusive``.

    The clock starts when the offered rate is back below the lowest rate at which something broke and no fault is active.
    Metastable: still over the limit ``WATCH_S`` later at no more than the first phase's rate, and not getting better,
    although what set it off (a surge or a fault) has gone.
    """
    broke = [(breach, found) for breach, found in measures if breach.status is Status.BROKE and breach.interval]
    if not broke:
        calm = all(breach.status is Status.HELD for breach, _ in measures)
        return {"verdict": "recovered" if calm else "inconclusive", "seconds": 0.0 if calm else None, "note": "nothing_broke"}
    grid = np.linspace(0.0, history.rate.duration, 2001)
    rates = history.rate.rate(grid)
    floor = min(breach.interval[0] for breach, _ in broke if breach.interval)
    high = np.nonzero(rates > max(0.95 * floor, 1.05 * rates[0]))[0]
    surge_end_s = float(grid[high[-1]]) if len(high) else 0.0
    # Calm before it broke is no recovery.
    over_s = max(surge_end_s, faults_end_s, min(breach.at_s for breach, _ in broke if breach.at_s is not None))
    gone = len(high) > 0 or faults_end_s > 0
    back, worse = [], []
    for _, found in broke:
        after = np.nonzero(found.start >= over_s)[0]
        calm_at = _calm(found, after)
        back.append(None if calm_at is None else max(0.0, calm_at - over_s))
        share = found.bad[after] / np.maximum(found.n[after], 1)
        half = len(share) // 2
        worse.append(calm_at is None and (half == 0 or share[half:].mean() >= share[:half].mean() - 0.05))
    watched = history.rate.duration - over_s
    if all(each is not None for each in back):
        return {"verdict": "recovered", "seconds": round(max(each for each in back if each is not None), 1), "note": None}
    if not any(worse):
        return {"verdict": "draining", "seconds": None, "note": None}
    if gone and watched >= WATCH_S and rates[-1] <= 1.1 * rates[0]:
        return {"verdict": "metastable", "seconds": None, "note": None}
    return {"verdict": "inconclusive", "seconds": None, "note": f"watched_{watched:.0f}_s"}


def _calm(found: Windows, after: Any) -> float | None:
    """The start of the first stretch of calm windows at or after the end of the surge."""
    run = 0
    for index in after:
        run = run + 1 if not found.over[index] and found.n[index] > 0 else 0
        if run >= min(CALM_WINDOWS, len(after)):
            return float(found.start[index - run + 1])
    return None
