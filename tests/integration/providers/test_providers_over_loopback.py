"""Every provider that calls over HTTP, with every fault, against the server that plays it."""

from __future__ import annotations

import asyncio
import time

import pytest

from agents.providers.protocol import Prompt
from schemas.batch import Target
from schemas.settings import ProviderSettings
from tests.integration.providers.runs import Run, call, call_of, code_of, section
from tests.servers.faults import Asked, Fault, Faults
from tests.servers.http2 import Http2Server
from tests.servers.ledger import ProviderLedger
from tests.servers.prompts import EVERY_PROMPT
from tests.servers.provider import ProviderServer

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "anthropic": "/v1/messages"}
WAYS = ("compatible", *PATHS)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-test")


def settings_of(way: str, server: ProviderServer, **changes: object) -> ProviderSettings:
    if way in ("chat", "responses"):
        return section("openai", server.base_url, interface=way, **changes)
    return section("anthropic" if way == "anthropic" else "openai-compatible", server.base_url, **changes)


def once(fault: Fault) -> Faults:
    """Strike the first attempt of every request."""
    return lambda asked: fault if asked.attempt == 1 else None


def always(fault: Fault) -> Faults:
    def strike(asked: Asked) -> Fault:
        return fault

    return strike


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("prompt", EVERY_PROMPT, ids=lambda prompt: prompt.id)
async def test_every_prompt_is_answered_and_billed(way: str, prompt: Prompt) -> None:
    async with ProviderServer() as server:
        done = await Run({"main": settings_of(way, server)}).finish(call_of(prompt, "main"))
    completion = done[prompt.id]
    assert code_of(completion) is None
    assert completion.answer is not None
    assert completion.answer.finish_reason == ("tool_calls" if prompt.tools else "stop")
    assert bool(completion.answer.tool_calls) is bool(prompt.tools)
    assert len(completion.paid) == server.ledger.charges[prompt.id] == 1
    tokens = completion.paid[0].tokens
    assert tokens.input_tokens + tokens.output_tokens == server.ledger.tokens.now


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "fault",
    [
        Fault.RATE_LIMITED,
        Fault.SERVER_ERROR,
        Fault.UNAVAILABLE,
        Fault.OVERLOADED,
        Fault.DROPPED,
        Fault.BROKEN_OFF,
        Fault.TRUNCATED,
        Fault.MALFORMED,
        Fault.HUNG,
    ],
)
async def test_what_passes_is_repeated_and_charged_once(way: str, fault: Fault) -> None:
    async with ProviderServer(once(fault)) as server:
        done = await Run({"main": settings_of(way, server, timeout_seconds=0.3)}).finish(call("r1", "main"))
    assert code_of(done["r1"]) is None
    assert done["r1"].attempts == server.ledger.attempts["r1"] == 2
    assert server.ledger.charges["r1"] == 1  # the idempotency key: the second call got the answer of the first


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", [Fault.SLOW_BODY, Fault.WRONG_USAGE])
async def test_what_can_be_borne_is_not_repeated(way: str, fault: Fault) -> None:
    async with ProviderServer(always(fault)) as server:
        done = await Run({"main": settings_of(way, server)}).finish(call("r1", "main"))
    assert code_of(done["r1"]) is None
    assert server.ledger.attempts["r1"] == 1
    assert done["r1"].paid[0].tokens.input_tokens > 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.BAD_REQUEST, "provider_bad_request"),
        (Fault.CONTEXT_LENGTH, "provider_context_length"),
        (Fault.UNAUTHENTICATED, "provider_unauthenticated"),
        (Fault.FORBIDDEN, "provider_forbidden"),
        (Fault.UNKNOWN_MODEL, "provider_model_unknown"),
        (Fault.NO_QUOTA, "provider_quota_exhausted"),
    ],
)
async def test_what_lasts_is_asked_of_the_next_target(way: str, fault: Fault, code: str) -> None:
    async with ProviderServer(always(fault)) as server, ProviderServer() as spare:
        sections = {"main": settings_of(way, server), "spare": settings_of(way, spare)}
        done = await Run(sections).finish(call("alone", "main"), call("safe", "main", "spare"))
    assert code_of(done["alone"]) == code
    assert done["alone"].attempts == 1
    assert done["safe"].answered_by is not None
    assert done["safe"].answered_by.provider == "spare"
    assert done["safe"].attempts == 2


@pytest.mark.parametrize("way", WAYS)
async def test_what_offends_the_rules_is_asked_of_nobody_else(way: str) -> None:
    async with ProviderServer(always(Fault.CONTENT_FILTER)) as server, ProviderServer() as spare:
        sections = {"main": settings_of(way, server), "spare": settings_of(way, spare)}
        done = await Run(sections).finish(call("r1", "main", "spare"))
    assert code_of(done["r1"]) == "provider_content_filter"
    assert len(done["r1"].paid) == server.ledger.charges["r1"]
    assert not spare.ledger.attempts


async def test_a_provider_that_is_out_is_spared_and_asked_again_when_it_is_back() -> None:
    async with ProviderServer() as server, ProviderServer() as spare:
        server.outage = True
        sections = {
            "main": settings_of("chat", server, breaker_calls=5, breaker_open_seconds=0.3, max_in_flight=5),
            "spare": settings_of("anthropic", spare),
        }
        run = Run(sections)
        calls = [call(f"r{number}", "main", "spare") for number in range(50)]
        for one in calls:
            run.runner.submit(one, one.passenger.id)
        await run.runner.idle()
        [lane] = [lane for lane in run.runner.health() if lane.provider == "main"]
        assert lane.circuit != "closed"
        assert sum(server.ledger.attempts.values()) <= 25  # of 50; those that began together, and probes
        assert {code_of(completion) for completion in run.done.values()} == {None}
        server.outage = False
        done = await run.finish(*(call(f"s{number}", "main") for number in range(10)))
    assert [done[f"s{number}"].answered_by for number in range(10)] == [Target("some-model", "main")] * 10
    [lane] = [lane for lane in run.runner.health() if lane.provider == "main"]
    assert lane.circuit == "closed"
    assert lane.openings >= 1


async def test_the_provider_s_limits_are_kept_by_its_own_count() -> None:
    ledger = ProviderLedger(requests_per_minute=100)
    async with ProviderServer(ledger=ledger) as server:
        run = Run({"main": settings_of("chat", server, requests_per_minute=100)})
        for number in range(50):
            run.runner.submit(call(f"r{number}", "main"), f"r{number}")
        await asyncio.sleep(1.0)  # time in which some may begin
        begun = ledger.requests.most
        run.runner.cancel_all()
        await run.runner.close()
    assert 5 <= begun <= 8  # a burst of five, and one and a half a second
    assert ledger.over_limit == 0


async def test_calls_wait_when_the_provider_says_that_nothing_is_left() -> None:
    ledger = ProviderLedger(requests_per_minute=10)
    async with ProviderServer(ledger=ledger) as server, ProviderServer() as spare:
        sections = {
            "main": settings_of("anthropic", server, max_in_flight=1),
            "spare": settings_of("chat", spare),
        }
        done = await Run(sections).finish(*(call(f"r{number}", "main", "spare") for number in range(30)))
    assert ledger.over_limit == 0
    assert sum(ledger.attempts.values()) == 10
    assert sum(spare.ledger.attempts.values()) == 20
    assert all(completion.answer is not None for completion in done.values())


async def test_calls_share_http_2_connections_only_with_servers_that_speak_it() -> None:
    async with ProviderServer() as server:
        done = await Run({"main": settings_of("chat", server, http2=True, attempts=1)}).finish(call("r1", "main"))
    assert code_of(done["r1"]) in {"provider_unreachable", "provider_timeout"}


async def test_calls_share_one_http_2_connection_and_open_another_when_it_is_full() -> None:
    async with Http2Server(0.2) as server:
        run = Run({"main": section("openai-compatible", server.base_url, http2=True, timeout_seconds=10.0)})
        done = await run.finish(*(call(f"r{number}", "main") for number in range(120)))
    assert all(completion.answer is not None for completion in done.values())
    assert server.connections == 2


async def test_a_cut_call_leaves_its_http_2_connection_to_the_others() -> None:
    async with Http2Server(0.5) as server:
        run = Run({"main": section("openai-compatible", server.base_url, http2=True, timeout_seconds=10.0)})
        done = await run.finish(call("cut", "main", deadline=time.time() + 0.2), call("kept", "main"))
        assert code_of(done["cut"]) == "deadline_exceeded"
        assert done["kept"].answer is not None
    assert server.connections == 1
