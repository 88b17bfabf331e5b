-- Cache hits
-- Answers that cost nothing, by where they came from; the share is of all answers.
SELECT
    cache_tier AS tier,
    count() AS hits,
    round(100 * hits / (SELECT greatest(count(), 1) FROM results
        WHERE status IN ('completed', 'cached') AND completed_at >= {since:DateTime64(6, 'UTC')}), 2) AS percent,
    round(avg(cache_age_seconds), 1) AS mean_age_seconds,
    sum(saved_usd) AS saved_usd
FROM results
WHERE status = 'cached' AND completed_at >= {since:DateTime64(6, 'UTC')}
GROUP BY tier
ORDER BY hits DESC
