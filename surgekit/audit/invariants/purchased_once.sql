-- says: at most one supplier purchase for each order
-- needs: edge
-- The platform bought the same goods twice: its supplier was slow, and it asked again under a new number instead of
-- asking what had become of the first. Buying an order's units one by one is no fault; buying more than were ordered is.

-- @given
WITH ordered AS (
    SELECT order_no, max(qty) AS qty FROM (SELECT order_no, qty FROM ledger_once UNION ALL SELECT order_no, qty FROM orders)
    WHERE order_no IS NOT NULL GROUP BY order_no
),
by_line AS (
    SELECT p.line, any_value(o.qty) AS ordered, count(*) AS times, sum(coalesce(p.qty, o.qty)) AS units, max(p.qty) AS most,
           string_agg(p.order_no, ', ' ORDER BY p.t, p.order_no) AS numbers
    FROM purchases p LEFT JOIN ordered o ON o.order_no = p.line GROUP BY p.line
)

-- @evidence
SELECT count(*) FROM by_line

-- @unknown
-- Every purchase is in the supplier's own book, so the only thing that may be missing is how much was ordered.
SELECT count(*) FROM by_line WHERE times > 1 AND (ordered IS NULL OR units IS NULL)

-- @offending
SELECT line AS id, 'bought ' || times || ' times, ' || units || ' units for ' || ordered || ' ordered: ' || numbers AS detail
FROM by_line WHERE times > 1 AND units > ordered
