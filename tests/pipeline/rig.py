"""A cluster in memory to send requests to, and what came out of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from agents.providers.batches.interface import BatchInterface
from agents.providers.protocol import Prompt, Provider, Reply
from agents.providers.simulated import Simulated
from schemas.batch import CallBatch, CompletionBatch, Passenger
from schemas.registry import ModelRegistry
from schemas.settings import IntakeSettings, KafkaSettings, ProviderSettings, Settings, WorkerSettings
from schemas.tenant import TenantRegistered
from streams.envelope import header
from streams.records import Record
from streams.tenancy.state import PartitionState
from streams.topics import AUDIT, COMPLETIONS, DEADLETTER, DISPATCH, RESULTS, SURVEYS, USAGE
from tests.flow.models import three_models
from tests.memory.broker import MemoryBroker
from tests.memory.cluster import Cluster
from tests.memory.log import Step
from tests.memory.worker import TICK_SECONDS, Machine
from tests.unit.providers.virtual_time import clock, run

PARTITIONS = 2
TENANTS = (
    TenantRegistered(tenant="acme", reference_model="big"),
    TenantRegistered(tenant="zeta", reference_model="big"),
)
LATENCY_MS = 20.0


class Asked(NamedTuple):
    """One provider call begun; `attempt` counts the calls that this worker made for this request."""

    request_id: str
    worker: str
    at: float
    attempt: int


class Counting:
    """The simulated provider, and how often each request was asked."""

    def __init__(self, settings: ProviderSettings, worker: str, asked: list[Asked]) -> None:
        self._simulated = Simulated("east", settings)
        self._worker = worker
        self._asked = asked

    def complete(self, prompt: Prompt, model: str, attempt: int) -> Reply | Awaitable[Reply]:
        """Count the call and answer it."""
        self._asked.append(Asked(prompt.id, self._worker, clock(), attempt))
        return self._simulated.complete(prompt, model, attempt)

    async def close(self) -> None:
        """Nothing is held."""


def settings(**sections: Any) -> Settings:
    """Return small settings: two partitions, quick commits."""
    defaults: dict[str, Any] = {
        "kafka": KafkaSettings(partitions=PARTITIONS, commit_interval_seconds=0.1),
        "intake": IntakeSettings(),
        "worker": WorkerSettings(max_outstanding=50),
        "providers": {"east": ProviderSettings(kind="simulated", latency_ms=LATENCY_MS)},
    }
    return Settings(**{**defaults, **sections})


@dataclass(slots=True)
class Rig:
    """A cluster with everything counted.

    Attributes:
        asked: All provider calls begun, in order.
        facts: On the governance topic besides the tenants: key and value.
    """

    settings: Settings
    registry: ModelRegistry = field(default_factory=three_models)
    providers: Mapping[str, Provider] | None = None
    tenants: tuple[TenantRegistered, ...] = TENANTS
    facts: Sequence[tuple[bytes, bytes]] = ()
    fetch_records: int = 100
    tick_seconds: float = TICK_SECONDS
    batches: Callable[[Step], Mapping[str, BatchInterface]] = lambda step: {}
    fit: Callable[[PartitionState], PartitionState] = lambda state: state
    asked: list[Asked] = field(default_factory=list)
    broker: MemoryBroker = field(default_factory=lambda: MemoryBroker(clock))

    def machine(self) -> Machine:
        """Return what a worker is made of."""
        facts = [(tenant.tenant.encode(), tenant.model_dump_json().encode()) for tenant in self.tenants]
        facts += self.facts
        return Machine(
            self.settings,
            self.broker,
            self.registry,
            self._providers,
            clock,
            facts,
            fetch_records=self.fetch_records,
            tick_seconds=self.tick_seconds,
            batches=self.batches,
            fit=self.fit,
        )

    def cluster(self, **fields: Any) -> Cluster:
        """Return a cluster without workers."""
        return Cluster(self.machine(), **fields)

    def _providers(self, worker: str) -> Mapping[str, Provider]:
        if self.providers is not None:
            return self.providers
        return {name: Counting(section, worker, self.asked) for name, section in self.settings.providers.items()}

    def results(self) -> dict[str, list[dict[str, Any]]]:
        """Return the results by request id, in order."""
        found: dict[str, list[dict[str, Any]]] = {}
        for record in self.broker.topic(RESULTS.name):
            result = msgspec.json.decode(record.value or b"")
            assert header(record.headers, "ce_id") == result["id"].encode()
            found.setdefault(result["id"], []).append(result)
        return found

    def surveys(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return what tenants were told of who competed, by tenant and id."""
        told = [msgspec.json.decode(record.value or b"") for record in self.broker.topic(SURVEYS.name)]
        return {(each["tenant"], each["id"]): each for each in told}

    def decision(self, result: dict[str, Any]) -> dict[str, Any]:
        """Return the whole decision of a result: with what the survey that it names found."""
        decision: dict[str, Any] = result["decision"]
        if "survey" not in decision:
            return decision
        survey = self.surveys()[result["tenant"], decision["survey"]]
        return decision | {name: survey.get(name, {}) for name in ("candidates", "lost")}

    def statuses(self) -> dict[str, str]:
        """Return the one status of every request that has a result."""
        found = {}
        for name, results in self.results().items():
            assert len(results) == 1, f"{name} has {len(results)} results"
            found[name] = results[0]["status"]
        return found

    def raw_results(self) -> dict[str, list[Record]]:
        """Return the result records by request id, in order."""
        found: dict[str, list[Record]] = {}
        for record in self.broker.topic(RESULTS.name):
            found.setdefault((header(record.headers, "ce_id") or b"").decode(), []).append(record)
        return found

    def usages(self) -> list[dict[str, Any]]:
        """Return the usage events."""
        return [msgspec.json.decode(record.value or b"") for record in self.broker.topic(USAGE.name)]

    def dead_letters(self) -> list[dict[str, Any]]:
        """Return the dead letters."""
        return [msgspec.json.decode(record.value or b"") for record in self.broker.topic(DEADLETTER.name)]

    def audits(self) -> list[dict[str, Any]]:
        """Return the audits."""
        return [msgspec.json.decode(record.value or b"") for record in self.broker.topic(AUDIT.name)]

    def paid(self) -> list[str]:
        """Return the ids of all paid calls whose completion is in the log."""
        batches = [
            msgspec.msgpack.decode(record.value or b"", type=CompletionBatch)
            for record in self.broker.topic(COMPLETIONS.name)
        ]
        return [call.id for batch in batches for completion in batch.completions for call in completion.paid]

    def repeated_calls(self, undead_since: Mapping[str, float]) -> int:
        """Return how many calls were repeated, but for those of workers that others had replaced by then."""
        begun = [one.request_id for one in self.asked if one.attempt == 1 and not self._undead(one, undead_since)]
        return len(begun) - len(set(begun))

    def passengers(self) -> dict[str, Passenger]:
        """Return what accompanied each request to its provider."""
        batches = [
            msgspec.msgpack.decode(record.value or b"", type=CallBatch) for record in self.broker.topic(DISPATCH.name)
        ]
        return {call.passenger.id: call.passenger for batch in batches for call in batch.calls}

    def dispatched_again(self) -> int:
        """Return how many calls were dispatched for requests that had been dispatched before."""
        batches = [
            msgspec.msgpack.decode(record.value or b"", type=CallBatch) for record in self.broker.topic(DISPATCH.name)
        ]
        names = [(call.passenger.tenant, call.passenger.id) for batch in batches for call in batch.calls]
        return len(names) - len(set(names))

    @staticmethod
    def _undead(one: Asked, undead_since: Mapping[str, float]) -> bool:
        return one.at >= undead_since.get(one.worker, math.inf)


def ask(name: str, tenant: str = "acme", **fields: Any) -> bytes:
    """Return a request as a producer writes it; unless told otherwise its prompt is its own."""
    document = {"id": name, "tenant": tenant, **fields}
    if "messages" not in document:
        document.setdefault("prompt", f"What is {name}?")
    return msgspec.json.encode(document)


def serve(rig: Rig, *requests: bytes, pause: float = 0.0) -> Rig:
    """Let one worker serve these requests, sent with this many seconds between them, to the end."""

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        for value in requests:
            cluster.submit(value, tenant_of(value))
            await asyncio.sleep(pause)
        await cluster.drained()

    run(test())
    return rig


def nothing_is_held(cluster: Cluster) -> None:
    """Check that no worker waits for anything, or believes that something is under way."""
    for worker in cluster.workers:
        assert worker.stages.intake._capacity.used == 0
        assert worker.stages.calls._capacity.used == 0
        assert worker.stages.accounting._capacity.used == 0
        for state in worker.stages.intake._tenancy.states.values():
            assert len(state.calls) == 0, state.calls._places
            assert state.ending == set()
            assert len(state.governance._admission.in_flight) == 0  # type: ignore[attr-defined]
            assert len(state.cache._flights) == 0, state.cache._flights._leaders  # type: ignore[attr-defined]
            assert (state.intermediate.waiting, state.intermediate.leaving) == (0, 0)  # type: ignore[attr-defined]
            assert not [*state.intermediate.under_way()]


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds; time is virtual, so that looking often costs next to nothing."""
    while not holds():  # noqa: ASYNC110 - what is waited for is the code under test, which sets no events for us
        await asyncio.sleep(0.001)


def tenant_of(value: bytes) -> str | None:
    """Return the key that a well-behaved producer gives this message."""
    try:
        document = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None
    first = document[0] if isinstance(document, list) and document else document
    return str(first["tenant"]) if isinstance(first, dict) and "tenant" in first else None
