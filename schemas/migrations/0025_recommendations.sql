-- One row per published recommendation. Found again on the same day it has the same id: the newest one holds.
CREATE TABLE IF NOT EXISTS recommendations_store
(
    event_key UInt128 CODEC(NONE),
    id String CODEC(ZSTD(1)),
    kind LowCardinality(String),
    tenant LowCardinality(String),
    team LowCardinality(String),
    user String CODEC(ZSTD(1)),
    task_type LowCardinality(String),
    model LowCardinality(String),
    summary String CODEC(ZSTD(1)),
    change String CODEC(ZSTD(1)),
    since DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    until DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    requests UInt64 CODEC(ZSTD(1)),
    looked_at UInt64 CODEC(ZSTD(1)),
    before_usd Decimal(38, 18) CODEC(ZSTD(1)),
    after_usd Decimal(38, 18) CODEC(ZSTD(1)),
    saving_usd Decimal(38, 18) CODEC(ZSTD(1)),
    monthly_usd Nullable(Decimal(38, 18)) CODEC(ZSTD(1)),
    at_stake_usd Nullable(Decimal(38, 18)) CODEC(ZSTD(1)),
    quality_before Nullable(Float64) CODEC(ZSTD(1)),
    quality_after Nullable(Float64) CODEC(ZSTD(1)),
    confidence LowCardinality(String),
    evidence Map(String, String) CODEC(ZSTD(1)),
    query String CODEC(ZSTD(1)),
    overlaps Map(String, UInt64) CODEC(ZSTD(1)),
    made_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    cluster LowCardinality(String),
    partition UInt32 CODEC(ZSTD(1)),
    offset UInt64 CODEC(Delta, ZSTD(1)),
    archived_at DateTime('UTC') CODEC(Delta, ZSTD(1)),
    precedence UInt64 MATERIALIZED toUInt64(toUnixTimestamp64Micro(made_at)) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(archived_at)
ORDER BY event_key
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS recommendations_fold TO recommendations_store AS
SELECT
    reinterpretAsUInt128(sipHash128(tupleElement(event, 'tenant'), tupleElement(event, 'id'))) AS event_key,
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'kind') AS kind,
    tupleElement(event, 'tenant') AS tenant,
    tupleElement(event, 'team') AS team,
    tupleElement(event, 'user') AS user,
    tupleElement(event, 'task_type') AS task_type,
    tupleElement(event, 'model') AS model,
    tupleElement(event, 'summary') AS summary,
    tupleElement(event, 'change') AS change,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'since'), 6, 'UTC'), timestamp) AS since,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'until'), 6, 'UTC'), timestamp) AS until,
    tupleElement(event, 'requests') AS requests,
    tupleElement(event, 'looked_at') AS looked_at,
    toDecimal128OrZero(tupleElement(event, 'before_usd'), 18) AS before_usd,
    toDecimal128OrZero(tupleElement(event, 'after_usd'), 18) AS after_usd,
    toDecimal128OrZero(tupleElement(event, 'saving_usd'), 18) AS saving_usd,
    toDecimal128OrNull(tupleElement(event, 'monthly_usd'), 18) AS monthly_usd,
    toDecimal128OrNull(tupleElement(event, 'at_stake_usd'), 18) AS at_stake_usd,
    tupleElement(event, 'quality_before') AS quality_before,
    tupleElement(event, 'quality_after') AS quality_after,
    tupleElement(event, 'confidence') AS confidence,
    tupleElement(event, 'evidence') AS evidence,
    tupleElement(event, 'query') AS query,
    mapFromArrays(
        arrayMap(each -> tupleElement(each, 'id'), tupleElement(event, 'overlaps')),
        arrayMap(each -> tupleElement(each, 'requests'), tupleElement(event, 'overlaps'))) AS overlaps,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'made_at'), 6, 'UTC'), timestamp) AS made_at,
    timestamp, cluster, partition, offset, archived_at
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, kind String, tenant String, team String, user String, task_type String, model String,
            summary String, change String, since String, until String, requests UInt64, looked_at UInt64,
            before_usd String, after_usd String, saving_usd String, monthly_usd String, at_stake_usd String,
            quality_before Nullable(Float64), quality_after Nullable(Float64), confidence String,
            evidence Map(String, String), query String, overlaps Array(Tuple(id String, requests UInt64)),
            made_at String)') AS event,
        timestamp, cluster, partition, offset, archived_at
    FROM archive_store
    WHERE topic = 'asahi.recommendations'
)
WHERE tupleElement(event, 'id') != '';

CREATE VIEW IF NOT EXISTS recommendations AS
SELECT
    id, kind, tenant, team, user, task_type, model, summary, change, since, until, requests, looked_at,
    before_usd, after_usd, saving_usd, monthly_usd, at_stake_usd, quality_before, quality_after, confidence,
    evidence, query, overlaps, made_at, cluster, partition, offset
FROM recommendations_store FINAL;
