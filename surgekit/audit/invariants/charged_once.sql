-- says: an order key makes at most one charge, of the amount that was quoted
-- needs: ledger
-- needs_played: edge
-- The buyer pressed twice, or tried again after a time-out, and paid twice for what was one wish. It happens where the
-- order key is not used as an idempotency key. A charge that was given back again does not count.

-- @given
WITH each_order AS (
    -- What the gateway took and told in time, and the ledger has no charge for, was kept.
    SELECT *, greatest(known - charges, 0) AS untold, charges > 0 AND kept_fen IS NOT NULL AS amounts_known FROM bought
),
by_key AS (
    SELECT order_key, sum(charges) + sum(untold) AS charges, bool_and(amounts_known OR charges = 0) AS amounts_known,
           -- Charges that the buyer still bears: of each order what was kept, in units of its price.
           sum(CASE WHEN charges = 0 THEN 0 WHEN kept_fen <= 0 THEN 0
                    WHEN charges > 1 AND quoted_fen > 0 THEN least(charges, greatest(1, ceil(kept_fen / quoted_fen))) ELSE 1 END) + sum(untold) AS borne,
           string_agg(order_no, ', ' ORDER BY order_no) FILTER (charges + untold > 0) AS numbers
    FROM each_order GROUP BY order_key
)

-- @evidence
SELECT count(*) FROM by_key WHERE charges > 0

-- @unknown
SELECT (SELECT count(*) FROM orders o WHERE outcome = 'unknown' AND order_key NOT IN (SELECT order_key FROM bought WHERE charges IS NOT NULL))
     + (SELECT count(*) FROM bought WHERE taken > greatest(known, charges))
     -- More than one charge, and the ledger does not say whether any was given back.
     + (SELECT count(*) FROM by_key WHERE charges > 1 AND NOT amounts_known)

-- @offending
SELECT order_key AS id, string_agg(what, '; ' ORDER BY what) AS detail FROM (
    SELECT order_key, 'charged ' || borne::BIGINT || ' times for one order key: ' || numbers AS what FROM by_key WHERE borne > 1 AND amounts_known
    UNION ALL
    SELECT order_key, order_no || ': charged ' || charged_fen || ' fen, quoted ' || quoted_fen
    FROM bought WHERE charges = 1 AND charged_fen <> quoted_fen AND kept_fen > 0 AND kept_fen <> quoted_fen
) GROUP BY order_key
