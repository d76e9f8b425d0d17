"""A row for every scheduled order: what the engine told, what it could not tell any more, what the ledger adds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import numpy as np

from surgekit.arrivals import Schedule, Shard, schedule
from surgekit.eventlog import folder
from surgekit.eventlog.schema import TABLES
from surgekit.target import Target

CRASH_MARGIN_S = 1.0
"""An engine that died may have sent orders after its last record: up to this much later."""
PIECE = 1 << 18
"""Orders of the schedule that become rows at a time."""


def complete(db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any], *, looked: bool = True) -> None:
    """Replace the table ``orders`` (what engines told) by one with a row for each scheduled order.

    Orders that the engine reported keep their rows. Of the others, one that may have left before the engine ended is
    ``unknown``, one that provably had not is ``failed`` for the reason ``unsent``. ``begun`` knows which had left.
    Unknown orders that the platform was asked about are then what it said: all, by a ledger that is whole, or those in the
    table ``looked`` (unless False), which were read one by one. Raises ``RunError``.
    """
    profile, target = folder.shape(plan)
    _load_due(db, (schedule(profile, target.skus, plan["seed"], Shard(k, plan["shards"])) for k in range(plan["shards"])), plan["run_id"])
    db.execute("ALTER TABLE orders RENAME TO told")
    told = {name: f"t.{name}" for name in TABLES["orders"]}
    told |= {name: f"coalesce(t.{name}, d.{name})" for name in _FROM_SCHEDULE}
    told |= dict.fromkeys(("outcome", "seen"), f"CASE WHEN t.seq IS NOT NULL THEN t.outcome WHEN {_UNSENT} THEN 'failed' ELSE 'unknown' END")
    told["reason"] = f"CASE WHEN t.seq IS NOT NULL THEN t.reason WHEN {_UNSENT} THEN 'unsent' ELSE 'engine_died' END"
    told["ended_s"] = f"coalesce(t.ended_s, CASE WHEN {_UNSENT} THEN NULL ELSE greatest(e.died, d.intended_s) END)"
    told["card_digests"] = "coalesce(t.card_digests, [])"
    told |= {name: f"coalesce(t.{name}, 0)" for name in ("attempts", "errors", "paused_s", "browsed_s")}
    columns = ", ".join(f"{what} AS {name}" for name, what in told.items())
    db.execute("CREATE TEMP TABLE ended (shard INTEGER, died DOUBLE)")
    db.executemany("INSERT INTO ended VALUES (?, ?)", list(_died(db, plan).items()))
    db.execute(
        f"CREATE TABLE orders AS SELECT {columns} FROM due d JOIN ended e ON e.shard = d.shard LEFT JOIN told t USING (seq) LEFT JOIN begun b USING (seq)"  # noqa: S608
    )
    db.execute("DROP TABLE due; DROP TABLE told; DROP TABLE ended")
    whole = (plan.get("witnesses") or {}).get("ledger") == "whole"
    if whole or looked:
        db.execute(f"CREATE TEMP VIEW asked AS SELECT DISTINCT order_key FROM {'orders' if whole else 'looked'}")  # noqa: S608
        _resolve(db, target)


_FROM_SCHEDULE = ("seq", "shard", "intended_s", "order_key", "sku", "qty", "buyer_class", "phase")
_UNSENT = "(b.seq IS NULL AND d.intended_s > e.died)"


def _died(db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any]) -> dict[int, float]:
    """Shard → until when orders of it may have left that no line tells of; before the start where its engine ended in order.

    A worker that was lost alone (``lost``) has its own moment, beyond which it provably sent nothing; where all ended at once, the last line of any tells.
    """
    ends = dict.fromkeys(range(plan["shards"]), -1.0)
    if plan.get("t0") is None:
        return ends
    lost = {int(shard): float(at) for shard, at in (plan.get("lost") or {}).items()}
    if plan.get("engine_ended") == "in_order":
        return ends | lost
    last = db.execute(
        "SELECT max(t) FROM (SELECT max(begun_s) t FROM begun UNION ALL SELECT max(done_s) FROM requests"
        " UNION ALL SELECT max(t_s) FROM samples)"
    ).fetchone()
    died = (last[0] if last and last[0] is not None else 0.0) + CRASH_MARGIN_S
    if plan.get("gone_s") is not None:  # somebody was there who saw it
        died = min(died, plan["gone_s"])
    return dict.fromkeys(ends, died) | lost


def _load_due(db: duckdb.DuckDBPyConnection, shards: Iterable[Schedule], run_id: str) -> None:
    """Make the table ``due``: the schedule, a shard after the other."""
    columns = ", ".join(f"{name} {TABLES['orders'][name]}" for name in _FROM_SCHEDULE)
    db.execute(f"CREATE TEMP TABLE due ({columns})")
    for part in shards:
        for first in range(0, len(part), PIECE):
            rows = slice(first, first + PIECE)
            words = {"sku": (part.skus, part.sku), "buyer_class": (part.classes, part.buyer_class), "phase": (part.phases, part.phase)}
            db.register(
                "piece",
                {"seq": part.seq[rows], "intended_s": part.intended_s[rows], "qty": part.qty[rows]}
                | {name: np.asarray(table, dtype=object)[index[rows]] for name, (table, index) in words.items()},
            )
            db.execute(
                "INSERT INTO due BY NAME SELECT *, CAST($shard AS INTEGER) AS shard, $run || format('-{:07d}', seq) AS order_key FROM piece",
                {"shard": part.shard.index, "run": run_id},
            )
            db.unregister("piece")


def _resolve(db: duckdb.DuckDBPyConnection, target: Target) -> None:
    """An order whose end the buyer did not see is what the platform's own record says, read after everything settled. Only orders
    in ``asked`` are: that the platform has none of another key was never shown.

    A key may have several orders: one delivered is enough; one still paid leaves it open; of equal ones the buyer's own is told of.
    Where the buyer was told that there is no card, and the record shows none either, *delivered* is only its word. *Failed* means without effect, so a
    status that the target file does not explain counts as failed only where no money is known to have been taken. That an order is not
    there, of which its buyer was told a number or a payment, says more of the platform, or of how it was asked, than of the order.
    """
    words = target.statuses
    db.execute("CREATE TEMP MACRO empty_handed(reason, cards) AS coalesce(reason, '') = 'paid_undelivered' AND coalesce(cards, 0) = 0")
    db.execute(
        """
        CREATE TEMP TABLE ends AS
        SELECT DISTINCT ON (order_key) order_key, order_no, rank, status, cards, another FROM (
            SELECT order_key, order_no, coalesce(status, 'no status') AS status, len(card_digests) AS cards,
                   order_no IS DISTINCT FROM own AS another,
                   CASE WHEN list_contains($delivered, status) THEN 0
                        WHEN list_contains($paid, status) THEN 1
                        WHEN list_contains($refunded, status) THEN 2
                        WHEN list_contains($failed, status) THEN 3
                        WHEN (paid_s IS NOT NULL AND (own IS NULL OR own = order_no)) OR coalesce(charges, 0) > 0 OR coalesce(charged_fen, 0) > coalesce(refunded_fen, 0)
                             OR order_no IN (SELECT order_no FROM edge WHERE actor = 'gateway' AND event = 'payment') THEN 1
                        ELSE 3 END AS rank
            FROM ledger LEFT JOIN (SELECT order_key, order_no AS own, paid_s FROM orders) USING (order_key) WHERE order_key IN (SELECT order_key FROM asked))
        ORDER BY order_key, rank, another, order_no, status
        """,
        {"delivered": words.delivered, "paid": words.paid, "refunded": words.refunded, "failed": words.failed},
    )
    db.execute(
        """
        UPDATE orders SET
            outcome = CASE e.rank WHEN 0 THEN CASE WHEN empty_handed(orders.reason, e.cards) THEN 'unknown' ELSE 'confirmed' END
                      WHEN 1 THEN 'unknown' ELSE 'failed' END,
            reason = concat_ws(', ', orders.reason, 'read: ' || CASE e.rank
                     WHEN 0 THEN CASE WHEN empty_handed(orders.reason, e.cards) THEN 'delivered, without a card' ELSE 'delivered' END WHEN 1 THEN 'still ' || e.status
                     WHEN 2 THEN 'refunded' ELSE e.status END),
            order_no = coalesce(orders.order_no, e.order_no)
        FROM ends e WHERE e.order_key = orders.order_key AND orders.outcome = 'unknown'
        """
    )
    db.execute(
        """
        UPDATE orders SET outcome = CASE WHEN accepted_s IS NULL AND paid_s IS NULL THEN 'failed' ELSE outcome END,
            reason = concat_ws(', ', reason, 'read: not there')
        WHERE outcome = 'unknown' AND order_key IN (SELECT order_key FROM asked) AND order_key NOT IN (SELECT order_key FROM ends)
        """
    )
