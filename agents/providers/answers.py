"""What every wire format's answer goes through before it counts as one. Pure."""

from __future__ import annotations

import msgspec

from agents.providers.protocol import Prompt, Reply
from schemas.errors import ProviderContentFiltered
from schemas.tokens import estimate_text_tokens
from schemas.wire import Answer, Tokens

CONTENT_FILTER = "content_filter"

_encode = msgspec.json.Encoder().encode


def delivered(answer: Answer, tokens: Tokens) -> Reply:
    """Return an answer as a reply.

    Raises:
        ProviderContentFiltered: The provider's rules left nothing of it; carries what was billed.
    """
    if answer.finish_reason == CONTENT_FILTER and not answer.content and not answer.tool_calls:
        raise ProviderContentFiltered(
            "provider_content_filter", "the provider filtered the whole answer", None, tokens
        )
    return Reply(answer, tokens)


def estimated(prompt: Prompt, answer: Answer) -> Tokens:
    """Return the tokens of a call whose bill cannot be read."""
    said = (answer.content or "") + (_encode(answer.tool_calls).decode() if answer.tool_calls else "")
    return Tokens(estimate_text_tokens(prompt.text), 0, estimate_text_tokens(said))
