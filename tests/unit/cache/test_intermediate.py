"""The intermediate cache by itself: steps begin when they can, once, and a request goes on with what they said."""

from __future__ import annotations

from graphlib import TopologicalSorter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cache.intermediate.stage import IntermediateCache
from schemas.batch import Completion, Passenger, StepOf
from schemas.result import Status
from schemas.settings import IntakeSettings
from schemas.wire import Answer, ProblemRecord, ResultRecord, SealedRecord
from streams.stage import Flow, Journey, ended_with, moment
from streams.steps.foresight import foresee
from streams.steps.requests import step_id
from tests.flow.journeys import NOW, PARIS, a_completion, a_journey, a_passenger

NAMES = "abcdef"


def result(said: str | None, *, cost: str = "1", status: Status | None = None) -> ResultRecord:
    """Return how a step ended, which failed where it said nothing."""
    status = status or (Status.FAILED if said is None else Status.COMPLETED)
    error = None if status is Status.COMPLETED else ProblemRecord("broken", "it broke", "mend it")
    return ResultRecord(
        "r", status, cost, moment(NOW), moment(NOW), output=Answer(said, None, "stop"), error=error, attempts=1
    )


def priced(completion: Completion, now: float) -> ResultRecord:
    del now
    return result(None if completion.answer is None else completion.answer.content)


def a_cache() -> IntermediateCache:
    return IntermediateCache(IntakeSettings(), priced)


def undertaken(prompt: str = "{{steps.a}}", **inputs: str) -> Journey:
    """Return a request `q` with these steps, by name with their inputs."""
    steps = [{"name": name, "operation": "x", "input": text} for name, text in (inputs or {"a": "text"}).items()]
    journey = a_journey(id="q", prompt=prompt, steps=steps)
    assert journey.request.steps is not None
    journey.foresight = foresee(journey.request, journey.request.steps, 10)
    return journey


def begun(flow: Flow) -> list[str]:
    return [journey.step.name for journey in flow.onward if journey.step is not None]


def a_step(name: str = "a") -> Passenger:
    return a_passenger(step_id("q", name), step=StepOf("q", name))


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Return by step which of those before it it needs."""
    count = draw(st.integers(1, len(NAMES)))
    return {
        NAMES[place]: sorted(draw(st.sets(st.sampled_from(NAMES[:place]))) if place else ()) for place in range(count)
    }


@given(graph=graphs(), data=st.data())
def test_every_step_begins_once_as_soon_as_its_needs_have_ended(
    graph: dict[str, list[str]], data: st.DataObject
) -> None:
    texts = {name: "+".join([name, *(f"{{{{steps.{need}}}}}" for need in needs)]) for name, needs in graph.items()}
    prompt = "|".join(f"{{{{steps.{name}}}}}" for name in graph)
    cache = a_cache()
    flow = cache.process([undertaken(prompt, **texts)], NOW)
    under_way: dict[str, Journey] = {}
    ended: dict[str, str] = {}
    while True:
        for journey in flow.onward:
            if journey.step is not None:
                assert journey.step.name not in {*under_way, *ended}
                under_way[journey.step.name] = journey
        assert {*under_way, *ended} == {name for name, needs in graph.items() if set(needs) <= ended.keys()}
        if not under_way:
            break
        name = data.draw(st.sampled_from(sorted(under_way)))
        messages = under_way.pop(name).request.messages
        assert messages is not None
        ended[name] = f"({messages[1].content})"
        flow = cache.end("acme", StepOf("q", name), result(ended[name]), NOW)
    said: dict[str, str] = {}
    for name in TopologicalSorter(graph).static_order():
        said[name] = f"({'+'.join([name, *(said[need] for need in graph[name])])})"
    [journey] = flow.onward
    assert journey.request.prompt == "|".join(said[name] for name in graph)
    assert msgspec.json.decode(journey.body)["prompt"] == journey.request.prompt
    assert sorted(account.name for account in journey.taken) == sorted(graph)
    assert cache.waiting == 0


def test_the_first_failure_ends_a_request_with_what_was_paid_by_then() -> None:
    cache = a_cache()
    cache.process([undertaken("{{steps.a}}{{steps.b}}{{steps.c}}", a="1", b="2", c="3")], NOW)
    assert not cache.end("acme", StepOf("q", "a"), result("A"), NOW).ended
    [(_, ended)] = cache.end("acme", StepOf("q", "b"), result(None), NOW).ended
    assert (ended.status, ended.cost_usd, ended.attempts) == (Status.FAILED, "2", 2)
    assert ended.error is not None
    assert (ended.error.code, ended.error.field) == ("broken", "steps.1")
    late = cache.end("acme", StepOf("q", "c"), result("C"), NOW)
    assert (late.onward, late.ended) == ([], [])


def test_nothing_ends_while_what_it_paid_is_on_its_way_to_the_log() -> None:
    cache = a_cache()
    cache.process([undertaken("{{steps.a}}{{steps.b}}", a="1", b="2")], NOW)
    assert cache.claim(a_step("a"), known=True)
    assert not cache.end("acme", StepOf("q", "b"), result(None), NOW).ended
    [(_, ended)] = cache.end("acme", StepOf("q", "a"), result("A"), NOW).ended
    assert ended.cost_usd == "2"


def test_what_a_step_cost_counts_once() -> None:
    cache = a_cache()
    cache.process([undertaken()], NOW)
    assert [cache.claim(a_step(), known=True) for _ in range(2)] == [True, False]
    cache.end("acme", StepOf("q", "a"), result("A"), NOW)
    assert not cache.claim(a_step(), known=True)


def test_a_completion_that_comes_before_its_request_counts_for_it() -> None:
    cache = a_cache()
    assert [cache.claim(a_step(), known=False) for _ in range(2)] == [True, False]
    cache.end("acme", StepOf("q", "a"), result("A"), NOW)
    assert not cache.claim(a_step(), known=False)
    [journey] = cache.process([undertaken()], NOW).onward
    assert journey.request.prompt == "A"


def test_a_request_that_comes_while_a_completion_is_counted_waits_for_it() -> None:
    cache = a_cache()
    assert cache.claim(a_step(), known=False)
    assert not cache.process([undertaken()], NOW).onward
    [journey] = cache.end("acme", StepOf("q", "a"), result("A"), NOW).onward
    assert journey.request.prompt == "A"


def recalling(*, later: bool = False) -> IntermediateCache:
    """Return the cache of a successor of one that accounted for a step, or had a completion that comes again."""
    cache = a_cache()
    cache.resume(a_step())
    if later:
        cache.recall_later(a_step())
    else:
        cache.recall(a_completion(a_step(), answer=PARIS), NOW)
    return cache


def test_a_successor_takes_no_step_again_that_ended_or_is_under_way() -> None:
    [journey] = recalling().process([undertaken()], NOW).onward
    assert (journey.request.prompt, len(journey.taken)) == ("Paris", 1)
    cache = a_cache()
    cache.resume(a_step())
    assert [one.id for one in cache.under_way()] == ["q a"]
    assert not cache.process([undertaken()], NOW).onward
    assert cache.claim(a_step(), known=True)
    assert cache.end("acme", StepOf("q", "a"), result("A"), NOW).onward


def test_a_step_whose_end_nobody_can_read_is_taken_again() -> None:
    cache = a_cache()
    cache.resume(a_step())
    cache.lose(a_step())
    assert begun(cache.process([undertaken()], NOW)) == ["a"]


def refusal(journey: Journey) -> ResultRecord:
    return ended_with(journey, Status.EXPIRED, ProblemRecord("deadline_passed", "late", "hurry"), NOW)


def test_who_is_refused_on_coming_again_owes_what_was_paid() -> None:
    journey = undertaken()
    [(_, ended)] = recalling().refuse(journey, refusal(journey), NOW).ended
    assert (ended.status, ended.cost_usd) == (Status.EXPIRED, "1")
    cache = recalling(later=True)
    assert not cache.refuse(journey, refusal(journey), NOW).ended
    assert cache.claim(a_step(), known=True)
    [(_, ended)] = cache.end("acme", StepOf("q", "a"), result("A"), NOW).ended
    assert (ended.status, ended.cost_usd) == (Status.EXPIRED, "1")


def test_who_is_refused_and_owes_nothing_ends_at_once() -> None:
    journey = undertaken()
    [(_, ended)] = a_cache().refuse(journey, refusal(journey), NOW).ended
    assert ended.cost_usd == "0"


def test_results_under_a_destroyed_key_are_forgotten() -> None:
    cache = IntermediateCache(
        IntakeSettings(), lambda *_: msgspec.structs.replace(result("A"), sealed=SealedRecord("key"))
    )
    cache.resume(a_step())
    cache.recall(a_completion(a_step(), answer=PARIS), NOW)
    cache.forget("another")
    cache.forget("key")
    assert begun(cache.process([undertaken()], NOW)) == ["a"]


def test_a_bug_in_a_step_ends_its_request() -> None:
    cache = a_cache()
    cache.process([undertaken()], NOW)
    [(_, ended)] = cache.give_up("acme", StepOf("q", "a"), ProblemRecord("internal_error", "bug", "tell"), NOW).ended
    assert ended.error is not None
    assert ended.error.code == "internal_error"
    assert cache.give_up("acme", StepOf("q", "a"), ended.error, NOW).ended == []


def test_a_journey_taken_back_waits_no_more() -> None:
    cache, journey = a_cache(), undertaken()
    cache.process([journey], NOW)
    cache.withdraw(journey)
    assert cache.waiting == 0
    assert begun(cache.process([journey], NOW)) == ["a"]


@pytest.mark.parametrize("durable", [False, True])
def test_a_successor_must_find_steps_until_their_request_is_durable_behind_them(durable: bool) -> None:
    cache = a_cache()
    cache.process([undertaken()], NOW)
    cache.end("acme", StepOf("q", "a"), result("A"), NOW)
    if durable:
        cache.left("acme\x00q")
    assert cache.awaits("acme", StepOf("q", "a")) is not durable
