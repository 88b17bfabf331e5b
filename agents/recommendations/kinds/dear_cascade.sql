SELECT
    attempts > 1 AS asked_twice, model, count() AS requests, sum(cost_usd) AS cost_usd,
    avg(predicted_quality) AS predicted_quality
FROM results
WHERE tenant = {tenant:String} AND status = 'completed' AND decision_rule = 'cascade'
    AND task_type = {task_type:String}
    AND received_at >= {since:DateTime64(6, 'UTC')} AND received_at < {until:DateTime64(6, 'UTC')}
GROUP BY asked_twice, model
ORDER BY requests DESC
