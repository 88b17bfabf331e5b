SELECT
    model, count() AS requests, sum(input_tokens) AS tokens_in, sum(cached_input_tokens) AS tokens_cached,
    sum(cost_usd) AS cost_usd
FROM results
WHERE tenant = {tenant:String} AND status = 'completed' AND model = {model:String}
    AND input_tokens >= {least:UInt64}
    AND received_at >= {since:DateTime64(6, 'UTC')} AND received_at < {until:DateTime64(6, 'UTC')}
GROUP BY model
