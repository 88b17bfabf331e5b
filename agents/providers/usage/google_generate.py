"""Google's `usageMetadata`: thoughts stand beside the candidates, what tools fetched beside the prompt."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.providers.usage.reading import Count, Told
from schemas.wire import Tokens

AUDIO = frozenset({"AUDIO"})
IMAGES = frozenset({"IMAGE", "DOCUMENT"})
"""Pages of documents are read, and billed, as images."""


class Modality(msgspec.Struct, rename="camel"):
    """How many tokens of a kind."""

    modality: str = ""
    token_count: Told = None


Modalities = list[Modality] | None


class GenerateUsage(msgspec.Struct, rename="camel"):
    """`usageMetadata` of generated content."""

    prompt_token_count: Count
    cached_content_token_count: Told = None
    candidates_token_count: Told = None
    thoughts_token_count: Told = None
    tool_use_prompt_token_count: Told = None
    prompt_tokens_details: Modalities = None
    cache_tokens_details: Modalities = None
    candidates_tokens_details: Modalities = None
    tool_use_prompt_tokens_details: Modalities = None

    def tokens(self) -> Tokens:
        """Return what was billed, as told."""
        thoughts = self.thoughts_token_count or 0
        sent = [*(self.prompt_tokens_details or ()), *(self.tool_use_prompt_tokens_details or ())]
        return Tokens(
            self.prompt_token_count + (self.tool_use_prompt_token_count or 0),
            self.cached_content_token_count or 0,
            (self.candidates_token_count or 0) + thoughts,
            thoughts,
            0,
            0,
            _of(sent, AUDIO),
            _of(self.cache_tokens_details, AUDIO),
            _of(self.candidates_tokens_details, AUDIO),
            _of(sent, IMAGES),
            _of(self.candidates_tokens_details, IMAGES),
        )


def _of(parts: Sequence[Modality] | None, kinds: frozenset[str]) -> int:
    return sum(part.token_count or 0 for part in parts or () if part.modality in kinds)
