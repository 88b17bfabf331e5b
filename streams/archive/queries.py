"""What restoring asks of ClickHouse; `current` is the id of the log there is now, which holds what it holds."""

from __future__ import annotations

MESSAGE = (
    "cluster, partition, offset, key, value, headers, ce_id, ce_type, ce_source, ce_time, "
    "toUnixTimestamp64Milli(timestamp) AS timestamp_ms"
)
"""What it takes to send a message again."""

FACTS = f"""
SELECT {MESSAGE} FROM archive_store
WHERE topic = {{topic:String}} AND isNotNull(value) AND cluster != {{current:String}}
  AND (key, timestamp, archived_at, offset) IN
  (
      SELECT key, newest.1, newest.2, newest.3
      FROM
      (
          SELECT key, max((timestamp, archived_at, offset)) AS newest FROM archive_store
          WHERE topic = {{topic:String}} AND isNotNull(key) GROUP BY key
      )
  )
ORDER BY topic, cluster, partition, offset LIMIT 1 BY key
"""  # noqa: S608 - put together from constants
"""The newest fact per key, where it stands on an earlier log."""

REFUSED = (
    "unsigned_request",
    "unknown_key",
    "unreadable_key",
    "bad_signature",
    "clock_skew",
    "replayed_signature",
    "revoked_key",
    "expired_key",
    "wrong_scope",
)
"""Codes of dead letters that stand for a whole message, which then has no result and waits for none."""

UNFINISHED_PLACES = f"""
SELECT cluster, partition, offset FROM requests_store
WHERE cluster != {{current:String}} AND timestamp >= now() - toIntervalSecond({{seconds:UInt64}})
  AND event_key NOT IN (SELECT event_key FROM results_store)
  AND (cluster, partition, offset) NOT IN
  (
      SELECT cluster, source_partition, toUInt64(source_offset) FROM dead_letters_store
      WHERE source_topic = 'asahi.requests' AND source_offset >= 0 AND code IN {REFUSED}
  )
"""  # noqa: S608 - put together from constants

UNFINISHED = f"""
SELECT {MESSAGE} FROM archive_store
WHERE topic = {{topic:String}} AND (cluster, partition, offset) IN ({UNFINISHED_PLACES})
ORDER BY topic, cluster, partition, offset LIMIT 1 BY cluster, partition, offset
"""  # noqa: S608 - put together from constants
"""Messages with a request that has no result, but none older than the log would still hold."""

FINISHED_BESIDE = f"""
SELECT tenant, id FROM requests_store
WHERE (cluster, partition, offset) IN ({UNFINISHED_PLACES}) AND event_key IN (SELECT event_key FROM results_store)
"""  # noqa: S608 - put together from constants
"""Requests that have their result but came in one message with others that have not."""

RESULTS = f"""
SELECT {MESSAGE} FROM archive_store
WHERE topic = {{topic:String}} AND (cluster, partition, offset) IN
(
    SELECT cluster, partition, offset FROM
    (
        SELECT cluster, partition, offset FROM results_store FINAL
        ORDER BY timestamp DESC LIMIT {{newest:UInt64}} BY partition
    )
    WHERE cluster != {{current:String}}
)
ORDER BY topic, cluster, partition, offset LIMIT 1 BY cluster, partition, offset
"""  # noqa: S608 - put together from constants
"""The newest results of every partition, where they stand on an earlier log."""
