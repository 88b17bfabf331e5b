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

ALTER TABLE results_fold MODIFY QUERY
SELECT
    reinterpretAsUInt128(sipHash128(tupleElement(event, 'tenant'), event_id)) AS event_key,
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'tenant') AS tenant,
    tupleElement(event, 'user') AS user,
    tupleElement(event, 'status') AS status,
    tupleElement(event, 'model') AS model,
    tupleElement(event, 'provider') AS provider,
    tupleElement(event, 'lane') AS lane,
    tupleElement(event, 'task_type') AS task_type,
    tupleElement(usage, 'input_tokens') AS input_tokens,
    tupleElement(usage, 'cached_input_tokens') AS cached_input_tokens,
    tupleElement(usage, 'output_tokens') AS output_tokens,
    tupleElement(usage, 'reasoning_tokens') AS reasoning_tokens,
    tupleElement(usage, 'cache_write_tokens') AS cache_write_tokens,
    toDecimal128OrZero(tupleElement(event, 'cost_usd'), 18) AS cost_usd,
    tupleElement(tupleElement(event, 'baseline'), 'model') AS baseline_model,
    toDecimal128OrNull(tupleElement(tupleElement(event, 'baseline'), 'cost_usd'), 18) AS baseline_cost_usd,
    mapApply(
        (cause, amount) -> (cause, toDecimal128OrZero(amount, 18)),
        mapFilter((cause, amount) -> amount != '', tupleElement(event, 'savings'))) AS savings_usd,
    tupleElement(decision, 'rule') AS decision_rule,
    tupleElement(decision, 'reason') AS decision_reason,
    toDecimal128OrNull(tupleElement(decision, 'expected_cost_usd'), 18) AS expected_cost_usd,
    tupleElement(decision, 'predicted_quality') AS predicted_quality,
    tupleElement(decision, 'survey') AS decision_survey,
    tupleElement(hit, 'tier') AS cache_tier,
    tupleElement(hit, 'source_request_id') AS cache_source_request_id,
    tupleElement(hit, 'age_seconds') AS cache_age_seconds,
    tupleElement(error, 'code') AS error_code,
    tupleElement(error, 'message') AS error_message,
    tupleElement(error, 'remedy') AS error_remedy,
    tupleElement(error, 'field') AS error_field,
    tupleElement(tupleElement(event, 'output'), 'finish_reason') AS finish_reason,
    greatest(length(tupleElement(tupleElement(event, 'output'), 'content')),
        tupleElement(tupleElement(event, 'content_removed'), 'output_bytes')) AS output_bytes,
    tupleElement(event, 'stages_ms') AS stages_ms,
    tupleElement(event, 'latency_ms') AS latency_ms,
    tupleElement(event, 'attempts') AS attempts,
    tupleElement(event, 'tags') AS tags,
    tupleElement(tupleElement(event, 'trace'), 'traceparent') AS traceparent,
    tupleElement(event, 'request_digest') AS request_digest,
    tupleElement(tupleElement(event, 'personal_data'), 'mode') AS personal_data_mode,
    tupleElement(tupleElement(event, 'personal_data'), 'types') AS personal_data,
    tupleElement(event, 'injection') AS injection,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'received_at'), 6, 'UTC'), timestamp) AS received_at,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'completed_at'), 6, 'UTC'), timestamp) AS completed_at,
    timestamp, cluster, partition, offset
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, tenant String, user String, status String, model String, provider String, lane String,
            task_type String, output Tuple(content String, finish_reason String),
            usage Tuple(input_tokens UInt64, cached_input_tokens UInt64, output_tokens UInt64,
                reasoning_tokens UInt64, cache_write_tokens UInt64),
            cost_usd String, baseline Tuple(model String, cost_usd String),
            savings Map(String, String),
            decision Tuple(rule String, reason String, expected_cost_usd String,
                predicted_quality Nullable(Float64), survey String),
            cache Tuple(tier String, source_request_id String, age_seconds Nullable(Float64)),
            error Tuple(code String, message String, remedy String, field String),
            stages_ms Map(String, Float64), latency_ms Float64, attempts UInt32, tags Map(String, String),
            trace Tuple(traceparent String), request_digest String,
            personal_data Tuple(mode String, types Map(String, UInt32)), injection Array(String),
            received_at String, completed_at String, content_removed Tuple(output_bytes UInt64))')
            AS event,
        if(ce_id = '', tupleElement(event, 'id'), ce_id) AS event_id,
        tupleElement(event, 'usage') AS usage,
        tupleElement(event, 'decision') AS decision,
        tupleElement(event, 'cache') AS hit,
        tupleElement(event, 'error') AS error,
        timestamp, cluster, partition, offset
    FROM archive_store
    WHERE topic = 'asahi.results'
)
WHERE event_id != '';
