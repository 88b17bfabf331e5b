from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.governance.registry import Registry, Scopes
from agents.governance.registry.places import Fact, Kind, Place, place_of, place_of_fact
from agents.governance.registry.reading import read_fact
from schemas.errors import InvalidEvent
from schemas.governance import KeyIssued, TeamRegistered, UserRegistered
from schemas.tenant import TenantRegistered

NOW = datetime(2026, 11, 26, tzinfo=UTC)
NAMES = st.sampled_from(["a", "b", "c"])
KEY_IDS = st.sampled_from(["k0000001", "k0000002", "k0000003"])


def fact(tenant: str, reference_model: str) -> bytes:
    return TenantRegistered(tenant=tenant, reference_model=reference_model).model_dump_json().encode()


def issued(tenant: str, key_id: str, user: str | None = None, team: str | None = None) -> KeyIssued:
    return KeyIssued(
        tenant=tenant, key_id=key_id, user=user, team=team, secret_hash="00", signing_key="", issued_at=NOW
    )


def registry(*messages: tuple[bytes | None, bytes | None]) -> Registry:
    known = Registry()
    for key, value in messages:
        known.apply(key, value)
    return known


def told(*facts: Fact) -> Registry:
    return registry(*((place_of_fact(one).message_key, one.model_dump_json().encode()) for one in facts))


ACME = TenantRegistered(tenant="acme", reference_model="m")
SEARCH = TeamRegistered(tenant="acme", team="search")
AMARA = UserRegistered(tenant="acme", user="amara", team="search")
FACTS = st.one_of(
    st.builds(TenantRegistered, tenant=NAMES, reference_model=NAMES),
    st.builds(TeamRegistered, tenant=NAMES, team=NAMES),
    st.builds(UserRegistered, tenant=NAMES, user=NAMES, team=st.none() | NAMES),
    st.builds(issued, NAMES, KEY_IDS, st.none() | NAMES, st.none() | NAMES),
)
MESSAGES = st.lists(st.tuples(FACTS, st.booleans()), max_size=30)


def test_the_newest_fact_of_a_tenant_holds() -> None:
    known = registry((b"a", fact("a", "m1")), (b"b", fact("b", "m2")), (b"a", fact("a", "m3")))
    found = known.get("a")
    assert found is not None
    assert found.reference_model == "m3"
    assert sorted(tenant.tenant for tenant in known) == ["a", "b"]


def test_a_tombstone_removes_a_tenant_who_may_come_back() -> None:
    known = registry((b"a", fact("a", "m")), (b"a", None))
    assert known.get("a") is None
    assert len(known) == 0
    known.apply(b"a", fact("a", "m"))
    assert known.get("a") is not None


def test_a_tombstone_for_nobody_changes_nothing() -> None:
    assert len(registry((b"a", None), (b"a/key/k0000001", None))) == 0


def test_unknown_fields_of_a_later_release_are_passed_over() -> None:
    known = registry((b"a", b'{"tenant":"a","reference_model":"m","region":"eu"}'))
    assert known.get("a") == TenantRegistered(tenant="a", reference_model="m")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"a", b"not json"),
        (b"a", b""),
        (b"a", b'{"tenant":"a"}'),
        (b"a", b'{"tenant":"a","reference_model":"m","limits":{"burst":0}}'),
        (b"b", fact("a", "m")),
        (None, fact("a", "m")),
        (b"\xff", fact("a", "m")),
        (b"a/robot/r2", b"{}"),
        (b"a/team", b"{}"),
        (b"a/team/x/y", b"{}"),
        (b"a/team/x", fact("a", "m")),
        (b"a/team/x", TeamRegistered(tenant="a", team="y").model_dump_json().encode()),
        (b"a/key/UPPER", issued("a", "k0000001").model_dump_json().encode()),
    ],
)
def test_what_is_no_fact_is_logged_and_what_held_still_holds(
    key: bytes | None, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    known = registry((b"a", fact("a", "before")))
    with caplog.at_level(logging.ERROR):
        known.apply(key, value)
    assert [record.message[:14] for record in caplog.records] == ["ignored a fact"]
    assert [tenant.reference_model for tenant in known] == ["before"]
    assert (known.teams("a"), known.users("a"), known.keys("a")) == ((), (), ())


def test_a_key_id_of_another_organization_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    known = told(issued("acme", "k0000001"), issued("beta", "k0000001"))
    assert known.key("k0000001") == issued("acme", "k0000001")
    assert known.keys("beta") == ()
    assert [record.message for record in caplog.records] == ["ignored a fact"]


def test_a_reader_that_wants_to_know_is_told_the_field() -> None:
    with pytest.raises(InvalidEvent) as limits:
        read_fact(Place(Kind.TENANT, "a", "a"), b'{"tenant":"a","reference_model":"m","limits":{"burst":0}}')
    assert (limits.value.code, limits.value.field) == ("invalid_field", "limits.burst")
    with pytest.raises(InvalidEvent) as key:
        read_fact(Place(Kind.TENANT, "b", "b"), fact("a", "m"))
    assert (key.value.code, key.value.field) == ("key_mismatch", "key")
    with pytest.raises(InvalidEvent, match="value: Invalid JSON"):
        read_fact(Place(Kind.TENANT, "a", "a"), b"{")


def test_scopes_of_a_user_are_those_of_the_team_too() -> None:
    known = told(ACME, SEARCH, AMARA)
    assert known.scope_chain("acme", "amara") == Scopes(ACME, SEARCH, AMARA, None)
    assert known.scope_chain("acme", "nobody") == Scopes(ACME)
    assert known.scope_chain("acme") == Scopes(ACME)
    assert known.scope_chain("beta", "amara") is None


def test_a_key_stands_for_its_user_or_its_team() -> None:
    of_user, of_team = issued("acme", "k0000001", user="amara"), issued("acme", "k0000002", team="search")
    known = told(ACME, SEARCH, AMARA, of_user, of_team)
    assert known.scope_chain("acme", None, "k0000001") == Scopes(ACME, SEARCH, AMARA, of_user)
    assert known.scope_chain("acme", None, "k0000002") == Scopes(ACME, SEARCH, None, of_team)
    assert known.scope_chain("acme", None, "k0000009") == Scopes(ACME)
    assert Scopes(ACME, None, AMARA).widest_first == (ACME, AMARA)


def test_a_change_shows_in_the_next_question() -> None:
    known = told(ACME, SEARCH, AMARA)
    before = known.scope_chain("acme", "amara")
    assert known.scope_chain("acme", "amara") is before
    known.apply(b"acme/team/search", None)
    assert known.scope_chain("acme", "amara") == Scopes(ACME, None, AMARA)
    known.apply(b"acme", None)
    assert known.scope_chain("acme", "amara") is None


@pytest.mark.parametrize("key", ["acme", "acme/team/search", "acme/user/amara", "acme/key/k0000001"])
def test_a_place_is_written_as_it_is_read(key: str) -> None:
    place = place_of(key)
    assert place is not None
    assert place.message_key == key.encode()


@given(MESSAGES)
def test_the_fold_is_the_newest_message_per_key(messages: list[tuple[Fact, bool]]) -> None:
    known = Registry()
    newest: dict[Place, Fact | None] = {}
    for one, stays in messages:
        place = place_of_fact(one)
        taken = [p.tenant for p, f in newest.items() if f and p.kind is Kind.KEY and p.name == place.name]
        if stays and place.kind is Kind.KEY and taken and taken != [place.tenant]:
            continue
        known.apply(place.message_key, one.model_dump_json().encode() if stays else None)
        newest[place] = one if stays else None
    assert {place: known.at(place) for place in newest} == newest
    expected = {place.name for place, one in newest.items() if place.kind is Kind.TENANT and one}
    assert {tenant.tenant for tenant in known} == expected


@given(MESSAGES, NAMES, st.none() | NAMES, st.none() | KEY_IDS)
def test_asking_between_changes_never_shows_an_old_answer(
    messages: list[tuple[Fact, bool]], tenant: str, user: str | None, key_id: str | None
) -> None:
    asked, fresh = Registry(), Registry()
    for one, stays in messages:
        for known in (asked, fresh):
            known.apply(place_of_fact(one).message_key, one.model_dump_json().encode() if stays else None)
        asked.scope_chain(tenant, user, key_id)
    assert asked.scope_chain(tenant, user, key_id) == fresh.scope_chain(tenant, user, key_id)
