-- Usage
-- Every paid call: those whose request had a result already are wasted.
SELECT
    count() AS calls,
    countIf(superseded) AS wasted_calls,
    sum(input_tokens) AS input_tokens,
    sum(cached_input_tokens) AS cached_input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(reasoning_tokens) AS reasoning_tokens,
    sum(cost_usd) AS spent_usd,
    sumIf(cost_usd, superseded) AS wasted_usd
FROM usage
WHERE occurred_at >= {since:DateTime64(6, 'UTC')}
