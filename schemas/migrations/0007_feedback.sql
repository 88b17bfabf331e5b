-- One row per grade of an answer. Its time comes from whoever gave it, so months are those of archiving.
CREATE TABLE IF NOT EXISTS feedback_store
(
    event_key UInt128 CODEC(NONE),
    id String CODEC(ZSTD(1)),
    request_id String CODEC(ZSTD(1)),
    tenant LowCardinality(String),
    grade Float64 CODEC(ZSTD(1)),
    source LowCardinality(String),
    comment String CODEC(ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    cluster LowCardinality(String),
    partition UInt32 CODEC(ZSTD(1)),
    offset UInt64 CODEC(Delta, ZSTD(1)),
    archived_at DateTime('UTC') CODEC(Delta, ZSTD(1)),
    precedence UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Milli(timestamp))) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(archived_at)
ORDER BY event_key
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS feedback_fold TO feedback_store AS
SELECT
    reinterpretAsUInt128(sipHash128(tupleElement(event, 'tenant'), event_id)) AS event_key,
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'request_id') AS request_id,
    tupleElement(event, 'tenant') AS tenant,
    tupleElement(event, 'grade') AS grade,
    if(tupleElement(event, 'source') = '', 'user', tupleElement(event, 'source')) AS source,
    tupleElement(event, 'comment') AS comment,
    coalesce(
        parseDateTime64BestEffortOrNull(tupleElement(event, 'occurred_at'), 6, 'UTC'),
        parseDateTime64BestEffortOrNull(ce_time, 6, 'UTC'),
        timestamp) AS occurred_at,
    timestamp, cluster, partition, offset, archived_at
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, request_id String, tenant String, grade Float64, source String, comment String,
            occurred_at String)') AS event,
        if(ce_id = '', tupleElement(event, 'id'), ce_id) AS event_id,
        ce_time, timestamp, cluster, partition, offset, archived_at
    FROM archive_store
    WHERE topic = 'asahi.feedback'
)
WHERE event_id != '';

CREATE VIEW IF NOT EXISTS feedback AS
SELECT id, request_id, tenant, grade, source, comment, occurred_at, cluster, partition, offset
FROM feedback_store FINAL;
