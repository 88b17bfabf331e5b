-- Sums over all organizations, for the dashboard: by hour, day and month as `usage_by_...` and `results_by_...`, with the
-- few columns that its panels tell apart. A day has a dozen rows here where `results_by_day` has thousands, and as many
-- states of quantiles to be merged. They are copied from the rows of the same version, before that version counts, so that
-- what holds for those holds here. All levels are in one table and one branch of the view: a query is planned in half the time.
-- What is summed already is noted to be summed anew, hour by hour; until that is done the views take its minutes.
CREATE TABLE IF NOT EXISTS usage_overview_store
(
    level LowCardinality(String),
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    model LowCardinality(String),
    provider LowCardinality(String),
    calls UInt64 CODEC(T64, ZSTD(1)),
    superseded_calls UInt64 CODEC(T64, ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    cached_input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Decimal(38, 18) CODEC(ZSTD(1)),
    superseded_usd Decimal(38, 18) CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY level
PRIMARY KEY start
ORDER BY (start, level, model, provider);

CREATE OR REPLACE VIEW usage_overview AS
WITH (
    SELECT (groupUniqArrayIf(start, level = 'minute'),
        groupUniqArrayIf(toStartOfHour(start), level IN ('minute', 'hour')),
        groupUniqArrayIf(toStartOfDay(start), level != 'month'),
        groupUniqArray(toDateTime(toStartOfMonth(start), 'UTC')))
    FROM rollup_touched FINAL WHERE source = 'usage' AND done = 0
) AS live
SELECT model, provider, calls, superseded_calls, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    cache_write_tokens, cost_usd, superseded_usd
FROM usage_overview_store
WHERE start > {since:DateTime64(6, 'UTC')}
  AND (level = 'month' AND start NOT IN (live.4)
        OR level = 'day' AND start NOT IN (live.3)
            AND (toDateTime(toStartOfMonth(start), 'UTC') IN (live.4)
                OR toDateTime(toStartOfMonth(start), 'UTC') = toDateTime(toStartOfMonth({since:DateTime64(6, 'UTC')}), 'UTC'))
        OR level = 'hour' AND start NOT IN (live.2)
            AND (toStartOfDay(start) IN (live.3) OR toStartOfDay(start) = toStartOfDay({since:DateTime64(6, 'UTC')})))
  AND (level, start, version) IN
    (
        SELECT level, start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level IN ('hour', 'day', 'month') AND start > {since:DateTime64(6, 'UTC')}
        GROUP BY level, start
    )
UNION ALL
SELECT model, provider, calls, superseded_calls, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    cache_write_tokens, cost_usd, superseded_usd
FROM usage_by_minute_store
WHERE start > {since:DateTime64(6, 'UTC')}
  AND start NOT IN (live.1)
  AND (toStartOfHour(start) IN (live.2) OR toStartOfHour(start) = toStartOfHour({since:DateTime64(6, 'UTC')}))
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'usage' AND level = 'minute' AND start > {since:DateTime64(6, 'UTC')}
          AND (toStartOfHour(start) IN (live.2) OR toStartOfHour(start) = toStartOfHour({since:DateTime64(6, 'UTC')}))
        GROUP BY start
    )
UNION ALL
SELECT
    model, provider,
    count() AS calls, countIf(r.superseded) AS superseded_calls, sum(r.input_tokens) AS input_tokens,
    sum(r.cached_input_tokens) AS cached_input_tokens, sum(r.output_tokens) AS output_tokens,
    sum(r.reasoning_tokens) AS reasoning_tokens, sum(r.cache_write_tokens) AS cache_write_tokens,
    sum(r.cost_usd) AS cost_usd, sumIf(r.cost_usd, r.superseded) AS superseded_usd
FROM calls_store AS r FINAL
WHERE (toStartOfMinute(occurred_at) IN (live.1) OR toStartOfMinute(occurred_at) = toStartOfMinute({since:DateTime64(6, 'UTC')}))
  AND occurred_at >= {since:DateTime64(6, 'UTC')}
GROUP BY model, provider;

CREATE TABLE IF NOT EXISTS results_overview_store
(
    level LowCardinality(String),
    start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    status LowCardinality(String),
    model LowCardinality(String),
    provider LowCardinality(String),
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
PARTITION BY level
PRIMARY KEY start
ORDER BY (start, level, status, model, provider, cache_tier);

CREATE OR REPLACE VIEW results_overview AS
WITH (
    SELECT (groupUniqArrayIf(start, level = 'minute'),
        groupUniqArrayIf(toStartOfHour(start), level IN ('minute', 'hour')),
        groupUniqArrayIf(toStartOfDay(start), level != 'month'),
        groupUniqArray(toDateTime(toStartOfMonth(start), 'UTC')))
    FROM rollup_touched FINAL WHERE source = 'results' AND done = 0
) AS live
SELECT status, model, provider, cache_tier, results, input_tokens, output_tokens, cost_usd, baseline_cost_usd,
    savings_usd, saved_by, cache_age_seconds, latency
FROM results_overview_store
WHERE start > {since:DateTime64(6, 'UTC')}
  AND (level = 'month' AND start NOT IN (live.4)
        OR level = 'day' AND start NOT IN (live.3)
            AND (toDateTime(toStartOfMonth(start), 'UTC') IN (live.4)
                OR toDateTime(toStartOfMonth(start), 'UTC') = toDateTime(toStartOfMonth({since:DateTime64(6, 'UTC')}), 'UTC'))
        OR level = 'hour' AND start NOT IN (live.2)
            AND (toStartOfDay(start) IN (live.3) OR toStartOfDay(start) = toStartOfDay({since:DateTime64(6, 'UTC')})))
  AND (level, start, version) IN
    (
        SELECT level, start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level IN ('hour', 'day', 'month') AND start > {since:DateTime64(6, 'UTC')}
        GROUP BY level, start
    )
UNION ALL
SELECT status, model, provider, cache_tier, results, input_tokens, output_tokens, cost_usd, baseline_cost_usd,
    savings_usd, saved_by, cache_age_seconds, latency
FROM results_by_minute_store
WHERE start > {since:DateTime64(6, 'UTC')}
  AND start NOT IN (live.1)
  AND (toStartOfHour(start) IN (live.2) OR toStartOfHour(start) = toStartOfHour({since:DateTime64(6, 'UTC')}))
  AND (start, version) IN
    (
        SELECT start, max(version) FROM rollup_versions
        WHERE source = 'results' AND level = 'minute' AND start > {since:DateTime64(6, 'UTC')}
          AND (toStartOfHour(start) IN (live.2) OR toStartOfHour(start) = toStartOfHour({since:DateTime64(6, 'UTC')}))
        GROUP BY start
    )
UNION ALL
SELECT
    status, model, provider, cache_tier,
    count() AS results, sum(r.input_tokens) AS input_tokens, sum(r.output_tokens) AS output_tokens,
    sum(r.cost_usd) AS cost_usd, sum(r.baseline_cost_usd) AS baseline_cost_usd, sumMap(r.savings_usd) AS savings_usd,
    sumMap(mapApply((cause, amount) -> (cause, toUInt64(1)), r.savings_usd)) AS saved_by,
    sum(r.cache_age_seconds) AS cache_age_seconds,
    quantilesTDigestState(0.5, 0.95, 0.99)(toFloat32(r.latency_ms)) AS latency
FROM endings_store AS r FINAL
WHERE (toStartOfMinute(completed_at) IN (live.1) OR toStartOfMinute(completed_at) = toStartOfMinute({since:DateTime64(6, 'UTC')}))
  AND completed_at >= {since:DateTime64(6, 'UTC')}
  AND (toStartOfMinute(completed_at), event_key) NOT IN (SELECT minute, event_key FROM results_repeats)
GROUP BY status, model, provider, cache_tier;

INSERT INTO rollup_touched
SELECT source, 'hour', start, rand64(), 0, now()
FROM (SELECT DISTINCT source, start FROM rollup_versions WHERE level = 'hour');
