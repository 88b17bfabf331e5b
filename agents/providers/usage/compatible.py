"""Servers that speak OpenAI's chat completions with an accent: xAI, DeepSeek, Mistral, Groq, gateways, vLLM."""

from __future__ import annotations

import msgspec

from agents.providers.usage.openai_chat import ChatUsage
from agents.providers.usage.reading import Told
from schemas.wire import Tokens


class CompatibleUsage(ChatUsage):
    """`usage` as OpenAI writes it, and what others add.

    `num_cached_tokens` is left unread: vLLM and Mistral tell with it what their engine had cached, and a discount is
    documented only for `prompt_tokens_details.cached_tokens`.
    """

    total_tokens: Told = None
    cached_tokens: Told = None  # SGLang, Moonshot and others
    prompt_cache_hit_tokens: Told = None  # DeepSeek

    def tokens(self) -> Tokens:
        """Return what was billed, as told.

        What the total counts beyond prompt and completion is reasoning: xAI and Gemini bill it so.
        """
        read = ChatUsage.tokens(self)
        cached = read.cached_input_tokens or self.cached_tokens or self.prompt_cache_hit_tokens or 0
        untold = max(0, (self.total_tokens or 0) - read.input_tokens - read.output_tokens)
        if cached == read.cached_input_tokens and not untold:
            return read
        return msgspec.structs.replace(
            read,
            cached_input_tokens=cached,
            output_tokens=read.output_tokens + untold,
            reasoning_tokens=max(read.reasoning_tokens, untold),
        )
