-- One row per forecast, with its points; what was forecast again under the same id is there once.
CREATE TABLE IF NOT EXISTS forecasts_store
(
    event_key UInt128 CODEC(NONE),
    id String CODEC(ZSTD(1)),
    tenant LowCardinality(String),
    metric LowCardinality(String),
    model LowCardinality(String),
    step LowCardinality(String),
    known_until DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    made_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    method String CODEC(ZSTD(1)),
    values UInt32 CODEC(ZSTD(1)),
    mase Nullable(Float64) CODEC(ZSTD(1)),
    naive_mase Nullable(Float64) CODEC(ZSTD(1)),
    error Nullable(Float64) CODEC(ZSTD(1)),
    coverage Nullable(Float64) CODEC(ZSTD(1)),
    points Array(Tuple(start DateTime64(6, 'UTC'), mean Float64, lower Float64, upper Float64)) CODEC(ZSTD(1)),
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

CREATE MATERIALIZED VIEW IF NOT EXISTS forecasts_fold TO forecasts_store AS
SELECT
    reinterpretAsUInt128(sipHash128(tupleElement(event, 'tenant'), event_id)) AS event_key,
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'tenant') AS tenant,
    tupleElement(event, 'metric') AS metric,
    tupleElement(event, 'model') AS model,
    tupleElement(event, 'step') AS step,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'known_until'), 6, 'UTC'), timestamp) AS known_until,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'made_at'), 6, 'UTC'), timestamp) AS made_at,
    tupleElement(event, 'method') AS method,
    tupleElement(event, 'values') AS values,
    tupleElement(event, 'mase') AS mase,
    tupleElement(event, 'naive_mase') AS naive_mase,
    tupleElement(event, 'error') AS error,
    tupleElement(event, 'coverage') AS coverage,
    arrayMap(
        point -> (
            ifNull(parseDateTime64BestEffortOrNull(tupleElement(point, 'start'), 6, 'UTC'), timestamp),
            tupleElement(point, 'mean'), tupleElement(point, 'lower'), tupleElement(point, 'upper')),
        tupleElement(event, 'points')) AS points,
    timestamp, cluster, partition, offset, archived_at
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, tenant String, metric String, model String, step String, known_until String, made_at String,
            method String, values UInt32, mase Nullable(Float64), naive_mase Nullable(Float64),
            error Nullable(Float64), coverage Nullable(Float64),
            points Array(Tuple(start String, mean Float64, lower Float64, upper Float64)))') AS event,
        if(ce_id = '', tupleElement(event, 'id'), ce_id) AS event_id,
        timestamp, cluster, partition, offset, archived_at
    FROM archive_store
    WHERE topic = 'asahi.forecasts' AND ce_type = 'asahi.forecast.made.v1'
)
WHERE event_id != '';

CREATE VIEW IF NOT EXISTS forecasts AS
SELECT
    id, tenant, metric, model, step, known_until, made_at, method, values, mase, naive_mase, error, coverage,
    point.1 AS start, point.2 AS mean, point.3 AS lower, point.4 AS upper, cluster, partition, offset
FROM forecasts_store FINAL
ARRAY JOIN points AS point;

-- When budgets will be used up, as it was seen last for each hour or day that was known then.
CREATE VIEW IF NOT EXISTS budget_forecasts AS
SELECT
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'tenant') AS tenant,
    tupleElement(event, 'scope') AS scope,
    tupleElement(event, 'name') AS name,
    tupleElement(event, 'period') AS period,
    toDecimal128OrZero(tupleElement(event, 'limit_usd'), 18) AS limit_usd,
    toDecimal128OrZero(tupleElement(event, 'spent_usd'), 18) AS spent_usd,
    parseDateTime64BestEffortOrNull(tupleElement(event, 'period_ends_at'), 6, 'UTC') AS period_ends_at,
    parseDateTime64BestEffortOrNull(tupleElement(event, 'known_until'), 6, 'UTC') AS known_until,
    parseDateTime64BestEffortOrNull(tupleElement(event, 'made_at'), 6, 'UTC') AS made_at,
    tupleElement(event, 'probability') AS probability,
    parseDateTime64BestEffortOrNull(tupleElement(event, 'exhausted_at'), 6, 'UTC') AS exhausted_at,
    parseDateTime64BestEffortOrNull(tupleElement(event, 'earliest_at'), 6, 'UTC') AS earliest_at,
    tupleElement(event, 'expected_usd') AS expected_usd,
    tupleElement(event, 'lower_usd') AS lower_usd,
    tupleElement(event, 'upper_usd') AS upper_usd
FROM
(
    SELECT
        JSONExtract(ifNull(argMin(value, (timestamp, offset)), ''), 'Tuple(
            id String, tenant String, scope String, name String, period String, limit_usd String, spent_usd String,
            period_ends_at String, known_until String, made_at String, probability Float64, exhausted_at String,
            earliest_at String, expected_usd Float64, lower_usd Float64, upper_usd Float64)') AS event
    FROM archive_store
    WHERE topic = 'asahi.forecasts' AND ce_type = 'asahi.budget.forecast.v1'
      AND NOT mapContains(headers, 'asahi_set_aside')
    GROUP BY ce_id
);
