-- One row per survey that decisions of a tenant name: who competed, what was expected of each, and why the others lost.
-- A survey is told again after restarts and once a day, always with the same content.
CREATE TABLE IF NOT EXISTS surveys_store
(
    event_key UInt128 CODEC(NONE),
    id String CODEC(ZSTD(1)),
    tenant LowCardinality(String),
    models LowCardinality(String),
    candidates Map(LowCardinality(String), Tuple(
        quality Float64, cost_usd Decimal(38, 18), cached_input_tokens UInt64, output_tokens Nullable(UInt64),
        calls Float64)) CODEC(ZSTD(1)),
    lost Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    taken_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    cluster LowCardinality(String),
    partition UInt32 CODEC(ZSTD(1)),
    offset UInt64 CODEC(Delta, ZSTD(1)),
    archived_at DateTime('UTC') CODEC(Delta, ZSTD(1)),
    precedence UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Micro(taken_at))) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(precedence)
PARTITION BY toYYYYMM(archived_at)
ORDER BY event_key
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS surveys_fold TO surveys_store AS
SELECT
    reinterpretAsUInt128(sipHash128(tupleElement(event, 'tenant'), event_id)) AS event_key,
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'tenant') AS tenant,
    tupleElement(event, 'models') AS models,
    mapApply(
        (name, expected) -> (name, (
            tupleElement(expected, 'quality'),
            toDecimal128OrZero(tupleElement(expected, 'cost_usd'), 18),
            tupleElement(expected, 'cached_input_tokens'),
            tupleElement(expected, 'output_tokens'),
            ifNull(tupleElement(expected, 'calls'), 1))),
        tupleElement(event, 'candidates')) AS candidates,
    tupleElement(event, 'lost') AS lost,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'taken_at'), 6, 'UTC'), timestamp) AS taken_at,
    timestamp, cluster, partition, offset, archived_at
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, tenant String, models String,
            candidates Map(String, Tuple(quality Float64, cost_usd String, cached_input_tokens UInt64,
                output_tokens Nullable(UInt64), calls Nullable(Float64))),
            lost Map(String, String), taken_at String)') AS event,
        if(ce_id = '', tupleElement(event, 'id'), ce_id) AS event_id,
        timestamp, cluster, partition, offset, archived_at
    FROM archive_store
    WHERE topic = 'asahi.surveys'
)
WHERE event_id != '';

CREATE VIEW IF NOT EXISTS surveys AS
SELECT id, tenant, models, candidates, lost, taken_at, cluster, partition, offset
FROM surveys_store FINAL;

ALTER TABLE results_store ADD COLUMN IF NOT EXISTS decision_survey String CODEC(ZSTD(1)) AFTER predicted_quality;

-- What fills it comes with 0017, which makes the fold and the view of results anew.
