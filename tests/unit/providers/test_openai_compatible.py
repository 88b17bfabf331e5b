from __future__ import annotations

import logging
from collections.abc import Callable

import httpx
import msgspec
import pytest

from agents.providers.openai_compatible import OpenAICompatible
from agents.providers.protocol import Prompt, Reply
from schemas.errors import ProviderError, ProviderOverloaded, ProviderTimeout, ProviderUnreachable, ProviderUnreadable
from schemas.wire import Answer, Tokens
from tests.unit.providers.calls import settings

NOW = 1_800_000_000.0
PROMPT = Prompt("team/r 1", prompt="Why?")
COMPLETION = msgspec.json.encode(
    {
        "choices": [{"message": {"content": "Because."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
)


def provider(answer: Callable[[httpx.Request], httpx.Response], **changes: object) -> OpenAICompatible:
    section = settings("openai-compatible", base_url="http://gateway.test:81/v1/", **changes)
    return OpenAICompatible("gateway", section, httpx.MockTransport(answer), clock=lambda: NOW)


async def fails(answer: Callable[[httpx.Request], httpx.Response]) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        await provider(answer).complete(PROMPT, "m", 1)
    return raised.value


async def test_a_call_names_itself_and_carries_the_configured_headers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("GATEWAY_KEY", " sk-secret\n")
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=COMPLETION, headers={"openai-processing-ms": "12"})

    gateway = provider(answer, api_key_env="GATEWAY_KEY", headers={"x-team": "a"}, timeout_seconds=9)
    reply = await gateway.complete(PROMPT, "m", 3)
    await gateway.close()
    assert reply == Reply(Answer("Because.", None, "stop"), Tokens(5, 0, 2), 12.0)
    [request] = seen
    assert request.method == "POST"
    assert str(request.url) == "http://gateway.test:81/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert request.headers["x-request-id"] == "team/r 1/3"
    assert request.headers["x-team"] == "a"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == "gateway.test:81"
    assert request.extensions["timeout"] == {"connect": 5.0, "read": 9.0, "write": 9.0, "pool": 9.0}
    assert msgspec.json.decode(request.content)["model"] == "m"
    assert "sk-secret" not in caplog.text


async def test_without_a_key_none_is_sent() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers
        return httpx.Response(200, content=COMPLETION)

    reply = await provider(answer).complete(PROMPT, "m", 1)
    assert isinstance(reply, Reply)
    assert reply.latency_ms is None


async def test_what_the_server_refuses_is_told_without_its_words() -> None:
    error = await fails(lambda _: httpx.Response(500, json={"error": {"type": "why", "message": "sk-secret"}}))
    assert type(error) is ProviderOverloaded
    assert error.message == "status 500 (why)"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("Fri, 15 Jan 2027 08:00:30 -0000", 30.0),
        ("soon", None),
        ("-3", None),
        ("inf", None),
        ("nan", None),
    ],
)
async def test_retry_after_is_read_as_seconds_or_date(value: str, seconds: float | None) -> None:
    error = await fails(lambda _: httpx.Response(429, headers={"retry-after": value}))
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (httpx.ConnectTimeout("x"), ProviderTimeout, "provider_timeout"),
        (httpx.ReadTimeout("x"), ProviderTimeout, "provider_timeout"),
        (httpx.ConnectError("x"), ProviderUnreachable, "provider_unreachable"),
        (httpx.RemoteProtocolError("x"), ProviderUnreachable, "provider_unreachable"),
    ],
)
async def test_a_broken_connection_is_retryable(
    raised: httpx.TransportError, kind: type[ProviderError], code: str
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise raised

    error = await fails(answer)
    assert type(error) is kind
    assert error.code == code
    assert error.retryable


async def test_a_body_in_the_wrong_encoding_is_retryable() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b"no gzip"), headers={"content-encoding": "gzip"})

    assert (await fails(answer)).retryable


async def test_a_body_that_is_no_completion_is_unreadable() -> None:
    assert isinstance(await fails(lambda _: httpx.Response(200, content=b"<html>")), ProviderUnreadable)
