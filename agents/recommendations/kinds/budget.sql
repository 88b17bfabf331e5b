SELECT
    'spent' AS what, tenant, scope.1 AS kind, scope.2 AS name, span.1 AS period, toUnixTimestamp(span.2) AS start,
    sum(cost_usd) AS usd, count() AS requests
FROM
(
    SELECT tenant, team, user, key_id, occurred_at, cost_usd FROM spending
    WHERE ({tenant:String} = '' OR tenant = {tenant:String})
        AND occurred_at >= toStartOfMonth({since:DateTime64(6, 'UTC')}) AND occurred_at < {until:DateTime64(6, 'UTC')}
)
ARRAY JOIN
    [('tenant', toString(tenant)), ('team', toString(team)), ('user', user), ('key', toString(key_id))] AS scope
ARRAY JOIN
    [('hour', toStartOfHour(occurred_at)), ('day', toDateTime(toStartOfDay(occurred_at), 'UTC')),
     ('month', toDateTime(toStartOfMonth(occurred_at), 'UTC'))] AS span
WHERE kind = 'tenant' OR (tenant, kind, name) IN (SELECT tenant, kind, name FROM registry)
GROUP BY tenant, kind, name, period, start
UNION ALL
SELECT
    'refused' AS what, tenant, said[3] AS kind, said[4] AS name, said[2] AS period,
    toUnixTimestamp(multiIf(
        period = 'hour', toStartOfHour(received_at),
        period = 'day', toDateTime(toStartOfDay(received_at), 'UTC'),
        toDateTime(toStartOfMonth(received_at), 'UTC'))) AS start,
    sum(toDecimal128OrZero(said[5], 18)) AS usd, count() AS requests
FROM
(
    SELECT
        tenant, received_at,
        extractGroups(error_message, 'the budget of ([0-9.]+) USD per (hour|day|month) of (tenant|team|user|key) (.+) has -?[0-9.]+ USD left, and the request may cost ([0-9.]+) USD') AS said
    FROM results
    WHERE status = 'rejected' AND error_code = 'budget_exceeded'
        AND ({tenant:String} = '' OR tenant = {tenant:String})
        AND received_at >= {since:DateTime64(6, 'UTC')} AND received_at < {until:DateTime64(6, 'UTC')}
)
WHERE length(said) = 5
GROUP BY tenant, kind, name, period, start
