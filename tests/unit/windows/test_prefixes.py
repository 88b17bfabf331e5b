from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.windows.prefixes import PrefixRecogniser
from agents.windows.returns import Returns
from agents.windows.stage import WindowStep
from schemas.batch import SharedPrefix
from schemas.prefix_settings import PrefixSettings
from schemas.settings import BatchSettings, WindowSettings
from streams.stage import Journey
from tests.flow.journeys import NOW, a_journey, deadline

SETTLE = 2.0
LIFETIME = 300.0
LATER = SETTLE + 1


def document(name: str, lines: int = 130) -> str:
    return "".join(f"Line {number} of the document about {name}.\n" for number in range(lines))


def long(content: Any, **fields: Any) -> Journey:
    given = {"prompt": content} if isinstance(content, str) else {"messages": content}
    return a_journey(input_tokens=5_000, **given, **fields)


def about(name: str, question: str = "Why?", **fields: Any) -> Journey:
    return long(f"{document(name)}\n{question}", **fields)


class Bench:
    """A recogniser, and what it says of requests that come one after the other."""

    def __init__(self, **fields: Any) -> None:
        self.recogniser = PrefixRecogniser(PrefixSettings(**fields), b"k" * 32)

    def sees(self, *journeys: Journey, at: float = NOW, waits: bool = False) -> list[SharedPrefix]:
        counted = self.recogniser.count(journeys, at)
        return [self.recogniser.mark(journey.request, found, at, waits=waits) for journey, found in counted]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_beginning_is_written_when_it_comes_again_and_read_from_then_on(bench: Bench) -> None:
    [new] = bench.sees(about("cats"))
    assert new.cuts == ()
    [written] = bench.sees(about("cats", "When?"), at=NOW + 1)
    assert written.first
    assert written.cuts[-1].into == len(document("cats")) + 1
    [read] = bench.sees(about("cats", "Where?"), at=NOW + 1 + LATER)
    assert not read.first
    assert read.cuts == written.cuts


def test_nobody_pays_to_write_what_is_being_written(bench: Bench) -> None:
    bench.sees(about("cats"))
    bench.sees(about("cats"), at=NOW + 1)
    assert bench.sees(about("cats"), at=NOW + 1.5)[0].cuts == ()
    [waiting] = bench.sees(about("cats"), at=NOW + 1.5, waits=True)
    assert waiting.cuts
    assert not waiting.first
    assert waiting.ready_at == NOW + 1 + SETTLE


def test_what_comes_together_is_counted_before_anything_is_marked(bench: Bench) -> None:
    marked = bench.sees(*[about("cats", f"Question {number}?") for number in range(5)], waits=True)
    assert all(prefix.cuts for prefix in marked)
    assert marked[0].first


def test_a_beginning_is_forgotten_with_the_provider_s_cache(bench: Bench) -> None:
    bench.sees(about("cats"))
    bench.sees(about("cats"), at=NOW + 1)
    [late] = bench.sees(about("cats"), at=NOW + 1 + LIFETIME)
    assert late.cuts == () or late.first


def test_tenants_share_nothing(bench: Bench) -> None:
    for number in range(20):
        bench.sees(about("cats"), at=NOW + number)
    [other] = bench.sees(about_for_another("cats"), at=NOW + 21)
    assert other.cuts == ()
    [own] = bench.sees(about("cats"), at=NOW + 30)
    assert own.key != other.key


def about_for_another(name: str) -> Journey:
    journey = about(name)
    journey.request = journey.request.model_copy(update={"tenant": "other"})
    return journey


def test_short_requests_are_not_looked_at(bench: Bench) -> None:
    short = a_journey(prompt="What is the capital of France?")
    assert bench.recogniser.count([short] * 9, NOW) == []
    assert len(bench.recogniser) == 0
    assert Bench(mark=False).recogniser.count([about("cats")], NOW) == []


def test_where_requests_part_both_beginnings_are_marked(bench: Bench) -> None:
    instructions = {"role": "system", "content": document("instructions")}

    def asked(name: str, question: str) -> Journey:
        return long([instructions, {"role": "user", "content": f"{document(name)}\n{question}"}])

    for number in range(6):
        bench.sees(asked(f"animal {number % 3}", f"Question {number}?"), at=NOW + number * LATER)
    [prefix] = bench.sees(asked("animal 1", "One more?"), at=NOW + 8 * LATER)
    whole, within = prefix.cuts
    assert (whole.messages, whole.into) == (1, 0)
    assert within.messages == 1
    assert within.into == len(document("animal 1")) + 1


def test_a_conversation_is_marked_at_its_end_once_turns_follow_turns() -> None:
    bench = Bench()
    at = NOW
    for number in range(30):
        opening = [{"role": "user", "content": document(f"talk {number}")}]
        bench.sees(long(opening), at=at)
        more = [*opening, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "So?"}]
        bench.sees(long(more), at=at + LATER)
        at += 2 * LATER
    [prefix] = bench.sees(long([{"role": "user", "content": document("a new talk")}]), at=at)
    assert prefix.cuts[-1].messages == 1
    assert prefix.cuts[-1].into == 0


def spent(prefix: SharedPrefix) -> float:
    """Return what a request costs by the price of one that is not marked, as if it were all beginning."""
    return 1.0 if not prefix.cuts else 1.25 if prefix.first else 0.1


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 200), st.floats(2.1, 400))
def test_marking_never_costs_much_more_than_not_marking(chance: Random, subjects: int, pause: float) -> None:
    """However often documents come again; what it costs to find out is bounded."""
    bench, arrivals = Bench(), 150
    total = sum(
        spent(bench.sees(about(f"subject {chance.randrange(subjects)}"), at=NOW + number * pause)[0])
        for number in range(arrivals)
    )
    assert total <= 1.03 * arrivals + 3


def test_a_tenant_s_documents_are_written_at_once_when_they_always_come_again(bench: Bench) -> None:
    at = NOW
    for number in range(40):
        bench.sees(about(f"number {number // 2}"), at=at)
        at += LATER
    [prefix] = bench.sees(about("number 99"), at=at)
    assert prefix.first
    assert prefix.cuts[-1].into == len(document("number 99")) + 1


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 200)), max_size=60))
def test_what_never_comes_again_is_never_marked(arrivals: list[tuple[int, float]]) -> None:
    bench, at = Bench(), NOW
    for number, (_, pause) in enumerate(arrivals):
        at += pause
        assert bench.sees(about(f"subject {number}"), at=at)[0].cuts == ()


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 400)), max_size=60), st.integers(2, 40))
def test_memory_is_bounded_and_marks_are_few(arrivals: list[tuple[int, float]], known: int) -> None:
    bench, at = Bench(known=known, markers=2), NOW
    for subject, pause in arrivals:
        at += pause
        [prefix] = bench.sees(about(f"subject {subject}"), at=at)
        assert len(prefix.cuts) <= 2
        assert len(bench.recogniser) <= known


def test_a_key_stays_the_same_while_few_share_it() -> None:
    bench = Bench(calls_per_key=50)
    keys = {bench.sees(about("cats", f"Question {number}?"), at=NOW + number)[0].key for number in range(40)}
    assert len(keys) == 1
    assert "cats" not in keys.pop()


@given(st.lists(st.integers(1, 12), max_size=200))
def test_expected_returns_are_sane(sent: list[int]) -> None:
    returns = Returns()
    for times in sent:
        returns.reached(times)
    for times in range(1, 12):
        assert 0 <= returns.probability(times) <= 1
        assert returns.expected(times) >= returns.probability(times) - 1e-9


def test_a_window_waits_until_the_provider_has_what_its_requests_begin_with() -> None:
    windows = WindowStep(
        WindowSettings(bulk_size=3, bulk_seconds=0.05),
        BatchSettings(),
        PrefixRecogniser(PrefixSettings(settle_seconds=SETTLE), b"k" * 32),
    )
    journeys = [about("cats", f"Question {number}?", constraints=deadline(86_400)) for number in range(6)]
    assert windows.process(journeys, NOW).onward == journeys[:1]
    assert windows.waiting == 5
    assert windows.due(NOW + 1).onward == []
    assert windows.next_due() == NOW + SETTLE
    assert windows.due(NOW + SETTLE).onward == journeys[1:]
    later = [about("cats", f"Later {number}?", constraints=deadline(86_400)) for number in range(3)]
    assert windows.process(later, NOW + LATER).onward == later


def test_a_window_of_another_prefix_closes_meanwhile() -> None:
    windows = WindowStep(
        WindowSettings(bulk_seconds=0.05),
        BatchSettings(),
        PrefixRecogniser(PrefixSettings(settle_seconds=SETTLE), b"k" * 32),
    )
    held = [about("cats", f"Question {number}?", constraints=deadline(86_400)) for number in range(2)]
    windows.process(held, NOW)
    short = a_journey(constraints=deadline(86_400))
    windows.process([short], NOW + 0.01)
    assert windows.next_due() == pytest.approx(NOW + 0.06)
    assert windows.due(NOW + 0.07).onward == [short]
