"""What the report asks of ClickHouse. Everything is counted from events; nothing is known beforehand.

Content and facts come from the archive, where every event stands byte for byte, so that no figure depends on which
columns a table happens to have.
"""

from __future__ import annotations

from agents.governance.retention.events import RESULT_HAS_CONTENT

PERIOD = "timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}"

RESULTS = """
SELECT status, count() AS results, countIf(output_bytes > 0) AS with_content, uniqExactIf(user, user != '') AS users,
    countIf(user != '') AS naming_user, min(completed_at) AS first, max(completed_at) AS last
FROM results
WHERE tenant = {tenant:String} AND completed_at >= {since:DateTime64(3)} AND completed_at < {until:DateTime64(3)}
GROUP BY status ORDER BY status
"""
OPEN_REQUESTS = """
SELECT count() AS requests,
    countIf((tenant, id) NOT IN (SELECT tenant, id FROM results WHERE tenant = {tenant:String})) AS without_result
FROM requests
WHERE tenant = {tenant:String} AND created_at >= {since:DateTime64(3)} AND created_at < {until:DateTime64(3)}
"""
PROVIDERS = """
SELECT provider, model, count() AS calls, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
FROM usage
WHERE tenant = {tenant:String} AND occurred_at >= {since:DateTime64(3)} AND occurred_at < {until:DateTime64(3)}
GROUP BY provider, model ORDER BY provider, calls DESC, model
"""
SEALED = f"""
SELECT topic, count() AS with_content,
    countIf(JSONExtractRaw(body, 'sealed') NOT IN ('', 'null', 'false', '{{}}')) AS sealed, min(timestamp) AS oldest
FROM
(
    SELECT topic, timestamp,
        arrayJoin(if(startsWith(trimLeft(assumeNotNull(value)), '['), JSONExtractArrayRaw(assumeNotNull(value)),
            [assumeNotNull(value)])) AS body
    FROM archive
    WHERE topic IN ('asahi.requests', 'asahi.results') AND key = {{tenant:String}} AND isNotNull(value) AND {PERIOD}
)
WHERE NOT JSONHas(body, 'content_removed')
  AND (topic = 'asahi.requests' OR JSONHas(body, 'output') OR JSONHas(body, 'sealed'))
GROUP BY topic ORDER BY topic
"""  # noqa: S608 - put together from constants
"""Messages with content; a result without an answer has none."""
OLDEST = f"""
SELECT topic, min(timestamp) AS oldest, count() AS events FROM archive
WHERE topic IN ('asahi.requests', 'asahi.results', 'asahi.usage', 'asahi.audit', 'asahi.feedback')
  AND key = {{tenant:String}} AND content_removed_at = toDateTime(0, 'UTC')
  AND (topic != 'asahi.results' OR {RESULT_HAS_CONTENT})
GROUP BY topic ORDER BY topic
"""  # noqa: S608 - put together from constants
"""Over all times: what is still there may be older than the period of the report. Only content counts."""
TABLES = """
SELECT name, extract(engine_full, 'TTL ([^\\n]+?)(?: SETTINGS|$)') AS ttl FROM system.tables
WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree') AND endsWith(name, '_store') ORDER BY name
"""
SIGNED = f"""
SELECT count() AS messages, countIf(mapContains(headers, 'asahi-signature')) AS signed FROM archive
WHERE topic = 'asahi.requests' AND key = {{tenant:String}} AND {PERIOD}
"""  # noqa: S608 - put together from constants
FACTS = """
SELECT key, newest.1 AS fact FROM
(
    SELECT key, argMax((value, timestamp), (timestamp, archived_at, offset)) AS newest FROM archive
    WHERE topic = 'asahi.governance' AND (key = {tenant:String} OR startsWith(ifNull(key, ''), {below:String}))
    GROUP BY key
)
WHERE isNotNull(newest.1) ORDER BY key
"""
AUDITED = """
SELECT action, outcome, actor, count() AS times, countIf(reason IN ('', 'no reason given')) AS without_reason,
    min(occurred_at) AS first, max(occurred_at) AS last
FROM audit
WHERE tenant = {tenant:String} AND occurred_at >= {since:DateTime64(6)} AND occurred_at < {until:DateTime64(6)}
  AND action NOT IN ('request_rejected', 'message_refused')
GROUP BY action, outcome, actor ORDER BY action, actor, outcome
"""
REJECTIONS = """
SELECT splitByChar(':', reason)[1] AS code, count() AS times, max(occurred_at) AS last FROM audit
WHERE tenant = {tenant:String} AND occurred_at >= {since:DateTime64(6)} AND occurred_at < {until:DateTime64(6)}
  AND action IN ('request_rejected', 'message_refused')
GROUP BY code ORDER BY times DESC, code
"""
PERSONAL_DATA = f"""
SELECT kind, sum(found) AS found, count() AS messages FROM
(
    SELECT arrayJoin(JSONExtractKeysAndValues(assumeNotNull(value), 'personal_data', 'UInt64')) AS pair,
        pair.1 AS kind, pair.2 AS found
    FROM archive WHERE topic = 'asahi.results' AND key = {{tenant:String}} AND isNotNull(value) AND {PERIOD}
)
GROUP BY kind ORDER BY found DESC, kind
"""  # noqa: S608 - put together from constants
DEAD_LETTERS = """
SELECT count() AS letters FROM dead_letters
WHERE key = {tenant:String} AND occurred_at >= {since:DateTime64(6)} AND occurred_at < {until:DateTime64(6)}
"""
