-- says: at most one supplier purchase for each order
-- needs: edge
-- The platform bought the same goods twice: its supplier was slow, and it asked again under a new number instead of
-- asking what had become of the first.

-- @evidence
SELECT count(DISTINCT line) FROM purchases

-- @unknown
-- Every purchase is in the supplier's own book, so no outcome that the platform does not know of matters here.
SELECT 0

-- @offending
SELECT line AS id, 'bought ' || count(*) || ' times: ' || string_agg(order_no, ', ' ORDER BY t) AS detail
FROM purchases GROUP BY line HAVING count(*) > 1
