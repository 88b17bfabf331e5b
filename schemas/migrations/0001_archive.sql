-- Every public event as it stood on the log. All other tables are folds over this one.
--
-- A block of the sink becomes exactly one part, so it is there whole or not at all: the partitioning column must
-- therefore be the same for a whole insert, which the time of archiving is and the time of the event is not.
-- ReplacingMergeTree and FINAL: two sinks that both believe they own a partition (one was suspended and woke up)
-- may write the same offsets twice; a reader still sees each once.
-- Small granules, because single messages are looked up by their place and values are large.
CREATE TABLE IF NOT EXISTS archive_store
(
    cluster LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32 CODEC(ZSTD(1)),
    offset UInt64 CODEC(Delta, ZSTD(1)),
    timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    key Nullable(String) CODEC(ZSTD(1)),
    value Nullable(String) CODEC(ZSTD(1)),
    headers Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ce_id String CODEC(ZSTD(1)),
    ce_type LowCardinality(String),
    ce_source LowCardinality(String),
    ce_time String CODEC(ZSTD(1)),
    archived_at DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(archived_at)
ORDER BY (topic, cluster, partition, offset)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1;

CREATE VIEW IF NOT EXISTS archive AS
SELECT
    cluster, topic, partition, offset, timestamp, key, value, headers, ce_id, ce_type, ce_source, ce_time, archived_at
FROM archive_store FINAL;
