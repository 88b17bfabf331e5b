-- Who may use the system now: the newest fact per message key, straight from the archive, for the topic is small.
-- The key says whom a fact is about: `acme`, `acme/team/search`, `acme/user/amara`, `acme/key/k7f3m2q9`.
CREATE VIEW IF NOT EXISTS registry AS
SELECT
    splitByChar('/', key)[1] AS tenant,
    if(position(key, '/') = 0, 'tenant', splitByChar('/', key)[2]) AS kind,
    if(position(key, '/') = 0, key, splitByChar('/', key)[3]) AS name,
    assumeNotNull(newest.1) AS fact,
    JSONExtractString(fact, 'changed_by') AS changed_by,
    JSONExtractString(fact, 'reason') AS reason,
    ifNull(parseDateTime64BestEffortOrNull(
        JSONExtractString(fact, if(kind = 'tenant', 'registered_at', 'changed_at')), 6, 'UTC'), newest.2) AS changed_at
FROM
(
    SELECT
        assumeNotNull(archive_store.key) AS key,
        argMax((value, timestamp), (timestamp, archived_at, offset)) AS newest
    FROM archive_store
    WHERE topic = 'asahi.governance' AND isNotNull(archive_store.key)
      AND NOT mapContains(headers, 'asahi_set_aside')
    GROUP BY key
)
WHERE isNotNull(newest.1);

CREATE OR REPLACE VIEW tenants AS
SELECT
    tenant,
    tupleElement(held, 'reference_model') AS reference_model,
    tupleElement(held, 'cache_ttl_seconds') AS cache_ttl_seconds,
    tupleElement(limits, 'requests_per_minute') AS requests_per_minute,
    tupleElement(limits, 'burst') AS burst,
    tupleElement(limits, 'max_input_tokens') AS max_input_tokens,
    tupleElement(limits, 'max_output_tokens') AS max_output_tokens,
    tupleElement(limits, 'allowed_models') AS allowed_models,
    changed_at AS registered_at,
    JSONExtractRaw(fact, 'policy') AS policy,
    JSONExtractRaw(fact, 'budgets') AS budgets,
    JSONExtractRaw(fact, 'rates') AS rates,
    changed_by,
    reason
FROM
(
    SELECT
        *,
        JSONExtract(fact, 'Tuple(
            reference_model String, cache_ttl_seconds Nullable(Float64),
            limits Tuple(requests_per_minute Nullable(UInt64), burst Nullable(UInt64),
                max_input_tokens Nullable(UInt64), max_output_tokens Nullable(UInt64),
                allowed_models Array(String)))') AS held,
        tupleElement(held, 'limits') AS limits
    FROM registry
    WHERE kind = 'tenant'
);

CREATE VIEW IF NOT EXISTS teams AS
SELECT
    tenant, name AS team,
    JSONExtractRaw(fact, 'policy') AS policy,
    JSONExtractRaw(fact, 'budgets') AS budgets,
    JSONExtractRaw(fact, 'rates') AS rates,
    changed_by, reason, changed_at
FROM registry
WHERE kind = 'team';

CREATE VIEW IF NOT EXISTS users AS
SELECT
    tenant, name AS user,
    JSONExtractString(fact, 'team') AS team,
    JSONExtractRaw(fact, 'policy') AS policy,
    JSONExtractRaw(fact, 'budgets') AS budgets,
    JSONExtractRaw(fact, 'rates') AS rates,
    changed_by, reason, changed_at
FROM registry
WHERE kind = 'user';

CREATE VIEW IF NOT EXISTS api_keys AS
SELECT
    tenant, name AS key_id,
    JSONExtractString(fact, 'user') AS user,
    JSONExtractString(fact, 'team') AS team,
    JSONExtract(fact, 'scopes', 'Array(String)') AS scopes,
    parseDateTime64BestEffortOrNull(JSONExtractString(fact, 'issued_at'), 6, 'UTC') AS issued_at,
    parseDateTime64BestEffortOrNull(JSONExtractString(fact, 'expires_at'), 6, 'UTC') AS expires_at,
    parseDateTime64BestEffortOrNull(JSONExtractString(fact, 'revoked_at'), 6, 'UTC') AS revoked_at,
    JSONExtractString(fact, 'replaces') AS replaces,
    JSONExtractRaw(fact, 'policy') AS policy,
    JSONExtractRaw(fact, 'budgets') AS budgets,
    JSONExtractRaw(fact, 'rates') AS rates,
    changed_by, reason, changed_at
FROM registry
WHERE kind = 'key';
