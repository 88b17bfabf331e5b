-- Usage
-- Every paid call: those whose request had a result already are wasted.
SELECT
    sum(r.calls) AS calls,
    sum(r.superseded_calls) AS wasted_calls,
    sum(r.input_tokens) AS input_tokens,
    sum(r.cached_input_tokens) AS cached_input_tokens,
    sum(r.output_tokens) AS output_tokens,
    sum(r.reasoning_tokens) AS reasoning_tokens,
    sum(r.cost_usd) AS spent_usd,
    sum(r.superseded_usd) AS wasted_usd
FROM usage_overview(since = {since:DateTime64(6, 'UTC')}) AS r
