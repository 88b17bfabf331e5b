from __future__ import annotations

import asyncio
import logging

import pytest

from agents.providers.failures import NOWHERE_TO_GO
from agents.providers.protocol import Reply
from agents.providers.scripted import ANSWER, Scripted
from schemas.batch import Call, Completion, Target
from schemas.errors import ProviderOverloaded, ProviderRefused, ProviderTimeout, ProviderUnreadable
from schemas.wire import Tokens
from streams.logs import JsonFormatter
from tests.unit.providers.calls import MODEL, Bench, call, settings
from tests.unit.providers.virtual_time import START, clock, run

BUSY = ProviderOverloaded("provider_overloaded", "status 500")
REFUSED = ProviderRefused("provider_refused", "status 400")


async def late(seconds: float) -> Reply:
    await asyncio.sleep(seconds)
    return ANSWER


async def stubborn() -> Reply:
    """Answer in spite of being cancelled."""
    try:
        await asyncio.sleep(1e6)
    except asyncio.CancelledError:
        return ANSWER
    raise AssertionError


async def failing(error: Exception) -> Reply:
    await asyncio.sleep(0.1)
    raise error


def outcome(completion: Completion) -> str:
    if completion.failure is not None:
        assert completion.answer is None
        assert completion.answered_by is None
        return completion.failure.code
    assert completion.answered_by is not None
    return completion.answered_by.provider


def test_a_retryable_failure_is_repeated_after_a_pause() -> None:
    async def test() -> None:
        provider = Scripted([BUSY, failing(ProviderTimeout("provider_timeout", "late")), ANSWER])
        [completion] = await Bench({"main": provider}).finish(call())
        assert outcome(completion) == "main"
        assert [attempt for _, _, attempt in provider.asked] == [1, 2, 3]
        assert completion.attempts == 3
        assert [paid.attempt for paid in completion.paid] == [3]
        assert 375 <= completion.stages_ms["backoff"] <= 385  # half of 250 ms, then half of 500 ms
        assert completion.stages_ms["provider"] == pytest.approx(100)
        assert completion.stages_ms["queue"] == 0

    run(test())


def test_the_pause_the_provider_asks_for_is_kept() -> None:
    async def test() -> None:
        provider = Scripted([ProviderOverloaded("provider_rate_limited", "status 429", 4.0)])
        [completion] = await Bench({"main": provider}, jitter=0.0).finish(call())
        assert START + 4 <= completion.completed_at <= START + 4.005

    run(test())


def test_a_paused_call_holds_no_slot() -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted([BUSY])}, {"main": settings(max_in_flight=1)})
        bench.submit(call("a"), call("b"))
        assert bench.done == ["b"]
        await bench.runner.idle()
        assert bench.done == ["b", "a"]

    run(test())


def test_the_next_target_is_asked_when_the_attempts_are_used_up() -> None:
    async def test() -> None:
        main, spare = Scripted([BUSY] * 9), Scripted()
        bench = Bench({"main": main, "spare": spare}, {"main": settings(attempts=2), "spare": settings()})
        [completion] = await bench.finish(call("r1", "main", "spare"))
        assert outcome(completion) == "spare"
        assert main.asked == [("r1", MODEL, 1), ("r1", MODEL, 2)]
        assert spare.asked == [("r1", MODEL, 3)]
        assert completion.paid[0].provider == "spare"

    run(test())


def test_every_target_has_attempts_of_its_own() -> None:
    async def test() -> None:
        main, spare = Scripted([BUSY] * 9), Scripted([BUSY] * 9)
        section = settings(attempts=2)
        bench = Bench({"main": main, "spare": spare}, {"main": section, "spare": section})
        [completion] = await bench.finish(call("r1", "main", "spare"))
        assert outcome(completion) == "provider_overloaded"
        assert [attempt for _, _, attempt in main.asked + spare.asked] == [1, 2, 3, 4]

    run(test())


def test_a_refusal_is_not_repeated_but_the_next_target_is_asked() -> None:
    async def test() -> None:
        main, spare = Scripted([REFUSED]), Scripted([REFUSED])
        [completion] = await Bench({"main": main, "spare": spare}).finish(call("r1", "main", "spare"))
        assert outcome(completion) == "provider_refused"
        assert len(main.asked) == len(spare.asked) == 1
        assert completion.failure is not None
        assert "gpt-4-turbo at main: status 400; gpt-4-turbo at spare: status 400" in completion.failure.message
        assert completion.failure.remedy.startswith("Correct the request")
        assert completion.paid == ()

    run(test())


def test_two_models_of_one_provider_with_a_single_slot_are_asked_in_turn() -> None:
    async def test() -> None:
        provider = Scripted([REFUSED])
        request = call()
        request = Call(
            request.passenger, request.body, (Target("big", "main"), Target("small", "main")), request.dispatched_at
        )
        [completion] = await Bench({"main": provider}, {"main": settings(max_in_flight=1)}).finish(request)
        assert completion.answered_by == Target("small", "main")

    run(test())


def test_an_unreadable_answer_is_paid_for_and_repeated() -> None:
    async def test() -> None:
        garbled = ProviderUnreadable("provider_unreadable", "no choice", Tokens(7, 0, 3))
        silent = ProviderUnreadable("provider_unreadable", "no JSON")
        [completion] = await Bench({"main": Scripted([failing(garbled), silent])}).finish(call())
        assert [(paid.id, paid.attempt) for paid in completion.paid] == [("paid-1", 1), ("paid-2", 3)]
        assert completion.paid[0].tokens == Tokens(7, 0, 3)
        assert completion.paid[0].latency_ms == pytest.approx(100)

    run(test())


def test_a_bug_in_a_provider_ends_its_call_only_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        provider = Scripted([ZeroDivisionError("secret prompt"), failing(KeyError("x")), ANSWER])
        completions = await Bench({"main": provider}).finish(call("a"), call("b"), call("c"))
        assert sorted(map(outcome, completions)) == ["internal_error", "internal_error", "main"]
        failure = completions[0].failure
        assert failure is not None
        assert "ZeroDivisionError" in failure.message
        assert "secret" not in failure.message + failure.remedy

    run(test())
    bugs = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [getattr(record, "request_id", None) for record in bugs] == ["a", "b"]
    lines = [JsonFormatter().format(record) for record in bugs]
    assert ["ZeroDivisionError" in lines[0], "KeyError" in lines[1]] == [True, True]
    assert "secret" not in "".join(lines)


@pytest.mark.parametrize("nonsense", ["at once", "later"])
def test_a_provider_that_returns_no_reply_is_a_bug(nonsense: str) -> None:
    async def test() -> None:
        later: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        later.set_result(None)  # type: ignore[arg-type] # the bug under test
        at_once: Reply = "text"  # type: ignore[assignment] # the bug under test
        provider = Scripted([at_once if nonsense == "at once" else later])
        [completion] = await Bench({"main": provider}).finish(call())
        assert outcome(completion) == "internal_error"

    run(test())


def test_a_provider_that_cancels_itself_is_a_bug() -> None:
    async def test() -> None:
        attempt: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        bench = Bench({"main": Scripted([attempt])})
        bench.submit(call())
        attempt.cancel()
        await bench.runner.idle()
        assert outcome(bench.completions[0][1]) == "internal_error"

    run(test())


def test_a_provider_that_cancels_itself_after_a_timeout_is_a_bug_and_no_second_timeout() -> None:
    async def cancels_itself() -> Reply:
        raise asyncio.CancelledError

    async def test() -> None:
        bench = Bench({"main": Scripted([late(60), cancels_itself()])}, {"main": settings(timeout_seconds=5)})
        [completion] = await bench.finish(call())
        assert outcome(completion) == "internal_error"
        assert completion.attempts == 2

    run(test())


def test_a_body_that_cannot_be_decoded_is_a_bug_and_no_attempt() -> None:
    async def test() -> None:
        request = call()
        broken = Call(request.passenger, b"{", request.targets, request.dispatched_at)
        [completion] = await Bench({"main": Scripted()}).finish(broken)
        assert outcome(completion) == "internal_error"
        assert completion.attempts == 0
        assert completion.stages_ms["provider"] == 0

    run(test())


def test_an_unknown_provider_is_passed_over() -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted()})
        found, lost = await bench.finish(call("a", "gone", "main"), call("b", "gone"))
        assert outcome(found) == "main"
        assert outcome(lost) == "provider_unknown"
        assert lost.failure is not None
        assert "gone" in lost.failure.message
        assert "configuration" in lost.failure.remedy

    run(test())


def test_a_call_without_targets_fails() -> None:
    async def test() -> None:
        request = call()
        [completion] = await Bench({}).finish(Call(request.passenger, request.body, (), request.dispatched_at))
        assert completion.failure == NOWHERE_TO_GO

    run(test())


def test_an_expired_call_is_not_made() -> None:
    async def test() -> None:
        provider = Scripted()
        [completion] = await Bench({"main": provider}).finish(call(deadline=START))
        assert outcome(completion) == "deadline_exceeded"
        assert completion.failure is not None
        assert completion.failure.expired
        assert completion.attempts == 0
        assert provider.asked == []

    run(test())


def test_a_call_under_way_is_cut_at_its_deadline() -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted([late(60)])})
        [completion] = await bench.finish(call(deadline=START + 2))
        assert outcome(completion) == "deadline_exceeded"
        assert completion.attempts == 1
        assert START + 2 <= completion.completed_at <= START + 2.005
        assert bench.runner.in_flight("main") == 0

    run(test())


def test_a_call_in_the_queue_ends_at_its_deadline() -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted([late(60)])}, {"main": settings(max_in_flight=1)})
        await bench.finish(call("a"), call("b", deadline=START + 2))
        (token, completion), _ = bench.completions
        assert token == "b"
        assert outcome(completion) == "deadline_exceeded"
        assert completion.stages_ms["queue"] == pytest.approx(2000, abs=6)
        assert bench.runner.backlog("main") == 0

    run(test())


def test_no_pause_goes_beyond_the_deadline() -> None:
    async def test() -> None:
        main, spare = Scripted([BUSY]), Scripted()
        bench = Bench({"main": main, "spare": spare})
        [completion] = await bench.finish(call("r1", "main", "spare", deadline=START + 0.1))
        assert outcome(completion) == "spare"
        assert clock() == START
        [_, completion] = await Bench({"main": Scripted([BUSY])}).finish(call(deadline=START + 0.1)) * 2
        assert outcome(completion) == "provider_overloaded"

    run(test())


def test_an_attempt_that_takes_too_long_is_cut_and_repeated() -> None:
    async def test() -> None:
        bench = Bench({"main": Scripted([late(60), late(60)])}, {"main": settings(timeout_seconds=5, attempts=2)})
        [completion] = await bench.finish(call())
        assert outcome(completion) == "provider_timeout"
        assert completion.failure is not None
        assert "no answer within 5 s" in completion.failure.message
        assert not completion.failure.expired
        assert completion.attempts == 2
        assert completion.stages_ms["provider"] == pytest.approx(10_000, abs=11)

    run(test())


def test_an_answer_that_comes_in_spite_of_the_cut_was_paid_for_and_counts() -> None:
    async def test() -> None:
        [completion] = await Bench({"main": Scripted([stubborn()])}).finish(call(deadline=START + 1))
        assert outcome(completion) == "main"
        assert len(completion.paid) == 1

    run(test())
