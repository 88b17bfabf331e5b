"""Our batch interfaces against the loopback server, and the server against the official clients.

Tests import the clients themselves: they are large, and every process that runs tests imports this module.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import TypeAdapter

from agents.providers.batches.anthropic import AnthropicBatches
from agents.providers.batches.interface import BatchInterface, Finding, Outcome
from agents.providers.batches.interfaces import build_interfaces
from agents.providers.batches.openai import OpenAIBatches
from agents.providers.protocol import ChatMessage, Prompt, Sampling
from schemas.errors import (
    ConfigurationError,
    ProviderOverloaded,
    ProviderRefused,
)
from schemas.settings import BatchSettings, ProviderSettings
from tests.servers.batch_desk import BatchDesk, Conditions
from tests.servers.batches import BatchServer, answer_to

KEY = "SECRET"


class Now:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def desk(now: Now) -> BatchDesk:
    return BatchDesk(now, Conditions(turnaround_seconds=100.0, cancel_seconds=5.0))


@pytest.fixture
async def server(desk: BatchDesk) -> AsyncIterator[BatchServer]:
    async with BatchServer(desk) as running:
        yield running


@pytest.fixture(params=["openai", "anthropic"])
async def interface(
    request: pytest.FixtureRequest, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[BatchInterface]:
    one = connect(server, request.param, monkeypatch)
    yield one
    await one.close()


def connect(server: BatchServer, kind: Any, monkeypatch: pytest.MonkeyPatch) -> BatchInterface:
    monkeypatch.setenv("BATCH_KEY", KEY)
    section = ProviderSettings(
        kind="openai-compatible", base_url=server.base_url, api_key_env="BATCH_KEY", batches=kind
    )
    return build_interfaces({"east": section}, BatchSettings(timeout_seconds=5.0))["east"]


def lines(interface: BatchInterface, count: int) -> list[bytes]:
    return [interface.line(f"item{n}", Prompt(f"r{n}", f"What is {n}?"), "big") for n in range(count)]


async def submit(interface: BatchInterface, job: str, count: int) -> str:
    asked = lines(interface, count)
    file = await interface.upload(job, asked)
    return (await interface.create(job, asked, file)).batch


async def collect(interface: BatchInterface, batch: str) -> dict[str, Outcome]:
    return {outcome.item: outcome async for outcome in interface.results(batch)}


async def test_a_batch_from_submission_to_results(interface: BatchInterface, desk: BatchDesk, now: Now) -> None:
    batch = await submit(interface, "job1", 20)
    assert not await interface.ended(batch)
    assert desk.charged() == {}
    now.at += 100
    assert await interface.ended(batch)
    found = await collect(interface, batch)
    assert found.keys() == {f"item{n}" for n in range(20)}
    assert list(found) != sorted(found, key=lambda item: int(item[4:])), "in an order of its own"
    assert desk.charged() == {(batch, item): 1 for item in found}
    outcome = found["item3"]
    assert outcome.reply is not None
    assert outcome.reply.answer.content == answer_to(msgspec.json.decode(desk.batches[batch].items["item3"]))
    assert outcome.reply.answer.finish_reason == "stop"
    assert outcome.reply.tokens.input_tokens > 0 < outcome.reply.tokens.output_tokens


async def test_partial_failure(interface: BatchInterface, desk: BatchDesk, now: Now) -> None:
    desk.conditions = Conditions(turnaround_seconds=1.0, failure_rate=0.5)
    batch = await submit(interface, "job1", 20)
    now.at += 1
    found = await collect(interface, batch)
    failed = [item for item, outcome in found.items() if outcome.reply is None]
    assert 0 < len(failed) < len(found) == 20
    assert {found[item].reason for item in failed} <= {"status 500", "api_error"}
    assert desk.charged().keys() == {(batch, item) for item in found if item not in failed}


async def test_expiry(interface: BatchInterface, desk: BatchDesk, now: Now) -> None:
    desk.conditions = Conditions(turnaround_seconds=100.0, window_seconds=50.0)
    batch = await submit(interface, "job1", 20)
    now.at += 50
    assert await interface.ended(batch)
    found = await collect(interface, batch)
    expired = [outcome for outcome in found.values() if outcome.reply is None]
    assert 0 < len(expired) < 20
    assert {outcome.reason for outcome in expired} <= {"batch_expired", "expired"}


async def test_cancellation_keeps_what_is_done(interface: BatchInterface, desk: BatchDesk, now: Now) -> None:
    batch = await submit(interface, "job1", 20)
    now.at += 50
    await interface.cancel(batch)
    assert not await interface.ended(batch)
    now.at += 5
    assert await interface.ended(batch)
    answered = [item for item, outcome in (await collect(interface, batch)).items() if outcome.reply is not None]
    assert 0 < len(answered) < 20
    assert len(desk.charged()) == len(answered)
    with pytest.raises((ProviderRefused, ProviderOverloaded), match="status 4"):
        await interface.cancel(batch)


async def test_a_job_is_found_by_its_label_or_its_items(interface: BatchInterface, now: Now) -> None:
    items = {f"item{n}" for n in range(3)}
    since = now.at
    assert await interface.find("job1", items, since) == Finding()
    batch = await submit(interface, "job1", 3)
    for number in range(120):  # more than a page of others, newer ones
        asked = [interface.line(f"other{number}", Prompt("r"), "big")]
        await interface.create("other", asked, await interface.upload("other", asked))
    found = await interface.find("job1", items, since)
    if isinstance(interface, AnthropicBatches):
        assert found == Finding(unclear=True)
        now.at += 100
        found = await interface.find("job1", items, since)
    assert found.created is not None
    assert found.created.batch == batch
    assert await interface.find("job2", {"a", "b", "c"}, since) == Finding()
    assert await interface.find("job1", items, now.at + 1e6) == Finding()  # too old to be it


async def test_a_lost_answer_says_nothing(interface: BatchInterface, desk: BatchDesk) -> None:
    desk.unanswered = 1
    asked = lines(interface, 2)
    file = await interface.upload("job1", asked)
    with pytest.raises(ProviderOverloaded, match="connection failed"):
        await interface.create("job1", asked, file)
    assert len(desk.batches) == 1


@pytest.mark.parametrize("asked", [[], ["big", "small"], ["big", "big"]], ids=["empty", "models", "twice"])
async def test_openai_fails_what_is_no_batch(
    asked: list[str], server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    interface = connect(server, "openai", monkeypatch)
    made = [interface.line("same" if asked[0] == asked[-1] else model, Prompt("r"), model) for model in asked]
    batch = (await interface.create("job", made, await interface.upload("job", made))).batch
    assert await interface.ended(batch)
    assert await collect(interface, batch) == {}
    await interface.close()


async def test_refusals_and_unknown_outcomes_are_told_apart(
    interface: BatchInterface, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ProviderRefused, match="status 404"):
        await interface.ended("batch_99")
    kind: Any = "openai" if isinstance(interface, OpenAIBatches) else "anthropic"
    with pytest.raises(ProviderRefused, match="status 40"):
        await interface.create("job", [], "file-99")
    other = build_interfaces(
        {"east": ProviderSettings(kind="x", base_url=server.base_url, batches=kind)}, BatchSettings()
    )["east"]
    with pytest.raises(ProviderRefused, match="status 401"):
        await other.find("job", {"a"}, 0.0)
    await other.close()


async def test_nobody_there_is_no_refusal(interface: BatchInterface, server: BatchServer) -> None:
    await server.__aexit__(None, None, None)
    with pytest.raises(ProviderOverloaded, match="connection failed"):
        await interface.ended("batch_1")
    with pytest.raises(ProviderOverloaded, match="connection failed"):
        await collect(interface, "batch_1")


async def test_the_server_goes_on_from_its_file(now: Now, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.jsonl"
    async with BatchServer(BatchDesk(now, Conditions(100.0), path)) as server:
        interface = connect(server, "openai", monkeypatch)
        batch = await submit(interface, "job1", 5)
        await interface.cancel(batch)
        await interface.close()
    now.at += 10
    desk = BatchDesk(now, Conditions(100.0), path)
    async with BatchServer(desk) as server:
        interface = connect(server, "openai", monkeypatch)
        assert await interface.ended(batch)
        answered = [one for one in (await collect(interface, batch)).values() if one.reply is not None]
        assert len(answered) == len(desk.charged())
        await interface.close()


RICH = Prompt(
    "r1",
    messages=[
        ChatMessage("system", "Be brief."),
        ChatMessage("user", [{"type": "text", "text": "What is it?"}]),
        ChatMessage(
            "assistant",
            tool_calls=[{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}}],
        ),
        ChatMessage("tool", "a cat", tool_call_id="c1"),
        ChatMessage("user", "And now?"),
    ],
    tools=[{"type": "function", "function": {"name": "look", "description": "d", "parameters": {"type": "object"}}}],
    sampling=Sampling(temperature=0.5, max_output_tokens=100, stop=["END"]),
)


@pytest.mark.parametrize("prompt", [Prompt("r1", "What is it?"), RICH], ids=["plain", "rich"])
async def test_our_lines_are_what_the_clients_would_send(
    prompt: Prompt, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anthropic.types.messages.batch_create_params import Request as AnthropicRequest
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

    one = connect(server, "openai", monkeypatch)
    line = msgspec.json.decode(one.line("i1", prompt, "gpt-4o"))
    assert (line["custom_id"], line["method"], line["url"]) == ("i1", "POST", "/v1/chat/completions")
    TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(line["body"])
    other = connect(server, "anthropic", monkeypatch)
    element = msgspec.json.decode(other.line("i1", prompt, "claude"))
    TypeAdapter(AnthropicRequest).validate_python(element)
    await one.close()
    await other.close()


async def test_the_openai_client_accepts_the_server(server: BatchServer, desk: BatchDesk, now: Now) -> None:
    import openai

    desk.conditions = Conditions(turnaround_seconds=10.0, failure_rate=0.4)
    async with openai.AsyncOpenAI(
        base_url=server.base_url, api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as client:
        one = OpenAIBatches.__new__(OpenAIBatches)
        content = b"\n".join(lines(one, 10))
        file = await client.files.create(file=("x.jsonl", content), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={"asahi_job": "job1"},
        )
        assert batch.status == "in_progress"
        assert batch.metadata == {"asahi_job": "job1"}
        assert [each.id async for each in client.batches.list()] == [batch.id]
        now.at += 10
        batch = await client.batches.retrieve(batch.id)
        assert batch.status == "completed"
        assert batch.request_counts is not None
        assert batch.request_counts.completed + batch.request_counts.failed == 10
        assert batch.output_file_id is not None
        text = (await client.files.content(batch.output_file_id)).text
        for line in text.splitlines():
            body = msgspec.json.decode(line)["response"]["body"]
            openai.types.chat.ChatCompletion.model_validate(body, strict=True)
        with pytest.raises(openai.ConflictError):
            await client.batches.cancel(batch.id)
        with pytest.raises(openai.NotFoundError):
            await client.batches.retrieve("batch_99")


async def test_the_anthropic_client_accepts_the_server(server: BatchServer, desk: BatchDesk, now: Now) -> None:
    import anthropic

    desk.conditions = Conditions(turnaround_seconds=10.0, failure_rate=0.4)
    base = server.base_url.removesuffix("/v1")
    async with anthropic.AsyncAnthropic(
        base_url=base, api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as client:
        one = AnthropicBatches.__new__(AnthropicBatches)
        requests: list[Any] = [msgspec.json.decode(line) for line in lines(one, 10)]
        batch = await client.messages.batches.create(requests=requests)
        assert (batch.processing_status, batch.request_counts.processing) == ("in_progress", 10)
        assert [each.id async for each in client.messages.batches.list()] == [batch.id]
        now.at += 10
        batch = await client.messages.batches.retrieve(batch.id)
        assert batch.processing_status == "ended"
        verdicts = [line.result.type async for line in await client.messages.batches.results(batch.id)]
        assert len(verdicts) == 10
        assert verdicts.count("succeeded") == batch.request_counts.succeeded
        with pytest.raises(anthropic.BadRequestError):
            await client.messages.batches.cancel(batch.id)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "providers.east.base_url is missing"),
        ({"base_url": "ftp://x"}, "providers.east.base_url must begin with"),
        ({"base_url": "http://x/v1", "api_key_env": "NO_SUCH_KEY"}, "providers.east.api_key_env"),
    ],
)
def test_a_wrong_address_or_key_is_named(fields: dict[str, Any], message: str) -> None:
    section = ProviderSettings(kind="openai-compatible", batches="openai", **fields)
    with pytest.raises(ConfigurationError, match=message):
        build_interfaces({"east": section}, BatchSettings())


def test_only_providers_with_batches_have_an_interface() -> None:
    assert build_interfaces({"east": ProviderSettings(kind="simulated")}, BatchSettings()) == {}
