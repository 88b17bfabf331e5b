-- Spend against the baseline
-- What was paid, and what the same answers would have cost at each tenant's reference model.
SELECT
    sum(cost_usd) AS spent_usd,
    sum(baseline_cost_usd) AS baseline_usd,
    sum(saved_usd) AS saved_usd,
    round(if(baseline_usd > 0, 100 * toFloat64(saved_usd) / toFloat64(baseline_usd), 0), 2) AS saved_percent
FROM results
WHERE completed_at >= {since:DateTime64(6, 'UTC')}
