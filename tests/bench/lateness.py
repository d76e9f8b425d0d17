"""How late orders arrived: the server's stamps against the times at which they were to leave.

Nobody knows the zero of a tool's schedule on the server's clock. It is taken to be where the least late order was not late at
all, for every tool alike; the way through the loopback of that order is thereby left out too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
QUANTILES = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}
COMPLETE = 0.9
"""A tool that got less than this share of its orders to the server has not sent the load, and has no slip to tell."""


def late_s(arrived_ns: Array, due_s: Array) -> Array | None:
    """The k-th arrival against the k-th time, both ascending. None where too many are missing.

    Where some are (k6 drops orders when it is late), each arrival counts from the latest time that it can have been meant for, which
    is the least that it can have been late.
    """
    arrived, due = np.sort(arrived_ns) / 1e9, np.sort(due_s)
    number = min(len(arrived), len(due))
    if not number or number < COMPLETE * len(due):
        return None
    arrived = arrived[:number]
    # As long as nothing was dropped yet the k-th is the k-th; later, it only looks later.
    arrived = arrived - (arrived - due[:number]).min()
    if number == len(due):
        return np.asarray(arrived - due)
    order = np.arange(number)
    latest = np.searchsorted(due, arrived + 1e-9, side="right") - 1
    latest = np.minimum(latest, len(due) - number + order)
    meant = np.minimum.accumulate((latest - order)[::-1])[::-1] + order
    return np.asarray(arrived - due[np.maximum(meant, order)])


def late_by_connection_s(arrived_ns: Array, connection: Array, period_s: float) -> Array | None:
    """For a tool that gives each connection a grid of its own, each with its own zero, and leaves nothing out."""
    parts = []
    for number in np.unique(connection):
        own = np.sort(arrived_ns[connection == number]) / 1e9
        late = own - np.arange(len(own)) * period_s
        parts.append(late - late.min())
    return np.concatenate(parts) if parts else None


def figures(late: Array | None) -> dict[str, float | None]:
    """In ms. None for each where there is none."""
    if late is None or not len(late):
        return dict.fromkeys(QUANTILES)
    return {name: round(float(np.quantile(late, share)) * 1000, 4) for name, share in QUANTILES.items()}
