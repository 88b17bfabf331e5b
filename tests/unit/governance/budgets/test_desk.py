"""The desk between the stages and the ledger: what is held, counted, noted, and known to a successor."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from agents.governance.budgets.desk import BudgetDesk
from agents.governance.registry import Registry
from agents.governance.registry.places import Kind, Place
from schemas.governance import TeamRegistered, UserRegistered
from schemas.policy import Budget, Period
from schemas.request import Request
from schemas.result import Lane
from schemas.tenant import TenantRegistered
from schemas.wire import ProblemRecord, Tokens, UsageRecord
from streams.stage import Journey, moment
from streams.tenancy.spending import Notes
from streams.tenancy.state import ledger_key
from tests.flow.budgets import HOLD_SECONDS, a_desk
from tests.flow.journeys import NOW, Settled

LIMIT = Budget(period=Period.DAY, limit_usd=Decimal(1))
ACME, SEARCH = Place(Kind.TENANT, "acme", "acme"), Place(Kind.TEAM, "acme", "search")
AMARA = Place(Kind.USER, "acme", "amara")
KEY = ledger_key("acme", "r1")
BIG_ANSWER = Decimal("0.004")  # 100 tokens in at 10 USD and 100 out at 30 USD per million


def a_directory(*budgets: Budget) -> Registry:
    directory = Registry()
    directory.register(TenantRegistered(tenant="acme", reference_model="big", budgets=budgets))
    directory.register(TeamRegistered(tenant="acme", team="search"))
    directory.register(UserRegistered(tenant="acme", user="amara", team="search"))
    return directory


def a_journey(**fields: Any) -> Journey:
    request = Request.model_validate({"id": "r1", "tenant": "acme", "user": "amara", "prompt": "?"} | fields)
    return Journey(request, b"{}", "d", 0, NOW, Settled(), input_tokens=100)


def reserve(
    desk: BudgetDesk, directory: Registry, journey: Journey, output_tokens: int = 100
) -> ProblemRecord | None:
    request = journey.request
    scopes = directory.scope_chain(request.tenant, request.user, journey.key_id)
    assert scopes is not None
    return desk.reserve(journey, scopes, output_tokens, NOW)


def a_usage(name: str = "call-1", **fields: Any) -> UsageRecord:
    usage = UsageRecord(
        id=name,
        request_id="r1",
        tenant="acme",
        model="big",
        provider="east",
        lane=Lane.INTERACTIVE,
        usage=Tokens(),
        cost_usd="0.25",
        price_list="list",
        latency_ms=1.0,
        occurred_at=moment(NOW),
        user="amara",
        team="search",
    )
    return msgspec.structs.replace(usage, **fields)


def heard(directory: Registry, notes: Notes | None, *ended: str) -> BudgetDesk:
    """Return a successor's desk that has heard these notes."""
    desk = a_desk(directory)
    for note in notes.balances if notes else ():
        desk.restore(msgspec.json.encode(note))
    desk.resume(lambda key: key in ended)
    return desk


def spent(desk: BudgetDesk, place: Place) -> Decimal:
    return desk.ledger.account(place).spent(Period.TOTAL, 0)


def test_the_estimate_is_held_in_every_scope_and_travels_with_the_journey() -> None:
    directory = a_directory(LIMIT)
    desk, journey = a_desk(directory), a_journey()
    assert reserve(desk, directory, journey) is None
    assert (journey.reserved, journey.team) == (BIG_ANSWER, "search")
    assert {desk.ledger.account(place).reserved for place in (ACME, SEARCH, AMARA)} == {BIG_ANSWER}


def test_a_named_model_and_a_longest_answer_make_the_estimate() -> None:
    directory = a_directory(LIMIT)
    desk = a_desk(directory)
    journey = a_journey(mode="explicit", model="middle", sampling={"max_output_tokens": 1000})
    reserve(desk, directory, journey, output_tokens=1000)
    assert journey.reserved == Decimal("0.0082")
    unpriced = a_journey(id="r2", mode="explicit", model="unheard-of")
    assert reserve(desk, directory, unpriced) is None
    assert unpriced.reserved == 0


def test_where_the_reference_model_has_no_price_the_dearest_model_is_reserved() -> None:
    """Autopilot will find another model; reserving nothing would let any number of requests pass a hard budget."""
    directory = a_directory(LIMIT)
    directory.register(TenantRegistered(tenant="acme", reference_model="gone", budgets=(LIMIT,)))
    desk, journey = a_desk(directory), a_journey()
    assert reserve(desk, directory, journey) is None
    assert journey.reserved == BIG_ANSWER


def test_without_budgets_nothing_is_held() -> None:
    directory = a_directory()
    desk, journey = a_desk(directory), a_journey()
    assert reserve(desk, directory, journey) is None
    assert journey.reserved is None
    assert journey.team == "search"
    assert len(desk.ledger) == 0
    assert desk.notes(NOW) is None


def test_made_up_users_have_no_account() -> None:
    desk = a_desk(a_directory(LIMIT))
    desk.booked(desk.sending(), [a_usage(user="somebody", team=None)], [0], NOW)
    assert [balance.name for balance in desk.ledger.note("acme")] == ["acme"]


def test_a_reservation_that_nobody_settles_expires_and_a_late_call_still_counts() -> None:
    directory = a_directory(LIMIT)
    desk = a_desk(directory)
    reserve(desk, directory, a_journey())
    assert desk.reconcile(NOW + HOLD_SECONDS - 1) == []
    (told,) = desk.reconcile(NOW + HOLD_SECONDS)
    assert (told.action, told.subject) == ("reservation_expired", "r1")
    assert desk.ledger.account(ACME).reserved == 0
    desk.booked(desk.sending(), [a_usage()], [0], NOW + HOLD_SECONDS)
    assert spent(desk, ACME) == Decimal("0.25")


def test_a_successor_counts_what_the_notes_do_not_tell_and_nothing_twice() -> None:
    directory = a_directory(LIMIT)
    desk = a_desk(directory)
    first, second = desk.sending(), desk.sending()
    desk.booked(second, [a_usage("b")], [1], NOW)
    notes = desk.notes(NOW)
    desk.booked(first, [a_usage("a")], [0], NOW)
    successor = heard(directory, notes)
    for offset, name in enumerate(("a", "b", "c", "b")):
        successor.recall(msgspec.json.encode(a_usage(name)), offset)
    successor.recall(msgspec.json.encode(a_usage("d", revision=1)), 4)
    for place in (ACME, SEARCH, AMARA):
        assert spent(successor, place) == Decimal("0.75")
    assert successor.booked(successor.sending(), [a_usage("c")], [5], NOW) == []
    assert spent(successor, ACME) == Decimal("0.75")


def test_the_note_that_reaches_furthest_holds() -> None:
    directory = a_directory(LIMIT)
    desk = a_desk(directory)
    desk.booked(desk.sending(), [a_usage("a")], [0], NOW)
    stale = desk.notes(NOW)
    desk.booked(desk.sending(), [a_usage("b")], [1], NOW)
    fresh = desk.notes(NOW)
    assert stale is not None
    assert fresh is not None
    successor = heard(directory, Notes([*fresh.balances, *stale.balances], set()))
    assert spent(successor, ACME) == Decimal("0.5")


def test_what_waits_in_a_batch_is_held_by_the_successor_unless_it_has_ended() -> None:
    directory = a_directory(LIMIT)
    desk = a_desk(directory)
    assert not desk.outlast("acme", KEY), "nothing is held for it"
    reserve(desk, directory, a_journey())
    assert desk.outlast("acme", KEY)
    notes = desk.notes(NOW)
    assert notes is not None
    assert notes.keys == {KEY}
    successor = heard(directory, notes)
    assert successor.ledger.account(ACME).reserved == BIG_ANSWER
    assert len(heard(directory, notes, KEY).ledger) == 0
    successor.release("acme", KEY)
    again = heard(directory, successor.notes(NOW))
    assert len(again.ledger) == 0


def test_a_threshold_passed_by_a_predecessor_is_told_if_no_note_says_so() -> None:
    directory = a_directory(LIMIT)
    successor = heard(directory, None)
    successor.recall(msgspec.json.encode(a_usage(cost_usd="0.9")), 0)
    assert [audit.id.rsplit("/", 1)[1] for audit in successor.reconcile(NOW)] == ["0.8"]
    assert successor.reconcile(NOW) == []
    assert heard(directory, successor.notes(NOW)).reconcile(NOW) == []
