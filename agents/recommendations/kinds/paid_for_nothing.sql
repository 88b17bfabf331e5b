SELECT
    tenant, request_id, model, provider, cause, count() AS calls, sum(cost_usd) AS cost_usd,
    sum(output_tokens) AS output_tokens
FROM
(
    SELECT
        call.tenant AS tenant, call.request_id AS request_id, call.model AS model, call.provider AS provider,
        call.cost_usd AS cost_usd, call.output_tokens AS output_tokens, superseded,
        multiIf(
            superseded AND batch, 'late_batch', superseded, 'superseded',
            ended.status != 'completed', 'unanswered', 'retried') AS cause,
        row_number() OVER (
            PARTITION BY call.tenant, call.request_id
            ORDER BY superseded, call.model != ended.model, call.provider != ended.provider, occurred_at DESC,
                attempt DESC) AS place,
        ended.status AS status
    FROM
    (
        SELECT tenant, request_id, model, provider, cost_usd, output_tokens, superseded, batch, occurred_at, attempt
        FROM usage
        WHERE (superseded AND occurred_at >= {since:DateTime64(6, 'UTC')})
            OR (tenant, request_id) IN
            (
                SELECT tenant, id FROM results
                WHERE received_at >= {since:DateTime64(6, 'UTC')} AND received_at < {until:DateTime64(6, 'UTC')}
                    AND (attempts > 1 OR status IN ('failed', 'expired', 'rejected')) AND decision_rule != 'cascade'
            )
    ) AS call
    INNER JOIN
    (
        SELECT tenant, id, status, model, provider FROM results
        WHERE received_at >= {since:DateTime64(6, 'UTC')} AND received_at < {until:DateTime64(6, 'UTC')}
            AND ({tenant:String} = '' OR tenant = {tenant:String})
            AND (attempts > 1 OR status IN ('failed', 'expired', 'rejected')
                OR (tenant, id) IN (SELECT tenant, request_id FROM usage WHERE superseded))
    ) AS ended ON call.tenant = ended.tenant AND call.request_id = ended.id
)
WHERE superseded OR place > 1 OR status != 'completed'
GROUP BY tenant, request_id, model, provider, cause
ORDER BY tenant, request_id
