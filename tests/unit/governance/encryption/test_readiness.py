"""A worker says at its start what it lacks of the keys of those who encrypt, whose they are, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from agents.governance.encryption.keyring import DataKeys
from agents.governance.encryption.readiness import Shortfall, shortfalls
from agents.governance.encryption.vault import DirectoryVault
from agents.governance.encryption.wrapping import KeyEncryptionKeys, LocalKeyEncryptionKey
from agents.governance.registry import Registry
from schemas.governance import DataKeyIssued
from schemas.policy import EncryptionMode, Policy
from schemas.tenant import TenantRegistered
from streams.sealing.facts import data_key_place

AT = datetime(2026, 11, 26, tzinfo=UTC)


def registry_of(**modes: EncryptionMode | None) -> Registry:
    registry = Registry()
    for name, mode in modes.items():
        registry.register(TenantRegistered(tenant=name, reference_model="big", policy=Policy(encryption=mode)))
    return registry


def keys_of(folder: Path, registry: Registry, material: bytes = bytes(32)) -> DataKeys:
    wrapping = KeyEncryptionKeys(LocalKeyEncryptionKey(material))
    return DataKeys(DirectoryVault(folder), wrapping, issued=registry.data_keys.issued)


def tell(registry: Registry, tenant: str, key_id: str, user: str | None = None, hours: int = 0) -> None:
    fact = DataKeyIssued(
        tenant=tenant, key_id=key_id, user=user, public_key=f"{'A' * 43}=", issued_at=AT + timedelta(hours=hours)
    )
    registry.apply(data_key_place(tenant, key_id), fact.model_dump_json(exclude_none=True).encode())


def found(registry: Registry, keys: DataKeys | None) -> dict[str, Shortfall]:
    return {one.tenant: one for one in shortfalls(registry, keys)}


def test_nothing_is_lacking_where_the_vault_gives_every_key_or_nobody_encrypts(tmp_path: Path) -> None:
    registry = registry_of(acme=EncryptionMode.USER, zeta=EncryptionMode.OFF, eta=None)
    keys = keys_of(tmp_path, registry)
    tell(registry, "acme", keys.make("acme", None, 1.0).id)
    tell(registry, "acme", keys.make("acme", "amara", 1.0).id, "amara")
    assert found(registry, keys_of(tmp_path, registry)) == {}


def test_without_a_vault_everybody_who_encrypts_is_named() -> None:
    lacking = found(registry_of(acme=EncryptionMode.TENANT, zeta=None), None)
    assert lacking.keys() == {"acme"}
    assert "governance.vault_dir" in lacking["acme"].remedy


def test_an_organization_without_a_key_is_told_how_to_make_one(tmp_path: Path) -> None:
    registry = registry_of(acme=EncryptionMode.TENANT)
    lacking = found(registry, keys_of(tmp_path, registry))
    assert lacking["acme"].remedy == "`asahi governance data-keys make --tenant acme`"


def test_a_vault_without_the_key_and_another_master_key_are_told_apart(tmp_path: Path) -> None:
    registry = registry_of(acme=EncryptionMode.TENANT)
    keys = keys_of(tmp_path / "vault", registry)
    tell(registry, "acme", "00" * 16)
    tell(registry, "acme", keys.make("acme", None, 1.0).id, hours=1)
    elsewhere = found(registry, keys_of(tmp_path / "another", registry))["acme"]
    assert (elsewhere.problem[:8], "right vault" in elsewhere.remedy) == ("1 of 1 d", True)
    other = found(registry, keys_of(tmp_path / "vault", registry, bytes(range(32))))["acme"]
    assert "master key" in other.remedy
