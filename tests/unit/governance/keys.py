"""Keys for tests: made as the commands make them, from bytes that are not random."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha512
from typing import Any

from agents.governance.keys import RANDOM_BYTES, Issued, KeyRing
from agents.governance.registry import Registry
from agents.governance.secrets import MasterKey
from schemas.governance import KeyIssued
from schemas.tenant import TenantRegistered

MASTER = MasterKey(bytes(range(32)))
RING = KeyRing(MASTER)
ISSUED_AT = datetime(2026, 11, 26, tzinfo=UTC)


def issue(name: str, tenant: str = "acme", **fields: Any) -> Issued:
    """Return the key of this name: always the same one."""
    draft = KeyIssued(tenant=tenant, key_id="00000000", secret_hash="", signing_key="", issued_at=ISSUED_AT, **fields)
    return RING.issue(draft, sha512(name.encode()).digest()[:RANDOM_BYTES])


def registry_of(*keys: Issued, tenants: tuple[str, ...] = ("acme", "zeta")) -> Registry:
    """Return a registry that knows these keys and tenants."""
    registry = Registry()
    for tenant in tenants:
        registry.register(TenantRegistered(tenant=tenant, reference_model="big"))
    for key in keys:
        registry.register(key.fact)
    return registry
