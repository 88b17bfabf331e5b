-- Cache hits
-- Answers that cost nothing, by where they came from; the share is of all answers.
SELECT
    cache_tier AS tier,
    sum(r.results) AS hits,
    round(100 * hits / (sum(hits) OVER () + any(completed)), 2) AS percent,
    round(sum(r.cache_age_seconds) / hits, 1) AS mean_age_seconds,
    sum(arraySum(mapValues(r.savings_usd))) AS saved_usd
FROM (SELECT *, sumIf(results, status = 'completed') OVER () AS completed FROM results_overview(since = {since:DateTime64(6, 'UTC')})) AS r
WHERE status = 'cached'
GROUP BY tier
ORDER BY hits DESC
