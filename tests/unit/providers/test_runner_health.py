"""What the runner does when a provider is in trouble: circuit breakers, budgets and limits, seen from outside."""

from __future__ import annotations

import asyncio
import logging

import msgspec
import pytest

from agents.providers.protocol import Prompt, Reply
from agents.providers.rate_limits import Allowance, RateLimits
from agents.providers.scripted import ANSWER, Line, Scripted
from schemas.batch import Target
from schemas.errors import (
    ProviderContentFiltered,
    ProviderError,
    ProviderOverloaded,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnauthenticated,
    ProviderUnreachable,
    ProviderUnreadable,
)
from schemas.provider_health import Circuit
from schemas.wire import Tokens
from streams.metrics.catalogue import CALL_SECONDS
from tests.unit.providers.calls import MODEL, Bench, call, settings
from tests.unit.providers.virtual_time import START, clock, run

BUSY = ProviderOverloaded("provider_overloaded", "status 500")
LIMITED = ProviderRateLimited("provider_rate_limited", "status 429", 2.0)
FRAGILE = settings(attempts=1, breaker_calls=3, breaker_open_seconds=5, breaker_probes=1)


async def later(seconds: float, outcome: Reply | Exception = ANSWER) -> Reply:
    await asyncio.sleep(seconds)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def codes(bench: Bench) -> list[str | None]:
    return [None if done.failure is None else done.failure.code for _, done in bench.completions]


def test_calls_behind_an_open_breaker_are_not_made_but_wait_for_its_probe(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        provider = Scripted([BUSY] * 3)
        bench = Bench({"main": provider}, {"main": FRAGILE})
        bench.submit(*(call(f"r{number}") for number in range(3)))
        assert not bench.runner.available("main", MODEL)
        bench.submit(call("patient"))
        assert len(provider.asked) == 3
        await bench.runner.idle()
        assert bench.runner.available("main", MODEL)
        _, patient = bench.completions[-1]
        assert patient.answer is not None
        assert START + 5 <= patient.completed_at <= START + 5.01
        assert patient.stages_ms["backoff"] == pytest.approx(5000, abs=10)

    run(test())
    states = [record.getMessage() for record in caplog.records]
    assert states == ["circuit breaker is open", "circuit breaker is closed"]
    assert all(record.levelno == logging.WARNING for record in caplog.records)


def test_calls_behind_an_open_breaker_turn_to_a_free_fallback() -> None:
    async def test() -> None:
        main, spare = Scripted([BUSY] * 3), Scripted()
        bench = Bench({"main": main, "spare": spare}, {"main": FRAGILE, "spare": settings()})
        await bench.finish(*(call(f"r{number}") for number in range(3)))
        [*_, done] = await bench.finish(call("r3", "main", "spare"))
        assert done.answered_by is not None
        assert done.answered_by.provider == "spare"
        assert done.attempts == 1

    run(test())


def test_calls_set_free_by_an_outage_do_not_queue_up_at_the_next_provider() -> None:
    async def test() -> None:
        main = Scripted([later(0.1, BUSY) for _ in range(3)])
        spare = Scripted(later(60) for _ in range(9))
        sections = {
            "main": settings(**FRAGILE.model_dump() | {"max_in_flight": 3}),
            "spare": settings(max_in_flight=1),
        }
        bench = Bench({"main": main, "spare": spare}, sections)
        await bench.finish(*(call(f"r{number}", "main", "spare") for number in range(9)))
        by = [done.answered_by.provider for _, done in bench.completions if done.answered_by is not None]
        assert len(by) == 9
        assert by.count("spare") == 3  # those that failed; the others wait for their own, as it is busy

    run(test())


def test_nobody_waits_for_a_broken_provider_for_ever() -> None:
    async def test() -> None:
        provider = Scripted([BUSY] * 99)
        section = settings(**FRAGILE.model_dump() | {"breaker_open_max_seconds": 20})
        bench = Bench({"main": provider}, {"main": section})
        await bench.finish(*(call(f"r{number}") for number in range(20)))
        assert set(codes(bench)) == {"provider_overloaded", "provider_circuit_open"}
        assert clock() <= START + 60
        assert len(provider.asked) < 10
        failure = bench.completions[-1][1].failure
        assert failure is not None
        assert "failed too often" in failure.message

    run(test())


def test_a_call_behind_an_open_breaker_ends_at_its_deadline() -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted([BUSY] * 3)}, {"main": FRAGILE})
        bench.submit(*(call(f"r{number}") for number in range(3)))
        bench.submit(call("hasty", deadline=START + 1))
        await bench.runner.idle()
        assert codes(bench)[-1] == "deadline_exceeded"
        assert clock() <= START + 1.01

    run(test())


def test_calls_in_the_queue_turn_elsewhere_as_soon_as_the_breaker_opens() -> None:
    async def test() -> None:
        main = Scripted([later(1, BUSY), later(1, BUSY), later(1, BUSY), later(600)])
        sections = {"main": settings(**FRAGILE.model_dump() | {"max_in_flight": 4}), "spare": settings()}
        bench = Bench({"main": main, "spare": Scripted()}, sections)
        bench.submit(*(call(f"r{number}", "main", "spare") for number in range(10)))
        await asyncio.sleep(2)
        assert len(bench.done) == 9  # all but the one that hangs

        await bench.runner.idle()

    run(test())


def test_a_drained_runner_leaves_held_calls_to_their_submitter() -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted([BUSY] * 3)}, {"main": FRAGILE})
        bench.submit(*(call(f"r{number}") for number in range(4)))
        assert await bench.runner.drain(1) == ["r3"]
        await bench.runner.close()
        assert bench.runner.outstanding == 0

    run(test())


def test_a_wrong_key_opens_the_breaker_and_a_bad_request_does_not() -> None:
    async def test() -> None:
        locked = ProviderUnauthenticated("provider_unauthenticated", "status 401")
        refused = ProviderRefused("provider_refused", "status 400")
        providers = {"locked": Scripted([locked] * 3), "picky": Scripted([refused] * 3)}
        bench = Bench(providers, dict.fromkeys(providers, FRAGILE))
        await bench.finish(*(call(f"{name}{number}", name) for name in providers for number in range(3)))
        assert not bench.runner.available("locked", MODEL)
        assert bench.runner.available("picky", MODEL)
        assert not bench.runner.available("nobody", MODEL)
        health = {lane.provider: lane for lane in bench.runner.health()}
        assert (health["locked"].circuit, health["locked"].openings) == (Circuit.OPEN, 1)
        assert (health["picky"].attempts, health["picky"].retries, health["picky"].failure_share) == (3, 0, 0.0)

    run(test())


def test_what_offends_the_rules_is_asked_of_nobody_else_and_booked() -> None:
    async def test() -> None:
        filtered = ProviderContentFiltered("provider_content_filter", "filtered", None, Tokens(5, 0, 1))
        spare = Scripted()
        bench = Bench({"main": Scripted([filtered]), "spare": spare})
        [done] = await bench.finish(call("r1", "main", "spare"))
        assert codes(bench) == ["provider_content_filter"]
        assert [paid.tokens for paid in done.paid] == [Tokens(5, 0, 1)]
        assert spare.asked == []

    run(test())


def test_retries_stop_when_their_budget_is_used_up() -> None:
    async def test() -> None:
        provider = Scripted([BUSY] * 9999)
        section = settings(attempts=9, retry_share=0.2, retries_per_second=0.1, breaker_calls=9999)
        bench = Bench({"main": provider}, {"main": section})
        await bench.finish(*(call(f"r{number}") for number in range(500)))
        assert len(provider.asked) <= 500 * 1.2 + 10
        assert set(codes(bench)) == {"provider_overloaded"}

    run(test())


def test_waits_asked_for_by_the_provider_cost_no_budget() -> None:
    async def test() -> None:
        provider = Scripted([LIMITED] * 40)
        section = settings(retry_share=0.0, retries_per_second=0.0)
        bench = Bench({"main": provider}, {"main": section})
        await bench.finish(*(call(f"r{number}") for number in range(40)))
        assert codes(bench) == [None] * 40

    run(test())


def test_a_wait_too_long_for_us_is_not_made() -> None:
    async def test() -> None:
        long = ProviderRateLimited("provider_rate_limited", "status 429", 30.0)
        longer = ProviderRateLimited("provider_rate_limited", "status 429", 3600.0)
        bench = Bench({"main": Scripted([long, ANSWER, longer, long]), "spare": Scripted()})
        await bench.finish(call("waits"))
        assert clock() >= START + 30
        await bench.finish(call("fails"))
        await bench.finish(call("falls back", "main", "spare"))
        assert codes(bench) == [None, "provider_rate_limited", None]
        assert clock() <= START + 31

    run(test())


def test_fewer_calls_at_once_are_made_to_a_congested_provider() -> None:
    async def test() -> None:
        provider = Scripted([LIMITED] * 16)
        bench = Bench({"main": provider}, {"main": settings(max_in_flight=16, attempts=9)})
        bench.submit(*(call(f"r{number}") for number in range(16)))
        [lane] = bench.runner.health()
        assert lane.limit == 8
        await bench.runner.idle()

    run(test())


class Counting:
    """Answers at once, and remembers when it was asked."""

    def __init__(self, limits: RateLimits | None = None, output_tokens: int = 5) -> None:
        self.times: list[float] = []
        self._limits = limits
        self._tokens = Tokens(10, 0, output_tokens)

    def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply:
        self.times.append(clock())
        return Reply(ANSWER.answer, self._tokens, None, self._limits)

    async def close(self) -> None:
        """Nothing to close."""


def test_requests_per_minute_are_kept_without_idling() -> None:
    async def test() -> None:
        provider = Counting()
        bench = Bench({"main": provider}, {"main": settings(requests_per_minute=600)})
        await bench.finish(*(call(f"r{number}") for number in range(1200)))
        minutes = (clock() - START) / 60
        assert 2.0 <= minutes <= 2.3
        most = max(sum(start <= time < start + 60 for time in provider.times) for start in provider.times[::30])
        assert 540 <= most <= 600

    run(test())


def test_a_worker_keeps_to_its_share_of_the_limits() -> None:
    async def test() -> None:
        provider = Counting()
        bench = Bench({"main": provider}, {"main": settings(requests_per_minute=600)})
        bench.runner.take_share(0.25)
        await bench.finish(*(call(f"r{number}") for number in range(300)))
        assert sum(time < START + 60 for time in provider.times) <= 150

    run(test())


def test_tokens_per_minute_are_kept_though_answers_are_longer_than_expected() -> None:
    async def test() -> None:
        provider = Counting(output_tokens=990)
        bench = Bench({"main": provider}, {"main": settings(tokens_per_minute=60_000)})
        await bench.finish(*(call(f"r{number}") for number in range(120)))
        most = max(sum(start <= time < start + 60 for time in provider.times) for start in provider.times)
        assert 50 <= most <= 60

    run(test())


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (ProviderUnreadable("provider_unreadable", "cut"), True),
        (ProviderUnreachable("provider_unreachable", "broke"), True),
        (ProviderOverloaded("provider_overloaded", "status 500"), False),
    ],
)
def test_tokens_count_where_the_provider_may_have_counted_them(error: ProviderError, counted: bool) -> None:
    async def test() -> None:
        section = settings(tokens_per_minute=6000, attempts=1, breaker_calls=99)
        bench = Bench({"main": Scripted([error] * 99)}, {"main": section})
        bench.submit(*(call(f"r{number}") for number in range(20)))
        assert (len(bench.done) < 20) is counted
        bench.runner.cancel_all()
        await bench.runner.close()

    run(test())


def test_nothing_is_asked_before_the_provider_allows_it_again() -> None:
    async def test() -> None:
        provider = Counting(RateLimits(Allowance(0, 7.0), None))
        bench = Bench({"main": provider})
        await bench.finish(call("a"))
        await bench.finish(call("b"))
        assert provider.times == pytest.approx([START, START + 7], abs=0.01)

    run(test())


def test_calls_waiting_for_a_pace_end_with_the_runner() -> None:
    async def test() -> None:
        bench = Bench({"main": Counting()}, {"main": settings(requests_per_minute=1)})
        bench.submit(call("a"), call("b"), call("c", deadline=START + 1))
        await asyncio.sleep(2)
        assert bench.done == ["a", "c"]
        await bench.runner.close()
        assert bench.done == ["a", "c"]

    run(test())


def test_a_provider_is_down_while_every_model_asked_is_behind_an_open_breaker() -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted([BUSY] * 3), "spare": Scripted()}, {"main": FRAGILE, "spare": FRAGILE})
        assert bench.runner.down() == frozenset()
        await bench.finish(*(call(f"r{number}") for number in range(3)), call("well", "spare"))
        assert bench.runner.down() == {"main"}
        await asyncio.sleep(5)
        assert bench.runner.down() == frozenset()

    run(test())


def test_a_provider_with_a_model_in_order_is_not_down() -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted([BUSY] * 3)}, {"main": FRAGILE})
        other = msgspec.structs.replace(call("other"), targets=(Target("another-model", "main"),))
        await bench.finish(*(call(f"r{number}") for number in range(3)), other)
        assert not bench.runner.available("main", MODEL)
        assert bench.runner.down() == frozenset()

    run(test())


def test_attempts_are_counted_by_how_they_ended_and_how_long_they_took() -> None:
    async def test() -> None:
        never: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        lines: list[Line] = [later(0.01), later(0.05), later(1000), BUSY, never, ValueError("a bug")]
        bench = Bench({"main": Scripted(lines)}, {"main": settings(timeout_seconds=100, attempts=1)})
        for number in range(4):
            await bench.finish(call(f"r{number}"))
        await bench.finish(call("late", deadline=clock() + 1.0))
        await bench.finish(call("bug"))
        [health] = bench.runner.health()
        assert health.outcomes == {
            "answered": 2,
            "provider_timeout": 1,
            "provider_overloaded": 1,
            "cut": 2,
        }
        assert sum(health.outcomes.values()) == health.attempts == 6
        assert health.seconds == pytest.approx(0.06, abs=0.01)
        assert sum(health.durations) == 2
        bounds = dict(zip((*CALL_SECONDS, float("inf")), health.durations, strict=True))
        assert bounds[0.08] == 1

    run(test())


def test_who_waits_for_a_model_and_who_for_the_provider_is_told_apart() -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted([BUSY] * 3)}, {"main": FRAGILE})
        bench.submit(*(call(f"r{number}") for number in range(3)), call("patient"))
        [health] = bench.runner.health()
        assert (health.circuit, health.waiting, health.held) == (Circuit.OPEN, 1, 1)
        await bench.runner.idle()

    run(test())
