SELECT
    model, task_type, count() AS requests, sum(cost_usd) AS cost_usd,
    sum(input_tokens) AS tokens_in, sum(output_tokens) AS tokens_out, avg(predicted_quality) AS predicted_quality
FROM results
WHERE tenant = {tenant:String} AND status = 'completed' AND decision_rule = 'explicit_model'
    AND model = {model:String} AND task_type = {task_type:String}
    AND received_at >= {since:DateTime64(6, 'UTC')} AND received_at < {until:DateTime64(6, 'UTC')}
GROUP BY model, task_type
