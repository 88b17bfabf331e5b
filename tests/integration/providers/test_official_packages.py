"""The official packages as referees: our bodies are theirs, and what our server answers their clients accept.

Tests import the packages themselves: they are large, and every process that runs tests imports this module.
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError

from agents.providers.chat_completions import chat_body, parse_reply
from agents.providers.messages import message_body, parse_message
from agents.providers.protocol import ChatMessage, MarkedPrompt, Prompt, cache_key_of
from agents.providers.responses import parse_response, response_body
from schemas.batch import Cut, SharedPrefix
from tests.servers.faults import Asked, Fault
from tests.servers.prompt_cache import PromptCache
from tests.servers.prompts import CONVERSATION, EVERY_PROMPT, WITH_TOOLS
from tests.servers.provider import ProviderServer

if TYPE_CHECKING:
    import anthropic
    import openai

MODEL = "some-model"
OLDER_PARAMETERS = {"temperature", "top_p"}
"""Only the older version of the interface takes them; the package's types are of the newer one."""


def check(kind: Any, body: Any) -> None:
    """Raise when a body is not of this type, or holds what the type does not name."""
    read_all(checker_of(kind).validate_python(body))


@cache
def checker_of(kind: Any) -> TypeAdapter[Any]:
    """Return what checks this type; it must outlive what it returns, which is checked as it is read.

    A type derived from it is made strict: the package's own is what other tests in the same process check with.
    """
    strict = {"__pydantic_config__": ConfigDict(extra="forbid")}
    return TypeAdapter(types.new_class(kind.__name__, (kind,), exec_body=lambda body: body.update(strict)))


def read_all(value: Any) -> None:
    """Read to the end what pydantic checks only as it is read: everything that the types call iterable."""
    if isinstance(value, dict):
        for part in value.values():
            read_all(part)
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for part in value:
            read_all(part)


def test_the_check_goes_to_the_bottom() -> None:
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

    body: dict[str, Any] = {"model": MODEL, "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
    check(MessageCreateParamsNonStreaming, body)
    with pytest.raises(ValidationError):
        check(MessageCreateParamsNonStreaming, {**body, "seed": 7})
    with pytest.raises(ValidationError):
        check(MessageCreateParamsNonStreaming, {**body, "messages": [{"role": "user", "content": [{"type": "txt"}]}]})


@pytest.mark.parametrize("prompt", EVERY_PROMPT, ids=lambda prompt: prompt.id)
def test_our_chat_completions_are_openai_s(prompt: Prompt) -> None:
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

    body = msgspec.json.decode(chat_body(prompt, MODEL, limit_is_completion=True))
    check(CompletionCreateParamsNonStreaming, body)


@pytest.mark.parametrize("prompt", EVERY_PROMPT, ids=lambda prompt: prompt.id)
def test_our_responses_are_openai_s(prompt: Prompt) -> None:
    from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

    body = msgspec.json.decode(response_body(prompt, MODEL))
    check(ResponseCreateParamsNonStreaming, body)


@pytest.mark.parametrize("prompt", EVERY_PROMPT, ids=lambda prompt: prompt.id)
def test_our_messages_are_anthropic_s(prompt: Prompt) -> None:
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

    body = msgspec.json.decode(message_body(prompt, MODEL, 1024))
    named = {name: value for name, value in body.items() if name not in OLDER_PARAMETERS}
    check(MessageCreateParamsNonStreaming, named)


MARKED = MarkedPrompt(
    **msgspec.structs.asdict(CONVERSATION), prefix=SharedPrefix((Cut(1, 0, 2_000, "k"), Cut(4, 0, 3_000, "l")), "k")
)
"""A conversation whose beginnings others share."""


def test_our_marks_are_anthropic_s_and_our_key_is_openai_s() -> None:
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
    from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

    messages = message_body(MARKED, MODEL, 1024, 1024)
    assert messages.count(b'"cache_control":{"type":"ephemeral"}') == 2
    check(MessageCreateParamsNonStreaming, msgspec.json.decode(messages))
    chat = msgspec.json.decode(chat_body(MARKED, MODEL, cache_key=cache_key_of(MARKED, 1024)))
    assert chat["prompt_cache_key"] == "k"
    check(CompletionCreateParamsNonStreaming, chat)
    check(ResponseCreateParamsNonStreaming, msgspec.json.decode(response_body(MARKED, MODEL, "k")))


async def test_anthropic_s_client_reads_what_our_server_s_cache_did_as_we_do() -> None:
    """Sent once it is written, sent again it is read; without marks neither."""
    long = Prompt("r1", messages=[ChatMessage("system", "Be brief. " * 600), ChatMessage("user", "Why?")])
    prefix = SharedPrefix((Cut(1, 0, 1_500, "k"),), "k")
    marked = MarkedPrompt(**msgspec.structs.asdict(long), prefix=prefix)
    counts = []
    async with ProviderServer(prompt_cache=PromptCache()) as server, anthropic_client(server) as client:
        for prompt in (long, marked, marked, long):
            raw = await client.messages.with_raw_response.create(
                **msgspec.json.decode(message_body(prompt, MODEL, 100, 1024))
            )
            content, theirs = await raw.read(), await raw.parse()
            ours = parse_message(content, prompt).tokens
            usage = theirs.usage
            counts.append((usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0))
            assert counts[-1] == (ours.cache_write_tokens, ours.cached_input_tokens)
            assert ours.input_tokens == usage.input_tokens + sum(counts[-1])
    (_, (written, _), _, _) = counts
    assert written > 1_024
    assert counts == [(0, 0), (written, 0), (0, written), (0, 0)]


def openai_client(server: ProviderServer) -> openai.AsyncOpenAI:
    import openai

    return openai.AsyncOpenAI(api_key="k", base_url=server.base_url, max_retries=0, _strict_response_validation=True)


def anthropic_client(server: ProviderServer) -> anthropic.AsyncAnthropic:
    import anthropic

    base_url = server.base_url.removesuffix("/v1")
    return anthropic.AsyncAnthropic(api_key="k", base_url=base_url, max_retries=0, _strict_response_validation=True)


@pytest.mark.parametrize("with_tools", [False, True])
async def test_openai_s_client_reads_our_server_s_chat_completions_as_we_do(with_tools: bool) -> None:
    import openai

    tools: Any = WITH_TOOLS.tools if with_tools else openai.omit
    async with ProviderServer() as server, openai_client(server) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model=MODEL, messages=[{"role": "user", "content": "Why?"}], tools=tools
        )
        theirs = raw.parse()
    ours = parse_reply(raw.content, WITH_TOOLS)
    [choice] = theirs.choices
    assert ours.answer.content == choice.message.content
    assert ours.answer.finish_reason == choice.finish_reason
    assert ours.answer.tool_calls == ([call.model_dump() for call in choice.message.tool_calls or ()] or None)
    assert theirs.usage is not None
    assert ours.tokens.input_tokens == theirs.usage.prompt_tokens
    assert ours.tokens.output_tokens == theirs.usage.completion_tokens


@pytest.mark.parametrize("with_tools", [False, True])
async def test_openai_s_client_reads_our_server_s_responses_as_we_do(with_tools: bool) -> None:
    import openai

    body = msgspec.json.decode(response_body(WITH_TOOLS, MODEL))
    async with ProviderServer() as server, openai_client(server) as client:
        raw = await client.responses.with_raw_response.create(
            model=MODEL, input="Why?", tools=body["tools"] if with_tools else openai.omit
        )
        theirs = raw.parse()
    ours = parse_response(raw.content, WITH_TOOLS)
    assert (ours.answer.content or "") == theirs.output_text
    assert bool(ours.answer.tool_calls) is with_tools
    assert theirs.usage is not None
    assert ours.tokens.input_tokens == theirs.usage.input_tokens
    assert ours.tokens.cached_input_tokens == theirs.usage.input_tokens_details.cached_tokens
    assert ours.tokens.output_tokens == theirs.usage.output_tokens


@pytest.mark.parametrize("with_tools", [False, True])
async def test_anthropic_s_client_reads_our_server_s_messages_as_we_do(with_tools: bool) -> None:
    import anthropic

    body = msgspec.json.decode(message_body(WITH_TOOLS, MODEL, 100))
    async with ProviderServer() as server, anthropic_client(server) as client:
        raw = await client.messages.with_raw_response.create(
            model=MODEL,
            max_tokens=100,
            messages=[{"role": "user", "content": "Why?"}],
            tools=body["tools"] if with_tools else anthropic.omit,
        )
        content = await raw.read()
        theirs = await raw.parse()
    ours = parse_message(content, WITH_TOOLS)
    assert bool(ours.answer.tool_calls) is with_tools
    if not with_tools:
        assert theirs.content[0].type == "text"
        assert ours.answer.content == theirs.content[0].text
    usage = theirs.usage
    assert ours.tokens.cached_input_tokens == (usage.cache_read_input_tokens or 0)
    assert ours.tokens.input_tokens == usage.input_tokens + ours.tokens.cached_input_tokens
    assert ours.tokens.output_tokens == usage.output_tokens


OPENAI_ERRORS = {
    Fault.RATE_LIMITED: "RateLimitError",
    Fault.SERVER_ERROR: "InternalServerError",
    Fault.UNAVAILABLE: "InternalServerError",
    Fault.BAD_REQUEST: "BadRequestError",
    Fault.CONTEXT_LENGTH: "BadRequestError",
    Fault.CONTENT_FILTER: "BadRequestError",
    Fault.UNAUTHENTICATED: "AuthenticationError",
    Fault.FORBIDDEN: "PermissionDeniedError",
    Fault.UNKNOWN_MODEL: "NotFoundError",
    Fault.NO_QUOTA: "RateLimitError",
    Fault.DROPPED: "APIConnectionError",
    Fault.BROKEN_OFF: "APIConnectionError",
}
ANTHROPIC_ERRORS = {
    Fault.RATE_LIMITED: "RateLimitError",
    Fault.SERVER_ERROR: "InternalServerError",
    Fault.OVERLOADED: "InternalServerError",
    Fault.BAD_REQUEST: "BadRequestError",
    Fault.CONTEXT_LENGTH: "BadRequestError",
    Fault.UNAUTHENTICATED: "AuthenticationError",
    Fault.FORBIDDEN: "PermissionDeniedError",
    Fault.UNKNOWN_MODEL: "NotFoundError",
    Fault.DROPPED: "APIConnectionError",
}


@pytest.mark.parametrize(("fault", "kind"), OPENAI_ERRORS.items())
async def test_openai_s_client_knows_our_server_s_errors(fault: Fault, kind: str) -> None:
    import openai

    def strike(asked: Asked) -> Fault:
        return fault

    async with ProviderServer(strike) as server, openai_client(server) as client:
        with pytest.raises(getattr(openai, kind)):
            await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Why?"}])


@pytest.mark.parametrize(("fault", "kind"), ANTHROPIC_ERRORS.items())
async def test_anthropic_s_client_knows_our_server_s_errors(fault: Fault, kind: str) -> None:
    import anthropic

    def strike(asked: Asked) -> Fault:
        return fault

    async with ProviderServer(strike) as server, anthropic_client(server) as client:
        with pytest.raises(getattr(anthropic, kind)):
            await client.messages.create(model=MODEL, max_tokens=10, messages=[{"role": "user", "content": "Why?"}])
