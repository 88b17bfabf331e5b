"""Data keys are kept wrapped, rotate without rewriting what they encrypted, and once destroyed never come back."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agents.governance.encryption.keyring import DataKeys
from agents.governance.encryption.vault import DirectoryVault, VaultError, VaultUnavailable, WrappedKey
from agents.governance.encryption.wrapping import KeyEncryptionKeys, LocalKeyEncryptionKey
from schemas.errors import ConfigurationError, KeyOutOfReach
from streams.sealing.binding import ContentErased, Field, binding

BOUND = binding(Field.BODY, "acme", "r-1")
OLD, NEW = LocalKeyEncryptionKey(bytes(32)), LocalKeyEncryptionKey(bytes(range(32)))


@pytest.fixture
def vault(tmp_path: Path) -> DirectoryVault:
    return DirectoryVault(tmp_path / "vault")


def data_keys(vault: DirectoryVault, *wrapping: LocalKeyEncryptionKey) -> DataKeys:
    newest, *older = wrapping or (OLD,)
    return DataKeys(vault, KeyEncryptionKeys(newest, *older))


def test_another_process_opens_what_one_has_sealed(vault: DirectoryVault) -> None:
    envelope = data_keys(vault).make("acme", None, 1.0).seal(b"hello", BOUND)
    assert data_keys(vault).open(envelope, "acme", BOUND) == b"hello"


def test_files_of_keys_are_their_owners_alone_and_hold_no_key(tmp_path: Path) -> None:
    drawn: list[bytes] = []

    def random(count: int) -> bytes:
        drawn.append(os.urandom(count))
        return drawn[-1]

    vault = DirectoryVault(tmp_path / "vault")
    key = DataKeys(vault, KeyEncryptionKeys(OLD), random).make("acme", None, 1.0)
    path = tmp_path / "vault" / "acme" / f"{key.id}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    root = drawn[1]
    assert root not in vault.get("acme", key.id).material
    assert root.hex().encode() not in path.read_bytes()


def test_a_destroyed_key_opens_nothing_anywhere_and_its_id_is_never_used_again(vault: DirectoryVault) -> None:
    eraser, fresh = data_keys(vault), data_keys(vault)
    key = eraser.make("acme", None, 1.0)
    wrapped = vault.get("acme", key.id)
    envelope = key.seal(b"hello", BOUND)
    eraser.destroy("acme", key.id)
    for holder in (eraser, fresh):
        with pytest.raises(ContentErased):
            holder.open(envelope, "acme", BOUND)
    with pytest.raises(ContentErased):
        vault.put(wrapped)
    with pytest.raises(ContentErased):
        vault.replace(wrapped)
    assert vault.list() == []
    assert vault.destroyed("acme") == {key.id}


def test_nothing_of_a_destroyed_key_is_left_in_the_vault(tmp_path: Path) -> None:
    vault = DirectoryVault(tmp_path / "vault")
    key = data_keys(vault).make("acme", None, 1.0)
    wrapped = vault.get("acme", key.id).wrapped.encode()
    data_keys(vault, NEW, OLD).rewrap()
    wrapped_anew = vault.get("acme", key.id).wrapped.encode()
    vault.destroy("acme", key.id)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if wrapped in path.read_bytes() or wrapped_anew in path.read_bytes()] == []


def test_a_destruction_that_was_interrupted_is_finished_by_the_next(tmp_path: Path) -> None:
    vault = DirectoryVault(tmp_path / "vault")
    key = data_keys(vault).make("acme", None, 1.0)
    (tmp_path / "vault" / "acme" / f"{key.id}.destroyed").touch()  # as a crash after the tombstone leaves it
    with pytest.raises(ContentErased):
        vault.get("acme", key.id)
    vault.destroy("acme", key.id)
    assert not (tmp_path / "vault" / "acme" / f"{key.id}.json").exists()


@pytest.mark.parametrize("in_place", [False, True], ids=["before", "after"])
def test_a_rewrapping_that_was_interrupted_loses_no_key(tmp_path: Path, in_place: bool) -> None:
    vault = DirectoryVault(tmp_path / "vault")
    key = data_keys(vault, OLD).make("acme", None, 1.0)
    envelope = key.seal(b"hello", BOUND)
    path = tmp_path / "vault" / "acme" / f"{key.id}.json"
    former = path.with_suffix(".former")
    if in_place:
        former.write_bytes(path.read_bytes())
    else:
        os.link(path, former)  # as a crash before the new file is in place leaves it
    data_keys(vault, NEW, OLD).rewrap()
    assert data_keys(vault, NEW).open(envelope, "acme", BOUND) == b"hello"
    assert not former.exists()


def test_a_key_that_others_destroyed_is_dropped_by_its_holder(vault: DirectoryVault) -> None:
    holder = data_keys(vault)
    key = holder.make("acme", None, 1.0)
    envelope = key.seal(b"hello", BOUND)
    holder.drop("acme", key.id)
    with pytest.raises(ContentErased):
        holder.open(envelope, "acme", BOUND)


def test_of_rotated_data_keys_the_newest_seals_and_all_open(vault: DirectoryVault) -> None:
    keys = data_keys(vault)
    older = keys.make("acme", None, 1.0)
    envelope = older.seal(b"hello", BOUND)
    newer = keys.make("acme", None, 2.0)
    newest = keys.newest("acme", None)
    assert newest is not None
    assert newest.id == newer.id
    assert keys.open(envelope, "acme", BOUND) == b"hello"


def test_a_user_has_a_key_of_his_own_or_none(vault: DirectoryVault) -> None:
    keys = data_keys(vault)
    keys.make("acme", None, 1.0)
    own = keys.make("acme", "amara", 2.0)
    newest = keys.newest("acme", "amara")
    assert newest is not None
    assert newest.id == own.id
    assert keys.newest("acme", "bo") is None


def test_the_key_encryption_key_rotates_and_what_was_encrypted_stays_as_it_is(vault: DirectoryVault) -> None:
    envelope = data_keys(vault, OLD).make("acme", None, 1.0).seal(b"hello", BOUND)
    assert data_keys(vault, NEW, OLD).rewrap() == 1
    assert data_keys(vault, NEW, OLD).rewrap() == 0
    assert data_keys(vault, NEW).open(envelope, "acme", BOUND) == b"hello"
    with pytest.raises(ConfigurationError, match="not configured"):
        data_keys(vault, OLD).open(envelope, "acme", BOUND)


def test_another_tenant_cannot_use_a_key_not_even_with_a_copy_of_its_file(tmp_path: Path) -> None:
    vault = DirectoryVault(tmp_path / "vault")
    keys = data_keys(vault)
    key = keys.make("acme", None, 1.0)
    with pytest.raises(VaultError):
        keys.key("other", key.id)
    held = vault.get("acme", key.id)
    moved = WrappedKey(
        id=held.id, tenant="other", wrapped_by=held.wrapped_by, wrapped=held.wrapped, created_at=held.created_at
    )
    vault.put(moved)
    with pytest.raises(ConfigurationError, match="cannot be unwrapped"):
        keys.key("other", key.id)


def test_a_vault_that_is_not_there_is_no_vault_without_keys(tmp_path: Path, vault: DirectoryVault) -> None:
    key = data_keys(vault).make("acme", None, 1.0)
    (tmp_path / "vault").rename(tmp_path / "elsewhere")
    with pytest.raises(VaultUnavailable, match="mount it"):
        vault.list()
    (tmp_path / "vault").touch()
    for look in (lambda: vault.get("acme", key.id), vault.list, lambda: vault.destroyed("acme")):
        with pytest.raises(VaultUnavailable):
            look()
    (tmp_path / "vault").unlink()
    (tmp_path / "vault").mkdir()
    with pytest.raises(VaultUnavailable, match="mount the right one"):
        vault.destroy("acme", key.id)
    assert list((tmp_path / "vault").iterdir()) == []


def test_who_only_reads_makes_no_vault(tmp_path: Path) -> None:
    with pytest.raises(VaultError):
        DirectoryVault(tmp_path / "vault").get("acme", "ab")
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_the_log_knows_is_out_of_reach_until_the_vault_gives_it(tmp_path: Path) -> None:
    vault = DirectoryVault(tmp_path / "vault")
    key = data_keys(vault, NEW).make("acme", None, 1.0)
    told = {key.id}
    wrong_wrapping, right = (
        DataKeys(vault, KeyEncryptionKeys(one), issued=lambda tenant, key_id: key_id in told) for one in (OLD, NEW)
    )
    with pytest.raises(KeyOutOfReach, match="not configured"):
        wrong_wrapping.key("acme", key.id)
    path = tmp_path / "vault" / "acme" / f"{key.id}.json"
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(KeyOutOfReach, match="right vault"):
        right.key("acme", key.id)
    path.write_bytes(content[:-9])
    with pytest.raises(KeyOutOfReach, match="restore its file"):
        right.key("acme", key.id)
    path.write_bytes(content)
    assert right.key("acme", key.id).id == key.id
    with pytest.raises(VaultError):
        right.key("acme", "0" * 32)  # nobody ever made it


def test_no_more_keys_are_held_than_allowed_and_all_stay_usable(vault: DirectoryVault) -> None:
    keys = DataKeys(vault, KeyEncryptionKeys(OLD), held=2)
    envelopes = [keys.make("acme", str(user), 1.0).seal(b"hello", BOUND) for user in range(5)]
    assert len(keys._held) == 2
    assert [keys.open(envelope, "acme", BOUND) for envelope in envelopes] == [b"hello"] * 5


@pytest.mark.parametrize(("tenant", "key_id"), [("../acme", "ab"), (".acme", "ab"), ("acme", "../ab")])
def test_no_name_leads_out_of_the_vault(vault: DirectoryVault, tenant: str, key_id: str) -> None:
    with pytest.raises(VaultError, match="no names"):
        vault.get(tenant, key_id)
