"""A provider that needs no network: the same prompt gets the same answer, tokens, latency and failures everywhere."""

from __future__ import annotations

import asyncio
from hashlib import blake2b

from agents.providers.alarms import Alarms
from agents.providers.protocol import Prompt, Reply
from schemas.errors import ProviderError, ProviderOverloaded, ProviderRefused, ProviderTimeout
from schemas.settings import ProviderSettings
from schemas.tokens import estimate_text_tokens
from schemas.wire import Answer, Tokens

DIGEST_BYTES = 8
DIGEST_RANGE = 2 ** (8 * DIGEST_BYTES)
MIN_OUTPUT_TOKENS = 16
CHARS_PER_TOKEN = 4  # so that the answer is as long as its tokens say
OUTPUT_TOKENS_SPREAD = 113  # answers have 16 to 128 tokens, 72 on average
RETRY_AFTER_SECONDS = 0.05
MS_PER_SECOND = 1000.0
LATENCY_INSTANT_SECONDS = 0.001  # answers due in the same millisecond share a timer
_SENTENCE = "This answer is simulated: it says nothing, always the same way, and costs what it says. "
_MAX_FILLER_CHARS = (MIN_OUTPUT_TOKENS + OUTPUT_TOKENS_SPREAD) * CHARS_PER_TOKEN
_FILLER = _SENTENCE * (_MAX_FILLER_CHARS // len(_SENTENCE) + 1)


def injected_failure(request_id: str, attempt: int, rate: float) -> ProviderError | None:
    """Return the failure that strikes this call, or None; half are rate limits, and one in ten is a refusal."""
    digest = blake2b(b"%b/%d" % (request_id.encode(), attempt), digest_size=DIGEST_BYTES).digest()
    draw = int.from_bytes(digest, "big") / DIGEST_RANGE
    if draw >= rate:
        return None
    share = draw / rate
    if share < 0.5:
        return ProviderOverloaded("provider_rate_limited", "simulated status 429", RETRY_AFTER_SECONDS)
    if share < 0.7:
        return ProviderOverloaded("provider_overloaded", "simulated status 500")
    if share < 0.9:
        return ProviderTimeout("provider_timeout", "simulated timeout")
    return ProviderRefused("provider_refused", "simulated status 400")


def simulated_reply(prompt: Prompt, model: str) -> Reply:
    """Return the answer of this model to this prompt; its length follows from a hash of both."""
    text = prompt.text
    digest = int.from_bytes(blake2b(f"{model}\n{text}".encode(), digest_size=DIGEST_BYTES).digest(), "big")
    output_tokens = MIN_OUTPUT_TOKENS + digest % OUTPUT_TOKENS_SPREAD
    finish_reason = "stop"
    allowed = prompt.sampling.max_output_tokens
    if allowed is not None and allowed < output_tokens:
        output_tokens, finish_reason = allowed, "length"
    content = f"{digest:016x} {_FILLER}"[: output_tokens * CHARS_PER_TOKEN]
    return Reply(Answer(content, None, finish_reason), Tokens(estimate_text_tokens(text), 0, output_tokens))


class Simulated:
    """The simulated provider.

    Args:
        name: As configured; nothing depends on it.
        settings: `latency_ms`, `latency_per_token_ms` and `failure_rate` are read.
    """

    def __init__(self, name: str, settings: ProviderSettings) -> None:
        del name  # two simulated providers answer alike
        self._latency_ms = settings.latency_ms
        self._latency_per_token_ms = settings.latency_per_token_ms
        self._failure_rate = settings.failure_rate
        self._outcomes: dict[asyncio.Future[Reply], Reply | ProviderError] = {}
        self._alarms: Alarms[asyncio.Future[Reply]] = Alarms(LATENCY_INSTANT_SECONDS)

    def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply | asyncio.Future[Reply]:
        """Answer at once, or by a timer when there is latency."""
        reply = simulated_reply(prompt, model)
        latency_ms = self._latency_ms + self._latency_per_token_ms * reply.tokens.output_tokens
        failure = injected_failure(prompt.id, attempt, self._failure_rate) if self._failure_rate else None
        if latency_ms:
            answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            self._outcomes[answer] = failure or reply
            self._alarms.set(latency_ms / MS_PER_SECOND, answer, self._resolve)
            return answer
        if failure is not None:
            raise failure
        return reply

    async def close(self) -> None:
        """Nothing is held."""

    def _resolve(self, answer: asyncio.Future[Reply]) -> None:
        outcome = self._outcomes.pop(answer)
        if answer.done():  # cut by the runner meanwhile
            return
        if isinstance(outcome, Reply):
            answer.set_result(outcome)
        else:
            answer.set_exception(outcome)
