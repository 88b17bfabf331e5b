"""What a worker lacks, at its start, of the data keys of those who encrypt: said once, before a request finds out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from agents.governance.encryption.configured import WHY
from agents.governance.encryption.keyring import DataKeys
from agents.governance.registry import Registry
from schemas.errors import AsahiError, KeyOutOfReach
from schemas.governance import DataKeyIssued
from schemas.policy import EncryptionMode
from schemas.tenant import TenantRegistered

LOOKED_AT = 100
"""Data keys tried per organization: each is a read of the vault, and each user may have one."""


class Shortfall(NamedTuple):
    """What is in the way of one organization's requests, and what an operator does about it."""

    tenant: str
    problem: str
    remedy: str


def shortfalls(registry: Registry, keys: DataKeys | None) -> Iterator[Shortfall]:
    """Give what is lacking, organization by organization; the keys that are there are held from then on.

    Args:
        registry: Who encrypts, and which data keys there are.
        keys: The data keys of this process; None without a vault.
    """
    for tenant in registry:
        if tenant.policy.encryption in (EncryptionMode.TENANT, EncryptionMode.USER):
            found = _shortfall(tenant, registry, keys)
            if found is not None:
                yield found


def _shortfall(tenant: TenantRegistered, registry: Registry, keys: DataKeys | None) -> Shortfall | None:
    name = tenant.tenant
    if keys is None:
        return Shortfall(
            name,
            "this worker has no vault, so it rejects every request",
            f"{WHY}governance.wrapping_keys, as on the other workers",
        )
    if registry.data_keys.newest(name, None) is None:
        return Shortfall(
            name,
            "there is no data key of the whole organization to seal to",
            f"`asahi governance data-keys make --tenant {name}`",
        )
    users = dict.fromkeys(fact.user for fact in registry.data_keys.of(name) if isinstance(fact, DataKeyIssued))
    newest = (registry.data_keys.newest(name, user) for user in islice(users, LOOKED_AT))
    tried = [fact for fact in newest if fact is not None]
    faults = [fault for fault in (_fault(keys, fact) for fact in tried) if fault is not None]
    if not faults:
        return None
    return Shortfall(
        name,
        f"{len(faults)} of {len(tried)} data keys are out of reach, and requests sealed to them wait",
        faults[0],
    )


def _fault(keys: DataKeys, fact: DataKeyIssued) -> str | None:
    try:
        keys.key(fact.tenant, fact.key_id)
    except KeyOutOfReach as away:
        return away.reason
    except AsahiError as wrong:
        return str(wrong)
    return None
