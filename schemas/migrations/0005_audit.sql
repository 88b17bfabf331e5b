-- One row per auditable decision or administrative act.
CREATE TABLE IF NOT EXISTS audit_store
(
    event_key UInt128 CODEC(NONE),
    id String CODEC(ZSTD(1)),
    tenant LowCardinality(String),
    actor String CODEC(ZSTD(1)),
    action LowCardinality(String),
    subject String CODEC(ZSTD(1)),
    outcome LowCardinality(String),
    reason String CODEC(ZSTD(1)),
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

CREATE MATERIALIZED VIEW IF NOT EXISTS audit_fold TO audit_store AS
SELECT
    reinterpretAsUInt128(sipHash128(tupleElement(event, 'tenant'), event_id)) AS event_key,
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'tenant') AS tenant,
    tupleElement(event, 'actor') AS actor,
    tupleElement(event, 'action') AS action,
    tupleElement(event, 'subject') AS subject,
    tupleElement(event, 'outcome') AS outcome,
    tupleElement(event, 'reason') AS reason,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'occurred_at'), 6, 'UTC'), timestamp) AS occurred_at,
    timestamp, cluster, partition, offset
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, tenant String, actor String, action String, subject String, outcome String, reason String,
            occurred_at String)') AS event,
        if(ce_id = '', tupleElement(event, 'id'), ce_id) AS event_id,
        timestamp, cluster, partition, offset
    FROM archive_store
    WHERE topic = 'asahi.audit'
)
WHERE event_id != '';

CREATE VIEW IF NOT EXISTS audit AS
SELECT id, tenant, actor, action, subject, outcome, reason, occurred_at, cluster, partition, offset
FROM audit_store FINAL;
