-- One row per request, for look-ups and lag; prompts stay in the archive.
-- A message may hold one request or a JSON array of them. The producer's id is the idempotency key within a tenant,
-- so a repeated submission is the same row; the earliest one holds.
CREATE TABLE IF NOT EXISTS requests_store
(
    event_key UInt128 CODEC(NONE),
    id String CODEC(ZSTD(1)),
    tenant LowCardinality(String),
    user String CODEC(ZSTD(1)),
    mode LowCardinality(String),
    model LowCardinality(String),
    task_type LowCardinality(String),
    min_quality Nullable(Float64) CODEC(ZSTD(1)),
    latency_budget_ms Nullable(Float64) CODEC(ZSTD(1)),
    max_cost_usd Nullable(Decimal(38, 18)) CODEC(ZSTD(1)),
    deadline Nullable(DateTime64(6, 'UTC')) CODEC(ZSTD(1)),
    max_output_tokens Nullable(UInt64) CODEC(ZSTD(1)),
    cache_directive LowCardinality(String),
    messages UInt32 CODEC(ZSTD(1)),
    body_bytes UInt64 CODEC(ZSTD(1)),
    tags Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    traceparent String CODEC(ZSTD(1)),
    created_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    cluster LowCardinality(String),
    partition UInt32 CODEC(ZSTD(1)),
    offset UInt64 CODEC(Delta, ZSTD(1)),
    archived_at DateTime('UTC') CODEC(Delta, ZSTD(1)),
    precedence UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Milli(timestamp))) CODEC(Delta, ZSTD(1)),
    INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(archived_at)
ORDER BY event_key
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS requests_fold TO requests_store AS
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
    toUInt32(length(tupleElement(event, 'messages'))) AS messages,
    length(body) AS body_bytes,
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
            trace Tuple(traceparent String), created_at String)') AS event,
        tupleElement(event, 'constraints') AS constraints,
        tupleElement(tupleElement(event, 'cache'), 'directive') AS directive,
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

CREATE VIEW IF NOT EXISTS requests AS
SELECT
    id, tenant, user, mode, model, task_type, min_quality, latency_budget_ms, max_cost_usd, deadline,
    max_output_tokens, cache_directive, messages, body_bytes, tags, traceparent, created_at,
    cluster, partition, offset
FROM requests_store FINAL;
