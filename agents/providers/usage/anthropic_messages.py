"""Anthropic's messages: what was read from the cache and written to it stands beside `input_tokens`, not within."""

from __future__ import annotations

import msgspec

from agents.providers.usage.reading import Count, Told
from schemas.wire import Tokens


class CacheCreation(msgspec.Struct):
    """What was written, by how long it stays."""

    ephemeral_5m_input_tokens: Told = None
    ephemeral_1h_input_tokens: Told = None


class OutputDetails(msgspec.Struct):
    """Parts of the output."""

    thinking_tokens: Told = None


class ServerToolUse(msgspec.Struct):
    """What the server did and bills by the piece."""

    web_search_requests: Told = None


class MessagesUsage(msgspec.Struct):
    """`usage` of a message."""

    input_tokens: Count
    output_tokens: Told = None
    cache_creation_input_tokens: Told = None
    cache_read_input_tokens: Told = None
    cache_creation: CacheCreation | None = None
    output_tokens_details: OutputDetails | None = None
    server_tool_use: ServerToolUse | None = None

    def tokens(self) -> Tokens:
        """Return what was billed, as told."""
        cached, written, an_hour = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0, 0
        kept = self.cache_creation
        if kept is not None:
            an_hour = kept.ephemeral_1h_input_tokens or 0
            written = max(written, an_hour + (kept.ephemeral_5m_input_tokens or 0))
        details, tools = self.output_tokens_details, self.server_tool_use
        return Tokens(
            self.input_tokens + cached + written,
            cached,
            self.output_tokens or 0,
            0 if details is None else details.thinking_tokens or 0,
            written,
            an_hour,
            web_searches=0 if tools is None else tools.web_search_requests or 0,
        )
