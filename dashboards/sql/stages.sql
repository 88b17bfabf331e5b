-- Time per stage
-- Where the milliseconds of a request go, by every eighth of the results of the newest hour.
SELECT
    stage,
    count() AS results,
    round(quantile(0.5)(ms), 3) AS p50_ms,
    round(quantile(0.99)(ms), 3) AS p99_ms
FROM endings_store FINAL
ARRAY JOIN mapKeys(stages_ms) AS stage, mapValues(stages_ms) AS ms
WHERE completed_at >= greatest({since:DateTime64(6, 'UTC')}, (SELECT max(completed_at) FROM endings_store) - INTERVAL 1 HOUR)
GROUP BY stage
ORDER BY p50_ms DESC
