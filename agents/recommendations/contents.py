"""Which requests ask what another one asked: found in ClickHouse, so that only these are read."""

from __future__ import annotations

REPEATED = """
status = 'completed' AND (tenant, id) IN
(
    SELECT tenant, id FROM
    (
        SELECT tenant, id, count() OVER (PARTITION BY tenant, content) AS times FROM
        (
            SELECT
                JSONExtractString(body, 'tenant') AS tenant, JSONExtractString(body, 'id') AS id,
                JSONExtractString(body, 'prompt') AS prompt, JSONExtractRaw(body, 'messages') AS messages,
                cityHash64(prompt, messages) AS content
            FROM
            (
                SELECT arrayJoin(if(startsWith(trimLeft(ifNull(value, '')), '['),
                    JSONExtractArrayRaw(ifNull(value, '')), [ifNull(value, '')])) AS body
                FROM archive
                WHERE topic = 'asahi.requests' AND timestamp >= {since:DateTime64(6, 'UTC')} - INTERVAL 1 DAY
            )
            WHERE prompt != '' OR messages NOT IN ('', 'null')
        )
    )
    WHERE times > 1
)
"""
"""A condition on `results`. Equal conversations that are written in different JSON are not found; what is encrypted,
or was removed, has no content."""
