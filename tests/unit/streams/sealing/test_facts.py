"""Which key to seal to, as the log tells it: the newest of a scope's own, and never one that was destroyed."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.governance import DataKeyDestroyed, DataKeyIssued
from streams.sealing.facts import DataKeyFacts, data_key_place, is_data_key

AT = datetime(2026, 11, 26, tzinfo=UTC)
PUBLIC = b64encode(bytes(32)).decode()


def issued(number: int, hours: int = 0, user: str | None = None, tenant: str = "acme") -> DataKeyIssued:
    at = AT + timedelta(hours=hours)
    return DataKeyIssued(tenant=tenant, key_id=f"{number:032x}", user=user, public_key=PUBLIC, issued_at=at)


def destroyed(number: int, tenant: str = "acme") -> DataKeyDestroyed:
    return DataKeyDestroyed(tenant=tenant, key_id=f"{number:032x}", destroyed_at=AT)


def told(facts: DataKeyFacts, *said: DataKeyIssued | DataKeyDestroyed) -> DataKeyFacts:
    for fact in said:
        name = data_key_place(fact.tenant, fact.key_id).decode()
        facts.apply(name, fact.model_dump_json(exclude_none=True).encode())
    return facts


def newest_id(facts: DataKeyFacts, tenant: str = "acme", user: str | None = None) -> str | None:
    fact = facts.newest(tenant, user)
    return None if fact is None else fact.key_id


def test_the_newest_of_a_scopes_own_keys_is_sealed_to() -> None:
    facts = told(DataKeyFacts(), issued(1, 2), issued(2, 1), issued(3, 5, user="amara"), issued(4, 9, tenant="zeta"))
    assert newest_id(facts) == issued(1).key_id
    assert newest_id(facts, user="amara") == issued(3).key_id
    assert newest_id(facts, user="ben") is None
    assert [fact.key_id for fact in facts.of("zeta")] == [issued(4).key_id]


messages = st.lists(
    st.one_of(st.builds(issued, st.integers(0, 4), st.integers(0, 9)), st.builds(destroyed, st.integers(0, 4))),
    max_size=12,
)


@given(said=messages)
def test_a_destroyed_key_is_never_sealed_to_whatever_is_told_after_it(
    said: list[DataKeyIssued | DataKeyDestroyed],
) -> None:
    dropped: list[str] = []
    facts = told(DataKeyFacts(lambda tenant, key_id: dropped.append(key_id)), *said)
    gone = [fact.key_id for fact in said if isinstance(fact, DataKeyDestroyed)]
    assert dropped == gone
    good = {fact.key_id: fact for fact in said if isinstance(fact, DataKeyIssued) and fact.key_id not in gone}
    best = max(good.values(), key=lambda fact: (fact.issued_at, fact.key_id), default=None)
    assert facts.newest("acme", None) == best
    assert {fact.key_id for fact in facts.of("acme") if isinstance(fact, DataKeyDestroyed)} == set(gone)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("acme/datakey/" + "0" * 32, b"no JSON"),
        ("acme/datakey/" + "0" * 32, b"{}"),
        ("zeta/datakey/" + f"{1:032x}", issued(1).model_dump_json(exclude_none=True).encode()),
        ("acme/datakey/" + f"{2:032x}", destroyed(1).model_dump_json(exclude_none=True).encode()),
        ("acme/datakey/" + f"{1:032x}", None),
    ],
    ids=["no JSON", "no fact", "another tenant's", "another key's", "a tombstone"],
)
def test_what_is_no_fact_about_the_key_it_names_changes_nothing(name: str, value: bytes | None) -> None:
    dropped: list[str] = []
    facts = told(DataKeyFacts(lambda tenant, key_id: dropped.append(key_id)), issued(1))
    facts.apply(name, value)
    assert (newest_id(facts), dropped) == (issued(1).key_id, [])


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("acme/datakey/1", True), ("acme/key/datakey", False), ("datakey", False), ("acme", False), ("", False)],
)
def test_only_the_place_of_a_data_key_is_one(name: str, is_one: bool) -> None:
    assert is_data_key(name) is is_one
