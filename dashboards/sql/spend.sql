-- Spend against the baseline
-- What was paid, and what the same answers would have cost at each tenant's reference model.
SELECT
    sum(cost_usd) AS spent_usd,
    sum(r.baseline_cost_usd) AS baseline_usd,
    sum(arraySum(mapValues(r.savings_usd))) AS saved_usd,
    round(if(baseline_usd > 0, 100 * toFloat64(saved_usd) / toFloat64(baseline_usd), 0), 2) AS saved_percent
FROM results_overview(since = {since:DateTime64(6, 'UTC')}) AS r
