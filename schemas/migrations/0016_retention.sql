-- Content that was kept as long as a policy lets it be is taken out of archived events: `asahi governance retain`, and
-- the sink every hour. What remains of an event says what the tables know of it: `content_removed` holds the lengths that
-- were measured on the content, so that replaying the archive makes the same rows.
ALTER TABLE archive_store ADD COLUMN IF NOT EXISTS content_removed_at DateTime('UTC') DEFAULT toDateTime(0, 'UTC')
    CODEC(ZSTD(1));

CREATE OR REPLACE VIEW archive AS
SELECT
    cluster, topic, partition, offset, timestamp, key, value, headers, ce_id, ce_type, ce_source, ce_time, archived_at,
    content_removed_at
FROM archive_store FINAL;

-- Until when the archive was looked through, under which rules: the next look begins there.
CREATE TABLE IF NOT EXISTS retention_passes
(
    rules String,
    began_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY began_at
TTL toDateTime(began_at) + INTERVAL 3 MONTH;

ALTER TABLE requests_fold MODIFY QUERY
SELECT
    reinterpretAsUInt128(sipHash128(tupleElement(event, 'tenant'), tupleElement(event, 'id'))) AS event_key,
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'tenant') AS tenant,
    tupleElement(event, 'user') AS user,
    if(tupleElement(event, 'mode') = '', 'autopilot', tupleElement(event, 'mode')) AS mode,
    tupleElement(event, 'model') AS model,
    tupleElement(event, 'task_type') AS task_type,
    tupleElement(constraints, 'min_quality') AS min_quality,
    tupleElement(constraints, 'latency_budget_ms') AS latency_budget_ms,
    toDecimal128OrNull(tupleElement(constraints, 'max_cost_usd'), 18) AS max_cost_usd,
    parseDateTime64BestEffortOrNull(tupleElement(constraints, 'deadline'), 6, 'UTC') AS deadline,
    tupleElement(tupleElement(event, 'sampling'), 'max_output_tokens') AS max_output_tokens,
    if(directive = '', 'default', directive) AS cache_directive,
    if(was > 0, tupleElement(removed, 'messages'), toUInt32(length(tupleElement(event, 'messages')))) AS messages,
    if(was > 0, was, length(body)) AS body_bytes,
    tupleElement(event, 'tags') AS tags,
    tupleElement(tupleElement(event, 'trace'), 'traceparent') AS traceparent,
    coalesce(
        parseDateTime64BestEffortOrNull(tupleElement(event, 'created_at'), 6, 'UTC'),
        parseDateTime64BestEffortOrNull(ce_time, 6, 'UTC'),
        timestamp) AS created_at,
    timestamp, cluster, partition, offset, archived_at
FROM
(
    SELECT
        JSONExtract(body, 'Tuple(
            id String, tenant String, user String, mode String, model String, task_type String,
            constraints Tuple(min_quality Nullable(Float64), latency_budget_ms Nullable(Float64),
                max_cost_usd String, deadline String),
            sampling Tuple(max_output_tokens Nullable(UInt64)),
            cache Tuple(directive String), messages Array(String), tags Map(String, String),
            trace Tuple(traceparent String), created_at String,
            content_removed Tuple(bytes UInt64, messages UInt32))') AS event,
        tupleElement(event, 'constraints') AS constraints,
        tupleElement(tupleElement(event, 'cache'), 'directive') AS directive,
        tupleElement(event, 'content_removed') AS removed,
        tupleElement(removed, 'bytes') AS was,
        body, ce_time, timestamp, cluster, partition, offset, archived_at
    FROM
    (
        SELECT
            arrayJoin(if(
                startsWith(trim(LEADING ' \t\r\n' FROM ifNull(value, '')), '['),
                JSONExtractArrayRaw(ifNull(value, '')),
                [ifNull(value, '')])) AS body,
            ce_time, timestamp, cluster, partition, offset, archived_at
        FROM archive_store
        WHERE topic = 'asahi.requests'
    )
)
WHERE id != '';
