"""OpenAI's chat completions: cached, written and audio tokens are part of the prompt, reasoning of the completion."""

from __future__ import annotations

import msgspec

from agents.providers.usage.reading import Count, Told
from schemas.wire import Tokens


class PromptDetails(msgspec.Struct):
    """Parts of the prompt."""

    cached_tokens: Told = None
    cache_write_tokens: Told = None
    audio_tokens: Told = None
    image_tokens: Told = None


class CompletionDetails(msgspec.Struct):
    """Parts of the completion. Rejected predictions are in no part, but in the completion: they are billed."""

    reasoning_tokens: Told = None
    audio_tokens: Told = None
    image_tokens: Told = None


class ChatUsage(msgspec.Struct):
    """`usage` of a chat completion."""

    prompt_tokens: Count
    completion_tokens: Told = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None

    def tokens(self) -> Tokens:
        """Return what was billed, as told."""
        sent, generated = self.prompt_tokens_details, self.completion_tokens_details
        cached = written = input_audio = input_image = reasoning = output_audio = output_image = 0
        if sent is not None:
            cached, written = sent.cached_tokens or 0, sent.cache_write_tokens or 0
            input_audio, input_image = sent.audio_tokens or 0, sent.image_tokens or 0
        if generated is not None:
            reasoning = generated.reasoning_tokens or 0
            output_audio, output_image = generated.audio_tokens or 0, generated.image_tokens or 0
        return Tokens(
            self.prompt_tokens,
            cached,
            self.completion_tokens or 0,
            reasoning,
            written,
            0,
            input_audio,
            0,
            output_audio,
            input_image,
            output_image,
        )


class EmbeddingsUsage(msgspec.Struct):
    """`usage` of embeddings: there is no output."""

    prompt_tokens: Count

    def tokens(self) -> Tokens:
        """Return what was billed, as told."""
        return Tokens(self.prompt_tokens)
