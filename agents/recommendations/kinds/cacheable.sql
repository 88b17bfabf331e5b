SELECT
    content, any(left(prompt, 60)) AS begins, count() AS paid, sum(cost_usd) AS cost_usd,
    groupUniqArray(directive) AS directives, min(received_at) AS first, max(received_at) AS last
FROM
(
    SELECT
        JSONExtractString(body, 'id') AS id, JSONExtractString(body, 'prompt') AS prompt,
        JSONExtractRaw(body, 'messages') AS messages, cityHash64(prompt, messages) AS content,
        JSONExtractString(body, 'cache', 'directive') AS directive
    FROM
    (
        SELECT arrayJoin(if(startsWith(trimLeft(ifNull(value, '')), '['),
            JSONExtractArrayRaw(ifNull(value, '')), [ifNull(value, '')])) AS body
        FROM archive
        WHERE topic = 'asahi.requests' AND timestamp >= {since:DateTime64(6, 'UTC')} - INTERVAL 1 DAY
    )
    WHERE JSONExtractString(body, 'tenant') = {tenant:String} AND (prompt != '' OR messages NOT IN ('', 'null'))
    LIMIT 1 BY id
) AS asked
INNER JOIN
(
    SELECT id, cost_usd, received_at FROM results
    WHERE tenant = {tenant:String} AND status = 'completed'
        AND received_at >= {since:DateTime64(6, 'UTC')} AND received_at < {until:DateTime64(6, 'UTC')}
) AS answered USING (id)
GROUP BY content
HAVING paid > 1
ORDER BY cost_usd DESC
LIMIT 100
