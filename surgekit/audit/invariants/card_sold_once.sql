-- says: a card reaches at most one order
-- needs: ledger
-- Two buyers hold the same code; the second finds it used. It happens when an unsold card is picked without a lock and
-- marked as sold without looking again, or when a repeated payment notice delivers once more.

-- @evidence
SELECT count(*) FROM deliveries

-- @unknown
SELECT count(*) FROM orders WHERE outcome = 'unknown'

-- @offending
SELECT card AS id,
       'one card in ' || count(DISTINCT order_no) || ' orders: ' || string_agg(DISTINCT order_no, ', ' ORDER BY order_no) AS detail
FROM deliveries GROUP BY card HAVING count(DISTINCT order_no) > 1
