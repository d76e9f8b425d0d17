"""The three measures of a run: confirmation latency, oversell and error rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np

from surgekit.breakdown import blame, hops
from surgekit.breakdown.detect import Breach, Windows, breach, windows
from surgekit.breakdown.history import Bools, History
from surgekit.breakdown.quantile import summary_ms
from surgekit.breakdown.recovery import recovery
from surgekit.model import Status


def measure(
    db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any], history: History, audit: list[dict[str, Any]]
) -> dict[str, Any]:
    """``breakdown``, ``latency_ms`` and ``recovery`` of ``result.json``."""
    hops.prepare(db, plan)
    limits = history.limits
    late, perhaps, counted = history.late()
    slow, slow_windows = _breach(history, late, perhaps, counted, limits.late_share, history.unseen())
    wrong, wrong_windows = _breach(history, history.errors, history.lost_sight, history.tried, limits.error_share, None)
    ends = [row[0] for row in db.execute("SELECT end_s FROM faults WHERE injected AND end_s IS NOT NULL").fetchall()]
    told = {
        "confirm_latency": {
            **_told(history, slow, limits.late_share, "share"),
            "blame": blame.of_latency(db, slow, limits.window, limits.confirm) if slow.at_s is not None else blame.NOT_ATTRIBUTABLE,
        },
        "oversell": _oversell(db, history, audit),
        "error_rate": {
            **_told(history, wrong, limits.error_share, "share"),
            "blame": blame.of_errors(db, wrong, limits.window) if wrong.at_s is not None else blame.NOT_ATTRIBUTABLE,
        },
    }
    watched, seen, belongs = history.latency()
    accepted = ~np.isnan(history.accept_s)
    to_accept = np.where(accepted, history.accept_s, history.watched_s)
    asked = accepted | belongs
    return {
        "breakdown": told,
        "latency_ms": {
            "accept": summary_ms(to_accept[asked], accepted[asked]),
            "confirm": summary_ms(watched[belongs], seen[belongs]),
        },
        "recovery": recovery(history, [(slow, slow_windows), (wrong, wrong_windows)], max(ends, default=0.0)),
    }


def _breach(
    history: History, bad: Bools, maybe: Bools, of: Bools, limit: float, unseen: Bools | None
) -> tuple[Breach, Windows]:
    times = history.intended_s[of]
    hidden = history.intended_s[unseen] if unseen is not None else times[:0]
    found = windows(times, bad[of], maybe[of], limit, history.limits.window, history.rate.duration, hidden)
    return breach(history, found, times, bad[of], limit), found


def _told(history: History, found: Breach, limit: float, unit: str) -> dict[str, Any]:
    return {
        "status": found.status.value,
        "at_s": None if found.at_s is None else round(found.at_s, 2),
        "at_rate": None if found.at_rate is None else round(found.at_rate, 1),
        "interval": None if found.interval is None else [round(each, 1) for each in found.interval],
        "phase": None if found.at_s is None else phase_at(history, found.at_s),
        "limit": limit,
        "observed": None if found.worst is None else round(found.worst, 4),
        "unit": unit,
    }


def phase_at(history: History, at_s: float) -> str:
    """The name of the phase at ``at_s``."""
    return history.profile.phases[int(history.rate.index(at_s))].name


def _oversell(db: duckdb.DuckDBPyConnection, history: History, audit: list[dict[str, Any]]) -> dict[str, Any]:
    """From the audit's surplus orders: when the first of them was taken, at what rate, and how many there were."""
    verdicts = {each["invariant"]: each for each in audit}
    stock, once = verdicts["sold_within_stock"], verdicts["card_sold_once"]
    limit = history.limits.oversold
    # The first order past the limit is where it broke; an order that nobody saw the time of cannot be the first.
    rows = db.execute("SELECT at_s, intended_s FROM surplus ORDER BY at_s NULLS LAST, order_no").fetchall()
    told: dict[str, Any] = {
        "status": Status.HELD.value, "at_s": None, "at_rate": None, "interval": None, "phase": None, "limit": limit,
        "observed": len(rows), "unit": "orders", "blame": blame.NOT_ATTRIBUTABLE,
    }  # fmt: skip
    if len(rows) <= limit:
        sure = all(each["verdict"] == "held" or (each["verdict"] == "violated" and limit) for each in (stock, once))
        told["status"] = (Status.HELD if sure else Status.UNDECIDED).value
        return told
    told["status"] = Status.BROKE.value
    told["blame"] = blame.of_oversell(
        db.execute(
            "SELECT sku, count(*) FILTER (NOT twice) AS beyond, count(*) FILTER (twice) AS twice FROM surplus"
            " GROUP BY sku ORDER BY count(*) DESC, sku"
        ).fetchall()
    )
    at, intended = rows[limit]
    if at is not None:
        begin, end = min(intended, at), max(intended, at)
        around = history.rate.rate(np.linspace(begin, min(end, history.rate.duration), 32))
        at_rate = float(history.rate.rate(intended)[0])
        told |= {
            "at_s": round(at, 2),
            "at_rate": round(at_rate, 1),
            "interval": [round(float(around.min()), 1), round(float(around.max()), 1)],
            "phase": phase_at(history, intended),
        }
    return told


def surplus(db: duckdb.DuckDBPyConnection, offending: str) -> None:
    """Make the table ``surplus``: the orders that ``sold_within_stock`` and ``card_sold_once`` name, with their times.

    ``offending`` is the query of ``sold_within_stock``. An order is in here once, whichever of the two named it;
    ``twice`` says that it came away with a card that an earlier order has, rather than with none.
    """
    db.execute(
        f"""
        CREATE TEMP TABLE surplus AS
        WITH beyond AS (SELECT id AS order_no FROM ({offending.strip().rstrip(";")})),
        holders AS (
            SELECT order_no, times, rank() OVER (PARTITION BY card ORDER BY coalesce(seen_s, 1e18), order_no) AS place
            FROM deliveries WHERE ours
        ),
        second AS (SELECT DISTINCT order_no FROM holders WHERE place > times)
        SELECT n.order_no, coalesce(o.sku, k.sku, '?') AS sku, s.order_no IS NOT NULL AS twice,
               coalesce(o.paid_s, o.confirmed_s, o.accepted_s, k.paid_s) AS at_s, coalesce(o.intended_s, k.intended_s) AS intended_s
        FROM (SELECT order_no FROM beyond UNION SELECT order_no FROM second) n
        LEFT JOIN second s ON s.order_no = n.order_no
        LEFT JOIN (SELECT DISTINCT ON (number) *, coalesce(order_no, order_key) AS number FROM orders ORDER BY number, seq) o ON o.number = n.order_no
        LEFT JOIN bought c ON c.order_no = n.order_no
        LEFT JOIN orders k ON k.order_key = c.order_key
        """  # noqa: S608
    )
