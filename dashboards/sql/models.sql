-- Models chosen
-- Who answered, and what it cost.
SELECT
    model,
    provider,
    sum(r.results) AS answers,
    sum(r.input_tokens) AS input_tokens,
    sum(r.output_tokens) AS output_tokens,
    sum(r.cost_usd) AS spent_usd,
    round(quantilesTDigestMerge(0.5, 0.95, 0.99)(r.latency)[1], 1) AS p50_ms
FROM results_overview(since = {since:DateTime64(6, 'UTC')}) AS r
WHERE status = 'completed'
GROUP BY model, provider
ORDER BY answers DESC, model
