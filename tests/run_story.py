"""Run folders written by hand: a handful of rows, and a test reads like a story.

Order ``n`` has the key ``K<n>``, the platform's number ``N<n>`` and, unless it says otherwise, arrives at ``n`` seconds,
is paid 0.2 s later and confirmed 0.5 s later. Whatever a story does not mention has a harmless default.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from surgekit.audit import audit
from surgekit.eventlog.reader import opened
from surgekit.eventlog.schema import TABLES

Row = dict[str, Any]

PROFILE: Row = {
    "schema": "surgekit.profile/1",
    "name": "story",
    "seed": 1,
    "phases": [{"name": "only", "duration": 20.0, "rate": 1.0}],
    "products": {"shares": {"game": 1.0}},
    "buyers": {"classes": {"retail": {"share": 1.0}}},
    "limits": {"confirm": 3.0, "late_share": 0.05, "error_share": 0.05, "oversold": 0, "window": 3.0},
}
TARGET: Row = {
    "schema": "surgekit.target/1",
    "name": "shop",
    "base_url": "http://127.0.0.1:1",
    "catalogue": [
        {"sku": "game", "price_fen": 1000, "supply": "stock"},
        {"sku": "skin", "price_fen": 500, "supply": "stock"},
        {"sku": "topup", "price_fen": 2000, "supply": "supplier"},
    ],
    "steps": {"submit": {"request": "POST /orders", "replies": [{"class": "ok", "path": "ok", "equals": 1}]}},
    "statuses": {"paid": ["paid"], "delivered": ["delivered"], "refunded": ["refunded"], "failed": ["expired", "abnormal"]},
    "edge": {"order_no": "^(N[0-9]+)"},
}
WHOLE = {"ledger": "whole", "edge": "whole", "stock": "whole"}


def order(n: int, *, at: float | None = None, **told: Any) -> Row:
    """What the buyer of order ``n`` saw. ``at`` is when the order was due; ``cards=["a"]`` are digests."""
    due = float(n) if at is None else at
    outcome = told.pop("outcome", "confirmed")
    done = outcome == "confirmed"
    row = {
        "seq": n, "shard": 0, "intended_s": due, "started_s": due, "sent_s": due, "accepted_s": due + 0.1,
        "paid_s": due + 0.2 if done else None, "confirmed_s": due + 0.5 if done else None, "ended_s": due + 0.5,
        "paused_s": 0.0, "browsed_s": 0.0, "outcome": outcome, "reason": None, "seen": outcome, "order_key": f"K{n}",
        "order_no": f"N{n}", "sku": "game", "qty": 1, "amount_fen": None, "buyer_class": "retail", "attempts": 1,
        "errors": 0, "status": None, "card_digests": told.pop("cards", []), "phase": "only",
    }  # fmt: skip
    return row | told


def booked(n: int, status: str = "delivered", **told: Any) -> Row:
    """Order ``n`` in the platform's own ledger: delivered for 1,000 fen, or as the status says."""
    paid = status in ("delivered", "paid", "refunded", "abnormal")
    row = {
        "order_no": f"N{n}", "order_key": f"K{n}", "sku": "game", "qty": 1, "status": status, "amount_fen": 1000,
        "charged_fen": 1000 if paid else 0, "charges": int(paid), "refunded_fen": 1000 if status == "refunded" else 0,
        "card_digests": told.pop("cards", []),
    }  # fmt: skip
    return row | told


def stocked(start: int, sku: str = "game", *, end: int = 0, added: int = 0) -> list[Row]:
    """The stock of one product, read before and after."""
    return [
        {"moment": "start", "sku": sku, "t_s": 0.0, "total": start, "unsold": start},
        {"moment": "end", "sku": sku, "t_s": 40.0, "total": start + added, "unsold": end},
    ]


def payment(n: int, t: float, **told: Any) -> Row:
    """The gateway took the money for order ``n``."""
    return {"t": t, "actor": "gateway", "event": "payment", "order_no": f"N{n}", "edge_no": f"G{n}"} | told


def notice(n: int, t: float, **told: Any) -> Row:
    """The gateway told the platform so, and the platform said ``success``."""
    return {
        "t": t, "actor": "gateway", "event": "callback", "order_no": f"N{n}", "edge_no": f"G{n}", "acked": True,
        "took_s": 0.01,
    } | told  # fmt: skip


def purchase(number: str, t: float = 1.0, **told: Any) -> Row:
    """The platform bought at the supplier, under ``number``."""
    return {
        "t": t, "actor": "supplier", "event": "purchase", "order_no": number, "qty": 1, "status": "success",
        "card_digests": told.pop("cards", []),
    } | told  # fmt: skip


def plan(**told: Any) -> Row:
    """``run.json`` of a run that ended in order."""
    return {
        "schema": "surgekit.run/1", "version": "0.1.0", "run_id": "K", "started": "2026-01-01T00:00:00Z",
        "command": "surgekit blast", "profile": PROFILE, "target": TARGET, "seed": 1, "shards": 1, "salt": "", "lang": "en",
        "t0": 1000.0, "engine_ended": "in_order", "witnesses": WHOLE, "notes": [], "aborted": False, "ended_s": 30.0,
    } | told  # fmt: skip


def write(run: Path, told: Mapping[str, Any] | None = None, **tables: Iterable[Row]) -> Path:
    """A sealed run folder with these rows; tables that are not named are empty."""
    run.mkdir(parents=True, exist_ok=True)
    (run / "run.json").write_text(json.dumps(told or plan()), encoding="utf-8")
    lines = run / "rows.jsonl"
    with duckdb.connect() as db:
        for table, columns in TABLES.items():
            lines.write_text("".join(json.dumps(row) + "\n" for row in tables.get(table, ())), encoding="utf-8")
            kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
            source = f"read_json('{lines}', format='newline_delimited', columns={{{kinds}}})"
            if not lines.stat().st_size:
                source = "(SELECT " + ", ".join(f'CAST(NULL AS {kind}) "{name}"' for name, kind in columns.items()) + " WHERE false)"
            db.execute(f"COPY (SELECT * FROM {source}) TO '{run}/{table}.parquet' (FORMAT parquet)")
    lines.unlink()
    return run


def verdicts(run: Path) -> dict[str, Row]:
    """Invariant → what the audit says of it."""
    with opened(run) as db:
        return {each["invariant"]: each for each in audit(db, json.loads((run / "run.json").read_text("utf-8")))}


def ids(told: Row) -> list[str]:
    """What a verdict names."""
    return [each["id"] for each in told["examples"]]


def shuffled(rows: Sequence[Row], turn: Any) -> list[Row]:
    """The same rows in an order that ``turn``, a ``random.Random``, chooses."""
    mixed = list(rows)
    turn.shuffle(mixed)
    return mixed
