from __future__ import annotations

import asyncio

from agents.providers.protocol import Reply
from agents.providers.scripted import ANSWER, Scripted
from agents.providers.simulated import Simulated
from schemas.batch import PaidCall, Target
from schemas.wire import Answer, Tokens
from tests.unit.providers.calls import MODEL, Bench, call, settings
from tests.unit.providers.virtual_time import START, clock, run

SECOND = 1000.0


def open_calls(count: int) -> list[asyncio.Future[Reply]]:
    return [asyncio.get_running_loop().create_future() for _ in range(count)]


def test_an_answer_known_at_once_completes_within_submit() -> None:
    async def test() -> None:
        provider = Scripted()
        bench = Bench({"main": provider})
        request = call(dispatched_at=START - 0.25)
        bench.submit(request)
        [(token, completion)] = bench.completions
        assert bench.runner.outstanding == 0
        assert token == "r1"
        assert completion.passenger == request.passenger
        assert completion.answer == ANSWER.answer
        assert completion.failure is None
        assert completion.answered_by == Target(MODEL, "main")
        assert completion.attempts == 1
        assert completion.completed_at == START
        assert completion.paid == (PaidCall("paid-1", MODEL, "main", 1, ANSWER.tokens, 0.0, START),)
        assert completion.stages_ms == {"cache": 0.5, "dispatch": 250.0, "queue": 0.0, "provider": 0.0}
        assert provider.asked == [("r1", MODEL, 1)]

    run(test())


def test_time_is_booked_where_it_was_spent() -> None:
    async def test() -> None:
        simulated = Simulated("main", settings(latency_ms=200))
        bench = Bench({"main": simulated}, {"main": settings(max_in_flight=1)})
        first, second = await bench.finish(call("a"), call("b"))
        assert first.stages_ms["queue"] == 0
        assert 200 <= first.stages_ms["provider"] <= 202
        assert second.stages_ms["queue"] == first.stages_ms["provider"]
        assert 200 <= second.paid[0].latency_ms <= 202
        assert second.paid[0].started_at == first.completed_at

    run(test())


def test_a_latency_told_by_the_provider_is_believed() -> None:
    async def test() -> None:
        [completion] = await Bench({"main": Scripted([Reply(Answer("x"), Tokens(1, 0, 1), 12.5)])}).finish(call())
        assert completion.paid[0].latency_ms == 12.5

    run(test())


def test_coroutines_futures_and_replies_are_all_waited_for() -> None:
    async def slow() -> Reply:
        await asyncio.sleep(3)
        return ANSWER

    async def test() -> None:
        [future] = open_calls(1)
        bench = Bench({"main": Scripted([slow(), future, ANSWER])})
        bench.submit(call("coroutine"), call("future"), call("reply"))
        assert bench.done == ["reply"]
        assert bench.runner.outstanding == bench.runner.in_flight("main") == 2
        future.set_result(ANSWER)
        await bench.runner.idle()
        assert bench.done == ["reply", "future", "coroutine"]
        assert clock() == START + 3
        assert bench.runner.in_flight("main") == 0

    run(test())


def test_a_slow_call_delays_no_other() -> None:
    async def test() -> None:
        never, *_ = open_calls(1)
        slow = Scripted([never])
        fast = Simulated("fast", settings(latency_ms=100))
        bench = Bench({"slow": slow, "fast": fast}, {"slow": settings(max_in_flight=1), "fast": settings()})
        bench.submit(call("stuck", "slow"), call("behind", "slow"))
        bench.submit(*(call(f"f{n}", "fast") for n in range(50)))
        await asyncio.sleep(0.102)
        assert len(bench.done) == 50
        assert all(completion.stages_ms["queue"] == 0 for _, completion in bench.completions)
        assert bench.runner.backlog("slow") == 1
        never.set_result(ANSWER)
        await bench.runner.idle()
        assert bench.done[-2:] == ["stuck", "behind"]

    run(test())


def test_no_more_calls_are_under_way_than_allowed_and_the_oldest_goes_next() -> None:
    async def test() -> None:
        first, second, third = open_calls(3)
        provider = Scripted([first, second, third])
        bench = Bench({"main": provider}, {"main": settings(max_in_flight=2)})
        bench.submit(*(call(name) for name in "abcd"))
        assert [name for name, _, _ in provider.asked] == ["a", "b"]
        assert bench.runner.backlog("main") == 2
        second.set_result(ANSWER)
        await asyncio.sleep(0)
        assert [name for name, _, _ in provider.asked] == ["a", "b", "c"]
        assert bench.runner.in_flight("main") == 2
        first.set_result(ANSWER)
        third.set_result(ANSWER)
        await bench.runner.idle()
        assert bench.done == ["b", "a", "d", "c"]

    run(test())


def test_a_long_queue_at_a_provider_that_answers_at_once_is_worked_off_without_recursion() -> None:
    async def test() -> None:
        [blocking] = open_calls(1)
        bench = Bench({"main": Scripted([blocking])}, {"main": settings(max_in_flight=1)})
        bench.submit(*(call(f"r{n}") for n in range(2000)))
        blocking.set_result(ANSWER)
        await bench.runner.idle()
        assert bench.done == [f"r{n}" for n in range(2000)]

    run(test())


def test_a_worker_uses_its_share_of_the_limit_only() -> None:
    async def test() -> None:
        lines = open_calls(10)
        bench = Bench({"main": Scripted(lines)}, {"main": settings(max_in_flight=10)})
        bench.runner.take_share(0.25)
        bench.submit(*(call(f"r{n}") for n in range(10)))
        assert bench.runner.in_flight("main") == 2
        bench.runner.take_share(0.001)
        lines[0].set_result(ANSWER)
        await asyncio.sleep(0)
        assert bench.runner.in_flight("main") == 1
        bench.runner.take_share(1.0)
        assert bench.runner.in_flight("main") == 9
        assert bench.runner.backlog("main") == 0
        bench.runner.cancel_all()

    run(test())
