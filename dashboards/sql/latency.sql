-- Latency
-- From receipt by a worker to the result, by status.
SELECT
    status,
    sum(r.results) AS results,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(r.latency) AS quantiles,
    round(quantiles[1], 2) AS p50_ms,
    round(quantiles[2], 2) AS p95_ms,
    round(quantiles[3], 2) AS p99_ms
FROM results_overview(since = {since:DateTime64(6, 'UTC')}) AS r
GROUP BY status
ORDER BY results DESC
