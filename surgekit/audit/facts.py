"""What the invariants share: the histories of buyers, ledger, gateway and supplier, brought together.

    catalogue    sku, supply
    bought       a row for each of the platform's own orders that is one of ours, as its ledger tells
    strangers    the platform's orders that are not
    deliveries   a row for each card in each order, whoever saw it there and how often
    payments     what the gateway took for each order, and whether the platform knew before its ledger was read
    purchases    what the supplier sold, by the platform's order
    settled      ``still``: nothing moved any more when the ledger was read
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from surgekit.eventlog import lines

MEANINGS = ("delivered", "refunded", "paid", "failed")
"""Of a status word that is listed twice, the first of these counts."""


def prepare(db: duckdb.DuckDBPyConnection, plan: Mapping[str, Any]) -> None:
    """Make the tables on ``db``, a connection from ``eventlog.reader``."""
    target = plan["target"]
    words = target.get("statuses") or {}
    db.execute("CREATE TEMP TABLE catalogue (sku VARCHAR, supply VARCHAR)")
    db.executemany(
        "INSERT INTO catalogue VALUES (?, ?)", [[each["sku"], each.get("supply", "stock")] for each in target["catalogue"]]
    )
    db.execute("CREATE TEMP TABLE words (status VARCHAR PRIMARY KEY, meaning VARCHAR)")
    for meaning in MEANINGS:
        for status in words.get(meaning) or ():
            db.execute("INSERT OR IGNORE INTO words VALUES (?, ?)", [status, meaning])
    still = (plan.get("witnesses") or {}).get("ledger") == "whole"
    db.execute("CREATE TEMP TABLE settled AS SELECT ?::BOOLEAN AS still, ?::DOUBLE AS surge_ended_s", [still, plan.get("ended_s")])
    lines.prepare(db, plan)
    for statement in (_LEDGER, _PAYMENTS, _BOUGHT, _STRANGERS, _PURCHASES, _DELIVERIES):
        db.execute(statement)


_LEDGER = """
-- A ledger that was read while it moved may show an order twice; the later state has more of everything.
CREATE TEMP TABLE ledger_once AS
WITH named AS (SELECT * EXCLUDE (order_no), coalesce(order_no, order_key, '?') AS order_no FROM ledger),
again AS (SELECT order_no FROM named GROUP BY order_no HAVING count(*) > 1)
SELECT l.*, w.meaning FROM (
    SELECT * FROM named WHERE order_no NOT IN (SELECT order_no FROM again)
    UNION ALL
    (SELECT DISTINCT ON (order_no) * FROM named WHERE order_no IN (SELECT order_no FROM again)
     ORDER BY order_no, refunded_fen DESC NULLS LAST, charged_fen DESC NULLS LAST, charges DESC NULLS LAST, len(card_digests) DESC NULLS LAST,
              order_key, status, sku, qty, amount_fen, card_digests)
) l LEFT JOIN words w USING (status)
"""

_PAYMENTS = """
-- What the platform acknowledged after the surge may have come too late for its ledger as it was read; so it is not known to be in there.
CREATE TEMP TABLE payments AS
WITH taken AS (
    SELECT order_no, edge_no, min(t) AS t FROM edge WHERE actor = 'gateway' AND event = 'payment' AND order_no IS NOT NULL GROUP BY ALL
),
told AS (
    SELECT order_no, edge_no, min(t) AS t FROM edge WHERE actor = 'gateway' AND event = 'callback' AND acked GROUP BY ALL
)
SELECT p.order_no, count(*) AS taken, count(*) FILTER (c.t <= (SELECT surge_ended_s FROM settled)) AS known,
       min(p.t) AS taken_s, CASE WHEN count(c.t) = count(*) THEN max(c.t) END AS told_s
FROM taken p LEFT JOIN told c ON c.order_no = p.order_no AND c.edge_no IS NOT DISTINCT FROM p.edge_no GROUP BY p.order_no
"""

_BOUGHT = """
-- A figure that the ledger never gives is one that the target file does not name: NULL, not 0.
CREATE TEMP TABLE bought AS
WITH tells AS (
    SELECT count(charges) + count(charged_fen) > 0 AS charges, count(charged_fen) > 0 AS charged, count(refunded_fen) > 0 AS refunded FROM ledger
)
SELECT l.order_no, l.order_key, o.seq, l.order_no = o.order_no AS seen_by_buyer, o.sku, coalesce(l.qty, o.qty) AS qty, l.status, l.meaning,
       coalesce(CASE WHEN l.order_no = o.order_no THEN o.amount_fen END, l.amount_fen) AS quoted_fen,
       CASE WHEN t.charged THEN coalesce(l.charged_fen, 0) END AS charged_fen,
       CASE WHEN t.charges THEN coalesce(l.charges, (l.charged_fen > 0)::INT, 0) END AS charges,
       CASE WHEN t.refunded THEN coalesce(l.refunded_fen, 0) END AS refunded_fen,
       CASE WHEN t.charged AND t.refunded THEN coalesce(l.charged_fen, 0) - coalesce(l.refunded_fen, 0) END AS kept_fen,
       o.intended_s, o.accepted_s, CASE WHEN l.order_no = o.order_no THEN o.paid_s END AS paid_s,
       coalesce(p.taken, 0) AS taken, coalesce(p.known, 0) AS known, p.taken_s, p.told_s
FROM ledger_once l JOIN orders o USING (order_key) CROSS JOIN tells t LEFT JOIN payments p ON p.order_no = l.order_no
"""

_STRANGERS = """
CREATE TEMP TABLE strangers AS
SELECT l.order_no, l.meaning, c.sku, c.supply, coalesce(l.card_digests, []) AS card_digests
FROM ledger_once l LEFT JOIN catalogue c USING (sku) WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.order_key = l.order_key)
"""

_PURCHASES = """
CREATE TEMP VIEW purchases AS
SELECT e.*, n.order_no AS line FROM edge e JOIN lines n ON n.told = e.order_no
WHERE e.actor = 'supplier' AND e.event = 'purchase' AND coalesce(e.status, 'success') = 'success'
"""

_DELIVERIES = """
-- A card in an order, however often and by whomever it was seen there, is one delivery. Where buyers know an order by
-- another number than the ledger does, key and card show that it is the same one. In the ledger only delivered orders count:
-- cards of others are held for them, and go back. Goods of a supplier count where its book shows that they are cards at all.
CREATE TEMP TABLE deliveries AS
WITH sights AS (
    SELECT order_key, order_no, sku, unnest(list_distinct(card_digests)) AS card, coalesce(confirmed_s, ended_s) AS seen_s, TRUE AS ours FROM orders
),
booked AS (
    SELECT l.order_key, l.order_no, coalesce(o.sku, l.sku) AS sku, unnest(list_distinct(l.card_digests)) AS card, o.seq IS NOT NULL AS ours
    FROM ledger_once l LEFT JOIN orders o USING (order_key) WHERE l.meaning = 'delivered'
),
named AS (
    SELECT coalesce(n.order_no, b.order_no, s.order_no, s.order_key) AS order_no, s.sku, s.card, s.seen_s, s.ours
    FROM sights s LEFT JOIN (SELECT DISTINCT order_no FROM ledger_once) n ON n.order_no = s.order_no
    LEFT JOIN (SELECT order_key, card, min(order_no) AS order_no FROM booked GROUP BY ALL) b ON b.order_key = s.order_key AND b.card = s.card
),
issued AS (SELECT card, count(*) AS times FROM (SELECT unnest(card_digests) AS card FROM purchases) GROUP BY card)
SELECT d.order_no, d.card, min(d.sku) AS sku, min(d.seen_s) AS seen_s, bool_or(d.ours) AS ours, coalesce(any_value(i.times), 1) AS times
FROM (SELECT * FROM named UNION ALL SELECT order_no, sku, card, NULL, ours FROM booked) d
LEFT JOIN catalogue c USING (sku) LEFT JOIN issued i USING (card)
WHERE coalesce(c.supply, 'stock') = 'stock' OR i.card IS NOT NULL
GROUP BY d.order_no, d.card
"""
