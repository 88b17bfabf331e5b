-- One row per paid provider call: what is billed. The call's id is unique per call actually made.
CREATE TABLE IF NOT EXISTS usage_store
(
    event_key UInt128 CODEC(NONE),
    id String CODEC(ZSTD(1)),
    request_id String CODEC(ZSTD(1)),
    tenant LowCardinality(String),
    user String CODEC(ZSTD(1)),
    model LowCardinality(String),
    provider LowCardinality(String),
    lane LowCardinality(String),
    task_type LowCardinality(String),
    attempt UInt32 CODEC(ZSTD(1)),
    input_tokens UInt64 CODEC(ZSTD(1)),
    cached_input_tokens UInt64 CODEC(ZSTD(1)),
    output_tokens UInt64 CODEC(ZSTD(1)),
    reasoning_tokens UInt64 CODEC(ZSTD(1)),
    cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    price_list LowCardinality(String),
    latency_ms Float64 CODEC(ZSTD(1)),
    superseded Bool CODEC(ZSTD(1)),
    tags Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    cluster LowCardinality(String),
    partition UInt32 CODEC(ZSTD(1)),
    offset UInt64 CODEC(Delta, ZSTD(1)),
    precedence UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Milli(timestamp))) CODEC(Delta, ZSTD(1)),
    INDEX by_request_id request_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY event_key
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS usage_fold TO usage_store AS
SELECT
    reinterpretAsUInt128(sipHash128(tupleElement(event, 'tenant'), event_id)) AS event_key,
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'request_id') AS request_id,
    tupleElement(event, 'tenant') AS tenant,
    tupleElement(event, 'user') AS user,
    tupleElement(event, 'model') AS model,
    tupleElement(event, 'provider') AS provider,
    tupleElement(event, 'lane') AS lane,
    tupleElement(event, 'task_type') AS task_type,
    ifNull(tupleElement(event, 'attempt'), 1) AS attempt,
    tupleElement(tokens, 'input_tokens') AS input_tokens,
    tupleElement(tokens, 'cached_input_tokens') AS cached_input_tokens,
    tupleElement(tokens, 'output_tokens') AS output_tokens,
    tupleElement(tokens, 'reasoning_tokens') AS reasoning_tokens,
    toDecimal128OrZero(tupleElement(event, 'cost_usd'), 18) AS cost_usd,
    tupleElement(event, 'price_list') AS price_list,
    tupleElement(event, 'latency_ms') AS latency_ms,
    tupleElement(event, 'superseded') AS superseded,
    tupleElement(event, 'tags') AS tags,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'occurred_at'), 6, 'UTC'), timestamp) AS occurred_at,
    timestamp, cluster, partition, offset
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, request_id String, tenant String, user String, model String, provider String, lane String,
            task_type String, attempt Nullable(UInt32),
            usage Tuple(input_tokens UInt64, cached_input_tokens UInt64, output_tokens UInt64,
                reasoning_tokens UInt64),
            cost_usd String, price_list String, latency_ms Float64, superseded Bool,
            tags Map(String, String), occurred_at String)') AS event,
        if(ce_id = '', tupleElement(event, 'id'), ce_id) AS event_id,
        tupleElement(event, 'usage') AS tokens,
        timestamp, cluster, partition, offset
    FROM archive_store
    WHERE topic = 'asahi.usage'
)
WHERE event_id != '';

CREATE VIEW IF NOT EXISTS usage AS
SELECT
    id, request_id, tenant, user, model, provider, lane, task_type, attempt,
    input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    cost_usd, price_list, latency_ms, superseded, tags, occurred_at, cluster, partition, offset
FROM usage_store FINAL;
