-- Who may use the system now: the newest fact per tenant, straight from the archive, for the topic is small.
CREATE VIEW IF NOT EXISTS tenants AS
SELECT
    key AS tenant,
    tupleElement(fact, 'reference_model') AS reference_model,
    tupleElement(fact, 'cache_ttl_seconds') AS cache_ttl_seconds,
    tupleElement(limits, 'requests_per_minute') AS requests_per_minute,
    tupleElement(limits, 'burst') AS burst,
    tupleElement(limits, 'max_input_tokens') AS max_input_tokens,
    tupleElement(limits, 'max_output_tokens') AS max_output_tokens,
    tupleElement(limits, 'allowed_models') AS allowed_models,
    registered_at
FROM
(
    SELECT
        key,
        JSONExtract(ifNull(newest.1, ''), 'Tuple(
            reference_model String, cache_ttl_seconds Nullable(Float64),
            limits Tuple(requests_per_minute Nullable(UInt64), burst Nullable(UInt64),
                max_input_tokens Nullable(UInt64), max_output_tokens Nullable(UInt64),
                allowed_models Array(String)),
            registered_at String)') AS fact,
        tupleElement(fact, 'limits') AS limits,
        ifNull(parseDateTime64BestEffortOrNull(tupleElement(fact, 'registered_at'), 6, 'UTC'), newest.2)
            AS registered_at
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
    WHERE isNotNull(newest.1)
);
