"""Where an order's time went, hop by hop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from surgekit.eventlog import lines

HOPS = ("client", "submit", "pay", "query", "gateway", "supplier", "platform")


def prepare(db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any]) -> None:
    """Make the table ``hops``: a row an order that was accepted or waited for, times in seconds.

    ``total``    from the intended time to the confirmation, or to where the buyer stopped watching
    ``bought``   whether its goods come from the supplier
    ``client``   from the intended time to the moment the engine took the order up: the generator's own lateness
    ``submit``, ``pay``, ``query``  the platform's replies, from when each request was due
    ``gateway``  from the payment to the gateway's first notice
    ``supplier`` what the supplier took for this order, link and faults included
    ``platform`` the rest: inside the platform, queues, locks and all. Pauses of the buyer are in no hop.
    """
    lines.prepare(db, plan)
    db.execute(
        """
        CREATE TEMP TABLE hops AS
        WITH asked AS (
            SELECT seq, sum(done_s - due_s) FILTER (step = 'submit') AS submit, sum(done_s - due_s) FILTER (step = 'pay') AS pay,
                   max(done_s - due_s) FILTER (step = 'poll') AS query,
                   sum(done_s - due_s) FILTER (step NOT IN ('quote', 'submit', 'pay', 'poll')) AS outside
            FROM requests GROUP BY seq
        ),
        bought AS (
            SELECT l.order_no, sum(e.took_s) AS supplier FROM edge e JOIN lines l ON l.told = e.order_no
            WHERE e.actor = 'link' AND e.event = 'forward' GROUP BY l.order_no
        ),
        noticed AS (
            SELECT p.order_no, greatest(min(c.t - coalesce(c.took_s, 0)) - min(p.t), 0) AS gateway
            FROM edge p JOIN edge c ON c.order_no = p.order_no AND c.actor = 'gateway' AND c.event = 'callback'
            WHERE p.actor = 'gateway' AND p.event = 'payment' GROUP BY p.order_no
        )
        SELECT o.seq, o.intended_s, o.sku, list_contains($supplied, o.sku) AS bought,
               greatest(coalesce(o.confirmed_s, o.ended_s) - o.intended_s - coalesce(o.paused_s, 0), 0) AS total,
               coalesce(o.started_s - o.intended_s, 0) AS client, coalesce(a.submit, 0) AS submit, coalesce(a.pay, 0) AS pay,
               coalesce(a.query, 0) AS query, coalesce(n.gateway, 0) AS gateway, coalesce(b.supplier, 0) AS supplier,
               greatest(greatest(coalesce(o.confirmed_s, o.ended_s) - o.intended_s - coalesce(o.paused_s, 0), 0)
                        - coalesce(o.started_s - o.intended_s, 0) - coalesce(n.gateway, 0) - coalesce(b.supplier, 0)
                        - coalesce(a.outside, 0), 0) AS platform
        FROM orders o JOIN asked a USING (seq)
        LEFT JOIN bought b ON b.order_no = o.order_no LEFT JOIN noticed n ON n.order_no = o.order_no
        """,
        {"supplied": [each["sku"] for each in plan["target"]["catalogue"] if each.get("supply") == "supplier"]},
    )


def means_ms(db: duckdb.DuckDBPyConnection, begin: float, end: float) -> tuple[dict[str, float], int]:
    """Mean of each hop in ms over the orders that were due in ``[begin, end)``, and how many there were."""
    columns = ", ".join(f"avg({hop})" for hop in HOPS)
    row = db.execute(
        f"SELECT count(*), {columns} FROM hops WHERE intended_s >= ? AND intended_s < ?",  # noqa: S608
        [begin, end],
    ).fetchone()
    assert row is not None
    return {hop: round((value or 0.0) * 1000, 1) for hop, value in zip(HOPS, row[1:], strict=True)}, int(row[0])
