-- Anomalies, who takes care of them, and which nobody wants to hear of: straight from the archive, for they are few.
CREATE VIEW IF NOT EXISTS anomalies AS
SELECT
    told.id AS id, tenant, metric, if(ended, 'ended', 'open') AS status,
    start, if(ended, end_at, NULL) AS end, severity, unit, observed, expected, lower, upper,
    contributions, title, text, opened_at, muted,
    ifNull(acknowledged_by, '') AS acknowledged_by, ifNull(acknowledged_reason, '') AS acknowledged_reason,
    acknowledged_at
FROM
(
    SELECT
        tupleElement(event, 'anomaly') AS id,
        argMax(event, (ce_type = 'asahi.anomaly.ended.v1', -toUnixTimestamp64Milli(timestamp), offset)) AS last,
        max(ce_type = 'asahi.anomaly.ended.v1') AS ended,
        CAST(max(tupleElement(event, 'muted')), 'Bool') AS muted,
        min(parseDateTime64BestEffortOrNull(tupleElement(event, 'detected_at'), 6, 'UTC')) AS opened_at,
        tupleElement(last, 'tenant') AS tenant,
        tupleElement(last, 'metric') AS metric,
        assumeNotNull(parseDateTime64BestEffortOrNull(tupleElement(last, 'start'), 6, 'UTC')) AS start,
        parseDateTime64BestEffortOrNull(tupleElement(last, 'end'), 6, 'UTC') AS end_at,
        tupleElement(last, 'severity') AS severity,
        tupleElement(last, 'unit') AS unit,
        tupleElement(last, 'observed') AS observed,
        tupleElement(last, 'expected') AS expected,
        tupleElement(last, 'lower') AS lower,
        tupleElement(last, 'upper') AS upper,
        tupleElement(last, 'contributions') AS contributions,
        tupleElement(last, 'title') AS title,
        tupleElement(last, 'text') AS text
    FROM
    (
        SELECT
            JSONExtract(ifNull(value, ''), 'Tuple(
                anomaly String, tenant String, metric String, start String, end String, severity Float64, unit String,
                observed Float64, expected Float64, lower Float64, upper Float64,
                contributions Array(Tuple(
                    dimension String, value String, before Float64, now Float64, share Float64)),
                title String, text String, detected_at String, muted Bool)') AS event,
            ce_type, timestamp, offset
        FROM archive_store
        WHERE topic = 'asahi.anomalies' AND ce_type IN ('asahi.anomaly.opened.v1', 'asahi.anomaly.ended.v1')
          AND NOT mapContains(headers, 'asahi_set_aside')
    )
    GROUP BY id
) AS told
LEFT JOIN
(
    SELECT
        JSONExtractString(ifNull(value, ''), 'anomaly') AS id,
        argMax(JSONExtract(ifNull(value, ''), 'acknowledged_by', 'Nullable(String)'), (timestamp, offset))
            AS acknowledged_by,
        argMax(JSONExtractString(ifNull(value, ''), 'reason'), (timestamp, offset)) AS acknowledged_reason,
        max(parseDateTime64BestEffortOrNull(JSONExtractString(ifNull(value, ''), 'acknowledged_at'), 6, 'UTC'))
            AS acknowledged_at
    FROM archive_store
    WHERE topic = 'asahi.anomalies' AND ce_type = 'asahi.anomaly.acknowledged.v1'
    GROUP BY id
) AS seen ON told.id = seen.id;

CREATE VIEW IF NOT EXISTS anomaly_mutes AS
SELECT
    tenant, metric, anomaly,
    assumeNotNull(parseDateTime64BestEffortOrNull(tupleElement(newest, 'until'), 6, 'UTC')) AS until,
    tupleElement(newest, 'muted_by') AS muted_by,
    tupleElement(newest, 'reason') AS reason,
    parseDateTime64BestEffortOrNull(tupleElement(newest, 'muted_at'), 6, 'UTC') AS muted_at
FROM
(
    SELECT
        tupleElement(event, 'tenant') AS tenant, tupleElement(event, 'metric') AS metric,
        tupleElement(event, 'anomaly') AS anomaly, argMax(event, (timestamp, offset)) AS newest
    FROM
    (
        SELECT
            JSONExtract(ifNull(value, ''), 'Tuple(
                tenant String, metric String, anomaly String, until String, muted_by String, reason String,
                muted_at String)') AS event,
            timestamp, offset
        FROM archive_store
        WHERE topic = 'asahi.anomalies' AND ce_type = 'asahi.mute.set.v1'
          AND NOT mapContains(headers, 'asahi_set_aside')
    )
    GROUP BY tenant, metric, anomaly
);

-- Up to where the figures are complete, and whether the system was up.
CREATE VIEW IF NOT EXISTS minutes AS
SELECT
    assumeNotNull(parseDateTime64BestEffortOrNull(JSONExtractString(event, 'start'), 6, 'UTC')) AS start,
    CAST(JSONExtractBool(event, 'up'), 'Bool') AS up,
    parseDateTime64BestEffortOrNull(JSONExtractString(event, 'closed_at'), 6, 'UTC') AS closed_at
FROM
(
    SELECT ce_id, argMin(ifNull(value, ''), (timestamp, offset)) AS event
    FROM archive_store
    WHERE topic = 'asahi.minutes' AND NOT mapContains(headers, 'asahi_set_aside')
    GROUP BY ce_id
);
