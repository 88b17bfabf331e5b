"""Erasing a scope makes its content unreadable, and nobody else's; the report says so only where it was tried."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.governance.encryption.erasure import ErasureReport, destroy_scope, search
from agents.governance.encryption.keyring import DataKeys
from agents.governance.encryption.vault import DirectoryVault
from agents.governance.encryption.wrapping import KeyEncryptionKeys, LocalKeyEncryptionKey
from streams.sealing.binding import ContentErased, Field, binding
from streams.sealing.envelope import ContentKey
from streams.sealing.requests import RequestSealer

SECRET = 'Zoë said "no"'


@pytest.fixture
def vault(tmp_path: Path) -> DirectoryVault:
    return DirectoryVault(tmp_path)


@pytest.fixture
def keys(vault: DirectoryVault) -> DataKeys:
    return DataKeys(vault, KeyEncryptionKeys(LocalKeyEncryptionKey(bytes(32))))


def sealed(key: ContentKey, tenant: str = "acme") -> bytes:
    return key.seal(SECRET.encode(), binding(Field.BODY, tenant, "r-1"))


def test_a_users_erasure_leaves_the_others_of_the_tenant_readable(vault: DirectoryVault, keys: DataKeys) -> None:
    amara, bo = (keys.make("acme", user, 1.0) for user in ("amara", "bo"))
    copies = sealed(amara), sealed(bo)
    assert destroy_scope(keys, vault, "acme", "amara") == (amara.id,)
    with pytest.raises(ContentErased):
        keys.open(copies[0], "acme", binding(Field.BODY, "acme", "r-1"))
    assert keys.open(copies[1], "acme", binding(Field.BODY, "acme", "r-1")) == SECRET.encode()


def test_a_tenants_erasure_takes_all_its_keys_and_no_other_tenants(vault: DirectoryVault, keys: DataKeys) -> None:
    own = [keys.make("acme", user, 1.0) for user in (None, "amara")]
    other = keys.make("other", None, 1.0)
    assert set(destroy_scope(keys, vault, "acme")) == {key.id for key in own}
    assert destroy_scope(keys, vault, "acme") == ()
    copy = sealed(other, "other")
    assert keys.open(copy, "other", binding(Field.BODY, "other", "r-1")) == SECRET.encode()


def test_every_form_of_what_was_sealed_is_found_and_none_opens(vault: DirectoryVault, keys: DataKeys) -> None:
    key = keys.make("acme", None, 1.0)
    sealer = RequestSealer(key.id, keys.opener("acme", key.id).public_key)
    request = json.dumps(sealer.seal({"id": "r-1", "tenant": "acme", "prompt": SECRET})).encode()
    items = [sealed(key), b"before" + sealed(key) + b"after", request]
    before = search(keys, "acme", [key.id], "topic", items, [SECRET])
    assert (before.sealed, before.readable, before.probes) == (3, 3, 0)
    destroyed = destroy_scope(keys, vault, "acme")
    after = search(keys, "acme", destroyed, "topic", items, [SECRET])
    assert (after.items, after.sealed, after.readable) == (3, 3, 0)
    assert ErasureReport(tenant="acme", user=None, keys=destroyed, searched=(after,)).proven


@pytest.mark.parametrize(
    "copy", [SECRET.encode(), json.dumps({"p": SECRET}).encode(), json.dumps(SECRET, ensure_ascii=False).encode()]
)
def test_plaintext_that_was_left_is_found_however_it_is_written(keys: DataKeys, copy: bytes) -> None:
    found = search(keys, "acme", [], "topic", [b"nothing", copy], [SECRET])
    assert found.probes == 1
    assert not ErasureReport(tenant="acme", user=None, keys=(), searched=(found,)).proven


def test_nothing_searched_proves_nothing() -> None:
    assert not ErasureReport(tenant="acme", user=None, keys=(), searched=()).proven
