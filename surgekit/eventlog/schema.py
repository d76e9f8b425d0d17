"""The tables of a run folder: names, columns, types. Times are seconds since the run's start.

What comes from outside is BIGINT, however small it should be: one odd number must not make a run unsealable.
"""

from __future__ import annotations

from pathlib import Path

TABLES: dict[str, dict[str, str]] = {
    # A row for each scheduled order. `paused_s` is the buyer's own
    # thinking, which no latency counts; `browsed_s` the part of it before the order. `outcome` is what reading resolved in the end, `seen` what the buyer saw.
    "orders": {
        "seq": "BIGINT", "shard": "INTEGER", "intended_s": "DOUBLE", "started_s": "DOUBLE", "sent_s": "DOUBLE",
        "accepted_s": "DOUBLE", "paid_s": "DOUBLE", "confirmed_s": "DOUBLE", "ended_s": "DOUBLE", "paused_s": "DOUBLE", "browsed_s": "DOUBLE", "outcome": "VARCHAR",
        "reason": "VARCHAR", "seen": "VARCHAR", "order_key": "VARCHAR", "order_no": "VARCHAR", "sku": "VARCHAR",
        "qty": "BIGINT", "amount_fen": "BIGINT", "buyer_class": "VARCHAR", "attempts": "INTEGER", "errors": "INTEGER",
        "status": "VARCHAR", "card_digests": "VARCHAR[]", "phase": "VARCHAR",
    },
    # A row for each request of the engine. `due_s` is when it should have left.
    "requests": {
        "seq": "BIGINT", "shard": "INTEGER", "step": "VARCHAR", "attempt": "INTEGER", "due_s": "DOUBLE",
        "sent_s": "DOUBLE", "done_s": "DOUBLE", "status": "BIGINT", "class": "VARCHAR", "reason": "VARCHAR",
        "bytes": "BIGINT",
    },
    # What the stand-ins were asked and did.
    "edge": {
        "t": "DOUBLE", "actor": "VARCHAR", "event": "VARCHAR", "order_no": "VARCHAR", "edge_no": "VARCHAR",
        "sku": "VARCHAR", "qty": "BIGINT", "amount_fen": "BIGINT", "status": "VARCHAR", "attempt": "BIGINT",
        "took_s": "DOUBLE", "acked": "BOOLEAN", "card_digests": "VARCHAR[]", "fault": "VARCHAR",
    },
    "faults": {
        "name": "VARCHAR", "edge": "VARCHAR", "kind": "VARCHAR", "planned_s": "DOUBLE", "start_s": "DOUBLE",
        "end_s": "DOUBLE", "injected": "BOOLEAN", "healed": "BOOLEAN", "note": "VARCHAR",
    },
    # A row a second. CPU in percent of one core, summed over a part's processes.
    "samples": {
        "t_s": "DOUBLE", "in_flight": "BIGINT", "slip_ms": "DOUBLE", "lag_ms": "DOUBLE", "cpu_engine": "DOUBLE",
        "cpu_platform": "DOUBLE", "cpu_edge": "DOUBLE", "rss_engine": "BIGINT", "rss_platform": "BIGINT",
        "threads_platform": "INTEGER",
    },
    # The platform's own orders, as its target file says they are read.
    "ledger": {
        "order_no": "VARCHAR", "order_key": "VARCHAR", "sku": "VARCHAR", "qty": "BIGINT", "status": "VARCHAR",
        "amount_fen": "BIGINT", "charged_fen": "BIGINT", "charges": "BIGINT", "refunded_fen": "BIGINT",
        "card_digests": "VARCHAR[]", "created_s": "DOUBLE",
    },
    # `total` and `unsold` are NULL where the platform does not tell them; `word`: in_stock or sold_out, where it has words only.
    "stock": {"moment": "VARCHAR", "sku": "VARCHAR", "t_s": "DOUBLE", "total": "BIGINT", "unsold": "BIGINT", "word": "VARCHAR"},
}  # fmt: skip

BINARY = frozenset({"orders", "requests"})
"""Tables that an engine spools as records (``eventlog.records``); every other one is spooled as ``<table>.jsonl``."""


def literal(path: Path) -> str:
    """``path`` as a string of SQL, for writing."""
    return "'" + str(path).replace("'", "''") + "'"


def pattern(path: Path) -> str:
    """``path`` as a string of SQL, for reading: DuckDB takes such names for patterns, and people do write ``run[1]``."""
    return literal(Path("".join(f"[{char}]" if char in "*?[" else char for char in str(path))))
