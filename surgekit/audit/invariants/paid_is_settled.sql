-- says: each paid order ends delivered or refunded: not both, not neither
-- needs: ledger
-- needs_played: edge
-- The buyer's money is gone and nothing came (掉单), or goods and money both went out. A payment that the gateway took and
-- confirmed to the platform counts as paid, whatever the platform's own record says.

-- @evidence
SELECT count(*) FROM bought WHERE charges > 0 OR known > 0

-- @unknown
SELECT (SELECT count(*) FROM orders WHERE outcome = 'unknown')
     -- The gateway took the money, and the platform was not known to know when its ledger was read.
     + (SELECT count(*) FROM bought WHERE taken > known AND coalesce(charges, 0) = 0)
     -- A status that the target file does not explain, or no word on what was given back.
     + (SELECT count(*) FROM bought WHERE charges > 0 AND (meaning IS NULL OR (meaning = 'failed' AND kept_fen IS NULL)) AND coalesce(kept_fen, 1) > 0)

-- @offending
SELECT order_no AS id, string_agg(what, '; ' ORDER BY what) AS detail FROM (
    -- Only meaningful once the platform stood still; an order that is still being worked on is not yet lost.
    SELECT order_no, 'paid ' || coalesce(charged_fen::VARCHAR, '?') || ' fen, order is ' || status || ': neither delivered nor refunded' AS what
    FROM bought WHERE charges > 0 AND coalesce(kept_fen, CASE WHEN meaning = 'paid' THEN 1 ELSE 0 END) > 0
    AND (meaning IN ('refunded', 'failed') OR meaning = 'paid' AND (SELECT still FROM settled))
    UNION ALL
    SELECT order_no, 'delivered, and ' || refunded_fen || ' of ' || charged_fen || ' fen given back'
    FROM bought WHERE meaning = 'delivered' AND charges > 0 AND kept_fen <= 0
    UNION ALL
    SELECT order_no, 'delivered without any charge' FROM bought WHERE meaning = 'delivered' AND charges = 0 AND taken = 0 AND quoted_fen > 0
    UNION ALL
    SELECT order_no, 'the gateway took the money and the platform acknowledged it, but its order is ' || coalesce(status, 'without a status')
    FROM bought WHERE known > 0 AND charges = 0
)
GROUP BY order_no
