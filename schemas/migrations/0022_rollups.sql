-- Sums by minute, hour, day and month that are exact though events come twice, late and corrected.
--
-- Nothing is added up on insert, where a repetition would count again. An insert only leaves a note of the minutes that
-- it touched (`rollup_touched`). A chore of the sink sums such minutes anew from the rows that hold, hours that are over
-- from their minutes, days from their hours, months from their days, each under a version of its own; the newest version
-- of a minute, hour, day or month is the one that counts (`rollup_versions`). What is touched and not rolled up yet the
-- views take from the level below, and minutes from the rows themselves. So they always say what the rows say, and only
-- their speed depends on the chore. The notes are read once per query (a scalar is computed once), so that every minute
-- is taken from one level only.
CREATE TABLE IF NOT EXISTS rollup_touched
(
    source LowCardinality(String),
    level LowCardinality(String),
    start DateTime('UTC'),
    token UInt64,
    done UInt8,
    at DateTime('UTC')
)
ENGINE = ReplacingMergeTree(done)
PARTITION BY (level, if(level = 'minute', toStartOfMinute(at), toStartOfHour(at)))
ORDER BY (source, level, start, token);

CREATE TABLE IF NOT EXISTS rollup_versions
(
    source LowCardinality(String),
    level LowCardinality(String),
    start DateTime('UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY level
ORDER BY (source, level, start);

CREATE TABLE IF NOT EXISTS usage_by_minute_store
(
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    team LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
    task_type LowCardinality(String),
    lane LowCardinality(String),
    batch Bool,
    calls UInt64 CODEC(T64, ZSTD(1)),
    superseded_calls UInt64 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    cached_input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    superseded_usd Decimal(38, 18) CODEC(ZSTD(1)),
    latency AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32) CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
PRIMARY KEY (start, tenant)
ORDER BY (start, tenant, team, model, provider, task_type, lane, batch)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS usage_by_hour_store
(
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    team LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
    task_type LowCardinality(String),
    lane LowCardinality(String),
    batch Bool,
    calls UInt64 CODEC(T64, ZSTD(1)),
    superseded_calls UInt64 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    cached_input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    superseded_usd Decimal(38, 18) CODEC(ZSTD(1)),
    latency AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32) CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
PRIMARY KEY (start, tenant)
ORDER BY (start, tenant, team, model, provider, task_type, lane, batch)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS usage_by_day_store
(
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    team LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
    task_type LowCardinality(String),
    lane LowCardinality(String),
    batch Bool,
    calls UInt64 CODEC(T64, ZSTD(1)),
    superseded_calls UInt64 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    cached_input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    superseded_usd Decimal(38, 18) CODEC(ZSTD(1)),
    latency AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32) CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(start)
PRIMARY KEY (start, tenant)
ORDER BY (start, tenant, team, model, provider, task_type, lane, batch)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS usage_by_month_store
(
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    team LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
    task_type LowCardinality(String),
    lane LowCardinality(String),
    batch Bool,
    calls UInt64 CODEC(T64, ZSTD(1)),
    superseded_calls UInt64 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    cached_input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    superseded_usd Decimal(38, 18) CODEC(ZSTD(1)),
    latency AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32) CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(start)
PRIMARY KEY (start, tenant)
ORDER BY (start, tenant, team, model, provider, task_type, lane, batch)
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS calls_touched TO rollup_touched AS
SELECT 'usage' AS source, 'minute' AS level, start, rand64() AS token, 0 AS done, now() AS at
FROM (SELECT DISTINCT toStartOfMinute(occurred_at) AS start FROM calls_store);

CREATE OR REPLACE VIEW usage_by_minute AS
WITH (
    SELECT groupUniqArray(start) FROM rollup_touched FINAL
    WHERE source = 'usage' AND level = 'minute' AND done = 0
) AS live
SELECT
    start AS minute,
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_minute_store
WHERE start NOT IN (live)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'minute'
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfMinute(occurred_at) AS minute,
    tenant, team, model, provider, task_type, lane, batch, count() AS calls,
    countIf(r.superseded) AS superseded_calls, sum(r.input_tokens) AS input_tokens,
    sum(r.cached_input_tokens) AS cached_input_tokens, sum(r.output_tokens) AS output_tokens,
    sum(r.reasoning_tokens) AS reasoning_tokens, sum(r.cache_write_tokens) AS cache_write_tokens,
    sum(r.cost_usd) AS cost_usd, sumIf(r.cost_usd, r.superseded) AS superseded_usd,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(r.latency_ms)) AS latency
FROM calls_store AS r FINAL
WHERE toStartOfMinute(occurred_at) IN (live)
GROUP BY minute, tenant, team, model, provider, task_type, lane, batch;

CREATE OR REPLACE VIEW usage_by_hour AS
WITH (
    SELECT (groupUniqArrayIf(start, level = 'minute'),
        groupUniqArrayIf(toStartOfHour(start), level IN ('minute', 'hour')))
    FROM rollup_touched FINAL WHERE source = 'usage' AND done = 0
) AS live
SELECT
    start AS hour,
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_hour_store
WHERE start NOT IN (live.2)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'hour'
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfHour(start) AS hour,
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_minute_store
WHERE start NOT IN (live.1)
  AND toStartOfHour(start) IN (live.2)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'minute'
          AND toStartOfHour(start) IN (live.2)
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfHour(occurred_at) AS hour,
    tenant, team, model, provider, task_type, lane, batch, count() AS calls,
    countIf(r.superseded) AS superseded_calls, sum(r.input_tokens) AS input_tokens,
    sum(r.cached_input_tokens) AS cached_input_tokens, sum(r.output_tokens) AS output_tokens,
    sum(r.reasoning_tokens) AS reasoning_tokens, sum(r.cache_write_tokens) AS cache_write_tokens,
    sum(r.cost_usd) AS cost_usd, sumIf(r.cost_usd, r.superseded) AS superseded_usd,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(r.latency_ms)) AS latency
FROM calls_store AS r FINAL
WHERE toStartOfMinute(occurred_at) IN (live.1)
GROUP BY hour, tenant, team, model, provider, task_type, lane, batch;

CREATE OR REPLACE VIEW usage_by_day AS
WITH (
    SELECT (groupUniqArrayIf(start, level = 'minute'),
        groupUniqArrayIf(toStartOfHour(start), level IN ('minute', 'hour')),
        groupUniqArrayIf(toStartOfDay(start), level != 'month'))
    FROM rollup_touched FINAL WHERE source = 'usage' AND done = 0
) AS live
SELECT
    toDate(start, 'UTC') AS day,
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_day_store
WHERE start NOT IN (live.3)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'day'
        GROUP BY start
    )
UNION ALL
SELECT
    toDate(start, 'UTC') AS day,
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_hour_store
WHERE start NOT IN (live.2)
  AND toStartOfDay(start) IN (live.3)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'hour'
          AND toStartOfDay(start) IN (live.3)
        GROUP BY start
    )
UNION ALL
SELECT
    toDate(start, 'UTC') AS day,
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_minute_store
WHERE start NOT IN (live.1)
  AND toStartOfHour(start) IN (live.2)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'minute'
          AND toStartOfHour(start) IN (live.2)
        GROUP BY start
    )
UNION ALL
SELECT
    toDate(occurred_at, 'UTC') AS day,
    tenant, team, model, provider, task_type, lane, batch, count() AS calls,
    countIf(r.superseded) AS superseded_calls, sum(r.input_tokens) AS input_tokens,
    sum(r.cached_input_tokens) AS cached_input_tokens, sum(r.output_tokens) AS output_tokens,
    sum(r.reasoning_tokens) AS reasoning_tokens, sum(r.cache_write_tokens) AS cache_write_tokens,
    sum(r.cost_usd) AS cost_usd, sumIf(r.cost_usd, r.superseded) AS superseded_usd,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(r.latency_ms)) AS latency
FROM calls_store AS r FINAL
WHERE toStartOfMinute(occurred_at) IN (live.1)
GROUP BY day, tenant, team, model, provider, task_type, lane, batch;

CREATE OR REPLACE VIEW usage_by_month AS
WITH (
    SELECT (groupUniqArrayIf(start, level = 'minute'),
        groupUniqArrayIf(toStartOfHour(start), level IN ('minute', 'hour')),
        groupUniqArrayIf(toStartOfDay(start), level != 'month'),
        groupUniqArray(toDateTime(toStartOfMonth(start), 'UTC')))
    FROM rollup_touched FINAL WHERE source = 'usage' AND done = 0
) AS live
SELECT
    toStartOfMonth(start) AS month,
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_month_store
WHERE start NOT IN (live.4)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'month'
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfMonth(start) AS month,
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_day_store
WHERE start NOT IN (live.3)
  AND toDateTime(toStartOfMonth(start), 'UTC') IN (live.4)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'day'
          AND toDateTime(toStartOfMonth(start), 'UTC') IN (live.4)
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfMonth(start) AS month,
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_hour_store
WHERE start NOT IN (live.2)
  AND toStartOfDay(start) IN (live.3)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'hour'
          AND toStartOfDay(start) IN (live.3)
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfMonth(start) AS month,
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_minute_store
WHERE start NOT IN (live.1)
  AND toStartOfHour(start) IN (live.2)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'minute'
          AND toStartOfHour(start) IN (live.2)
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfMonth(occurred_at) AS month,
    tenant, team, model, provider, task_type, lane, batch, count() AS calls,
    countIf(r.superseded) AS superseded_calls, sum(r.input_tokens) AS input_tokens,
    sum(r.cached_input_tokens) AS cached_input_tokens, sum(r.output_tokens) AS output_tokens,
    sum(r.reasoning_tokens) AS reasoning_tokens, sum(r.cache_write_tokens) AS cache_write_tokens,
    sum(r.cost_usd) AS cost_usd, sumIf(r.cost_usd, r.superseded) AS superseded_usd,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(r.latency_ms)) AS latency
FROM calls_store AS r FINAL
WHERE toStartOfMinute(occurred_at) IN (live.1)
GROUP BY month, tenant, team, model, provider, task_type, lane, batch;

CREATE OR REPLACE VIEW usage_since AS
WITH (
    SELECT (groupUniqArrayIf(start, level = 'minute'),
        groupUniqArrayIf(toStartOfHour(start), level IN ('minute', 'hour')),
        groupUniqArrayIf(toStartOfDay(start), level != 'month'),
        groupUniqArray(toDateTime(toStartOfMonth(start), 'UTC')))
    FROM rollup_touched FINAL WHERE source = 'usage' AND done = 0
) AS live
SELECT
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_month_store
WHERE start NOT IN (live.4)
  AND start > {since:DateTime64(6, 'UTC')}
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'month'
          AND start > {since:DateTime64(6, 'UTC')}
        GROUP BY start
    )
UNION ALL
SELECT
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_day_store
WHERE start NOT IN (live.3)
  AND (toDateTime(toStartOfMonth(start), 'UTC') IN (live.4) OR toDateTime(toStartOfMonth(start), 'UTC') = toDateTime(toStartOfMonth({since:DateTime64(6, 'UTC')}), 'UTC'))
  AND start > {since:DateTime64(6, 'UTC')}
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'day'
          AND (toDateTime(toStartOfMonth(start), 'UTC') IN (live.4) OR toDateTime(toStartOfMonth(start), 'UTC') = toDateTime(toStartOfMonth({since:DateTime64(6, 'UTC')}), 'UTC'))
          AND start > {since:DateTime64(6, 'UTC')}
        GROUP BY start
    )
UNION ALL
SELECT
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_hour_store
WHERE start NOT IN (live.2)
  AND (toStartOfDay(start) IN (live.3) OR toStartOfDay(start) = toStartOfDay({since:DateTime64(6, 'UTC')}))
  AND start > {since:DateTime64(6, 'UTC')}
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'hour'
          AND (toStartOfDay(start) IN (live.3) OR toStartOfDay(start) = toStartOfDay({since:DateTime64(6, 'UTC')}))
          AND start > {since:DateTime64(6, 'UTC')}
        GROUP BY start
    )
UNION ALL
SELECT
    tenant, team, model, provider, task_type, lane, batch, calls, superseded_calls, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cache_write_tokens, cost_usd, superseded_usd, latency
FROM usage_by_minute_store
WHERE start NOT IN (live.1)
  AND (toStartOfHour(start) IN (live.2) OR toStartOfHour(start) = toStartOfHour({since:DateTime64(6, 'UTC')}))
  AND start > {since:DateTime64(6, 'UTC')}
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'minute'
          AND (toStartOfHour(start) IN (live.2) OR toStartOfHour(start) = toStartOfHour({since:DateTime64(6, 'UTC')}))
          AND start > {since:DateTime64(6, 'UTC')}
        GROUP BY start
    )
UNION ALL
SELECT
    tenant, team, model, provider, task_type, lane, batch, count() AS calls,
    countIf(r.superseded) AS superseded_calls, sum(r.input_tokens) AS input_tokens,
    sum(r.cached_input_tokens) AS cached_input_tokens, sum(r.output_tokens) AS output_tokens,
    sum(r.reasoning_tokens) AS reasoning_tokens, sum(r.cache_write_tokens) AS cache_write_tokens,
    sum(r.cost_usd) AS cost_usd, sumIf(r.cost_usd, r.superseded) AS superseded_usd,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(r.latency_ms)) AS latency
FROM calls_store AS r FINAL
WHERE (toStartOfMinute(occurred_at) IN (live.1) OR toStartOfMinute(occurred_at) = toStartOfMinute({since:DateTime64(6, 'UTC')}))
  AND occurred_at >= {since:DateTime64(6, 'UTC')}
GROUP BY tenant, team, model, provider, task_type, lane, batch;

CREATE TABLE IF NOT EXISTS results_by_minute_store
(
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    team LowCardinality(String),
    status LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
    task_type LowCardinality(String),
    lane LowCardinality(String),
    cache_tier LowCardinality(String),
    results UInt64 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    baseline_cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    savings_usd Map(LowCardinality(String), Decimal(38, 18)) CODEC(ZSTD(1)),
    saved_by Map(LowCardinality(String), UInt64) CODEC(ZSTD(1)),
    cache_age_seconds Float64 CODEC(ZSTD(1)),
    latency AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32) CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
PRIMARY KEY (start, tenant)
ORDER BY (start, tenant, team, status, model, provider, task_type, lane, cache_tier)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS results_by_hour_store
(
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    team LowCardinality(String),
    status LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
    task_type LowCardinality(String),
    lane LowCardinality(String),
    cache_tier LowCardinality(String),
    results UInt64 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    baseline_cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    savings_usd Map(LowCardinality(String), Decimal(38, 18)) CODEC(ZSTD(1)),
    saved_by Map(LowCardinality(String), UInt64) CODEC(ZSTD(1)),
    cache_age_seconds Float64 CODEC(ZSTD(1)),
    latency AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32) CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
PRIMARY KEY (start, tenant)
ORDER BY (start, tenant, team, status, model, provider, task_type, lane, cache_tier)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS results_by_day_store
(
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    team LowCardinality(String),
    status LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
    task_type LowCardinality(String),
    lane LowCardinality(String),
    cache_tier LowCardinality(String),
    results UInt64 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    baseline_cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    savings_usd Map(LowCardinality(String), Decimal(38, 18)) CODEC(ZSTD(1)),
    saved_by Map(LowCardinality(String), UInt64) CODEC(ZSTD(1)),
    cache_age_seconds Float64 CODEC(ZSTD(1)),
    latency AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32) CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(start)
PRIMARY KEY (start, tenant)
ORDER BY (start, tenant, team, status, model, provider, task_type, lane, cache_tier)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS results_by_month_store
(
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    tenant LowCardinality(String),
    team LowCardinality(String),
    status LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
    task_type LowCardinality(String),
    lane LowCardinality(String),
    cache_tier LowCardinality(String),
    results UInt64 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    baseline_cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    savings_usd Map(LowCardinality(String), Decimal(38, 18)) CODEC(ZSTD(1)),
    saved_by Map(LowCardinality(String), UInt64) CODEC(ZSTD(1)),
    cache_age_seconds Float64 CODEC(ZSTD(1)),
    latency AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32) CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(start)
PRIMARY KEY (start, tenant)
ORDER BY (start, tenant, team, status, model, provider, task_type, lane, cache_tier)
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS endings_touched TO rollup_touched AS
SELECT 'results' AS source, 'minute' AS level, start, rand64() AS token, 0 AS done, now() AS at
FROM (SELECT DISTINCT toStartOfMinute(completed_at) AS start FROM endings_store);

CREATE OR REPLACE VIEW results_by_minute AS
WITH (
    SELECT groupUniqArray(start) FROM rollup_touched FINAL
    WHERE source = 'results' AND level = 'minute' AND done = 0
) AS live
SELECT
    start AS minute,
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_minute_store
WHERE start NOT IN (live)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'minute'
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfMinute(completed_at) AS minute,
    tenant, team, status, model, provider, task_type, lane, cache_tier, count() AS results,
    sum(r.input_tokens) AS input_tokens, sum(r.output_tokens) AS output_tokens, sum(r.cost_usd) AS cost_usd,
    sum(r.baseline_cost_usd) AS baseline_cost_usd, sumMap(r.savings_usd) AS savings_usd,
    sumMap(mapApply((cause, amount) -> (cause, toUInt64(1)), r.savings_usd)) AS saved_by,
    sum(r.cache_age_seconds) AS cache_age_seconds,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(r.latency_ms)) AS latency
FROM endings_store AS r FINAL
WHERE toStartOfMinute(completed_at) IN (live)
  AND (toStartOfMinute(completed_at), event_key) NOT IN (SELECT minute, event_key FROM results_repeats)
GROUP BY minute, tenant, team, status, model, provider, task_type, lane, cache_tier;

CREATE OR REPLACE VIEW results_by_hour AS
WITH (
    SELECT (groupUniqArrayIf(start, level = 'minute'),
        groupUniqArrayIf(toStartOfHour(start), level IN ('minute', 'hour')))
    FROM rollup_touched FINAL WHERE source = 'results' AND done = 0
) AS live
SELECT
    start AS hour,
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_hour_store
WHERE start NOT IN (live.2)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'hour'
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfHour(start) AS hour,
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_minute_store
WHERE start NOT IN (live.1)
  AND toStartOfHour(start) IN (live.2)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'minute'
          AND toStartOfHour(start) IN (live.2)
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfHour(completed_at) AS hour,
    tenant, team, status, model, provider, task_type, lane, cache_tier, count() AS results,
    sum(r.input_tokens) AS input_tokens, sum(r.output_tokens) AS output_tokens, sum(r.cost_usd) AS cost_usd,
    sum(r.baseline_cost_usd) AS baseline_cost_usd, sumMap(r.savings_usd) AS savings_usd,
    sumMap(mapApply((cause, amount) -> (cause, toUInt64(1)), r.savings_usd)) AS saved_by,
    sum(r.cache_age_seconds) AS cache_age_seconds,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(r.latency_ms)) AS latency
FROM endings_store AS r FINAL
WHERE toStartOfMinute(completed_at) IN (live.1)
  AND (toStartOfMinute(completed_at), event_key) NOT IN (SELECT minute, event_key FROM results_repeats)
GROUP BY hour, tenant, team, status, model, provider, task_type, lane, cache_tier;

CREATE OR REPLACE VIEW results_by_day AS
WITH (
    SELECT (groupUniqArrayIf(start, level = 'minute'),
        groupUniqArrayIf(toStartOfHour(start), level IN ('minute', 'hour')),
        groupUniqArrayIf(toStartOfDay(start), level != 'month'))
    FROM rollup_touched FINAL WHERE source = 'results' AND done = 0
) AS live
SELECT
    toDate(start, 'UTC') AS day,
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_day_store
WHERE start NOT IN (live.3)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'day'
        GROUP BY start
    )
UNION ALL
SELECT
    toDate(start, 'UTC') AS day,
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_hour_store
WHERE start NOT IN (live.2)
  AND toStartOfDay(start) IN (live.3)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'hour'
          AND toStartOfDay(start) IN (live.3)
        GROUP BY start
    )
UNION ALL
SELECT
    toDate(start, 'UTC') AS day,
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_minute_store
WHERE start NOT IN (live.1)
  AND toStartOfHour(start) IN (live.2)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'minute'
          AND toStartOfHour(start) IN (live.2)
        GROUP BY start
    )
UNION ALL
SELECT
    toDate(completed_at, 'UTC') AS day,
    tenant, team, status, model, provider, task_type, lane, cache_tier, count() AS results,
    sum(r.input_tokens) AS input_tokens, sum(r.output_tokens) AS output_tokens, sum(r.cost_usd) AS cost_usd,
    sum(r.baseline_cost_usd) AS baseline_cost_usd, sumMap(r.savings_usd) AS savings_usd,
    sumMap(mapApply((cause, amount) -> (cause, toUInt64(1)), r.savings_usd)) AS saved_by,
    sum(r.cache_age_seconds) AS cache_age_seconds,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(r.latency_ms)) AS latency
FROM endings_store AS r FINAL
WHERE toStartOfMinute(completed_at) IN (live.1)
  AND (toStartOfMinute(completed_at), event_key) NOT IN (SELECT minute, event_key FROM results_repeats)
GROUP BY day, tenant, team, status, model, provider, task_type, lane, cache_tier;

CREATE OR REPLACE VIEW results_by_month AS
WITH (
    SELECT (groupUniqArrayIf(start, level = 'minute'),
        groupUniqArrayIf(toStartOfHour(start), level IN ('minute', 'hour')),
        groupUniqArrayIf(toStartOfDay(start), level != 'month'),
        groupUniqArray(toDateTime(toStartOfMonth(start), 'UTC')))
    FROM rollup_touched FINAL WHERE source = 'results' AND done = 0
) AS live
SELECT
    toStartOfMonth(start) AS month,
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_month_store
WHERE start NOT IN (live.4)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'month'
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfMonth(start) AS month,
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_day_store
WHERE start NOT IN (live.3)
  AND toDateTime(toStartOfMonth(start), 'UTC') IN (live.4)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'day'
          AND toDateTime(toStartOfMonth(start), 'UTC') IN (live.4)
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfMonth(start) AS month,
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_hour_store
WHERE start NOT IN (live.2)
  AND toStartOfDay(start) IN (live.3)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'hour'
          AND toStartOfDay(start) IN (live.3)
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfMonth(start) AS month,
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_minute_store
WHERE start NOT IN (live.1)
  AND toStartOfHour(start) IN (live.2)
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'minute'
          AND toStartOfHour(start) IN (live.2)
        GROUP BY start
    )
UNION ALL
SELECT
    toStartOfMonth(completed_at) AS month,
    tenant, team, status, model, provider, task_type, lane, cache_tier, count() AS results,
    sum(r.input_tokens) AS input_tokens, sum(r.output_tokens) AS output_tokens, sum(r.cost_usd) AS cost_usd,
    sum(r.baseline_cost_usd) AS baseline_cost_usd, sumMap(r.savings_usd) AS savings_usd,
    sumMap(mapApply((cause, amount) -> (cause, toUInt64(1)), r.savings_usd)) AS saved_by,
    sum(r.cache_age_seconds) AS cache_age_seconds,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(r.latency_ms)) AS latency
FROM endings_store AS r FINAL
WHERE toStartOfMinute(completed_at) IN (live.1)
  AND (toStartOfMinute(completed_at), event_key) NOT IN (SELECT minute, event_key FROM results_repeats)
GROUP BY month, tenant, team, status, model, provider, task_type, lane, cache_tier;

CREATE OR REPLACE VIEW results_since AS
WITH (
    SELECT (groupUniqArrayIf(start, level = 'minute'),
        groupUniqArrayIf(toStartOfHour(start), level IN ('minute', 'hour')),
        groupUniqArrayIf(toStartOfDay(start), level != 'month'),
        groupUniqArray(toDateTime(toStartOfMonth(start), 'UTC')))
    FROM rollup_touched FINAL WHERE source = 'results' AND done = 0
) AS live
SELECT
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_month_store
WHERE start NOT IN (live.4)
  AND start > {since:DateTime64(6, 'UTC')}
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'month'
          AND start > {since:DateTime64(6, 'UTC')}
        GROUP BY start
    )
UNION ALL
SELECT
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_day_store
WHERE start NOT IN (live.3)
  AND (toDateTime(toStartOfMonth(start), 'UTC') IN (live.4) OR toDateTime(toStartOfMonth(start), 'UTC') = toDateTime(toStartOfMonth({since:DateTime64(6, 'UTC')}), 'UTC'))
  AND start > {since:DateTime64(6, 'UTC')}
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'day'
          AND (toDateTime(toStartOfMonth(start), 'UTC') IN (live.4) OR toDateTime(toStartOfMonth(start), 'UTC') = toDateTime(toStartOfMonth({since:DateTime64(6, 'UTC')}), 'UTC'))
          AND start > {since:DateTime64(6, 'UTC')}
        GROUP BY start
    )
UNION ALL
SELECT
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_hour_store
WHERE start NOT IN (live.2)
  AND (toStartOfDay(start) IN (live.3) OR toStartOfDay(start) = toStartOfDay({since:DateTime64(6, 'UTC')}))
  AND start > {since:DateTime64(6, 'UTC')}
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'hour'
          AND (toStartOfDay(start) IN (live.3) OR toStartOfDay(start) = toStartOfDay({since:DateTime64(6, 'UTC')}))
          AND start > {since:DateTime64(6, 'UTC')}
        GROUP BY start
    )
UNION ALL
SELECT
    tenant, team, status, model, provider, task_type, lane, cache_tier, results, input_tokens, output_tokens,
    cost_usd, baseline_cost_usd, savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_minute_store
WHERE start NOT IN (live.1)
  AND (toStartOfHour(start) IN (live.2) OR toStartOfHour(start) = toStartOfHour({since:DateTime64(6, 'UTC')}))
  AND start > {since:DateTime64(6, 'UTC')}
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'minute'
          AND (toStartOfHour(start) IN (live.2) OR toStartOfHour(start) = toStartOfHour({since:DateTime64(6, 'UTC')}))
          AND start > {since:DateTime64(6, 'UTC')}
        GROUP BY start
    )
UNION ALL
SELECT
    tenant, team, status, model, provider, task_type, lane, cache_tier, count() AS results,
    sum(r.input_tokens) AS input_tokens, sum(r.output_tokens) AS output_tokens, sum(r.cost_usd) AS cost_usd,
    sum(r.baseline_cost_usd) AS baseline_cost_usd, sumMap(r.savings_usd) AS savings_usd,
    sumMap(mapApply((cause, amount) -> (cause, toUInt64(1)), r.savings_usd)) AS saved_by,
    sum(r.cache_age_seconds) AS cache_age_seconds,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(r.latency_ms)) AS latency
FROM endings_store AS r FINAL
WHERE (toStartOfMinute(completed_at) IN (live.1) OR toStartOfMinute(completed_at) = toStartOfMinute({since:DateTime64(6, 'UTC')}))
  AND completed_at >= {since:DateTime64(6, 'UTC')}
  AND (toStartOfMinute(completed_at), event_key) NOT IN (SELECT minute, event_key FROM results_repeats)
GROUP BY tenant, team, status, model, provider, task_type, lane, cache_tier;

INSERT INTO rollup_touched
SELECT 'usage', 'minute', start, rand64(), 0, now()
FROM (SELECT DISTINCT toStartOfMinute(occurred_at) AS start FROM calls_store);

INSERT INTO rollup_touched
SELECT 'results', 'minute', start, rand64(), 0, now()
FROM (SELECT DISTINCT toStartOfMinute(completed_at) AS start FROM endings_store);
