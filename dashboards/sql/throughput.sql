-- Throughput
-- From the first receipt to the last result, and the best second in between.
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
        min(received_at) AS first,
        max(completed_at) AS last
    FROM results
    WHERE completed_at >= {since:DateTime64(6, 'UTC')}
    GROUP BY second
)
