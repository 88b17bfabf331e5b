from __future__ import annotations

from collections.abc import Callable

import httpx
import msgspec
import pytest

from agents.providers.anthropic import Anthropic
from agents.providers.openai import OpenAI
from agents.providers.protocol import Prompt, Provider, Reply, Sampling
from agents.providers.rate_limits import Allowance, RateLimits
from schemas.errors import ConfigurationError
from schemas.wire import Answer, Tokens
from tests.unit.providers.calls import settings

NOW = 1_800_000_000.0
PROMPT = Prompt("team/r 1", prompt="Why?", tenant="demo", sampling=Sampling(temperature=0.5, max_output_tokens=9))
CHAT = {
    "choices": [{"message": {"content": "Because."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2},
}
RESPONSE = {
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "Because."}]}],
    "usage": {"input_tokens": 5, "output_tokens": 2},
}
MESSAGE = {
    "content": [{"type": "text", "text": "Because."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 2},
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant")


async def asked(
    make: Callable[[httpx.MockTransport], Provider], body: object, headers: dict[str, str] | None = None
) -> tuple[Reply, httpx.Request]:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=body, headers=headers)

    provider = make(httpx.MockTransport(answer))
    made = provider.complete(PROMPT, "m", 3)
    assert not isinstance(made, Reply)
    reply = await made
    await provider.close()
    return reply, seen[0]


async def test_openai_is_asked_for_chat_completions() -> None:
    limits = {"x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "2s", "openai-processing-ms": "12"}
    reply, request = await asked(lambda wire: OpenAI("o", settings("openai"), wire), CHAT, limits)
    assert reply == Reply(Answer("Because.", None, "stop"), Tokens(5, 0, 2), 12.0, RateLimits(Allowance(7, 2.0)))
    assert str(request.url) == "https://api.openai.com/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-openai"
    assert request.headers["x-request-id"] == request.headers["x-client-request-id"] == "team/r 1/3"
    assert request.headers["idempotency-key"].startswith("asahi-")
    assert msgspec.json.decode(request.content)["max_completion_tokens"] == 9


async def test_openai_is_asked_for_responses_when_so_configured() -> None:
    section = settings("openai", interface="responses", base_url="http://proxy.test/v1", leave_out=["temperature"])
    reply, request = await asked(lambda wire: OpenAI("o", section, wire), RESPONSE)
    assert reply == Reply(Answer("Because.", None, "stop"), Tokens(5, 0, 2))
    assert str(request.url) == "http://proxy.test/v1/responses"
    body = msgspec.json.decode(request.content)
    assert body["max_output_tokens"] == 9
    assert "temperature" not in body


async def test_anthropic_is_asked_in_the_version_that_takes_what_is_asked() -> None:
    reply, request = await asked(lambda wire: Anthropic("a", settings("anthropic"), wire), MESSAGE)
    assert reply == Reply(Answer("Because.", None, "stop"), Tokens(5, 0, 2))
    assert str(request.url) == "https://api.anthropic.com/v1/messages"
    assert request.headers["x-api-key"] == "sk-ant"
    assert "authorization" not in request.headers
    assert request.headers["anthropic-version"] == "2023-06-01"
    unsampled = settings("anthropic", leave_out=["temperature"], headers={"anthropic-beta": "x"})
    _, request = await asked(lambda wire: Anthropic("a", unsampled, wire), MESSAGE)
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert request.headers["anthropic-beta"] == "x"
    assert msgspec.json.decode(request.content)["max_tokens"] == 9


async def test_the_idempotency_key_names_request_and_model_and_no_attempt() -> None:
    keys = set()
    for model, prompt, attempt in (
        ("m", PROMPT, 1),
        ("m", PROMPT, 2),
        ("n", PROMPT, 1),
        ("m", msgspec.structs.replace(PROMPT, tenant="other"), 1),
    ):
        seen: list[str] = []

        def answer(request: httpx.Request, seen: list[str] = seen) -> httpx.Response:
            seen.append(request.headers["idempotency-key"])
            return httpx.Response(200, json=MESSAGE)

        await Anthropic("a", settings("anthropic"), httpx.MockTransport(answer)).complete(prompt, model, attempt)
        keys.add(seen[0])
    assert len(keys) == 3


@pytest.mark.parametrize(("kind", "variable"), [(OpenAI, "OPENAI_API_KEY"), (Anthropic, "ANTHROPIC_API_KEY")])
def test_a_missing_key_is_named(
    kind: Callable[..., Provider], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable)
    with pytest.raises(ConfigurationError, match=f"{variable}, which holds no key"):
        kind("main", settings())
