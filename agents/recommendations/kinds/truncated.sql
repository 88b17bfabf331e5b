SELECT model, task_type, count() AS cut_off, sum(cost_usd) AS cost_usd, max(output_tokens) AS longest
FROM results
WHERE tenant = {tenant:String} AND status = 'completed' AND finish_reason = 'length'
    AND task_type = {task_type:String}
    AND received_at >= {since:DateTime64(6, 'UTC')} AND received_at < {until:DateTime64(6, 'UTC')}
GROUP BY model, task_type
ORDER BY cost_usd DESC
