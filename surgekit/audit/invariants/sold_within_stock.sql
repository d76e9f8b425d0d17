-- says: no more units are sold than there were in stock
-- needs: ledger, stock
-- Money was taken for units that the platform did not have: the order is refunded later, or its card belongs to somebody
-- else. Counted are orders that were charged, against the stock at the start and what was added meanwhile. The orders
-- named are those that came away without a card of their own, as many as were sold beyond the stock. A refunded order
-- is named when the stock had been sold out before it was charged; one that may simply have paid too late is not.
-- A platform that shows what is left and not what there was in all may have been stocked again in between, unseen: then
-- sales within the stock at the start are within it, and more than those decide nothing.

-- @given
WITH held AS (
    -- A stranger's order may give units back that were not on the shelf at the start, so then all units that exist bound the sales.
    -- Of what is NULL nothing follows: no start, no bound; no total, no knowing what was added (``exact``).
    SELECT c.sku, b.total IS NOT NULL AND e.total IS NOT NULL AS exact,
           CASE WHEN b.total IS NULL OR e.total IS NULL THEN 0 ELSE greatest(e.total - b.total, 0) END + CASE WHEN b.total IS NOT NULL AND EXISTS (
               SELECT 1 FROM strangers s WHERE s.sku = c.sku OR s.sku IS NULL) THEN greatest(b.total, b.unsold) ELSE b.unsold END AS units
    FROM catalogue c JOIN stock b ON b.sku = c.sku AND b.moment = 'start' JOIN stock e ON e.sku = c.sku AND e.moment = 'end'
    WHERE c.supply = 'stock' AND b.unsold IS NOT NULL
),
-- Each card has one rightful order: the first that was seen with it.
first_with AS (SELECT card, arg_min(order_no, (coalesce(seen_s, 1e18), order_no)) AS order_no FROM deliveries GROUP BY card),
rightful AS (SELECT order_no, count(*) AS cards FROM first_with GROUP BY order_no),
shown AS (SELECT order_no, count(*) AS cards FROM deliveries GROUP BY order_no),
pay_steps AS (
    SELECT seq, min(sent_s) AS sent_s, max(done_s) FILTER (class = 'ok') AS done_s FROM requests WHERE starts_with(step, 'pay') GROUP BY seq
),
-- Orders that took a unit for good (kept), and orders that were charged and gave everything back (not kept).
-- An order was charged between ``begin_s`` and ``end_s``; NULL: nobody knows until when.
sold AS (
    SELECT b.order_no, b.sku, b.qty, b.status, b.paid_s, b.accepted_s, coalesce(b.taken_s, p.sent_s, b.accepted_s, b.intended_s) AS begin_s,
           CASE WHEN b.taken > 0 THEN b.told_s ELSE coalesce(b.paid_s, p.done_s) END AS end_s,
           b.meaning IS NOT DISTINCT FROM 'delivered' OR b.kept_fen > 0 OR (b.kept_fen IS NULL AND b.meaning IS NOT DISTINCT FROM 'paid') AS kept,
           -- Units that were not delivered and whose price was given back were not sold.
           CASE WHEN b.kept_fen > 0 AND b.quoted_fen > 0
                THEN least(b.qty, greatest(coalesce(s.cards, 0), ceil(b.kept_fen * b.qty / b.quoted_fen)::BIGINT)) ELSE b.qty END AS units
    FROM bought b LEFT JOIN pay_steps p USING (seq) LEFT JOIN shown s USING (order_no)
    WHERE b.meaning IS NOT DISTINCT FROM 'delivered' OR (b.charges > 0 AND (SELECT still FROM settled)
          AND (b.meaning IS NOT DISTINCT FROM 'refunded' OR b.kept_fen IS NOT NULL OR b.meaning IS NOT DISTINCT FROM 'paid'))
    UNION ALL
    -- What a buyer holds is sold, whatever the ledger says.
    SELECT coalesce(order_no, order_key), sku, qty, coalesce(status, 'confirmed'), paid_s, accepted_s, accepted_s, confirmed_s, TRUE, qty
    FROM orders WHERE confirmed_s IS NOT NULL AND order_key NOT IN (SELECT order_key FROM bought WHERE order_key IS NOT NULL)
),
kept AS (
    SELECT s.*, h.units AS in_stock, h.exact, least(coalesce(r.cards, 0), s.units) AS own_cards
    FROM sold s JOIN held h USING (sku) LEFT JOIN rightful r USING (order_no) WHERE s.kept
),
running AS (
    SELECT *, sum(units) OVER (PARTITION BY sku ORDER BY own_cards = units DESC, own_cards DESC, coalesce(paid_s, end_s, 1e18), order_no) AS so_far
    FROM kept
),
surely_gone AS (SELECT sku, end_s AS at_s, sum(units) OVER (PARTITION BY sku ORDER BY end_s) AS gone FROM kept WHERE end_s IS NOT NULL),
maybe_gone AS (SELECT sku, coalesce(begin_s, -1e18) AS at_s, sum(units) OVER (PARTITION BY sku ORDER BY coalesce(begin_s, -1e18)) AS gone FROM kept),
-- A reservation that ran out before the money came is no oversell. Where others came as late and were served, it had
-- not run out; and no platform gives its buyers less than 2 s to pay.
longest AS (SELECT greatest(2.0, coalesce(max(end_s - accepted_s), 0)) AS in_time_s FROM sold WHERE kept),
returned AS (
    SELECT s.*, h.units AS in_stock, h.exact AND coalesce(g.gone, 0) >= h.units AND coalesce(s.end_s - s.accepted_s <= l.in_time_s, FALSE) AS surely,
           coalesce(m.gone, 0) >= h.units AS maybe, coalesce(s.end_s - s.accepted_s <= l.in_time_s, TRUE) AS perhaps_in_time
    FROM sold s JOIN held h USING (sku) CROSS JOIN longest l
    ASOF LEFT JOIN surely_gone g ON g.sku = s.sku AND g.at_s <= s.begin_s
    ASOF LEFT JOIN maybe_gone m ON m.sku = s.sku AND m.at_s <= coalesce(s.end_s, 1e18)
    WHERE NOT s.kept
),
-- Products that were sold beyond their stock for certain. Only of these, orders are named too that were charged while the
-- last units were still changing hands: that one of two buyers got the card proves nothing against a platform by itself,
-- but on one that is known to charge beyond its stock, the one who came away empty is part of the count.
proven AS (SELECT sku FROM running WHERE exact AND so_far > in_stock UNION SELECT sku FROM returned WHERE surely),
open_ AS (
    SELECT o.sku, o.qty * (o.attempts + 1) AS units FROM orders o
    WHERE o.outcome = 'unknown' AND o.order_key NOT IN (SELECT order_key FROM bought WHERE charges IS NOT NULL AND order_key IS NOT NULL)
),
-- Charged, neither delivered nor explained, and no word on what was given back: sold, or not.
perhaps AS (
    SELECT sku, qty AS units FROM bought WHERE charges > 0 AND kept_fen IS NULL AND coalesce(meaning, 'failed') = 'failed'
)

-- @evidence
SELECT count(*) FROM sold JOIN held USING (sku)

-- @unknown
SELECT (SELECT count(*) FROM returned WHERE maybe AND NOT surely)
     -- Unknown orders matter where they could be more than what was left.
     + (SELECT coalesce(sum(orders), 0) FROM (
            SELECT sku, count(*) AS orders, sum(units) AS units FROM (SELECT * FROM open_ UNION ALL SELECT * FROM perhaps) GROUP BY sku) u
        JOIN held h USING (sku) LEFT JOIN (SELECT sku, sum(units) AS units FROM kept GROUP BY sku) k USING (sku)
        WHERE coalesce(k.units, 0) + u.units > h.units)

-- @strangers
SELECT count(*) FROM strangers WHERE coalesce(supply, 'stock') = 'stock'

-- @blind
SELECT (SELECT count(*) FROM sold JOIN catalogue USING (sku) WHERE supply = 'stock' AND sku NOT IN (SELECT sku FROM held))
     + (SELECT count(*) FROM open_ JOIN catalogue USING (sku) WHERE supply = 'stock' AND sku NOT IN (SELECT sku FROM held))
     + (SELECT count(*) FROM running WHERE NOT exact AND so_far > in_stock)

-- @offending
SELECT order_no AS id, sku || ': sold beyond the ' || in_stock || ' in stock; ' || units::BIGINT || ' paid for, ' || own_cards
       || ' cards of its own, order is ' || coalesce(status, 'without a status') AS detail
FROM (SELECT order_no, sku, in_stock, units, own_cards, status FROM running WHERE exact AND so_far > in_stock
      UNION ALL SELECT order_no, sku, in_stock, units, 0, status FROM returned
      WHERE surely OR (maybe AND perhaps_in_time AND sku IN (SELECT sku FROM proven)))
