"""From a run folder to ``result.json``: a pure reading of what is there, the same however often it is done."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from surgekit.audit import audit, invariants
from surgekit.breakdown import history as histories
from surgekit.breakdown.measure import measure, surplus
from surgekit.breakdown.series import series
from surgekit.eventlog import folder
from surgekit.eventlog.reader import missing, opened
from surgekit.report import advice
from surgekit.report.validity import validity

SCHEMA = "surgekit.result/1"


def analyse(run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(``result.json``, the series for pictures) of the run in ``run``. Raises ``RunError``."""
    with opened(run) as db:
        plan = folder.plan(run)
        found = histories.read(db, plan)
        verdicts = audit(db, plan)
        offending = next(each.offending for each in invariants() if each.name == "sold_within_stock")
        surplus(db, offending)
        told = measure(db, plan, found, verdicts)
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
            "validity": validity(plan, found, db),
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
