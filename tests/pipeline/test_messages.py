"""Messages as producers send them: in bulk, twice, to the wrong partition, and broken."""

from __future__ import annotations

import asyncio
from base64 import b64decode

import pytest

from streams.envelope import header
from streams.partitioning import home_partition
from streams.topics import REQUESTS, RESULTS
from tests.memory.cluster import Cluster
from tests.pipeline.rig import PARTITIONS, Rig, ask, serve, settings
from tests.unit.providers.virtual_time import run

COMMON = settings()


def bulk(*elements: bytes) -> bytes:
    return b"[" + b",".join(elements) + b"]"


def test_a_bulk_message_is_answered_request_by_request() -> None:
    rig = serve(Rig(COMMON), bulk(*(ask(f"r{number}") for number in range(40))))
    assert rig.statuses() == {f"r{number}": "completed" for number in range(40)}


def test_a_bad_element_harms_no_other() -> None:
    bad = ask("r2", sampling={"temperature": "hot"})
    rig = serve(Rig(COMMON), bulk(ask("r1"), bad, b'{"prompt": "nobody asks"}', b"7", ask("r3")))
    assert rig.statuses() == {"r1": "completed", "r2": "rejected", "r3": "completed"}
    letters = rig.dead_letters()
    assert [letter["id"] for letter in letters] == ["asahi.requests/0/0/2", "asahi.requests/0/0/3"]
    assert [b64decode(letter["value_base64"]) for letter in letters] == [b'{"prompt": "nobody asks"}', b"7"]
    assert all(letter["stage"] == "governance" for letter in letters)


BROKEN = {
    "empty": b"",
    "cut off": b"{",
    "binary": b"\x00\xff",
    "no request": b"[]",
    "null": b"null",
    "deep": b"[" * 5000,
}


@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN)
def test_what_has_no_readable_id_is_a_dead_letter_and_the_worker_goes_on(value: bytes) -> None:
    rig = serve(Rig(COMMON), value, ask("r1"))
    assert rig.statuses() == {"r1": "completed"}
    [letter] = rig.dead_letters()
    assert letter["reason"]
    assert letter["remedy"]


def test_a_key_of_another_tenant_is_a_rejection_at_the_keys_tenant() -> None:
    async def test() -> Rig:
        rig = Rig(COMMON)
        cluster = rig.cluster()
        await cluster.join()
        cluster.submit(ask("r1", "acme"), "zeta")
        await cluster.drained()
        return rig

    [result] = run(test()).results()["r1"]
    assert (result["status"], result["error"]["code"], result["tenant"]) == ("rejected", "key_mismatch", "zeta")


def test_a_finished_request_sent_again_gets_its_result_again_byte_for_byte_and_is_not_paid_twice() -> None:
    rig = serve(Rig(COMMON), ask("r1"), ask("r1"), pause=1.0)
    first, again = rig.raw_results()["r1"]
    assert (first.value, first.key, first.headers) == (again.value, again.key, again.headers)
    assert len(rig.asked) == len(rig.usages()) == 1


@pytest.mark.parametrize("pause", [0.0, 0.01], ids=["in one delivery", "under way"])
def test_a_request_sent_again_before_its_result_is_answered_once(pause: float) -> None:
    rig = serve(Rig(COMMON), *[ask("r1")] * 4, pause=pause)
    assert rig.statuses() == {"r1": "completed"}
    assert len(rig.asked) == 1


def test_a_rejected_request_sent_again_gets_its_rejection_again() -> None:
    rig = serve(Rig(COMMON), *[ask("r1", sampling={"temperature": "hot"})] * 2, pause=1.0)
    first, again = rig.raw_results()["r1"]
    assert first.value == again.value
    assert len(rig.audits()) == 1


OTHERS = {"another": ask("r1", prompt="something else"), "invalid": ask("r1", mode="autopilate")}


@pytest.mark.parametrize("pause", [0.0, 1.0], ids=["under way", "finished"])
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_body_under_a_known_id_is_a_dead_letter(other: bytes, pause: float) -> None:
    rig = serve(Rig(COMMON), ask("r1"), other, pause=pause)
    assert rig.statuses() == {"r1": "completed"}
    [letter] = rig.dead_letters()
    assert letter["code"] == "request_id_conflict"
    assert letter["field"] == "id"
    assert b64decode(letter["value_base64"]) == other


def test_equal_ids_of_two_tenants_are_two_requests() -> None:
    rig = serve(Rig(COMMON), ask("r1", "acme"), ask("r1", "zeta"))
    results = rig.results()["r1"]
    assert {result["tenant"]: result["status"] for result in results} == {"acme": "completed", "zeta": "completed"}


def test_a_request_at_the_wrong_partition_is_forwarded_to_its_home_with_its_headers() -> None:
    home = home_partition("acme", PARTITIONS)

    async def test() -> Rig:
        rig = Rig(COMMON)
        cluster: Cluster = rig.cluster()
        await cluster.join()
        elements = [ask("r1"), ask("r2", "zeta"), ask("r3")]
        cluster.submit(bulk(*elements), None, (home + 1) % PARTITIONS)
        await cluster.drained()
        return rig

    rig = run(test())
    assert rig.statuses() == dict.fromkeys(("r1", "r2", "r3"), "completed")
    assert {record.partition for record in rig.broker.topic(RESULTS.name) if record.key == b"acme"} == {home}
    forwarded = [record for record in rig.broker.topic(REQUESTS.name) if record.key is not None]
    assert [(record.partition, record.key, record.value) for record in forwarded] == [
        (home, b"acme", ask("r1")),
        (home, b"acme", ask("r3")),
    ]


def test_a_result_that_retention_has_dropped_is_made_again() -> None:
    async def test() -> Rig:
        rig = Rig(COMMON)
        cluster = rig.cluster()
        await cluster.join()
        cluster.submit(ask("r1", cache={"directive": "bypass"}), "acme")
        await cluster.drained()
        rig.broker.forget(RESULTS.name, home_partition("acme", PARTITIONS), before=1)
        cluster.submit(ask("r1", cache={"directive": "bypass"}), "acme")
        await asyncio.sleep(1)
        await cluster.drained()
        return rig

    rig = run(test())
    assert rig.statuses() == {"r1": "completed"}
    assert len(rig.asked) == 2


def test_results_are_cloud_events_keyed_by_tenant() -> None:
    rig = serve(Rig(COMMON), ask("r1"))
    [record] = rig.raw_results()["r1"]
    assert record.key == b"acme"
    assert header(record.headers, "ce_type") == b"asahi.result.produced.v1"
    assert header(record.headers, "ce_source") == b"asahi/acme"
    assert header(record.headers, "ce_time") is not None
