"""What is looked at: logged requests with their results, and what held for them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from schemas.effective_policy import UNRESTRICTED, EffectivePolicy
from schemas.request import Request
from schemas.result import Lane, Result
from schemas.tenant import TenantRegistered

KEY_BYTES = 8


class Case(NamedTuple):
    """A request that can be read, with its result.

    Attributes:
        tenant: Who asked, as registered now.
        policy: What holds for such a request now.
    """

    request: Request
    result: Result
    tenant: TenantRegistered
    policy: EffectivePolicy = UNRESTRICTED

    @property
    def received(self) -> float:
        """When a worker received it, in Unix seconds."""
        return self.result.received_at.timestamp()

    @property
    def completed(self) -> float:
        """When it had its result, in Unix seconds."""
        return self.result.completed_at.timestamp()

    @property
    def batched(self) -> bool:
        """Whether it travelled in the batch lane."""
        return self.result.lane is Lane.BATCH


Cases = Sequence[Case]


def key_of(tenant: str, request_id: str) -> int:
    """Return 64 bits that stand for a request: sets of millions of them are intersected."""
    name = f"{tenant}\0{request_id}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(name, digest_size=KEY_BYTES).digest(), "big")
