"""Whether a sealed request is a known one: its digest is keyed, and its key may have changed since, or be gone."""

from __future__ import annotations

from streams.outcomes import Conflict, Ok, Rejected, Standing
from streams.tenancy.state import KnownRequests, ledger_key


def standing_of(ledger: KnownRequests, outcome: Ok | Rejected) -> Standing:
    """Return how an opened request stands, or one that nobody can open any more.

    What was erased is the request of its id: nobody can say that it is another. What is open may have been sealed to
    another key before, and is compared by the digest that it has under each.

    Raises:
        KeyOutOfReach: A key that is needed to compare cannot be had at the moment.
    """
    key = key_of(outcome)
    if isinstance(outcome, Rejected):
        known = ledger.known(key) if outcome.erased else None
        return ledger.admit(key, outcome.digest) if known is None else known
    standing = ledger.admit(key, outcome.digest)
    if not isinstance(standing, Conflict):
        return standing
    others = (ledger.admit(key, digest) for digest in outcome.digests())
    return next((one for one in others if not isinstance(one, Conflict)), standing)


def tenant_of(outcome: Ok | Rejected) -> str | None:
    """Return whose request it is, as far as that is known."""
    return outcome.request.tenant if isinstance(outcome, Ok) else outcome.tenant


def key_of(outcome: Ok | Rejected) -> str:
    """Return the key under which the ledger knows a request."""
    return ledger_key(tenant_of(outcome), outcome.request.id if isinstance(outcome, Ok) else outcome.id)
