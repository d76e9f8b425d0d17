-- says: a card reaches at most one order
-- needs: ledger
-- needs_played: edge
-- Two buyers hold the same code; the second finds it used. It happens when an unsold card is picked without a lock and
-- marked as sold without looking again, or when a repeated payment notice delivers once more. A card that the supplier
-- sold twice may be in two orders. One that a stranger's order has too may have been stocked again in between.

-- @evidence
SELECT count(*) FROM deliveries WHERE ours

-- @unknown
SELECT (SELECT count(*) FROM orders WHERE outcome = 'unknown')
     -- Delivered, and nobody could see what: any card may be in there.
     + (SELECT count(*) FROM bought JOIN catalogue USING (sku) WHERE meaning = 'delivered' AND supply = 'stock'
        AND order_no NOT IN (SELECT order_no FROM deliveries))

-- @strangers
SELECT count(*) FROM strangers s WHERE coalesce(supply, 'stock') = 'stock' AND meaning = 'delivered'
AND (len(card_digests) = 0 OR order_no IN (
    SELECT d.order_no FROM deliveries d JOIN deliveries o USING (card) WHERE NOT d.ours AND o.ours))

-- @offending
SELECT card AS id,
       'one card in ' || count(DISTINCT order_no) || ' orders: ' || string_agg(DISTINCT order_no, ', ' ORDER BY order_no) AS detail
FROM deliveries WHERE ours GROUP BY card HAVING count(DISTINCT order_no) > max(times)
