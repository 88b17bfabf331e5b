"""Keys and signatures with real brokers and real workers."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import SecretStr

from agents.governance.change import Change, Who
from agents.governance.commands.log import carry_out, read_version
from agents.governance.keys import Issued
from agents.governance.registry.places import place_of_fact
from schemas.governance import KeyIssued, Scope
from schemas.settings import GovernanceSettings, Signatures
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.presence import present_workers
from streams.signing import Signer
from streams.tail import read_tail
from streams.topics import AUDIT, DEADLETTER, REQUESTS
from tests.chaos.rig import Rig, running
from tests.conftest import started_broker
from tests.unit.governance.keys import issue

pytestmark = pytest.mark.asyncio(loop_scope="module")

TENANT, OTHER = "tenant-0", "tenant-1"
WORKERS = 2
PATIENCE_SECONDS = 60.0
SECOND = 1.0
ATTEMPTS = 3
EVERY_SECONDS = 0.02
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
GOVERNANCE = GovernanceSettings(
    signatures=Signatures.REQUIRED, master_key=SecretStr(b64encode(bytes(range(32))).decode())
)
GOOD = issue("good", TENANT)
AGING = issue("aging", TENANT)
KEYS = {
    "good": GOOD,
    "fresh": issue("fresh", TENANT, replaces=GOOD.fact.key_id),
    "revoked": issue("revoked", TENANT, revoked_at=LONG_AGO),
    "expired": issue("expired", TENANT, expires_at=LONG_AGO),
    "analyst": issue("analyst", TENANT, scopes=(Scope.ANALYST,)),
    "foreign": issue("foreign", OTHER),
    **{f"doomed{number}": issue(f"doomed{number}", TENANT) for number in range(ATTEMPTS)},
    "aging": AGING,
    "next": issue("next", TENANT, replaces=AGING.fact.key_id),
}


@dataclass
class Desk:
    """A running system, and what is sent to it."""

    rig: Rig
    outbox: Outbox
    name: str = field(default_factory=lambda: uuid4().hex[:8])

    @property
    def partitions(self) -> int:
        return self.rig.settings.kafka.partitions

    def ask(self, name: str, **fields: str) -> bytes:
        body = {"id": f"{self.name}/{name}", "tenant": TENANT, "prompt": f"What is {name}?", **fields}
        return json.dumps(body).encode()

    def sign(self, value: bytes, key: Issued = GOOD, at: float | None = None) -> Publication:
        signer = Signer(key.key, lambda: time.time() if at is None else at)
        return signer.signed(REQUESTS.name, Publication(value, TENANT.encode()))

    async def send(self, message: Publication, partition: int | None = None) -> str:
        """Send a message; return its place as dead letters name it."""
        home = home_partition(TENANT, self.partitions) if partition is None else partition
        (offset,) = await self.outbox.publish(REQUESTS.name, home, [message])
        return f"{REQUESTS.name}/{home}/{offset}/0"

    async def change(self, *facts: KeyIssued) -> tuple[int, int, float]:
        settings = self.rig.settings
        registry, version = await read_version(settings)
        changes = [Change(place_of_fact(fact), registry.key(fact.key_id), fact, "key_changed") for fact in facts]
        return await carry_out(settings, changes, Who("tester", "a test"), version)

    async def letters(self) -> dict[str, str]:
        """Return the code of each dead letter by its place."""
        found = {}
        async for records in read_tail(self.rig.settings.kafka, self.rig.starts(DEADLETTER.name)):
            for record in records:
                letter = json.loads(record.value or b"")
                found[letter["id"]] = letter["code"]
        return found

    async def audits(self) -> dict[str, str]:
        """Return the reason of each refusal by its subject."""
        found = {}
        async for records in read_tail(self.rig.settings.kafka, self.rig.starts(AUDIT.name)):
            for record in records:
                audit = json.loads(record.value or b"")
                if audit["action"] == "message_refused":
                    found[audit["subject"]] = audit["reason"]
        return found

    async def refused(self, *places: str) -> dict[str, str]:
        """Wait until these messages are refused; return their codes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not set(places) <= (letters := await self.letters()).keys():  # noqa: ASYNC110 - other processes
                await asyncio.sleep(EVERY_SECONDS)
        return {place: letters[place] for place in places}

    async def results(self, *names: str) -> dict[str, set[str]]:
        """Wait until these requests have results; return the statuses of each of this test."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answers = await self.rig.answers()
                own = {
                    name.partition("/")[2]: {status for _, status in seen}
                    for name, seen in answers.results.items()
                    if name.startswith(f"{self.name}/")
                }
                if set(names) <= own.keys():
                    return own
                await asyncio.sleep(EVERY_SECONDS)


@pytest.fixture(scope="module")
def unmeasured() -> Iterator[None]:
    """Start processes without coverage: one test is about a second, and measuring halves what workers do in it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)]
)
async def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, unmeasured: None
) -> AsyncIterator[Desk]:
    """A system on each broker in turn, started once for all tests here."""
    kind, folder = request.param, tmp_path_factory.mktemp("system")
    if kind == "apache":
        request.getfixturevalue("kafka_jars")
    async with (
        started_broker(kind, folder) as bootstrap,
        running(folder, bootstrap, kind, workers=WORKERS, latency_seconds=0.01, governance=GOVERNANCE) as rig,
    ):
        kafka = rig.settings.kafka
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(await present_workers(kafka, time.time())) < WORKERS:  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.1)
        async with Outbox(kafka) as outbox:
            found = Desk(rig, outbox)
            know, there, _ = await found.change(*(key.fact for key in KEYS.values()))
            assert (know, there) == (WORKERS, WORKERS)
            yield found


@pytest.fixture
def desk(system: Desk) -> Desk:
    """Whose requests have names of their own."""
    return replace(system, name=uuid4().hex[:8])


async def test_each_fault_is_refused_with_its_code_and_audited_and_what_is_valid_is_served(desk: Desk) -> None:
    served = [f"valid-{number}" for number in range(20)]
    replayed = desk.sign(desk.ask("replayed"))
    faults = {
        "unsigned_request": Publication(desk.ask("target"), TENANT.encode()),
        "unknown_key": desk.sign(desk.ask("target"), issue("nobody", TENANT)),
        "bad_signature": desk.sign(desk.ask("target"))._replace(value=desk.ask("target", prompt="changed")),
        "clock_skew": desk.sign(desk.ask("target"), at=time.time() - GOVERNANCE.clock_skew_seconds - 60),
        "replayed_signature": replayed,
        "revoked_key": desk.sign(desk.ask("target"), KEYS["revoked"]),
        "expired_key": desk.sign(desk.ask("target"), KEYS["expired"]),
        "wrong_scope": desk.sign(desk.ask("target"), KEYS["analyst"]),
        "wrong_tenant": desk.sign(desk.ask("target"), KEYS["foreign"]),
    }
    await desk.send(replayed)
    places = {}
    for (code, message), name in zip(faults.items(), served, strict=False):
        await desk.send(desk.sign(desk.ask(name)))
        places[await desk.send(message)] = code
    rest = b"[" + b",".join(desk.ask(name) for name in served[len(faults) :]) + b"]"
    await desk.send(desk.sign(rest, KEYS["fresh"]))  # during a rotation both keys are good
    assert await desk.refused(*places) == places
    reasons = await desk.audits()
    assert {place: reasons[place].partition(":")[0] for place in places} == places
    await desk.send(desk.sign(desk.ask("target")))
    expected = (*served, "replayed", "target")
    assert await desk.results(*expected) == {name: {"completed"} for name in expected}


async def test_a_revoked_key_is_refused_by_every_worker_within_a_second(
    desk: Desk, record_property: Callable[[str, object], None]
) -> None:
    """Whoever runs beside this test may take the cores from the workers for a second, but hardly three times."""
    for number in range(ATTEMPTS):
        late, seconds = await revoked(desk, KEYS[f"doomed{number}"])
        if late < SECOND:
            break
    record_property("revocation_seconds", round(max(0.0, late), 3))
    record_property("known_to_workers_seconds", round(seconds, 3))
    assert late < SECOND


async def revoked(desk: Desk, doomed: Issued) -> tuple[float, float]:
    """Revoke a key while requests signed with it pour in.

    Returns:
        After how many seconds the last one was sent that was let in, and after how many all workers knew.
    """
    sent: list[tuple[str, float]] = []
    name = doomed.fact.key_id

    async def send_everywhere(when: str) -> list[str]:
        places = []
        for partition in range(desk.partitions):  # each worker has some: whoever gets it checks it
            at = time.time()
            places.append(await desk.send(desk.sign(desk.ask(f"{name}-{when}-{partition}"), doomed), partition))
            sent.append((places[-1], at))
        return places

    await send_everywhere("before")
    await desk.results(*(f"{name}-before-{partition}" for partition in range(desk.partitions)))
    changed = doomed.fact.model_copy(update={"revoked_at": datetime.now(UTC)})
    telling = asyncio.ensure_future(desk.change(changed))
    began, number = time.time(), 0
    while time.time() < began + 2 * SECOND:
        await send_everywhere(f"after-{number}")
        number += 1
        await asyncio.sleep(EVERY_SECONDS)
    know, there, seconds = await telling
    assert (know, there) == (WORKERS, WORKERS)
    last = await send_everywhere("last")  # whatever else happened, it is refused; and all before it is judged then
    assert await desk.refused(*last) == dict.fromkeys(last, "revoked_key")
    letters = await desk.letters()
    return max(at - began for place, at in sent if letters.get(place) != "revoked_key"), seconds


async def test_an_overlap_ends_when_the_old_key_expires(desk: Desk) -> None:
    aged = AGING.fact.model_copy(update={"expires_at": datetime.now(UTC) - timedelta(seconds=1)})
    await desk.send(desk.sign(desk.ask("old-in-time"), AGING))
    await desk.results("old-in-time")
    await desk.change(aged)
    place = await desk.send(desk.sign(desk.ask("old-too-late"), AGING))
    await desk.send(desk.sign(desk.ask("new"), KEYS["next"]))
    assert await desk.refused(place) == {place: "expired_key"}
    assert await desk.results("new") == {"old-in-time": {"completed"}, "new": {"completed"}}
