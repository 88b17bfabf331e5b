SELECT
    model, floor(dateDiff('second', received_at, assumeNotNull(deadline)) / 3600) AS hours_left, count() AS requests,
    sum(cost_usd) AS cost_usd
FROM
(
    SELECT id, model, cost_usd, received_at FROM results
    WHERE tenant = {tenant:String} AND status = 'completed' AND lane != 'batch'
        AND received_at >= {since:DateTime64(6, 'UTC')} AND received_at < {until:DateTime64(6, 'UTC')}
) AS answered
INNER JOIN
(
    SELECT id, deadline FROM requests
    WHERE tenant = {tenant:String} AND isNotNull(deadline) AND isNull(latency_budget_ms)
) AS asked USING (id)
GROUP BY model, hours_left
ORDER BY hours_left, model
