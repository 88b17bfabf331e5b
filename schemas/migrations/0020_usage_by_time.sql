-- Calls by the minute in which they began, so that a query over some time reads that time and no more, `FINAL` compares
-- only what was written about the same minutes, and a row takes half the room. A call is known by its organization and
-- id, and it begins once: repetitions and corrections of its event say the same time.
-- What was `usage_store` is copied and emptied; its fold ends. All of it can be run again, also side by side.
CREATE TABLE IF NOT EXISTS calls_store
(
    tenant LowCardinality(String),
    id String CODEC(ZSTD(3)),
    request_id String CODEC(ZSTD(3)),
    user String CODEC(ZSTD(1)),
    model LowCardinality(String),
    provider LowCardinality(String),
    lane LowCardinality(String),
    task_type LowCardinality(String),
    attempt UInt32 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    cached_input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_1h_tokens UInt64 CODEC(T64, ZSTD(1)),
    input_audio_tokens UInt64 CODEC(T64, ZSTD(1)),
    cached_audio_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_audio_tokens UInt64 CODEC(T64, ZSTD(1)),
    input_image_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_image_tokens UInt64 CODEC(T64, ZSTD(1)),
    web_searches UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    price_list LowCardinality(String),
    latency_ms Float64 CODEC(ZSTD(1)),
    superseded Bool CODEC(ZSTD(1)),
    batch Bool CODEC(ZSTD(1)),
    revision UInt32 CODEC(T64, ZSTD(1)),
    team LowCardinality(String),
    key_id LowCardinality(String),
    tags Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') CODEC(T64, ZSTD(1)),
    cluster LowCardinality(String),
    partition UInt32 CODEC(T64, ZSTD(1)),
    offset UInt64 CODEC(T64, ZSTD(1)),
    precedence UInt64 CODEC(T64, ZSTD(1)),
    event_key UInt128 ALIAS reinterpretAsUInt128(sipHash128(tenant, id)),
    INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_request_id request_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(occurred_at)
PRIMARY KEY (toStartOfMinute(occurred_at), tenant)
ORDER BY (toStartOfMinute(occurred_at), tenant, id)
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS calls_fold TO calls_store AS
SELECT
    tupleElement(event, 'tenant') AS tenant,
    if(tupleElement(event, 'id') = '', event_id, tupleElement(event, 'id')) AS id,
    tupleElement(event, 'request_id') AS request_id,
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
    tupleElement(tokens, 'cache_write_tokens') AS cache_write_tokens,
    tupleElement(tokens, 'cache_write_1h_tokens') AS cache_write_1h_tokens,
    tupleElement(tokens, 'input_audio_tokens') AS input_audio_tokens,
    tupleElement(tokens, 'cached_audio_tokens') AS cached_audio_tokens,
    tupleElement(tokens, 'output_audio_tokens') AS output_audio_tokens,
    tupleElement(tokens, 'input_image_tokens') AS input_image_tokens,
    tupleElement(tokens, 'output_image_tokens') AS output_image_tokens,
    tupleElement(tokens, 'web_searches') AS web_searches,
    toDecimal128OrZero(tupleElement(event, 'cost_usd'), 18) AS cost_usd,
    tupleElement(event, 'price_list') AS price_list,
    tupleElement(event, 'latency_ms') AS latency_ms,
    tupleElement(event, 'superseded') AS superseded,
    tupleElement(event, 'batch') AS batch,
    tupleElement(event, 'revision') AS revision,
    tupleElement(event, 'team') AS team,
    tupleElement(event, 'key_id') AS key_id,
    tupleElement(event, 'tags') AS tags,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'occurred_at'), 6, 'UTC'), timestamp) AS occurred_at,
    cluster, partition, offset,
    if(revision > 0, bitNot(toUInt64(4294967295 - revision)), bitNot(toUInt64(toUnixTimestamp64Milli(timestamp))))
        AS precedence
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, request_id String, tenant String, user String, model String, provider String, lane String,
            task_type String, attempt Nullable(UInt32),
            usage Tuple(input_tokens UInt64, cached_input_tokens UInt64, output_tokens UInt64,
                reasoning_tokens UInt64, cache_write_tokens UInt64, cache_write_1h_tokens UInt64,
                input_audio_tokens UInt64, cached_audio_tokens UInt64, output_audio_tokens UInt64,
                input_image_tokens UInt64, output_image_tokens UInt64, web_searches UInt64),
            cost_usd String, price_list String, latency_ms Float64, superseded Bool, batch Bool, revision UInt32,
            team String, key_id String, tags Map(String, String), occurred_at String)') AS event,
        if(ce_id = '', tupleElement(event, 'id'), ce_id) AS event_id,
        tupleElement(event, 'usage') AS tokens,
        timestamp, cluster, partition, offset
    FROM archive_store
    WHERE topic = 'asahi.usage'
)
WHERE event_id != '';

INSERT INTO calls_store
    (tenant, id, request_id, user, model, provider, lane, task_type, attempt, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cache_write_1h_tokens, input_audio_tokens, cached_audio_tokens,
    output_audio_tokens, input_image_tokens, output_image_tokens, web_searches, cost_usd, price_list, latency_ms,
    superseded, batch, revision, team, key_id, tags, occurred_at, cluster, partition, offset, precedence)
SELECT
    tenant, id, request_id, user, model, provider, lane, task_type, attempt, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cache_write_1h_tokens, input_audio_tokens, cached_audio_tokens,
    output_audio_tokens, input_image_tokens, output_image_tokens, web_searches, cost_usd, price_list, latency_ms,
    superseded, batch, revision, team, key_id, tags, occurred_at, cluster, partition, offset, precedence
FROM usage_store FINAL
SETTINGS throw_on_max_partitions_per_insert_block = 0;

DROP VIEW IF EXISTS usage_fold;

TRUNCATE TABLE usage_store;

CREATE OR REPLACE VIEW usage AS
SELECT
    id, request_id, tenant, user, model, provider, lane, task_type, attempt,
    input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    cache_write_tokens, cache_write_1h_tokens, input_audio_tokens, cached_audio_tokens, output_audio_tokens,
    input_image_tokens, output_image_tokens, web_searches,
    cost_usd, price_list, latency_ms, superseded, batch, revision, team, key_id, tags, occurred_at,
    cluster, partition, offset
FROM calls_store FINAL;

CREATE OR REPLACE VIEW spending AS
SELECT id, tenant, team, user, key_id, cost_usd, occurred_at, cluster, partition, offset
FROM calls_store FINAL
WHERE revision = 0
UNION ALL
SELECT
    id, tenant, team, user, key_id,
    toDecimal128OrZero(JSONExtractString(ifNull(value, ''), 'cost_usd'), 18) AS cost_usd,
    occurred_at, cluster, partition, offset
FROM
(
    SELECT ce_id, value, cluster, partition, offset FROM archive_store
    WHERE topic = 'asahi.usage' AND ce_id IN (SELECT id FROM calls_store WHERE revision > 0)
    ORDER BY timestamp, offset LIMIT 1 BY ce_id
) AS first
INNER JOIN
(
    SELECT id, tenant, team, user, key_id, occurred_at FROM calls_store FINAL WHERE revision > 0
) AS corrected ON first.ce_id = corrected.id;
