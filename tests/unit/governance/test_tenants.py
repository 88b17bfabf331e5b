from __future__ import annotations

import logging

import pytest

from agents.governance.tenants import TenantDirectory, tenant_fact
from schemas.errors import InvalidEvent
from schemas.tenant import TenantRegistered


def fact(tenant: str, reference_model: str) -> bytes:
    return TenantRegistered(tenant=tenant, reference_model=reference_model).model_dump_json().encode()


def directory(*messages: tuple[bytes | None, bytes | None]) -> TenantDirectory:
    tenants = TenantDirectory()
    for key, value in messages:
        tenants.apply(key, value)
    return tenants


def test_the_newest_fact_of_a_tenant_holds() -> None:
    tenants = directory((b"a", fact("a", "m1")), (b"b", fact("b", "m2")), (b"a", fact("a", "m3")))
    found = tenants.get("a")
    assert found is not None
    assert found.reference_model == "m3"
    assert sorted(tenant.tenant for tenant in tenants) == ["a", "b"]


def test_a_tombstone_removes_a_tenant_who_may_come_back() -> None:
    tenants = directory((b"a", fact("a", "m")), (b"a", None))
    assert tenants.get("a") is None
    assert len(tenants) == 0
    tenants.apply(b"a", fact("a", "m"))
    assert tenants.get("a") is not None


def test_a_tombstone_for_nobody_changes_nothing() -> None:
    assert len(directory((b"a", None), (None, None))) == 0


def test_unknown_fields_of_a_later_release_are_passed_over() -> None:
    tenants = directory((b"a", b'{"tenant":"a","reference_model":"m","region":"eu"}'))
    assert tenants.get("a") == TenantRegistered(tenant="a", reference_model="m")


@pytest.mark.parametrize(
    "message",
    [
        (b"a", b"not json"),
        (b"a", b""),
        (b"a", b'{"tenant":"a"}'),
        (b"a", b'{"tenant":"a","reference_model":"m","limits":{"burst":0}}'),
        (b"b", fact("a", "m")),
        (None, fact("a", "m")),
        (b"\xff", fact("a", "m")),
    ],
)
def test_what_is_no_fact_is_logged_and_what_held_still_holds(
    message: tuple[bytes | None, bytes | None], caplog: pytest.LogCaptureFixture
) -> None:
    tenants = directory((b"a", fact("a", "before")))
    with caplog.at_level(logging.ERROR):
        tenants.apply(*message)
    assert [record.message for record in caplog.records] == ["ignored a fact about a tenant"]
    assert [tenant.reference_model for tenant in tenants] == ["before"]


def test_a_reader_that_wants_to_know_is_told_the_field() -> None:
    with pytest.raises(InvalidEvent) as limits:
        tenant_fact("a", b'{"tenant":"a","reference_model":"m","limits":{"burst":0}}')
    assert (limits.value.code, limits.value.field) == ("invalid_field", "limits.burst")
    with pytest.raises(InvalidEvent) as key:
        tenant_fact("b", fact("a", "m"))
    assert (key.value.code, key.value.field) == ("key_mismatch", "key")
    with pytest.raises(InvalidEvent, match="value: Invalid JSON"):
        tenant_fact("a", b"{")
