-- Whose budgets a call counted against, besides the organization's and the user's.
ALTER TABLE usage_store ADD COLUMN IF NOT EXISTS team LowCardinality(String) AFTER revision;

ALTER TABLE usage_store ADD COLUMN IF NOT EXISTS key_id LowCardinality(String) AFTER team;

ALTER TABLE usage_fold MODIFY QUERY
SELECT
    reinterpretAsUInt128(sipHash128(
        tupleElement(event, 'tenant'),
        if(tupleElement(event, 'revision') > 0, tupleElement(event, 'id'), event_id))) AS event_key,
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
    timestamp, cluster, partition, offset
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
            team String, key_id String,
            tags Map(String, String), occurred_at String)') AS event,
        if(ce_id = '', tupleElement(event, 'id'), ce_id) AS event_id,
        tupleElement(event, 'usage') AS tokens,
        timestamp, cluster, partition, offset
    FROM archive_store
    WHERE topic = 'asahi.usage'
)
WHERE event_id != '';

CREATE OR REPLACE VIEW usage AS
SELECT
    id, request_id, tenant, user, model, provider, lane, task_type, attempt,
    input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    cache_write_tokens, cache_write_1h_tokens, input_audio_tokens, cached_audio_tokens, output_audio_tokens,
    input_image_tokens, output_image_tokens, web_searches,
    cost_usd, price_list, latency_ms, superseded, batch, revision, team, key_id, tags, occurred_at,
    cluster, partition, offset
FROM usage_store FINAL;

-- What budgets count: every call once, at the cost that it was settled with. A correction is a later insight and moves no
-- budget, so of a corrected call the first event says what counted; the archive keeps it.
CREATE VIEW IF NOT EXISTS spending AS
SELECT id, tenant, team, user, key_id, cost_usd, occurred_at, cluster, partition, offset
FROM usage_store FINAL
WHERE revision = 0
UNION ALL
SELECT
    id, tenant, team, user, key_id,
    toDecimal128OrZero(JSONExtractString(ifNull(value, ''), 'cost_usd'), 18) AS cost_usd,
    occurred_at, cluster, partition, offset
FROM
(
    SELECT ce_id, value, cluster, partition, offset FROM archive_store
    WHERE topic = 'asahi.usage' AND ce_id IN (SELECT id FROM usage_store WHERE revision > 0)
    ORDER BY timestamp, offset LIMIT 1 BY ce_id
) AS first
INNER JOIN
(
    SELECT id, tenant, team, user, key_id, occurred_at FROM usage_store FINAL WHERE revision > 0
) AS corrected ON first.ce_id = corrected.id;
