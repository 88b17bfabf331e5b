-- Savings by cause
-- The causes add up to the difference between baseline and cost.
SELECT cause, sum(saved_by[cause]) AS results, sum(amount) AS saved_usd
FROM results_overview(since = {since:DateTime64(6, 'UTC')}) AS r
ARRAY JOIN mapKeys(savings_usd) AS cause, mapValues(savings_usd) AS amount
GROUP BY cause
ORDER BY saved_usd DESC
