-- For which step of its request a call was made, empty where it was for the request itself.
ALTER TABLE calls_store ADD COLUMN IF NOT EXISTS step LowCardinality(String) AFTER request_id;

ALTER TABLE calls_fold MODIFY QUERY
SELECT
    tupleElement(event, 'tenant') AS tenant,
    if(tupleElement(event, 'id') = '', event_id, tupleElement(event, 'id')) AS id,
    tupleElement(event, 'request_id') AS request_id,
    tupleElement(event, 'step') AS step,
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
            team String, key_id String, step String, tags Map(String, String), occurred_at String)') AS event,
        if(ce_id = '', tupleElement(event, 'id'), ce_id) AS event_id,
        tupleElement(event, 'usage') AS tokens,
        timestamp, cluster, partition, offset
    FROM archive_store
    WHERE topic = 'asahi.usage'
)
WHERE event_id != '';

CREATE OR REPLACE VIEW usage AS
SELECT
    id, request_id, step, tenant, user, model, provider, lane, task_type, attempt,
    input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
    cache_write_tokens, cache_write_1h_tokens, input_audio_tokens, cached_audio_tokens, output_audio_tokens,
    input_image_tokens, output_image_tokens, web_searches,
    cost_usd, price_list, latency_ms, superseded, batch, revision, team, key_id, tags, occurred_at,
    cluster, partition, offset
FROM calls_store FINAL;
