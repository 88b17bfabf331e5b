-- Models chosen
-- Who answered, and what it cost.
SELECT
    model,
    provider,
    count() AS answers,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cost_usd) AS spent_usd,
    round(quantile(0.5)(latency_ms), 1) AS p50_ms
FROM results
WHERE status = 'completed' AND completed_at >= {since:DateTime64(6, 'UTC')}
GROUP BY model, provider
ORDER BY answers DESC, model
