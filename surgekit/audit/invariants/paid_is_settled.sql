-- says: each paid order ends delivered or refunded: not both, not neither
-- needs: ledger
-- The buyer's money is gone and nothing came (掉单), or goods and money both went out. A payment that the gateway took and
-- confirmed to the platform counts as paid, whatever the platform's own record says.

-- @evidence
SELECT count(*) FROM charges WHERE charges > 0

-- @unknown
SELECT (SELECT count(*) FROM orders WHERE outcome = 'unknown')
     + (SELECT count(DISTINCT order_no) FROM edge p WHERE actor = 'gateway' AND event = 'payment'
        AND NOT EXISTS (SELECT 1 FROM edge c WHERE c.actor = 'gateway' AND c.event = 'callback' AND c.acked AND c.order_no = p.order_no))

-- @offending
WITH ends AS (
    SELECT c.*, c.status IN (SELECT status FROM words WHERE meaning = 'delivered') AS delivered,
           c.status IN (SELECT status FROM words WHERE meaning = 'paid') AS still_paid,
           c.charged_fen - coalesce(c.refunded_fen, 0) AS kept_fen
    FROM charges c
),
-- Only meaningful once the platform stood still; an order that is still being worked on is not yet lost.
problems AS (
    SELECT order_no, 'paid ' || charged_fen || ' fen, order is ' || status || ': neither delivered nor refunded' AS what
    FROM ends WHERE charges > 0 AND NOT delivered AND kept_fen > 0 AND (NOT still_paid OR (SELECT still FROM settled))
    UNION ALL
    SELECT order_no, 'delivered, and ' || refunded_fen || ' of ' || charged_fen || ' fen given back'
    FROM ends WHERE delivered AND charges > 0 AND kept_fen <= 0
    UNION ALL
    SELECT order_no, 'delivered without any charge' FROM ends WHERE delivered AND coalesce(charges, 0) = 0
    UNION ALL
    SELECT e.order_no, 'the gateway took the money and the platform acknowledged it, but its order is ' || c.status
    FROM (SELECT DISTINCT p.order_no FROM edge p JOIN edge a ON a.order_no = p.order_no AND a.actor = 'gateway'
          AND a.event = 'callback' AND a.acked WHERE p.actor = 'gateway' AND p.event = 'payment') e
    JOIN charges c USING (order_no) WHERE coalesce(c.charges, 0) = 0
)
SELECT order_no AS id, string_agg(what, '; ') AS detail FROM problems GROUP BY order_no
