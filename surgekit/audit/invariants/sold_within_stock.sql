-- says: no more units are sold than there were in stock
-- needs: ledger, stock
-- Money was taken for units that the platform did not have: the order is refunded later, or its card belongs to somebody
-- else. Counted are orders that were charged, against the stock at the start (and what was added meanwhile). The orders
-- named are those that came away without a card of their own, as many as were sold beyond the stock.

-- @evidence
SELECT count(*) FROM charges JOIN catalogue USING (sku) WHERE supply = 'stock' AND charges > 0

-- @unknown
SELECT count(*) FROM orders JOIN catalogue USING (sku) WHERE supply = 'stock' AND outcome = 'unknown'

-- @offending
WITH held AS (
    SELECT b.sku, b.unsold + greatest(coalesce(e.total, b.total) - b.total, 0) AS units
    FROM stock b LEFT JOIN stock e ON e.sku = b.sku AND e.moment = 'end'
    JOIN catalogue c ON c.sku = b.sku AND c.supply = 'stock'
    WHERE b.moment = 'start'
),
-- Each card has one rightful order: the first that was seen with it.
first_with AS (SELECT card, arg_min(order_no, (coalesce(seen_s, 1e18), order_no)) AS order_no FROM deliveries GROUP BY card),
rightful AS (SELECT order_no, count(*) AS cards FROM first_with GROUP BY order_no),
sold AS (
    SELECT c.order_no, c.sku, c.qty, c.status, c.paid_s, least(coalesce(r.cards, 0), c.qty) AS own_cards
    FROM charges c LEFT JOIN rightful r USING (order_no) WHERE c.charges > 0
),
running AS (
    SELECT s.*, h.units,
           sum(s.qty) OVER (PARTITION BY s.sku ORDER BY (s.own_cards = s.qty) DESC, s.own_cards DESC,
                            coalesce(s.paid_s, 1e18), s.order_no) AS so_far
    FROM sold s JOIN held h USING (sku)
)
SELECT order_no AS id,
       sku || ': sold beyond the ' || units || ' in stock; ' || qty || ' paid for, ' || own_cards || ' cards of its own, order is ' || status AS detail
FROM running WHERE so_far > units
