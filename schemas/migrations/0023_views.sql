-- What analysts ask about most, each a row of its own: what was decided and why, what was saved by which cause, what came
-- out of a cache, and how far budgets are used up.
CREATE OR REPLACE VIEW decisions AS
SELECT
    id AS request_id, tenant, team, user, task_type, lane,
    decision_rule AS rule, decision_reason AS reason, decision_survey AS survey, model, provider, status,
    expected_cost_usd, cost_usd, predicted_quality, attempts, completed_at, cluster, partition, offset
FROM results
WHERE decision_rule != '';

CREATE OR REPLACE VIEW savings AS
SELECT
    id AS request_id, tenant, team, user, task_type, lane, model, provider, baseline_model,
    cause, saved_usd, reason, completed_at, cluster, partition, offset
FROM
(
    SELECT
        id, tenant, team, user, task_type, lane, model, provider, baseline_model, decision_reason AS reason,
        savings_usd, completed_at, cluster, partition, offset
    FROM results
)
ARRAY JOIN mapKeys(savings_usd) AS cause, mapValues(savings_usd) AS saved_usd;

CREATE OR REPLACE VIEW cache AS
SELECT
    id AS request_id, tenant, team, user, task_type, lane, model, provider,
    cache_tier AS tier, cache_source_request_id AS source_request_id, cache_age_seconds AS age_seconds,
    cache_similarity AS similarity, cache_probability AS probability, cache_error_bound AS error_bound,
    input_tokens, output_tokens, saved_usd, latency_ms, completed_at, cluster, partition, offset
FROM results
WHERE status = 'cached';

-- Since when a budget counts, and what was spent since then as budgets count it. Nobody's spending is read further back
-- than the budgets there are reach.
CREATE OR REPLACE VIEW budgets AS
WITH limits AS
(
    SELECT
        tenant, kind, name,
        JSONExtractString(budget, 'period') AS period,
        toDecimal128OrZero(trim(BOTH '"' FROM JSONExtractRaw(budget, 'limit_usd')), 18) AS limit_usd,
        toBool(if(JSONHas(budget, 'hard'), JSONExtractBool(budget, 'hard'), true)) AS hard,
        transform(period, ['hour', 'day', 'month'],
            [toStartOfHour(now('UTC')), toStartOfDay(now('UTC')), toDateTime(toStartOfMonth(now('UTC')), 'UTC')],
            toDateTime(0, 'UTC')) AS since
    FROM registry
    ARRAY JOIN JSONExtractArrayRaw(fact, 'budgets') AS budget
)
SELECT
    limits.tenant AS tenant, limits.kind AS kind, limits.name AS name, limits.period AS period,
    limits.hard AS hard, limits.since AS since, limits.limit_usd AS limit_usd,
    sum(if(occurred_at >= limits.since, spent.cost_usd, toDecimal128(0, 18))) AS spent_usd,
    limits.limit_usd - spent_usd AS left_usd,
    if(limits.limit_usd > 0, toFloat64(spent_usd) / toFloat64(limits.limit_usd), 1) AS used
FROM limits
LEFT JOIN
(
    SELECT tenant, scope.1 AS kind, scope.2 AS name, cost_usd, occurred_at
    FROM spending
    ARRAY JOIN
        [('tenant', tenant), ('team', toString(team)), ('user', user), ('key', toString(key_id))] AS scope
    WHERE name != '' AND occurred_at >= (SELECT min(since) FROM limits)
) AS spent ON limits.tenant = spent.tenant AND limits.kind = spent.kind AND limits.name = spent.name
GROUP BY tenant, kind, name, period, hard, since, limit_usd;
