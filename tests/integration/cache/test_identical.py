"""Identical requests on the real stack with two workers: one call for all, whatever becomes of it, and per tenant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.answers import Answers
from tests.chaos.rig import TENANTS, Rig, running
from tests.conftest import started_broker
from tests.servers.behaviour import Hangup, ReceivedCall, ServerReply, completion

MANY, FEWER, FAILING = 10_000, 500, 1_000
BULK = 200
LATENCY_SECONDS, FAILING_SECONDS = 0.5, 2.0
ANSWERING_SECONDS = 90.0
FLAKY, REFUSED = "Why does it fail at first?", "Why is it refused?"
REFUSAL = b'{"error": {"type": "invalid_request_error", "code": "bad", "message": "no"}}'
MOST_REFUSALS = 5
"""Calls for requests of which the first is refused: who comes after the refusal asks again."""


def answer_in_its_name(call: ReceivedCall) -> ServerReply | Hangup:
    """Say for whom an answer is; fail the first attempt of one question, refuse another."""
    asked = call.json()["messages"][-1]["content"]
    if asked == REFUSED:
        return ServerReply(400, REFUSAL, {}, FAILING_SECONDS)
    if asked == FLAKY and call.attempt == 1:
        return ServerReply(500, b'{"error": {"type": "server_error"}}', {}, LATENCY_SECONDS)
    message = {"role": "assistant", "content": f"for {call.request_id}"}
    return ServerReply(200, completion(call, message=message), {}, LATENCY_SECONDS)


def identical(tenant: str, name: str, count: int, prompt: str) -> Iterator[dict[str, Any]]:
    """Make requests that differ in their ids alone."""
    return ({"id": f"{name}/{tenant}/{number}", "tenant": tenant, "prompt": prompt} for number in range(count))


def of(answers: Answers, prefix: str) -> list[dict[str, Any]]:
    """Return the results of requests whose ids begin so; each has one alone."""
    found = {name: outcomes for name, outcomes in answers.results.items() if name.startswith(prefix)}
    assert {len(outcomes) for outcomes in found.values()} == {1}, "one terminal result each"
    return [answers.bodies[name] for name in found]


def calls(rig: Rig, prefix: str) -> list[str]:
    """Return for which requests the provider was asked, once per attempt."""
    return [call.request_id for call in rig.provider.calls if call.request_id.startswith(prefix)]


@pytest.mark.timeout(240)
async def test_of_identical_requests_one_is_called_for_each_tenant(tmp_path: Path) -> None:
    async with (
        started_broker("embedded", tmp_path) as bootstrap,
        running(tmp_path, bootstrap, "embedded", workers=2, behaviour=answer_in_its_name) as rig,
    ):
        first, *others = TENANTS
        await rig.ask(identical(first, "same", MANY, "What is it?"), bulk=BULK)
        for tenant in others:
            await rig.ask(identical(tenant, "same", FEWER, "What is it?"), bulk=BULK)
        answers = await rig.wait_for_results(MANY + FEWER * len(others), ANSWERING_SECONDS)

        assert len(calls(rig, "same")) == len(TENANTS), "one call for each tenant"
        for tenant in TENANTS:
            own = f"same/{tenant}/"
            (called,) = calls(rig, own)
            results = of(answers, own)
            assert len(results) == (MANY if tenant == first else FEWER)
            assert {result["output"]["content"] for result in results} == {f"for {called}"}, (
                "never another tenant's answer"
            )
            statuses = [result["status"] for result in results]
            assert (statuses.count("completed"), statuses.count("cached")) == (1, len(results) - 1)
            sources = {result["cache"]["source_request_id"] for result in results if result["status"] == "cached"}
            assert sources == {called}
            assert [name for name in answers.usages if name.startswith(own)] == [called]
        assert {len(ids) for ids in answers.usages.values()} == {1}
        await a_call_that_fails_at_first(rig, len(answers.results))
        await a_call_that_is_refused(rig, len(answers.results))


async def a_call_that_fails_at_first(rig: Rig, before: int) -> None:
    """Hold all requests to the second attempt of the one call."""
    tenant = TENANTS[1]
    await rig.ask(identical(tenant, "flaky", FAILING, FLAKY), bulk=BULK)
    answers = await rig.wait_for_results(before + FAILING, ANSWERING_SECONDS)
    attempts = calls(rig, "flaky")
    assert len(attempts) == 2
    assert len(set(attempts)) == 1
    results = of(answers, "flaky")
    assert {result["output"]["content"] for result in results} == {f"for {attempts[0]}"}
    assert sorted(name for name in answers.usages if name.startswith("flaky")) == attempts[:1]


async def a_call_that_is_refused(rig: Rig, before: int) -> None:
    """Hold all requests to the refusal of the call, or of that of a later one for those who came after it."""
    tenant = TENANTS[2]
    await rig.ask(identical(tenant, "refused", FAILING, REFUSED), bulk=BULK)
    answers = await rig.wait_for_results(before + FAILING, ANSWERING_SECONDS)
    results = of(answers, "refused")
    assert {(result["status"], result["error"]["code"]) for result in results} == {("failed", "provider_bad_request")}
    assert 1 <= len(calls(rig, "refused")) <= MOST_REFUSALS
    assert not [name for name in answers.usages if name.startswith("refused")], "a refusal costs nothing"
