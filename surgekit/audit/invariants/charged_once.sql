-- says: an order key makes at most one charge, of the amount that was quoted
-- needs: ledger
-- The buyer pressed twice, or tried again after a time-out, and paid twice for what was one wish. It happens where the
-- order key is not used as an idempotency key.

-- @evidence
SELECT count(DISTINCT order_key) FROM charges WHERE charges > 0

-- @unknown
SELECT count(*) FROM orders WHERE outcome = 'unknown'

-- @offending
WITH gateway AS (
    SELECT order_no, count(*) AS payments FROM edge WHERE actor = 'gateway' AND event = 'payment' GROUP BY order_no
),
by_key AS (
    SELECT c.order_key, sum(greatest(c.charges, coalesce(g.payments, 0))) AS charges,
           string_agg(c.order_no, ', ' ORDER BY c.order_no) AS numbers
    FROM charges c LEFT JOIN gateway g USING (order_no)
    WHERE c.charges > 0 OR g.payments > 0 GROUP BY c.order_key
),
problems AS (
    SELECT order_key, 'charged ' || charges || ' times for one order key: ' || numbers AS what FROM by_key WHERE charges > 1
    UNION ALL
    SELECT order_key, order_no || ': charged ' || charged_fen || ' fen, quoted ' || amount_fen
    FROM charges WHERE charges = 1 AND charged_fen <> amount_fen
)
SELECT order_key AS id, string_agg(what, '; ') AS detail FROM problems GROUP BY order_key
