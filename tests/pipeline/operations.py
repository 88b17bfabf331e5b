"""What tenants do, one line per operation: a new kind of operation is a new line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.tenant import TenantLimits, TenantRegistered
from streams.envelope import Publication
from streams.topics import FEEDBACK
from tests.memory.cluster import Cluster
from tests.pipeline.rig import ask
from tests.pipeline.traffic import FAR_SECONDS, in_seconds

SOON_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a tenant does.

    Attributes:
        kind: A name of `OPERATIONS`.
        tenant: Who does it.
        number: Of the request; numbers repeat, and are those of other tenants too.
        choice: What to choose with.
        pause: Seconds before it.
    """

    kind: str
    tenant: str
    number: int
    choice: int
    pause: float


@dataclass(frozen=True, slots=True)
class Act:
    """An operation at its moment, on a cluster."""

    cluster: Cluster
    operation: Operation
    seconds: float

    @property
    def name(self) -> str:
        """The request's id."""
        return f"r{self.operation.number}"

    def ask(self, **fields: Any) -> bytes:
        """Return a request of the tenant; unless told otherwise its prompt is private."""
        if "prompt" not in fields:
            fields["prompt"] = f"{private(self.operation.tenant)}: what is {self.name}?"
        return ask(self.name, self.operation.tenant, **fields)

    def send(self, **fields: Any) -> None:
        """Send a request."""
        self.send_bytes(self.ask(**fields))

    def send_bytes(self, value: bytes) -> None:
        """Send a message, whatever it is."""
        self.cluster.submit(value, self.operation.tenant)

    def same(self, **fields: Any) -> None:
        """Send a request that others send too, word by word."""
        self.send(prompt=f"same {self.operation.choice}", **fields)

    def register(self, **fields: Any) -> None:
        """Change what holds for the tenant, on every worker."""
        tenant = self.operation.tenant
        fact = TenantRegistered(tenant=tenant, reference_model="big", **fields)
        for worker in self.cluster.workers:
            worker.stages.directory.apply(tenant.encode(), fact.model_dump_json().encode())

    def grade(self) -> None:
        """Grade the answer to a request."""
        tenant = self.operation.tenant
        grade = {
            "id": f"g-{self.name}",
            "request_id": self.name,
            "tenant": tenant,
            "grade": self.operation.choice / 3,
        }
        event = Publication(msgspec.json.encode(grade), tenant.encode())
        self.cluster.machine.broker.append(FEEDBACK.name, 0, [event])


def private(tenant: str) -> str:
    """Return words that only this tenant writes."""
    return f"private words of {tenant}"


def _far() -> dict[str, Any]:
    return in_seconds(FAR_SECONDS)


OPERATIONS: Mapping[str, Callable[[Act], None]] = {
    "own": lambda act: act.send(),
    "same": lambda act: act.same(),
    "bulk": lambda act: act.send(constraints=_far()),
    "bulk same": lambda act: act.same(constraints=_far()),
    "soon": lambda act: act.same(constraints=in_seconds(act.seconds + SOON_SECONDS * act.operation.choice)),
    "bypass": lambda act: act.same(cache={"directive": "bypass"}),
    "only": lambda act: act.same(cache={"directive": "only"}),
    "cascade": lambda act: act.send(strategy="cascade", sampling={"max_output_tokens": 8}),
    "named": lambda act: act.same(mode="explicit", model="middle"),
    "wrong": lambda act: act.send(sampling={"temperature": private(act.operation.tenant)}),
    "impossible": lambda act: act.send(constraints={"min_quality": 0.999}),
    "garbage": lambda act: act.send_bytes(b"{" + private(act.operation.tenant).encode()),
    "array": lambda act: act.send_bytes(b"[" + act.ask() + b", 7]"),
    "limit": lambda act: act.register(limits=TenantLimits(requests_per_minute=60, burst=1 + act.operation.choice)),
    "free": lambda act: act.register(cache_ttl_seconds=3600),
    "only small": lambda act: act.register(limits=TenantLimits(allowed_models=("small",))),
    "grade": lambda act: act.grade(),
}
