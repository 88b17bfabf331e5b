-- Throughput
-- From the first receipt to the last result, and the best second in between; of the newest hour in which there were any.
SELECT
    sum(results) AS total,
    round(dateDiff('millisecond', min(first), max(last)) / 1000, 3) AS seconds,
    round(total / greatest(seconds, 0.001), 1) AS results_per_second,
    max(results) AS best_second
FROM
(
    SELECT
        toStartOfSecond(completed_at) AS second,
        count() AS results,
        min(completed_at - toIntervalMicrosecond(round(1000 * latency_ms))) AS first,
        max(completed_at) AS last
    FROM endings_store FINAL
    WHERE completed_at >= greatest({since:DateTime64(6, 'UTC')}, (SELECT max(completed_at) FROM endings_store) - INTERVAL 1 HOUR)
    GROUP BY second
)
