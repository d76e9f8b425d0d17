"""The run second by second, for pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np

from surgekit.arrivals.rate import Floats
from surgekit.breakdown.history import Bools, History
from surgekit.breakdown.quantile import quantiles


def series(db: duckdb.DuckDBPyConnection, history: History, result: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of equal length, one entry a second; None where a second had nothing to tell."""
    tail = float(np.nanmax(np.where(np.isnan(history.confirmed_s), 0.0, history.confirmed_s), initial=0.0))
    n = int(np.ceil(max(history.rate.duration, tail))) + 1
    t = np.arange(n)
    second = np.clip(history.intended_s.astype(np.int64), 0, n - 1)
    watched, seen, belongs = history.latency()
    late, _, counted = history.late()
    p50, p99 = _quantiles(second[belongs], watched[belongs], seen[belongs], n)
    expected = history.rate.expected(np.arange(n + 1))
    phases, start = [], 0.0
    for phase in history.profile.phases:
        phases.append({"name": phase.name, "start_s": start, "end_s": start + phase.duration})
        start += phase.duration
    return {
        "t": t.tolist(),
        "offered": np.round(np.diff(expected), 3).tolist(),
        "sent": _per_second(db, "SELECT sent_s FROM orders", n),
        "confirmed": _per_second(db, "SELECT confirmed_s FROM orders", n),
        "rejected": _per_second(db, "SELECT ended_s FROM orders WHERE seen = 'rejected'", n),
        "p50_ms": p50,
        "p99_ms": p99,
        "late_share": _share(second, late & counted, counted, n),
        "error_share": _share(second, history.errors & history.tried, history.tried, n),
        "in_flight": _sampled(db, "in_flight", n),
        "cpu": {part: _sampled(db, f"cpu_{part}", n) for part in ("engine", "platform", "edge")},
        **_stock(db, n),
        "phases": phases,
        "faults": [
            {"name": name, "start_s": begin, "end_s": end if end is not None else float(n)}
            for name, begin, end in db.execute("SELECT name, start_s, end_s FROM faults WHERE injected ORDER BY start_s").fetchall()
        ],
        "marks": [
            {"measure": measure, "at_s": told["at_s"]}
            for measure, told in result["breakdown"].items()
            if told["at_s"] is not None
        ],
        "limit_ms": history.limits.confirm * 1000,
    }


def _per_second(db: duckdb.DuckDBPyConnection, query: str, n: int) -> list[int]:
    times = np.ma.asarray(db.execute(query).fetchnumpy().popitem()[1], dtype=np.float64).compressed()
    times = times[~np.isnan(times)]
    return [int(count) for count in np.bincount(np.clip(times.astype(np.int64), 0, n - 1), minlength=n)]


def _share(second: Any, bad: Bools, of: Bools, n: int) -> list[float | None]:
    whole = np.bincount(second[of], minlength=n)
    part = np.bincount(second[bad], minlength=n)
    return [round(float(k / m), 4) if m else None for k, m in zip(part, whole, strict=True)]


def _quantiles(second: Any, watched: Floats, seen: Bools, n: int) -> tuple[list[float | None], list[float | None]]:
    p50: list[float | None] = [None] * n
    p99: list[float | None] = [None] * n
    edges = np.searchsorted(second, np.arange(n + 1))
    for k in range(n):
        here = slice(edges[k], edges[k + 1])
        if edges[k + 1] > edges[k]:
            low, high = quantiles(watched[here], seen[here], (0.5, 0.99))
            # A picture needs a point: where a quantile is beyond what was watched, the longest watch is its lower bound.
            longest = float(watched[here].max())
            p50[k] = round(1000 * (longest if low is None else low), 1)
            p99[k] = round(1000 * (longest if high is None else high), 1)
    return p50, p99


def _sampled(db: duckdb.DuckDBPyConnection, column: str, n: int) -> list[float | None]:
    found: list[float | None] = [None] * n
    for t_s, value in db.execute(f"SELECT t_s, {column} FROM samples ORDER BY t_s").fetchall():  # noqa: S608
        if value is not None and 0 <= t_s < n:
            found[int(t_s)] = round(float(value), 1)
    return found


def _stock(db: duckdb.DuckDBPyConnection, n: int) -> dict[str, Any]:
    """Units left of the scarcest product, by what buyers paid for, and surplus orders so far (of all products).

    All products together would hide that one of them ran out.
    """
    sold: dict[str, Floats] = {}
    for sku, second, units in db.execute(
        "SELECT sku, least(greatest(floor(paid_s), 0), ?)::BIGINT AS second, sum(qty) FROM orders"
        " WHERE paid_s IS NOT NULL GROUP BY ALL",
        [n - 1],
    ).fetchall():
        sold.setdefault(sku, np.zeros(n))[second] += units
    at_start = db.execute("SELECT sku, sum(unsold) FROM stock WHERE moment = 'start' AND unsold IS NOT NULL GROUP BY sku ORDER BY sku").fetchall()
    told: dict[str, Any] = {"stock_left": [None] * n, "stock_sku": ""}
    if at_start:
        sku, units = min(at_start, key=lambda each: each[1] - float(sold.get(each[0], np.zeros(n)).sum()))
        left = np.maximum(float(units) - np.cumsum(sold.get(sku, np.zeros(n))), 0)
        told = {"stock_left": [float(each) for each in left], "stock_sku": sku}
    surplus = np.zeros(n)
    for (at,) in db.execute("SELECT at_s FROM surplus WHERE at_s IS NOT NULL").fetchall():
        surplus[min(max(int(at), 0), n - 1)] += 1
    return {**told, "oversold": np.cumsum(surplus).astype(int).tolist()}
