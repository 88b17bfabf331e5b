from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.cache.fingerprint import fingerprint_of
from agents.cache.stage import CacheStep
from schemas.batch import Failure, Passenger
from schemas.request import CacheDirective
from schemas.result import Status
from schemas.settings import IntakeSettings
from schemas.tenant import TenantRegistered
from schemas.wire import Answer, CheckRecord, Choice, ResultRecord, SavingsRecord, Tokens
from streams.stage import Flow, Journey
from tests.flow.journeys import BUSY, NOW, PARIS, TOO_LATE, a_completion, a_journey, a_passenger, deadline, paid
from tests.flow.models import three_models


@pytest.fixture
def cache() -> CacheStep:
    return new_cache()


def new_cache() -> CacheStep:
    return CacheStep(IntakeSettings(), three_models())


def passenger_of(journey: Journey, **fields: Any) -> Passenger:
    return a_passenger(journey.request.id, fingerprint=journey.fingerprint, **fields)


def lead(cache: CacheStep, **fields: Any) -> Journey:
    """Send a request through that nobody went before."""
    journey = a_journey(**fields)
    assert cache.process([journey], NOW).onward == [journey]
    return journey


def wait(cache: CacheStep, **fields: Any) -> Journey:
    """Send a request that has to wait."""
    journey = a_journey(**fields)
    flow = cache.process([journey], NOW)
    assert (flow.onward, flow.ended) == ([], [])
    return journey


def fill(cache: CacheStep, answer: Answer = PARIS, *, at: float = NOW + 1, **fields: Any) -> Journey:
    """Have a request answered."""
    leader = lead(cache, **fields)
    cache.complete(a_completion(passenger_of(leader), answer=answer, at=at), at)
    return leader


def only_result(flow: Flow) -> ResultRecord:
    assert flow.onward == []
    ((_, result),) = flow.ended
    return result


def problem_code(flow: Flow) -> str | None:
    error = only_result(flow).error
    return None if error is None else error.code


# --- looking up ---------------------------------------------------------------------------------------------------


def test_a_first_request_goes_onward_with_its_fingerprint(cache: CacheStep) -> None:
    journey = lead(cache)
    assert journey.fingerprint == fingerprint_of(journey.request)


def test_a_hit_costs_nothing_and_saves_the_whole_baseline(cache: CacheStep) -> None:
    source = fill(cache)
    journey = a_journey(user="ann", tags={"team": "a"})
    result = only_result(cache.process([journey], NOW + 6))
    assert result.status is Status.CACHED
    assert result.output == PARIS
    assert result.cost_usd == "0"
    assert result.usage == Tokens(1000, 0, 200)
    assert result.baseline is not None
    assert result.baseline.model == "big"
    assert Decimal(result.baseline.cost_usd) == Decimal("0.016")
    assert result.savings == SavingsRecord(cache_exact=result.baseline.cost_usd)
    assert result.cache is not None
    assert (result.cache.tier, result.cache.source_request_id, result.cache.age_seconds) == (
        "exact",
        source.request.id,
        5.0,
    )
    assert msgspec.json.decode(result.decision, type=Choice).rule == "cache_exact"
    assert (result.model, result.provider, result.user, result.tags) == ("big", "east", "ann", {"team": "a"})
    assert result.latency_ms == 6000.0


def test_without_a_price_for_the_reference_model_no_saving_is_claimed(cache: CacheStep) -> None:
    fill(cache)
    tenant = TenantRegistered(tenant="acme", reference_model="unheard-of")
    result = only_result(cache.process([a_journey(tenant=tenant)], NOW + 6))
    assert (result.status, result.baseline, result.savings) == (Status.CACHED, None, SavingsRecord())


def test_another_tenant_never_gets_the_answer(cache: CacheStep) -> None:
    fill(cache)
    stranger = a_journey()
    stranger.request = stranger.request.model_copy(update={"tenant": "other"})
    assert cache.process([stranger], NOW + 2).onward == [stranger]


def test_only_without_an_answer_is_rejected_even_while_one_is_under_way(cache: CacheStep) -> None:
    only = {"directive": "only"}
    assert problem_code(cache.process([a_journey(cache=only)], NOW)) == "cache_miss"
    lead(cache)
    flow = cache.process([a_journey(cache=only)], NOW)
    assert only_result(flow).status is Status.REJECTED
    assert problem_code(flow) == "cache_miss"


def test_only_with_an_answer_gets_it(cache: CacheStep) -> None:
    fill(cache)
    assert only_result(cache.process([a_journey(cache={"directive": "only"})], NOW + 2)).status is Status.CACHED


def test_bypass_neither_looks_up_nor_waits_nor_fills(cache: CacheStep) -> None:
    fill(cache)
    bypassing = a_journey(cache={"directive": "bypass"})
    assert cache.process([bypassing], NOW + 2).onward == [bypassing]
    assert bypassing.fingerprint is None
    assert cache.complete(a_completion(passenger_of(bypassing), answer=PARIS), NOW + 2) == Flow()
    assert cache.entries == 1


def test_refresh_does_not_look_up_but_replaces_the_answer(cache: CacheStep) -> None:
    fill(cache)
    refreshing = a_journey(cache={"directive": "refresh"})
    assert cache.process([refreshing], NOW + 2).onward == [refreshing]
    lyon = Answer("Lyon", None, "stop")
    cache.complete(a_completion(passenger_of(refreshing), answer=lyon, at=NOW + 3), NOW + 3)
    assert only_result(cache.process([a_journey()], NOW + 4)).output == lyon


def test_a_request_narrows_the_age_it_accepts(cache: CacheStep) -> None:
    fill(cache, at=NOW + 1)
    choosy = a_journey(cache={"ttl_seconds": 5})
    assert cache.process([choosy], NOW + 6).onward == [choosy]


def test_a_request_never_widens_the_tenants_lifetime(cache: CacheStep) -> None:
    fill(cache, at=NOW)
    greedy = a_journey(cache={"ttl_seconds": 1e9})
    assert cache.process([greedy], NOW + 100).onward == [greedy]


def test_an_answer_lives_from_the_end_of_its_call(cache: CacheStep) -> None:
    leader = lead(cache)
    cache.complete(a_completion(passenger_of(leader, cache_ttl_seconds=10.0), answer=PARIS, at=NOW + 1), NOW + 8)
    assert only_result(cache.process([a_journey()], NOW + 10.9)).status is Status.CACHED
    assert cache.process([a_journey()], NOW + 11).onward != []


def test_filtered_answers_reach_those_waiting_but_are_not_kept(cache: CacheStep) -> None:
    leader, waiting = lead(cache), wait(cache)
    filtered = Answer("...", None, "content_filter")
    flow = cache.complete(a_completion(passenger_of(leader), answer=filtered), NOW + 1)
    assert [journey for journey, _ in flow.ended] == [waiting]
    assert cache.entries == 0


def test_an_answer_that_did_not_hold_reaches_those_waiting_but_is_not_kept(cache: CacheStep) -> None:
    leader, waiting = lead(cache), wait(cache)
    check = CheckRecord("big", False, "refusal", None, "no better answer came")
    completion = msgspec.structs.replace(a_completion(passenger_of(leader), answer=PARIS), checks=(check,))
    assert [journey for journey, _ in cache.complete(completion, NOW + 1).ended] == [waiting]
    assert cache.entries == 0
    cache.restore(completion, NOW + 2)
    assert cache.entries == 0


def test_an_answer_without_a_bill_is_kept_with_no_tokens(cache: CacheStep) -> None:
    leader = lead(cache)
    cache.complete(a_completion(passenger_of(leader), answer=PARIS, calls=()), NOW + 1)
    result = only_result(cache.process([a_journey()], NOW + 2))
    assert result.usage == Tokens()
    assert result.baseline is not None
    assert Decimal(result.baseline.cost_usd) == 0


# --- single flight ------------------------------------------------------------------------------------------------


def test_identical_requests_wait_and_are_all_answered_by_one_call(cache: CacheStep) -> None:
    leader = a_journey()
    waiting = [a_journey() for _ in range(3)]
    flow = cache.process([leader, *waiting], NOW)
    assert (flow.onward, flow.ended, cache.waiting) == ([leader], [], 3)
    flow = cache.complete(a_completion(passenger_of(leader), answer=PARIS), NOW + 2)
    assert flow.onward == []
    assert [journey for journey, _ in flow.ended] == waiting
    for _, result in flow.ended:
        assert result.status is Status.CACHED
        assert result.cost_usd == "0"
        assert result.baseline is not None
        assert result.savings == SavingsRecord(cache_shared_flight=result.baseline.cost_usd)
        assert result.cache is not None
        assert (result.cache.tier, result.cache.source_request_id) == ("shared_flight", leader.request.id)
        assert result.stages_ms["cache"] == 2000.0
    assert cache.waiting == 0


def test_a_failure_fails_those_waiting_with_the_same_problem(cache: CacheStep) -> None:
    leader, waiting = lead(cache), wait(cache)
    flow = cache.complete(a_completion(passenger_of(leader), failure=BUSY), NOW + 1)
    ((ended, result),) = flow.ended
    assert ended is waiting
    assert result.status is Status.FAILED
    assert result.error is not None
    assert (result.error.code, result.error.message, result.error.remedy) == (BUSY.code, BUSY.message, BUSY.remedy)
    assert cache.process([a_journey()], NOW + 1).onward != []


def test_a_call_without_answer_and_reason_fails_those_waiting(cache: CacheStep) -> None:
    leader = lead(cache)
    wait(cache)
    assert problem_code(cache.complete(a_completion(passenger_of(leader)), NOW + 1)) == "no_answer"


@pytest.mark.parametrize("failure", [TOO_LATE, Failure("no_model_meets_constraints", "too dear", "pay more")])
def test_when_the_leader_failed_for_itself_the_next_in_line_leads(cache: CacheStep, failure: Failure) -> None:
    leader, second, third = lead(cache), wait(cache), wait(cache)
    flow = cache.complete(a_completion(passenger_of(leader), failure=failure), NOW + 1)
    assert (flow.onward, flow.ended) == ([second], [])
    assert second.fingerprint == leader.fingerprint
    flow = cache.complete(a_completion(passenger_of(second), answer=PARIS), NOW + 2)
    assert [journey for journey, _ in flow.ended] == [third]


def test_who_expired_meanwhile_does_not_lead(cache: CacheStep) -> None:
    leader = lead(cache)
    late, patient = wait(cache, constraints=deadline(1)), wait(cache)
    flow = cache.complete(a_completion(passenger_of(leader), failure=TOO_LATE), NOW + 2)
    assert flow.onward == [patient]
    ((ended, result),) = flow.ended
    assert (ended, result.status) == (late, Status.EXPIRED)


def test_a_leader_that_ended_before_its_call_is_succeeded(cache: CacheStep) -> None:
    leader, second = lead(cache), wait(cache)
    assert cache.abandon(leader, NOW + 1).onward == [second]
    assert cache.abandon(leader, NOW + 1) == Flow()
    assert cache.abandon(second, NOW + 1) == Flow()
    assert cache.process([a_journey()], NOW + 1).onward != []


def test_abandoning_a_request_that_bypassed_the_cache_changes_nothing(cache: CacheStep) -> None:
    bypassing = a_journey(cache={"directive": "bypass"})
    cache.process([bypassing], NOW)
    lead(cache)
    wait(cache)
    assert cache.abandon(bypassing, NOW) == Flow()
    assert cache.waiting == 1


def test_those_whose_deadline_passes_while_waiting_expire(cache: CacheStep) -> None:
    leader, late, patient = lead(cache), wait(cache, constraints=deadline(1)), wait(cache)
    assert cache.next_due() == NOW + 1
    assert cache.expire(NOW + 0.5) == Flow()
    result = only_result(cache.expire(NOW + 1.5))
    assert (result.id, result.status) == (late.request.id, Status.EXPIRED)
    assert result.stages_ms["cache"] == 1500.0
    assert cache.next_due() is None
    flow = cache.complete(a_completion(passenger_of(leader), answer=PARIS), NOW + 2)
    assert [journey for journey, _ in flow.ended] == [patient]


def test_an_answer_after_the_deadline_comes_too_late(cache: CacheStep) -> None:
    leader = lead(cache)
    wait(cache, constraints=deadline(1))
    result = only_result(cache.complete(a_completion(passenger_of(leader), answer=PARIS), NOW + 1))
    assert result.status is Status.EXPIRED


def test_a_refresh_beside_a_flight_releases_it_with_its_answer(cache: CacheStep) -> None:
    leader, waiting = lead(cache), wait(cache)
    refreshing = a_journey(cache={"directive": "refresh"})
    assert cache.process([refreshing], NOW).onward == [refreshing]
    flow = cache.complete(a_completion(passenger_of(refreshing), answer=PARIS), NOW + 1)
    assert [journey for journey, _ in flow.ended] == [waiting]
    assert cache.complete(a_completion(passenger_of(leader), answer=PARIS, at=NOW + 2), NOW + 2) == Flow()


def test_a_failed_refresh_beside_a_flight_changes_nothing(cache: CacheStep) -> None:
    lead(cache)
    wait(cache)
    refreshing = a_journey(cache={"directive": "refresh"})
    cache.process([refreshing], NOW)
    assert cache.complete(a_completion(passenger_of(refreshing), failure=BUSY), NOW + 1) == Flow()
    assert cache.waiting == 1


def test_an_old_answer_delivered_again_does_not_release_a_new_flight(cache: CacheStep) -> None:
    old = a_completion(passenger_of(fill(cache, at=NOW + 1)), answer=PARIS, at=NOW + 1)
    leader = a_journey()
    assert cache.process([leader], NOW + 200).onward == [leader]
    cache.process([a_journey()], NOW + 200)
    assert cache.complete(old, NOW + 200) == Flow()
    assert cache.waiting == 1


def test_a_leader_that_comes_again_does_not_wait_for_itself(cache: CacheStep) -> None:
    leader = lead(cache)
    again = a_journey(id=leader.request.id)
    assert cache.process([again], NOW).onward == [again]


# --- recovery -----------------------------------------------------------------------------------------------------


def test_a_restored_answer_is_served_and_releases_nobody(cache: CacheStep) -> None:
    fingerprint = fingerprint_of(a_journey().request)
    cache.resume(fingerprint, "before")
    wait(cache)
    completion = a_completion(a_passenger("before", fingerprint=fingerprint), answer=PARIS)
    cache.restore(completion, NOW + 2)
    assert cache.waiting == 1
    assert only_result(cache.process([a_journey()], NOW + 2)).status is Status.CACHED


def test_what_cannot_be_restored_is_passed_over(cache: CacheStep) -> None:
    cache.restore(a_completion(a_passenger(fingerprint="f"), failure=BUSY), NOW)
    cache.restore(a_completion(a_passenger(), answer=PARIS), NOW)
    cache.restore(a_completion(a_passenger(fingerprint="f"), answer=PARIS), NOW + 1000)
    assert cache.entries == 0


def test_a_resumed_flight_is_waited_for(cache: CacheStep) -> None:
    fingerprint = fingerprint_of(a_journey().request)
    cache.resume(fingerprint, "before")
    cache.resume(fingerprint, "impostor")
    waiting = wait(cache)
    completion = a_completion(a_passenger("before", fingerprint=fingerprint), failure=BUSY)
    assert [journey for journey, _ in cache.complete(completion, NOW + 1).ended] == [waiting]


# --- a law --------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    plan=st.lists(
        st.tuples(
            st.sampled_from(list(CacheDirective)),
            st.sampled_from(["a", "b"]),
            st.sampled_from([None, 1.0, 4.0]),
            st.sampled_from(["answer", "fail", "expire", "abandon", "nothing"]),
        ),
        max_size=25,
    )
)
def test_every_request_ends_once_or_goes_onward_and_nobody_is_forgotten(
    plan: list[tuple[CacheDirective, str, float | None, str]],
) -> None:
    cache, sent = new_cache(), 0
    ended: list[str] = []
    under_way: list[Journey] = []

    def absorb(flow: Flow) -> None:
        ended.extend(journey.request.id for journey, _ in flow.ended)
        under_way.extend(flow.onward)

    def conclude(journey: Journey, how: str, now: float) -> None:
        if how == "abandon":
            absorb(cache.abandon(journey, now))
        else:
            failure = {"fail": BUSY, "expire": TOO_LATE}.get(how)
            answer = PARIS if failure is None else None
            completion = a_completion(passenger_of(journey), answer=answer, failure=failure, at=now)
            absorb(cache.complete(completion, now))
        ended.append(journey.request.id)

    for now, (directive, prompt, seconds, then) in enumerate(plan, start=int(NOW)):
        constraints = {} if seconds is None else deadline(now - NOW + seconds)
        journey = a_journey(cache={"directive": directive}, prompt=prompt, constraints=constraints)
        sent += 1
        absorb(cache.process([journey], float(now)))
        absorb(cache.expire(float(now)))
        if under_way and then != "nothing":
            conclude(under_way.pop(0), then, float(now))
    while under_way:
        conclude(under_way.pop(0), "answer", NOW + 1000)
    assert len(ended) == len(set(ended)) == sent
    assert cache.waiting == 0


def test_paid_tokens_of_the_answering_call_count(cache: CacheStep) -> None:
    leader = lead(cache)
    calls = (
        paid(tokens=Tokens(1, 0, 0), number=1),
        paid(tokens=Tokens(2, 0, 0), number=2, attempt=2),
        paid(model="small", tokens=Tokens(3, 0, 0), number=3, attempt=3),
    )
    cache.complete(a_completion(passenger_of(leader), answer=PARIS, calls=calls), NOW + 1)
    assert only_result(cache.process([a_journey()], NOW + 2)).usage == Tokens(2, 0, 0)
