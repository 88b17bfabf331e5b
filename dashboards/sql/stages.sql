-- Time per stage
-- Where the milliseconds of a request go.
SELECT
    stage,
    count() AS results,
    round(quantile(0.5)(ms), 3) AS p50_ms,
    round(quantile(0.99)(ms), 3) AS p99_ms
FROM results
ARRAY JOIN mapKeys(stages_ms) AS stage, mapValues(stages_ms) AS ms
WHERE completed_at >= {since:DateTime64(6, 'UTC')}
GROUP BY stage
ORDER BY p50_ms DESC
