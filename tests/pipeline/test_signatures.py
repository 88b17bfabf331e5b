"""Signed messages in the whole pipeline: each fault beside valid traffic, forwards, replays and take-overs."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st
from pydantic import SecretStr

from agents.governance.keys import Issued
from schemas.governance import Scope
from schemas.settings import GovernanceSettings, Signatures
from streams.envelope import Publication
from streams.partitioning import home_partition
from streams.signing import Signer
from streams.topics import REQUESTS, RESULTS
from streams.vouchers import VOUCHER_HEADER
from tests.memory.cluster import Cluster, Event, Fate
from tests.pipeline.rig import PARTITIONS, Rig, ask, settings
from tests.pipeline.test_crash_law import delays, kills, moves, some
from tests.unit.governance.keys import issue
from tests.unit.providers.virtual_time import clock, run

SKEW = 30.0
COMMON = settings(
    governance=GovernanceSettings(
        signatures=Signatures.REQUIRED,
        master_key=SecretStr(b64encode(bytes(range(32))).decode()),
        clock_skew_seconds=SKEW,
    )
)
HOME = home_partition("acme", PARTITIONS)
AWAY = (HOME + 1) % PARTITIONS
START = datetime.fromtimestamp(0, UTC)
GOOD = issue("good")
OF_AMARA = issue("amara", user="amara")
REVOKED = issue("revoked", revoked_at=START)
EXPIRED = issue("expired", expires_at=START + timedelta(seconds=1))
ANALYST = issue("analyst", scopes=(Scope.ANALYST,))
FOREIGN = issue("foreign", tenant="zeta")
KEYS = (GOOD, OF_AMARA, REVOKED, EXPIRED, ANALYST, FOREIGN)


def sign(value: bytes, key: Issued = GOOD, tenant: str | None = "acme", at: float | None = None) -> Publication:
    message = Publication(value, None if tenant is None else tenant.encode())
    return Signer(key.key, lambda: clock() if at is None else at).signed(REQUESTS.name, message)


def signed_rig(**fields: Any) -> Rig:
    facts = [(f"{key.fact.tenant}/key/{key.fact.key_id}", key.fact) for key in KEYS]
    return Rig(COMMON, facts=[(name.encode(), fact.model_dump_json().encode()) for name, fact in facts], **fields)


def send(cluster: Cluster, message: Publication, partition: int = HOME) -> None:
    cluster.machine.broker.append(REQUESTS.name, partition, [message])


def codes(rig: Rig) -> dict[str, str]:
    """Return the codes of the dead letters by place."""
    return {letter["id"]: letter["code"] for letter in rig.dead_letters()}


FAULTS: dict[str, Callable[[], Publication]] = {
    "unsigned_request": lambda: Publication(ask("target"), b"acme"),
    "unknown_key": lambda: sign(ask("target"), issue("never heard of")),
    "bad_signature": lambda: sign(ask("target"))._replace(value=ask("target", prompt="changed")),
    "clock_skew": lambda: sign(ask("target"), at=clock() - SKEW - 1),
    "revoked_key": lambda: sign(ask("target"), REVOKED),
    "expired_key": lambda: sign(ask("target"), EXPIRED),
    "wrong_scope": lambda: sign(ask("target"), ANALYST),
    "wrong_tenant": lambda: sign(ask("target"), FOREIGN),
}


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_is_refused_and_audited_and_cannot_end_the_request_it_names(code: str) -> None:
    rig = signed_rig()

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        await asyncio.sleep(60)
        send(cluster, sign(b"[" + ask("r1") + b"," + ask("r2") + b"]"))
        send(cluster, FAULTS[code]())
        send(cluster, sign(ask("r3")))
        await cluster.drained()
        send(cluster, sign(ask("target")))  # the true one comes later, and is served
        await cluster.drained()

    run(test())
    assert rig.statuses() == dict.fromkeys(("r1", "r2", "r3", "target"), "completed")
    assert codes(rig) == {f"{REQUESTS.name}/{HOME}/1/0": code}
    [audit] = rig.audits()
    assert (audit["action"], audit["subject"]) == ("message_refused", f"{REQUESTS.name}/{HOME}/1/0")
    assert audit["reason"].startswith(f"{code}: ")


def test_a_replay_is_refused_whatever_partition_it_comes_to_and_the_first_is_served_once() -> None:
    rig = signed_rig()

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        message = sign(ask("r1"))
        for partition in (HOME, HOME, AWAY):
            send(cluster, message, partition)
            await cluster.drained()

    run(test())
    assert rig.statuses() == {"r1": "completed"}
    assert len(rig.asked) == 1
    assert list(codes(rig).values()) == ["replayed_signature"] * 2
    assert len(rig.audits()) == 2


def test_the_key_and_its_user_accompany_the_request_to_its_result() -> None:
    rig = signed_rig()

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        send(cluster, sign(ask("r1"), OF_AMARA))
        send(cluster, sign(ask("r2", user="bela"), OF_AMARA))
        await cluster.drained()

    run(test())
    results = rig.results()
    assert (results["r1"][0]["status"], results["r1"][0]["user"]) == ("completed", "amara")
    assert (results["r2"][0]["status"], results["r2"][0]["error"]["code"]) == ("rejected", "wrong_user")
    assert rig.passengers()["r1"].key_id == OF_AMARA.fact.key_id


def test_a_message_at_the_wrong_partition_is_forwarded_with_its_proof() -> None:
    rig = signed_rig()

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        array = b"[" + ask("r1") + b"," + ask("bad", sampling={"temperature": "hot"}) + b"," + ask("r2") + b"]"
        send(cluster, sign(array, tenant=None), AWAY)
        await cluster.drained()

    run(test())
    assert rig.statuses() == {"r1": "completed", "r2": "completed", "bad": "rejected"}
    assert {record.partition for record in rig.broker.topic(RESULTS.name)} == {HOME}
    assert codes(rig) == {}
    forwarded = [record for record in rig.broker.topic(REQUESTS.name) if record.partition == HOME]
    assert len(forwarded) == 3
    assert all(dict(record.headers)[VOUCHER_HEADER] for record in forwarded)


def test_a_replay_in_the_tail_is_known_after_a_take_over() -> None:
    rig = signed_rig()

    async def test() -> None:
        cluster = rig.cluster()
        first = await cluster.join()
        old = sign(ask("r1"))
        send(cluster, old)
        for number in range(40):
            send(cluster, sign(ask(f"other-{number}")))
        await cluster.drained()
        cluster.kill(first, Event(0, Fate.KILLED))
        await cluster.drained()
        rig.broker.forget(RESULTS.name, HOME, before=30)  # nobody knows the request any more
        send(cluster, old)
        await cluster.drained()

    run(test())
    assert list(codes(rig).values()) == ["replayed_signature"]
    assert len([one for one in rig.asked if one.request_id == "r1"]) == 1


def test_a_forgotten_signature_is_too_old() -> None:
    rig = signed_rig()

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        old = sign(ask("r1"))
        send(cluster, old)
        await cluster.drained()
        await asyncio.sleep(SKEW + 1)
        send(cluster, old)
        await cluster.drained()

    run(test())
    assert list(codes(rig).values()) == ["clock_skew"]


def test_a_message_that_waited_for_workers_for_a_day_is_served() -> None:
    rig = signed_rig()

    async def test() -> None:
        cluster = rig.cluster()
        send(cluster, sign(ask("r1")))
        await asyncio.sleep(86_400)
        await cluster.join()
        await cluster.drained()

    run(test())
    assert rig.statuses() == {"r1": "completed"}


def test_dead_letters_say_nothing_that_a_stranger_may_not_know() -> None:
    rig = signed_rig()

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        for make in FAULTS.values():
            send(cluster, make())
        await cluster.drained()

    run(test())
    said = msgspec.json.encode([rig.audits(), [letter["reason"] for letter in rig.dead_letters()]]).decode()
    assert all(key.key.secret not in said and key.key.signing_key().hex() not in said for key in KEYS)


copies = st.lists(st.tuples(st.integers(0, 9), st.integers(0, PARTITIONS - 1)), max_size=6)


@settings_of(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(copies, some(kills, moves), delays)
def test_whoever_dies_when_the_first_is_served_and_every_copy_is_refused(
    copied: list[tuple[int, int]], events: list[Event], waits: list[float]
) -> None:
    rig = signed_rig(fetch_records=3)

    async def test() -> None:
        cluster = rig.cluster(events=events, delays=tuple(waits))
        await cluster.join()
        originals = [sign(b"[" + ask(f"a{number}") + b"," + ask(f"b{number}") + b"]") for number in range(10)]
        for message in originals:
            send(cluster, message)
        for number, partition in copied:
            await asyncio.sleep(0.02)
            send(cluster, originals[number], partition)
        await cluster.drained()

    run(test())
    assert rig.results().keys() == {f"{letter}{number}" for letter in "ab" for number in range(10)}
    for results in rig.results().values():
        assert all(result == results[0] for result in results)
        assert results[0]["status"] == "completed"
    letters = codes(rig)
    assert set(letters.values()) <= {"replayed_signature"}
    assert len(letters) >= len(copied)
    assert not letters.keys() & {f"{REQUESTS.name}/{HOME}/{offset}/0" for offset in range(10)}
