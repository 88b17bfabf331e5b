-- One row per message no stage could process; the message itself stays in the archive.
-- An offset of -1 means that it never was on the log as a message of its own.
CREATE TABLE IF NOT EXISTS dead_letters_store
(
    event_key UInt128 CODEC(NONE),
    id String CODEC(ZSTD(1)),
    source_topic LowCardinality(String),
    source_partition UInt32 CODEC(ZSTD(1)),
    source_offset Int64 CODEC(ZSTD(1)),
    stage LowCardinality(String),
    code LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    remedy String CODEC(ZSTD(1)),
    field String CODEC(ZSTD(1)),
    key String CODEC(ZSTD(1)),
    size UInt64 CODEC(ZSTD(1)),
    truncated Bool CODEC(ZSTD(1)),
    traceback String CODEC(ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    cluster LowCardinality(String),
    partition UInt32 CODEC(ZSTD(1)),
    offset UInt64 CODEC(Delta, ZSTD(1)),
    precedence UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Milli(timestamp))) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY event_key
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1;

-- A dead letter is known by its source's place on the log, and another log has the same places: hence the cluster.
CREATE MATERIALIZED VIEW IF NOT EXISTS dead_letters_fold TO dead_letters_store AS
SELECT
    reinterpretAsUInt128(sipHash128(toString(cluster), event_id)) AS event_key,
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'source_topic') AS source_topic,
    tupleElement(event, 'source_partition') AS source_partition,
    tupleElement(event, 'source_offset') AS source_offset,
    tupleElement(event, 'stage') AS stage,
    tupleElement(event, 'code') AS code,
    tupleElement(event, 'reason') AS reason,
    tupleElement(event, 'remedy') AS remedy,
    tupleElement(event, 'field') AS field,
    tupleElement(event, 'key') AS key,
    tupleElement(event, 'size') AS size,
    tupleElement(event, 'truncated') AS truncated,
    tupleElement(event, 'traceback') AS traceback,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'occurred_at'), 6, 'UTC'), timestamp) AS occurred_at,
    timestamp, cluster, partition, offset
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, source_topic String, source_partition UInt32, source_offset Int64, stage String, code String,
            reason String, remedy String, field String, key String, size UInt64, truncated Bool, traceback String,
            occurred_at String)') AS event,
        if(ce_id = '', tupleElement(event, 'id'), ce_id) AS event_id,
        timestamp, cluster, partition, offset
    FROM archive_store
    WHERE topic = 'asahi.deadletter'
)
WHERE event_id != '';

CREATE VIEW IF NOT EXISTS dead_letters AS
SELECT
    id, source_topic, source_partition, source_offset, stage, code, reason, remedy, field, key, size, truncated,
    traceback, occurred_at, cluster, partition, offset
FROM dead_letters_store FINAL;
