-- Savings by cause
-- The causes add up to the difference between baseline and cost.
SELECT cause, count() AS results, sum(amount) AS saved_usd
FROM results
ARRAY JOIN mapKeys(savings_usd) AS cause, mapValues(savings_usd) AS amount
WHERE completed_at >= {since:DateTime64(6, 'UTC')}
GROUP BY cause
ORDER BY saved_usd DESC
