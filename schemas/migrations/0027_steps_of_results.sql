-- How many steps a request had taken when it ended, and how many of them were taken for others.
ALTER TABLE results_store ADD COLUMN IF NOT EXISTS steps UInt32 AFTER cache_error_bound;

ALTER TABLE results_store ADD COLUMN IF NOT EXISTS steps_reused UInt32 AFTER steps;

ALTER TABLE results_fold MODIFY QUERY
SELECT
    reinterpretAsUInt128(sipHash128(tupleElement(event, 'tenant'), event_id)) AS event_key,
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'tenant') AS tenant,
    tupleElement(event, 'user') AS user,
    tupleElement(event, 'team') AS team,
    tupleElement(event, 'status') AS status,
    tupleElement(event, 'model') AS model,
    tupleElement(event, 'provider') AS provider,
    tupleElement(event, 'lane') AS lane,
    tupleElement(event, 'task_type') AS task_type,
    tupleElement(usage, 'input_tokens') AS input_tokens,
    tupleElement(usage, 'cached_input_tokens') AS cached_input_tokens,
    tupleElement(usage, 'output_tokens') AS output_tokens,
    tupleElement(usage, 'reasoning_tokens') AS reasoning_tokens,
    tupleElement(usage, 'cache_write_tokens') AS cache_write_tokens,
    toDecimal128OrZero(tupleElement(event, 'cost_usd'), 18) AS cost_usd,
    tupleElement(tupleElement(event, 'baseline'), 'model') AS baseline_model,
    toDecimal128OrNull(tupleElement(tupleElement(event, 'baseline'), 'cost_usd'), 18) AS baseline_cost_usd,
    mapApply(
        (cause, amount) -> (cause, toDecimal128OrZero(amount, 18)),
        mapFilter((cause, amount) -> amount != '', tupleElement(event, 'savings'))) AS savings_usd,
    tupleElement(decision, 'rule') AS decision_rule,
    tupleElement(decision, 'reason') AS decision_reason,
    toDecimal128OrNull(tupleElement(decision, 'expected_cost_usd'), 18) AS expected_cost_usd,
    tupleElement(decision, 'predicted_quality') AS predicted_quality,
    tupleElement(decision, 'survey') AS decision_survey,
    tupleElement(hit, 'tier') AS cache_tier,
    tupleElement(hit, 'source_request_id') AS cache_source_request_id,
    tupleElement(hit, 'age_seconds') AS cache_age_seconds,
    tupleElement(hit, 'similarity') AS cache_similarity,
    tupleElement(hit, 'probability') AS cache_probability,
    tupleElement(hit, 'error_bound') AS cache_error_bound,
    length(taken) AS steps,
    arrayCount(source -> source != 'call', tupleElement(taken, 'source')) AS steps_reused,
    tupleElement(error, 'code') AS error_code,
    tupleElement(error, 'message') AS error_message,
    tupleElement(error, 'remedy') AS error_remedy,
    tupleElement(error, 'field') AS error_field,
    tupleElement(tupleElement(event, 'output'), 'finish_reason') AS finish_reason,
    greatest(length(tupleElement(tupleElement(event, 'output'), 'content')),
        tupleElement(tupleElement(event, 'content_removed'), 'output_bytes')) AS output_bytes,
    tupleElement(event, 'stages_ms') AS stages_ms,
    tupleElement(event, 'latency_ms') AS latency_ms,
    tupleElement(event, 'attempts') AS attempts,
    tupleElement(event, 'tags') AS tags,
    tupleElement(tupleElement(event, 'trace'), 'traceparent') AS traceparent,
    tupleElement(event, 'request_digest') AS request_digest,
    tupleElement(tupleElement(event, 'personal_data'), 'mode') AS personal_data_mode,
    tupleElement(tupleElement(event, 'personal_data'), 'types') AS personal_data,
    tupleElement(event, 'injection') AS injection,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'received_at'), 6, 'UTC'), timestamp) AS received_at,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'completed_at'), 6, 'UTC'), timestamp) AS completed_at,
    timestamp, cluster, partition, offset
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, tenant String, user String, team String, status String, model String, provider String, lane String,
            task_type String, output Tuple(content String, finish_reason String),
            usage Tuple(input_tokens UInt64, cached_input_tokens UInt64, output_tokens UInt64,
                reasoning_tokens UInt64, cache_write_tokens UInt64),
            cost_usd String, baseline Tuple(model String, cost_usd String),
            savings Map(String, String),
            decision Tuple(rule String, reason String, expected_cost_usd String,
                predicted_quality Nullable(Float64), survey String),
            cache Tuple(tier String, source_request_id String, age_seconds Nullable(Float64),
                similarity Nullable(Float64), probability Nullable(Float64), error_bound Nullable(Float64)),
            error Tuple(code String, message String, remedy String, field String),
            stages_ms Map(String, Float64), latency_ms Float64, attempts UInt32, tags Map(String, String),
            trace Tuple(traceparent String), request_digest String,
            personal_data Tuple(mode String, types Map(String, UInt32)), injection Array(String),
            steps Array(Tuple(source String)), received_at String, completed_at String, content_removed Tuple(output_bytes UInt64))')
            AS event,
        if(ce_id = '', tupleElement(event, 'id'), ce_id) AS event_id,
        tupleElement(event, 'usage') AS usage,
        tupleElement(event, 'decision') AS decision,
        tupleElement(event, 'cache') AS hit,
        tupleElement(event, 'error') AS error,
        tupleElement(event, 'steps') AS taken,
        timestamp, cluster, partition, offset
    FROM archive_store
    WHERE topic = 'asahi.results'
)
WHERE event_id != '';

CREATE OR REPLACE VIEW results AS
SELECT
    id, tenant, user, team, status, model, provider, lane, task_type,
    input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cache_write_tokens,
    cost_usd, baseline_model, baseline_cost_usd, savings_usd, arraySum(mapValues(savings_usd)) AS saved_usd,
    decision_rule, decision_reason, expected_cost_usd, predicted_quality, decision_survey,
    cache_tier, cache_source_request_id, cache_age_seconds, cache_similarity, cache_probability, cache_error_bound,
    steps, steps_reused,
    error_code, error_message, error_remedy, error_field, finish_reason, output_bytes,
    stages_ms, latency_ms, attempts, tags, traceparent, request_digest,
    personal_data_mode, personal_data, injection, received_at, completed_at,
    cluster, partition, offset
FROM results_store FINAL;
