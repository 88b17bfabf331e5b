"""The real provider and the real runner against a server on a real socket."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from agents.providers.openai_compatible import OpenAICompatible
from agents.providers.runner import CallRunner
from schemas.batch import Call, Completion, Passenger, Target
from schemas.result import Lane
from schemas.settings import ProviderSettings
from schemas.wire import Choice
from tests.servers.behaviour import Hangup, ServerReply, completion, in_order
from tests.servers.openai_compatible import OpenAICompatibleServer

RATE_LIMITED = ServerReply(429, b'{"error": {"type": "rate_limit"}}', {"retry-after": "0.2"})
BROKEN = ServerReply(500, b"oops")


def section(base_url: str, **changes: object) -> ProviderSettings:
    quick = {"kind": "openai-compatible", "base_url": base_url, "backoff_seconds": 0.01, "backoff_max_seconds": 1.0}
    return ProviderSettings.model_validate({**quick, **changes})


def call(name: str = "r1", *providers: str, deadline: float | None = None) -> Call:
    body = msgspec.json.encode({"id": name, "tenant": "demo", "prompt": f"Question {name}?"})
    targets = tuple(Target("small", provider) for provider in providers or ("main",))
    choice = Choice("cheapest", "because").encoded()
    passenger = Passenger(name, "demo", 0, "d1", Lane.BULK, choice, "small", time.time())
    return Call(passenger, body, targets, time.time(), deadline)


async def make(sections: dict[str, ProviderSettings], *calls: Call) -> dict[str, Completion]:
    """Make these calls to their ends; returns the completions by request id."""
    completions: dict[str, Completion] = {}
    ids = itertools.count()
    runner: CallRunner[str] = CallRunner(
        {name: OpenAICompatible(name, settings) for name, settings in sections.items()},
        sections,
        clock=time.time,
        call_id=lambda: f"paid-{next(ids)}",
        on_completion=completions.__setitem__,
    )
    for one in calls:
        runner.submit(one, one.passenger.id)
    async with asyncio.timeout(60):
        await runner.idle()
        await runner.close()
    return completions


async def make_one(sections: dict[str, ProviderSettings], one: Call) -> Completion:
    return (await make(sections, one))[one.passenger.id]


@contextmanager
def closed_port() -> Iterator[str]:
    """A port where nobody listens: bound, so that nobody else takes it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


def code_of(completion: Completion) -> str | None:
    return None if completion.failure is None else completion.failure.code


async def test_an_answer_comes_back_with_its_bill() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}}
    async with OpenAICompatibleServer(lambda call: ServerReply(200, completion(call, usage=usage))) as server:
        began = time.time()
        done = await make_one({"main": section(server.base_url)}, call())
        ended = time.time()
    [received] = server.calls
    assert (received.request_id, received.attempt, received.model) == ("r1", 1, "small")
    assert received.json()["messages"] == [{"role": "user", "content": "Question r1?"}]
    assert done.answer is not None
    assert done.answer.content is not None
    assert done.answer.content.startswith("Answer ")
    [paid] = done.paid
    assert (paid.tokens.input_tokens, paid.tokens.cached_input_tokens, paid.tokens.output_tokens) == (9, 8, 4)
    assert 0 < paid.latency_ms <= (ended - began) * 1000


async def test_many_calls_overlap_within_the_limit_and_reuse_connections() -> None:
    async with OpenAICompatibleServer(lambda call: ServerReply(200, completion(call), {}, 0.05)) as server:
        calls = [call(f"r{number}") for number in range(100)]
        done = await make({"main": section(server.base_url, max_in_flight=20)}, *calls)
    assert all(completion.answer is not None for completion in done.values())
    assert len(done) == 100
    assert server.most_under_way == 20
    assert server.connections == 20


async def test_a_slow_call_delays_no_other() -> None:
    def behave(received: object) -> ServerReply:
        slow = getattr(received, "request_id", "") == "slow"
        return ServerReply(200, completion(received), {}, 1.0 if slow else 0.0)  # type: ignore[arg-type]

    async with OpenAICompatibleServer(behave) as server:
        done = await make({"main": section(server.base_url)}, call("slow"), *(call(f"r{n}") for n in range(10)))
    fast = [completion.completed_at for name, completion in done.items() if name != "slow"]
    assert done["slow"].completed_at - max(fast) > 0.5


async def test_a_rate_limit_is_waited_for() -> None:
    async with OpenAICompatibleServer(in_order([RATE_LIMITED])) as server:
        done = await make_one({"main": section(server.base_url)}, call())
    assert code_of(done) is None
    assert [received.attempt for received in server.calls] == [1, 2]
    assert done.attempts == 2
    assert len(done.paid) == 1
    assert done.stages_ms["backoff"] >= 200


async def test_errors_and_hangups_are_repeated() -> None:
    async with OpenAICompatibleServer(in_order([BROKEN, Hangup()])) as server:
        done = await make_one({"main": section(server.base_url)}, call())
    assert code_of(done) is None
    assert done.attempts == 3


async def test_malformed_json_is_repeated_and_then_reported() -> None:
    async with OpenAICompatibleServer(lambda _: ServerReply(200, b"{malformed")) as server:
        done = await make_one({"main": section(server.base_url, attempts=2)}, call())
    assert code_of(done) == "provider_unreadable"
    assert len(server.calls) == 2
    assert done.paid == ()


async def test_a_refusal_is_final_and_named_without_what_the_server_quotes() -> None:
    refusal = ServerReply(400, b'{"error": {"code": "context_length_exceeded", "message": "Question r1? is long"}}')
    async with OpenAICompatibleServer(lambda _: refusal) as server:
        done = await make_one({"main": section(server.base_url)}, call())
    assert len(server.calls) == 1
    assert done.failure is not None
    assert done.failure.code == "provider_context_length"
    assert "context_length_exceeded" in done.failure.message
    assert "Question" not in done.failure.message


async def test_a_late_answer_and_a_stalled_body_time_out() -> None:
    for reply in (ServerReply(delay_seconds=30), ServerReply(stall_seconds=30)):
        async with OpenAICompatibleServer(lambda _, reply=reply: reply) as server:  # type: ignore[misc]
            done = await make_one({"main": section(server.base_url, timeout_seconds=0.2, attempts=2)}, call())
        assert code_of(done) == "provider_timeout"
        assert done.attempts == 2
        assert len(server.calls) == 2


async def test_a_slow_body_is_read_to_its_end() -> None:
    def behave(received: object) -> ServerReply:
        return ServerReply(200, completion(received), stall_seconds=0.2)  # type: ignore[arg-type]

    async with OpenAICompatibleServer(behave) as server:
        done = await make_one({"main": section(server.base_url)}, call())
    assert code_of(done) is None
    assert done.stages_ms["provider"] >= 200


async def test_a_call_under_way_is_cut_at_its_deadline_and_its_connection_with_it() -> None:
    async with OpenAICompatibleServer(lambda _: ServerReply(delay_seconds=30)) as server:
        done = await make_one({"main": section(server.base_url)}, call(deadline=time.time() + 0.2))
        assert code_of(done) == "deadline_exceeded"
        async with asyncio.timeout(25):  # the server itself would take longer
            await server.quiet()


async def test_a_refused_connection_falls_back_to_the_second_provider() -> None:
    with closed_port() as nobody:
        async with OpenAICompatibleServer(in_order([])) as server:
            sections = {"main": section(nobody, attempts=2), "spare": section(server.base_url)}
            done = await make_one(sections, call("r1", "main", "spare"))
            assert done.answered_by == Target("small", "spare")
            assert done.attempts == 3
            assert [received.attempt for received in server.calls] == [3]
            alone = await make_one({"main": section(nobody, attempts=2)}, call("r2"))
    assert code_of(alone) == "provider_unreachable"
    assert alone.failure is not None
    assert alone.failure.message.startswith("no answer after 2 attempts: small at main: connection failed")


async def test_connections_survive_failures_around_them() -> None:
    replies: list[ServerReply | Hangup] = [
        BROKEN,
        Hangup(),
        RATE_LIMITED,
        ServerReply(200, b"{"),
        ServerReply(delay_seconds=30),
    ]
    async with OpenAICompatibleServer(in_order(replies * 4)) as server:
        done = await make(
            {"main": section(server.base_url, timeout_seconds=1.5, attempts=30, max_in_flight=4, breaker_calls=99)},
            *(call(f"r{number}") for number in range(30)),
        )
        assert server.connections <= 4 + 8  # the limit, and one more for each hangup and each timeout
    assert all(completion.answer is not None for completion in done.values())
    assert sum(completion.attempts for completion in done.values()) == 30 + 20 == len(server.calls)
