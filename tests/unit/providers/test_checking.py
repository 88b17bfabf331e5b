from __future__ import annotations

import asyncio
import threading
from typing import Any

import msgspec
import pytest

from agents.providers.checking import AT_ONCE_CHARS
from agents.providers.checks import Ruling
from agents.providers.protocol import Prompt, Reply
from agents.providers.runner import CallRunner
from agents.providers.scripted import Scripted
from schemas.batch import Call, Cascade, Completion, Target
from schemas.errors import ProviderRefused
from schemas.wire import Answer, Tokens
from streams.logs import JsonFormatter
from tests.unit.providers.calls import call, settings
from tests.unit.providers.virtual_time import START, clock, run

SHORT = Reply(Answer("short", None, "stop"), Tokens(10, 0, 5))
LONG = Reply(Answer("x" * (AT_ONCE_CHARS + 1), None, "stop"), Tokens(10, 0, 5))


def cascade(name: str = "r1", deadline: float | None = None, accept: float = 0.7) -> Call:
    """Return a call that asks `small`, then `big`, both at `main`."""
    targets = (Target("small", "main"), Target("big", "main"))
    return msgspec.structs.replace(call(name, deadline=deadline), targets=targets, cascade=Cascade(accept, (0.5,)))


class Ruled:
    """Rules as it is told; remembers in which threads, and what was predicted."""

    def __init__(self, ruling: Ruling | Exception) -> None:
        self.ruling = ruling
        self.threads: list[threading.Thread] = []
        self.expected: list[float] = []

    def holds(self, prompt: Prompt, model: str, answer: Answer, expected: float) -> Ruling:
        del prompt, model, answer
        self.threads.append(threading.current_thread())
        self.expected.append(expected)
        if isinstance(self.ruling, Exception):
            raise self.ruling
        return self.ruling


DOUBTFUL = Ruling(True, 0.4, "right with probability 0.40")


async def ended(provider: Any, checker: Ruled | None, one: Call) -> Completion:
    """Run one call to its end."""
    completions: list[Completion] = []
    runner: CallRunner[str] = CallRunner(
        {"main": provider},
        {"main": settings(max_in_flight=1)},
        clock=clock,
        call_id=lambda: f"paid-{len(completions)}",
        on_completion=lambda _, completion: completions.append(completion),
        checker=checker,
    )
    runner.submit(one, "token")
    await runner.idle()
    await runner.close()
    assert runner.in_flight("main") == 0
    [completion] = completions
    return completion


async def later(reply: Reply, seconds: float = 1.0) -> Reply:
    await asyncio.sleep(seconds)
    return reply


def models(completion: Completion) -> list[str]:
    return [paid.model for paid in completion.paid]


@pytest.mark.parametrize("reply", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("slow", [False, True])
def test_an_improbable_answer_goes_on_to_the_next_step(reply: Reply, slow: bool) -> None:
    async def test() -> None:
        checker = Ruled(DOUBTFUL)
        completion = await ended(Scripted([later(reply) if slow else reply]), checker, cascade())
        assert models(completion) == ["small", "big"]
        assert completion.answered_by == Target("big", "main")
        assert checker.expected == [0.5]
        [check] = completion.checks
        assert (check.model, check.accepted, check.probability) == ("small", False, 0.4)
        assert completion.stages_ms["check"] >= 0

    run(test())


@pytest.mark.parametrize(("accept", "asked"), [(0.4, ["small"]), (0.5, ["small", "big"])])
def test_the_probability_must_reach_what_was_asked_for(accept: float, asked: list[str]) -> None:
    completion = run(ended(Scripted(), Ruled(DOUBTFUL), cascade(accept=accept)))
    assert models(completion) == asked


def test_what_certainly_does_not_hold_is_not_taken_however_probable() -> None:
    completion = run(ended(Scripted(), Ruled(Ruling(False, 0.99, "refusal")), cascade()))
    assert models(completion) == ["small", "big"]


def test_without_a_checker_the_first_answer_is_taken() -> None:
    completion = run(ended(Scripted(), None, cascade()))
    assert models(completion) == ["small"]
    assert completion.checks[0].accepted


def test_a_call_without_a_cascade_is_not_checked() -> None:
    checker = Ruled(DOUBTFUL)
    completion = run(ended(Scripted(), checker, call("r1", "main", "main")))
    assert (completion.checks, checker.expected) == ((), [])
    assert "check" not in completion.stages_ms


def test_a_bug_in_the_check_asks_the_next_step(caplog: pytest.LogCaptureFixture) -> None:
    completion = run(ended(Scripted(), Ruled(ZeroDivisionError("secret")), cascade()))
    assert models(completion) == ["small", "big"]
    assert completion.checks[0].reason == "the check met an unexpected ZeroDivisionError"
    (line,) = [JsonFormatter().format(record) for record in caplog.records if "bug in the check" in record.message]
    assert ("ZeroDivisionError" in line, "secret" in line) == (True, False)


@pytest.mark.parametrize(("data_key", "told"), [(None, "secret"), ("0" * 32, "provider_refused")])
def test_what_a_provider_said_of_encrypted_content_is_not_in_a_check(data_key: str | None, told: str) -> None:
    one = cascade()
    one = msgspec.structs.replace(one, passenger=msgspec.structs.replace(one.passenger, data_key=data_key))
    completion = run(ended(Scripted([SHORT, ProviderRefused("provider_refused", "secret")]), Ruled(DOUBTFUL), one))
    assert completion.answer == SHORT.answer
    because = completion.checks[0].delivered_because or ""
    assert (told in because, "secret" in because) == (True, data_key is None)


def test_a_long_answer_is_checked_in_a_thread() -> None:
    checker = Ruled(Ruling(True, 0.9, "fine"))
    for reply in (SHORT, LONG):
        completion = asyncio.run(ended(Scripted([reply]), checker, cascade()))
        assert completion.answer == reply.answer
    assert [thread is threading.main_thread() for thread in checker.threads] == [True, False]


def test_what_is_no_reply_is_a_bug_of_the_provider(caplog: pytest.LogCaptureFixture) -> None:
    async def nonsense() -> Any:
        return "text"

    completion = run(ended(Scripted([nonsense()]), Ruled(DOUBTFUL), cascade()))
    assert completion.failure is not None
    assert completion.failure.code == "internal_error"
    assert "bug in a provider" in caplog.text


def test_an_attempt_cut_during_its_check_has_its_answer() -> None:
    class Stuck(Ruled):
        """Holds its thread until it is let go."""

        def __init__(self) -> None:
            super().__init__(DOUBTFUL)
            self.go = threading.Event()

        def holds(self, prompt: Prompt, model: str, answer: Answer, expected: float) -> Ruling:
            self.go.wait()
            return super().holds(prompt, model, answer, expected)

    async def test() -> None:
        checker = Stuck()
        completions: list[Completion] = []
        loop = asyncio.get_running_loop()
        begun = loop.time()
        runner: CallRunner[str] = CallRunner(
            {"main": Scripted([LONG])},
            {"main": settings()},
            clock=lambda: START + loop.time() - begun,
            call_id=lambda: "paid",
            on_completion=lambda _, completion: completions.append(completion),
            checker=checker,
        )
        runner.submit(cascade(deadline=START + 0.2), "token")
        await runner.idle()
        checker.go.set()
        [completion] = completions
        assert models(completion) == ["small"]
        assert completion.answer == LONG.answer
        assert completion.makeshift
        assert completion.checks[0].reason == "there was no time to check it"

    asyncio.run(test())


def test_the_answer_there_is_delivered_where_the_next_step_refuses() -> None:
    refused = ProviderRefused("provider_refused", "no")
    completion = run(ended(Scripted([SHORT, refused]), Ruled(DOUBTFUL), cascade()))
    assert completion.answer == SHORT.answer
    assert completion.answered_by == Target("small", "main")
    assert completion.failure is None
    assert completion.makeshift
    assert completion.answering_call() == completion.paid[0]
