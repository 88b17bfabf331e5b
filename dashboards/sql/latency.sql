-- Latency
-- From receipt by a worker to the result, by status.
SELECT
    status,
    count() AS results,
    round(quantile(0.5)(latency_ms), 2) AS p50_ms,
    round(quantile(0.95)(latency_ms), 2) AS p95_ms,
    round(quantile(0.99)(latency_ms), 2) AS p99_ms,
    round(max(latency_ms), 2) AS longest_ms
FROM results
WHERE completed_at >= {since:DateTime64(6, 'UTC')}
GROUP BY status
ORDER BY results DESC
