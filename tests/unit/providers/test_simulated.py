from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from agents.providers.protocol import Prompt, Sampling
from agents.providers.simulated import Simulated, injected_failure, simulated_reply
from schemas.errors import ProviderError, ProviderOverloaded, ProviderRefused, ProviderTimeout
from schemas.tokens import estimate_text_tokens
from tests.unit.providers.calls import settings
from tests.unit.providers.virtual_time import run

PROMPT = Prompt("r1", prompt="What is the capital of France?")


def test_the_answer_is_the_same_in_every_process() -> None:
    reply = simulated_reply(PROMPT, "gpt-4-turbo")
    assert reply == simulated_reply(Prompt("r2", prompt=PROMPT.prompt), "gpt-4-turbo")
    assert (reply.tokens.input_tokens, reply.tokens.output_tokens) == (8, 30)
    assert reply.answer.content is not None
    assert reply.answer.content.startswith("b126a94bde873576 This answer is simulated")
    assert reply.answer.finish_reason == "stop"


def test_model_and_prompt_change_the_answer() -> None:
    contents = {
        simulated_reply(prompt, model).answer.content
        for prompt in (PROMPT, Prompt("r1", prompt="Why?"))
        for model in ("a", "b")
    }
    assert len(contents) == 4


def test_answers_are_as_long_as_their_tokens_say_and_vary() -> None:
    replies = [simulated_reply(Prompt("r", prompt=f"Question {n}"), "m") for n in range(500)]
    lengths = [reply.tokens.output_tokens for reply in replies]
    assert (min(lengths), max(lengths)) == (16, 128)
    assert 68 < sum(lengths) / len(lengths) < 76
    assert all(estimate_text_tokens(reply.answer.content or "") == reply.tokens.output_tokens for reply in replies)


def test_a_limit_on_output_is_kept_and_told() -> None:
    reply = simulated_reply(Prompt("r1", prompt="Why?", sampling=Sampling(max_output_tokens=5)), "m")
    assert reply.tokens.output_tokens == 5
    assert reply.answer.finish_reason == "length"
    assert len(reply.answer.content or "") == 20


def test_without_latency_it_answers_at_once() -> None:
    provider = Simulated("main", settings())
    assert provider.complete(PROMPT, "m", 1) == simulated_reply(PROMPT, "m")


def test_latency_is_fixed_plus_per_token() -> None:
    async def test() -> float:
        provider = Simulated("main", settings(latency_ms=100, latency_per_token_ms=10))
        reply = await provider.complete(PROMPT, "gpt-4-turbo", 1)  # type: ignore[misc] # it waits
        assert reply == simulated_reply(PROMPT, "gpt-4-turbo")
        await provider.close()
        return asyncio.get_running_loop().time()

    assert run(test()) == pytest.approx(0.1 + 0.01 * 30, abs=0.0011)


def test_an_answer_nobody_waits_for_any_more_is_dropped() -> None:
    async def test() -> None:
        answer = Simulated("main", settings(latency_ms=100)).complete(PROMPT, "m", 1)
        assert isinstance(answer, asyncio.Future)
        answer.cancel()
        await asyncio.sleep(1)
        assert answer.cancelled()

    run(test())


def failures(rate: float, attempt: int = 1, count: int = 4000) -> list[ProviderError | None]:
    return [injected_failure(f"req-{n:06d}", attempt, rate) for n in range(count)]


def test_failures_strike_the_configured_share_in_every_kind() -> None:
    struck = [failure for failure in failures(0.2) if failure is not None]
    assert 0.18 < len(struck) / 4000 < 0.22
    kinds = Counter(type(failure) for failure in struck)
    assert set(kinds) == {ProviderOverloaded, ProviderTimeout, ProviderRefused}
    assert 0.06 < kinds[ProviderRefused] / len(struck) < 0.14
    assert {failure.retry_after for failure in struck if failure.code == "provider_rate_limited"} == {0.05}
    assert {failure.code for failure in struck} == {
        "provider_rate_limited",
        "provider_overloaded",
        "provider_timeout",
        "provider_refused",
    }


def test_failures_are_the_same_every_time_and_attempts_fail_independently() -> None:
    first, again, second = failures(0.3), failures(0.3), failures(0.3, attempt=2)
    assert [bool(failure) for failure in first] == [bool(failure) for failure in again]
    both = sum(one is not None and other is not None for one, other in zip(first, second, strict=True))
    assert 0.07 < both / 4000 < 0.11


def test_a_failure_comes_as_late_as_an_answer_would() -> None:
    with pytest.raises(ProviderError):
        Simulated("main", settings(failure_rate=1)).complete(PROMPT, "m", 1)

    async def test() -> float:
        provider = Simulated("main", settings(failure_rate=1, latency_ms=100))
        with pytest.raises(ProviderError):
            await provider.complete(PROMPT, "m", 1)  # type: ignore[misc] # it waits
        return asyncio.get_running_loop().time()

    assert run(test()) == pytest.approx(0.1, abs=0.0011)
