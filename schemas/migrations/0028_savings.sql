-- A cause that saved nothing is no cause: `saved_by` counts results that saved by it or cost more by it, as it says, and
-- `savings` lists no zeros. Sums of money stay as they are. Of a saving it is told by which rule the model was chosen.
CREATE OR REPLACE VIEW savings AS
SELECT
    id AS request_id, tenant, team, user, task_type, lane, model, provider, baseline_model,
    cause, saved_usd, rule, reason, completed_at, cluster, partition, offset
FROM
(
    SELECT
        id, tenant, team, user, task_type, lane, model, provider, baseline_model,
        decision_rule AS rule, decision_reason AS reason,
        mapFilter((cause, amount) -> amount != 0, savings_usd) AS savings, completed_at, cluster, partition, offset
    FROM results
)
ARRAY JOIN mapKeys(savings) AS cause, mapValues(savings) AS saved_usd;

ALTER TABLE endings_fold MODIFY QUERY
SELECT
    event_key, tenant, team, status, model, provider, lane, task_type, cache_tier, input_tokens, output_tokens,
    cost_usd, ifNull(baseline_cost_usd, toDecimal128(0, 18)) AS baseline_cost_usd,
    mapFilter((cause, amount) -> amount != 0, savings_usd) AS savings_usd,
    ifNull(cache_age_seconds, 0) AS cache_age_seconds, toFloat32(latency_ms) AS latency_ms,
    if(event_key % 8 = 0, stages_ms, map()) AS stages_ms, completed_at,
    bitNot(toUInt64(toUnixTimestamp64Milli(timestamp))) AS precedence
FROM results_store;

-- Of what is there already the minutes are noted twice: before, since nobody can tell them afterwards, and when it is done.
INSERT INTO rollup_touched
SELECT 'results', 'minute', start, rand64(), 0, now()
FROM
(
    SELECT DISTINCT toStartOfMinute(completed_at) AS start FROM endings_store
    WHERE arrayExists(amount -> amount = 0, mapValues(savings_usd))
);

ALTER TABLE endings_store
UPDATE savings_usd = mapFilter((cause, amount) -> amount != 0, savings_usd)
WHERE arrayExists(amount -> amount = 0, mapValues(savings_usd))
SETTINGS mutations_sync = 2;

INSERT INTO rollup_touched
SELECT 'results', 'minute', start, rand64(), 0, now()
FROM (SELECT DISTINCT start FROM rollup_touched WHERE source = 'results' AND level = 'minute');
