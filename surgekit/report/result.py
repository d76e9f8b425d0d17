"""From a run folder to ``result.json``: a pure reading of what is there, the same however often it is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from surgekit.audit import audit, invariants
from surgekit.breakdown import history as histories
from surgekit.breakdown.history import History
from surgekit.breakdown.measure import measure, surplus
from surgekit.breakdown.series import series
from surgekit.eventlog import folder
from surgekit.eventlog.reader import missing, opened
from surgekit.report import advice

SCHEMA = "surgekit.result/1"
SLIP_P99_MS = 100.0
"""A generator that is later than this for one order in a hundred has not sent the load that the profile asks for."""
SLIP_MAX_SHARE = 0.5
"""…nor has one that was ever later than this part of the confirmation limit."""


def analyse(run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(``result.json``, the series for pictures) of the run in ``run``. Raises ``RunError``."""
    with opened(run) as db:
        plan = folder.plan(run)
        found = histories.read(db, plan)
        verdicts = audit(db, plan)
        offending = next(each.offending for each in invariants() if each.name == "sold_within_stock")
        surplus(db, offending)
        told = measure(db, plan, found, verdicts)
        validity = _validity(plan, found, db)
        result: dict[str, Any] = {
            "schema": SCHEMA,
            "profile": plan["profile"]["name"],
            "target": plan["target"]["name"],
            "seed": plan["seed"],
            "run": {
                "name": run.resolve().name,
                "started": plan["started"],
                "duration_s": found.rate.duration,
                "peak_rate": found.profile.peak,
                "command": plan["command"],
                "version": plan["version"],
                "aborted": bool(plan.get("aborted")),
            },
            "validity": validity,
            "orders": _orders(db),
            "latency_ms": told["latency_ms"],
            "breakdown": told["breakdown"],
            "audit": verdicts,
            "recovery": told["recovery"],
            "faults": _faults(db),
            "gates": [],
            "limits": {
                "confirm_ms": found.limits.confirm * 1000,
                "late_share": found.limits.late_share,
                "error_share": found.limits.error_share,
                "oversold": found.limits.oversold,
            },
            "notes": [*(plan.get("notes") or []), *_witness_notes(plan, db)],
        }
        advice.add_words(result)
        return result, series(db, found, result)


def _validity(plan: Mapping[str, Any], found: History, db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    slip = (found.started_s - found.intended_s)[~np.isnan(found.started_s)] * 1000
    reasons: list[str] = []
    if plan.get("t0") is None:
        reasons.append("the surge never began")
    elif plan.get("engine_ended") is None:
        reasons.append("the run was cut off: SurgeKit itself ended before the surge did")
    elif plan["engine_ended"] != "in_order":
        reasons.append("the load engine was lost during the surge")
    elif not plan.get("witnesses"):
        reasons.append("the run was cut off: SurgeKit ended before the platform was asked what became of the orders")
    elif not len(slip):
        reasons.append("no order was sent")
    p50, p99, p999 = (float(each) for each in np.quantile(slip, [0.5, 0.99, 0.999])) if len(slip) else (None, None, None)
    if p99 is not None and p99 > SLIP_P99_MS:
        reasons.append(
            f"the generator ran late: p99 of the slip is {p99:.0f} ms (at most {SLIP_P99_MS:.0f}); lower --peak, or give it a core of its own"
        )
    bound = SLIP_MAX_SHARE * found.limits.confirm * 1000
    if len(slip) and slip.max() > bound:
        reasons.append(f"the generator stood still: one order left {slip.max():.0f} ms late (at most {bound:.0f})")
    unsent = _count(db, "SELECT count(*) FROM orders WHERE reason = 'unsent'")
    if unsent and plan.get("engine_ended") == "in_order" and not plan.get("aborted"):
        reasons.append(f"{unsent} orders were not sent: more than in_flight: {found.profile.in_flight} were under way; raise it in the profile")
    for word, what in (("no_sockets", "requests found no free socket on this machine"), ("engine_error", "orders met an error in the engine")):
        n = _count(db, f"SELECT count(*) FROM requests WHERE reason = '{word}'") + _count(  # noqa: S608
            db, f"SELECT count(*) FROM orders WHERE reason = '{word}'"  # noqa: S608
        )
        if n:
            reasons.append(f"{n} {what}")
    if plan.get("engine_ended") == "in_order" and not plan.get("aborted"):
        late = db.execute("SELECT name, planned_s, note FROM faults WHERE NOT injected ORDER BY planned_s").fetchall()
        reasons += [f"fault {name} was due at {due:g} s and was not injected: {note or 'no reason given'}" for name, due, note in late]
    told = {"p50": p50, "p99": p99, "p999": p999, "max": float(slip.max()) if len(slip) else None}
    return {
        "status": "void" if reasons else "valid",
        "reasons": reasons,
        "slip_ms": {name: None if value is None else round(value, 3) for name, value in told.items()},
    }


def _orders(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    row = db.execute(
        """
        SELECT count(*), count(sent_s), count(accepted_s), count(*) FILTER (outcome = 'confirmed'),
               count(*) FILTER (outcome = 'rejected'), count(*) FILTER (outcome = 'failed'), count(*) FILTER (outcome = 'unknown'),
               count(*) FILTER (reason LIKE 'refunded%'), count(*) FILTER (reason IN ('unsent', 'budget'))
        FROM orders
        """
    ).fetchone()
    assert row is not None
    names = ("scheduled", "sent", "accepted", "confirmed", "rejected", "failed", "unknown", "refunded", "unsent")
    return {name: int(value) for name, value in zip(names, row, strict=True)}


def _faults(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    rows = db.execute("SELECT name, edge, start_s, end_s, injected, healed, note FROM faults ORDER BY planned_s").fetchall()
    names = ("name", "edge", "start_s", "end_s", "injected", "healed", "note")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _witness_notes(plan: Mapping[str, Any], db: duckdb.DuckDBPyConnection) -> list[str]:
    notes = [f"witness {name}: {how}" for name, how in (plan.get("witnesses") or {}).items() if how != "whole"]
    shed = _count(db, "SELECT count(*) FROM orders WHERE seen = 'rejected' AND coalesce(reason, '') NOT LIKE '%sold_out'")
    total = _count(db, "SELECT count(*) FROM orders")
    if shed:
        notes.append(
            f"{shed} orders ({shed / total:.0%}) were turned away (busy, or refused): by design, so they are neither late nor errors, "
            "and the verdicts speak of the others only"
        )
    notes += _read_notes(db)
    unhealed = db.execute("SELECT name, note FROM faults WHERE injected AND NOT healed").fetchall()
    notes += [f"fault {name} was not taken back: {note or 'no reason given'}" for name, note in unhealed]
    return notes + [f"{table}.parquet {why}" for table, why in missing(db).items()]


def _read_notes(db: duckdb.DuckDBPyConnection) -> list[str]:
    """What only reading told: how orders ended that their buyers had lost sight of, and orders that nobody had meant."""
    notes = []
    ends = db.execute("SELECT outcome, count(*) FROM orders WHERE seen = 'unknown' AND outcome <> 'unknown' GROUP BY outcome ORDER BY outcome").fetchall()
    if ends:
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in ends)
        notes.append(f"{sum(count for _, count in ends):,} orders that their buyers had lost sight of were found by reading: {told}")
    made, keys = db.execute("SELECT count(DISTINCT order_no), count(DISTINCT order_key) FROM ledger SEMI JOIN orders USING (order_key)").fetchone() or (0, 0)
    if made > keys:
        notes.append(f"the platform has {made:,} orders for {keys:,} order keys: second clicks and retries made more than one of some")
    return notes


def _count(db: duckdb.DuckDBPyConnection, query: str) -> int:
    row = db.execute(query).fetchone()
    return int(row[0]) if row else 0
