"""The media type of each output format."""

from __future__ import annotations

_UTF8 = "; charset=UTF-8"
_BY_PREFIX = (
    ("JSONEachRow", "application/x-ndjson" + _UTF8),
    ("JSONCompactEachRow", "application/x-ndjson" + _UTF8),
    ("JSONStringsEachRow", "application/x-ndjson" + _UTF8),
    ("JSON", "application/json" + _UTF8),
    ("TabSeparated", "text/tab-separated-values" + _UTF8),
    ("TSV", "text/tab-separated-values" + _UTF8),
    ("CSV", "text/csv" + _UTF8),
    ("XML", "application/xml" + _UTF8),
    ("Pretty", "text/plain" + _UTF8),
    ("Vertical", "text/plain" + _UTF8),
    ("Values", "text/plain" + _UTF8),
    ("Markdown", "text/markdown" + _UTF8),
    ("Prometheus", "text/plain; version=0.0.4" + _UTF8),
)
_BINARY = "application/octet-stream"


def content_type(format_name: str) -> str:
    """The `Content-Type` a result in this format is sent with."""
    for prefix, media_type in _BY_PREFIX:
        if format_name.startswith(prefix):
            return media_type
    return _BINARY
