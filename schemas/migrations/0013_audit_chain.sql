-- The hash chain over the audit topic. `asahi audit verify` reads the archive itself; these are for people.
CREATE VIEW IF NOT EXISTS audit_links AS
SELECT
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'cluster') AS chain_cluster,
    tupleElement(event, 'partition') AS chain_partition,
    tupleElement(event, 'sequence') AS sequence,
    length(tupleElement(event, 'offsets')) AS records,
    arrayElement(tupleElement(event, 'offsets'), 1) AS first_offset,
    arrayElement(tupleElement(event, 'offsets'), -1) AS last_offset,
    tupleElement(event, 'previous') AS previous,
    tupleElement(event, 'head') AS head,
    tupleElement(tupleElement(event, 'follows'), 'cluster') AS follows_cluster,
    tupleElement(tupleElement(event, 'follows'), 'sequence') AS follows_sequence,
    tupleElement(tupleElement(event, 'follows'), 'head') AS follows_head,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'sealed_at'), 6, 'UTC'), timestamp) AS sealed_at,
    cluster, partition, offset
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, cluster String, partition UInt32, sequence UInt64, offsets Array(UInt64), previous String,
            head String, follows Tuple(cluster String, sequence UInt64, head String), sealed_at String)') AS event,
        timestamp, cluster, partition, offset
    FROM archive
    WHERE topic = 'asahi.audit.links'
);

CREATE VIEW IF NOT EXISTS audit_checkpoints AS
SELECT
    tupleElement(event, 'id') AS id,
    tupleElement(event, 'cluster') AS chain_cluster,
    tupleElement(event, 'partition') AS chain_partition,
    tupleElement(event, 'sequence') AS sequence,
    tupleElement(event, 'next_offset') AS next_offset,
    tupleElement(event, 'head') AS head,
    tupleElement(event, 'journal') AS journal,
    tupleElement(event, 'entry') AS entry,
    tupleElement(event, 'key_id') AS key_id,
    ifNull(parseDateTime64BestEffortOrNull(tupleElement(event, 'signed_at'), 6, 'UTC'), timestamp) AS signed_at,
    cluster, partition, offset
FROM
(
    SELECT
        JSONExtract(ifNull(value, ''), 'Tuple(
            id String, cluster String, partition UInt32, sequence UInt64, next_offset UInt64, head String,
            journal String, entry UInt64, key_id String, signed_at String)') AS event,
        timestamp, cluster, partition, offset
    FROM archive
    WHERE topic = 'asahi.audit.checkpoints'
);
