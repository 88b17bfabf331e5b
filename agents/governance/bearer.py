"""Whoever shows a key, to a command or to the edge: whether he has its secret, and may do what he is about to do."""

from __future__ import annotations

from agents.governance.keys import KeyRing, authorize
from agents.governance.registry import Registry
from agents.governance.signatures import faults
from schemas.governance import KeyIssued, Scope
from schemas.wire import ProblemRecord
from streams.api_key import ApiKey


def bearer(key: ApiKey, registry: Registry, ring: KeyRing, scope: Scope, now: float) -> KeyIssued | ProblemRecord:
    """Return the key's fact when its bearer may do this, else why not.

    A wrong secret is told as an unknown key, so that nobody learns which ids there are.

    Args:
        key: As it was shown.
        registry: The keys that there are.
        ring: Checks secrets.
        scope: What it is to be used for.
        now: Unix seconds.
    """
    fact = registry.key(key.id)
    if fact is None or not ring.proves(key, fact):
        return faults.unknown_key(key.id)
    return authorize(fact, scope, now) or fact
