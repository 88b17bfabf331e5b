"""OpenAI's responses: as chat completions count, under other names."""

from __future__ import annotations

import msgspec

from agents.providers.usage.reading import Count, Told
from schemas.wire import Tokens


class InputDetails(msgspec.Struct):
    """Parts of the input."""

    cached_tokens: Told = None
    cache_write_tokens: Told = None


class OutputDetails(msgspec.Struct):
    """Parts of the output."""

    reasoning_tokens: Told = None


class ResponsesUsage(msgspec.Struct):
    """`usage` of a response."""

    input_tokens: Count
    output_tokens: Told = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None

    def tokens(self) -> Tokens:
        """Return what was billed, as told."""
        sent, generated = self.input_tokens_details, self.output_tokens_details
        return Tokens(
            self.input_tokens,
            0 if sent is None else sent.cached_tokens or 0,
            self.output_tokens or 0,
            0 if generated is None else generated.reasoning_tokens or 0,
            0 if sent is None else sent.cache_write_tokens or 0,
        )
