"""After the broker forgot everything: what must come back does, once, and nothing else."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterable

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from agents.governance.budgets.periods import start_of
from agents.governance.secrets import Purpose
from agents.governance.signatures.entrance import GuardedEntrance
from agents.governance.signatures.verifier import Verifier
from schemas.balances import Balances
from schemas.errors import WarehouseError
from schemas.governance import TeamRegistered, UserRegistered
from schemas.policy import Period
from schemas.settings import ClickHouseSettings, GovernanceSettings, IntakeSettings, Settings, Signatures
from schemas.tenant import TenantRegistered
from schemas.wire import DeadLetterRecord
from streams.archive import restore
from streams.envelope import RESTORED_HEADER, Publication, cloud_event
from streams.outcomes import DeadLetter, Ok
from streams.partitioning import home_partition
from streams.records import Record
from streams.signing import Signer
from streams.tail import read_tail
from streams.topics import AUDIT, BALANCES, DEADLETTER, GOVERNANCE, REQUESTS, RESULTS, USAGE, Topic
from streams.vouchers import Vouching
from streams.warehouse.client import Warehouse
from tests.integration.sink.events import COST, START, TENANT, bulk, publish, request_body, result_event, usage_event
from tests.integration.sink.logs import PARTITIONS
from tests.integration.sink.running import eventually, running
from tests.integration.warehouse.databases import count
from tests.unit.governance.keys import MASTER, RING, issue, registry_of

HOME = home_partition(TENANT, PARTITIONS)


async def archive_all(settings: Settings, warehouse: Warehouse, events: int) -> None:
    """Run a sink until the archive holds so many events."""

    async def there() -> bool:
        return await count(warehouse, "archive") >= events

    async with running(settings):
        await eventually(there, f"{events} archived")


async def on_log(settings: Settings, topic: Topic) -> list[Record]:
    starts = {(topic.name, partition): 0 for partition in range(topic.partitions(settings.kafka))}
    return [record async for records in read_tail(settings.kafka, starts) for record in records]


def ids(values: Iterable[bytes | None]) -> list[str]:
    """Return the ids of all requests in messages, in order."""
    found = []
    for value in values:
        decoded = msgspec.json.decode(value or b"")
        found += [each["id"] for each in (decoded if isinstance(decoded, list) else [decoded])]
    return found


def fact(tenant: str, model: str) -> Publication:
    value = TenantRegistered(tenant=tenant, reference_model=model).model_dump_json().encode()
    return Publication(value, tenant.encode())


async def test_unfinished_requests_come_back_as_they_were_sent(
    old: Settings, new: Settings, warehouse: Warehouse
) -> None:
    single = Publication(
        b'{"id": "request-50",  "tenant": "demo"}', b"demo", [("traceparent", b"00-1"), ("ce_id", b"e")]
    )
    finished = Publication(request_body(51), b"demo")
    await publish(
        old, REQUESTS, [bulk(range(10)), single, finished, bulk(range(60, 63)), Publication(b"rubbish", b"demo")]
    )
    await publish(old, RESULTS, [result_event(number) for number in (*range(4), 51, 60, 61, 62)])
    await archive_all(old, warehouse, 13)

    report = await restore(new)

    assert (report.requests, report.results, report.already_there) == (2, 8, 0)
    records = await on_log(new, REQUESTS)
    assert {record.partition for record in records} == {HOME}
    assert ids(record.value for record in records) == [
        *(f"request-{number}" for number in range(4, 10)),
        "request-50",
    ]
    again = records[1]
    assert again.value == single.value
    assert again.key == b"demo"
    headers = dict(again.headers)
    assert headers.pop(RESTORED_HEADER)
    assert headers == {"traceparent": b"00-1", "ce_id": b"e"}


async def test_newest_results_come_back_to_where_their_tenants_live(
    old: Settings, new: Settings, warehouse: Warehouse
) -> None:
    for number in range(30):
        await publish(old, RESULTS, [result_event(number)])
    await archive_all(old, warehouse, 30)
    intake = new.intake.model_copy(update={"recover_results": 20})

    report = await restore(new.model_copy(update={"intake": intake}))

    records = await on_log(new, RESULTS)
    assert report.results == len(records) == 20
    assert ids(record.value for record in records) == [f"request-{number}" for number in range(10, 30)]
    assert {record.partition for record in records} == {HOME}
    assert records[0].value == result_event(10).value
    assert dict(records[0].headers)["ce_id"] == b"request-10"


async def test_newest_fact_about_a_tenant_comes_back(old: Settings, new: Settings, warehouse: Warehouse) -> None:
    facts = [fact("demo", "a"), fact("other", "a"), fact("demo", "b")]
    await publish(old, GOVERNANCE, facts, 0)
    await archive_all(old, warehouse, 3)

    report = await restore(new)

    assert report.facts == 2
    values = {record.key: record.value for record in await on_log(new, GOVERNANCE)}
    assert values == {b"demo": fact("demo", "b").value, b"other": fact("other", "a").value}


async def test_restoring_twice_sends_nothing_twice(old: Settings, new: Settings, warehouse: Warehouse) -> None:
    await publish(old, REQUESTS, [bulk(range(5))])
    await publish(old, RESULTS, [result_event(number) for number in range(2)])
    await publish(old, GOVERNANCE, [fact("demo", "a")], 0)
    await archive_all(old, warehouse, 4)
    first = await restore(new)
    before = [await on_log(new, topic) for topic in (REQUESTS, RESULTS, GOVERNANCE)]

    second = await restore(new)

    assert (first.facts, first.results, first.requests) == (1, 2, 1)
    assert (second.facts, second.results, second.requests, second.already_there) == (0, 0, 0, 4)
    assert [await on_log(new, topic) for topic in (REQUESTS, RESULTS, GOVERNANCE)] == before


async def test_interrupted_restore_goes_on(old: Settings, new: Settings, warehouse: Warehouse) -> None:
    await publish(old, RESULTS, [result_event(number) for number in range(10)])
    await archive_all(old, warehouse, 10)
    await restore(new.model_copy(update={"intake": new.intake.model_copy(update={"recover_results": 4})}))

    report = await restore(new)

    assert (report.results, report.already_there) == (6, 4)
    records = await on_log(new, RESULTS)
    assert sorted(ids(record.value for record in records)) == sorted(f"request-{number}" for number in range(10))


async def test_what_was_restored_and_answered_is_archived_once(
    old: Settings, new: Settings, warehouse: Warehouse
) -> None:
    await publish(old, REQUESTS, [bulk(range(5))])
    await publish(old, RESULTS, [result_event(0)])
    await archive_all(old, warehouse, 2)
    await restore(new)
    await publish(new, RESULTS, [result_event(number) for number in range(1, 5)])
    await archive_all(new, warehouse, 6)
    assert await count(warehouse, "archive") == 6
    assert await count(warehouse, "requests") == 5
    assert await count(warehouse, "results") == 5


async def test_third_log_gets_what_the_first_two_left(
    old: Settings, new: Settings, warehouse: Warehouse, tmp_path: object, clickhouse: ClickHouseSettings
) -> None:
    del tmp_path, clickhouse
    await publish(old, REQUESTS, [bulk(range(3))])
    await archive_all(old, warehouse, 1)
    await restore(new)
    await publish(new, RESULTS, [result_event(0)])
    await publish(new, REQUESTS, [bulk([7])])
    await archive_all(new, warehouse, 3)

    report = await restore(old)  # as if its broker had started once more: it holds what it held

    assert report.requests == 1, "its own three requests are on it still"
    restored = [record for record in await on_log(old, REQUESTS) if RESTORED_HEADER in dict(record.headers)]
    assert ids(record.value for record in restored) == ["request-7"]
    assert report.results == 1


async def test_empty_archive_restores_nothing(new: Settings) -> None:
    report = await restore(new)
    assert (report.facts, report.results, report.requests, report.already_there) == (0, 0, 0, 0)


async def test_request_older_than_the_log_keeps_is_let_go(old: Settings, new: Settings, warehouse: Warehouse) -> None:
    two_hours_ago = int((time.time() - 2 * 3600) * 1000)
    async with AIOKafkaProducer(bootstrap_servers=old.kafka.bootstrap) as producer:
        event = bulk(range(3))
        await producer.send_and_wait(REQUESTS.name, event.value, event.key, timestamp_ms=two_hours_ago)
    await archive_all(old, warehouse, 1)
    kafka = new.kafka.model_copy(update={"retention_hours": 1.0})
    assert (await restore(new.model_copy(update={"kafka": kafka}))).requests == 0
    assert (await restore(new)).requests == 1


async def test_missing_tables_are_an_error(new: Settings, warehouse: Warehouse) -> None:
    await warehouse.command("DROP TABLE archive_store")
    with pytest.raises(WarehouseError):
        await restore(new)
    assert await on_log(new, AUDIT) == []


async def test_what_is_left_of_a_signed_array_is_let_in_again_and_what_was_refused_is_not_restored(
    old: Settings, new: Settings, warehouse: Warehouse
) -> None:
    key = issue("restored", "demo")
    governance = GovernanceSettings(
        signatures=Signatures.REQUIRED, master_key=SecretStr(b64encode(bytes(range(32))).decode())
    )
    long_ago = time.time() - 10 * governance.clock_skew_seconds
    signed = Signer(key.key, time.time).signed(REQUESTS.name, bulk(range(4)))
    stale = Signer(key.key, lambda: long_ago).signed(REQUESTS.name, bulk(range(10, 12)))
    await publish(old, REQUESTS, [signed, stale, bulk(range(20, 22))])
    await publish(old, RESULTS, [result_event(number) for number in range(2)])
    place = (f"{REQUESTS.name}/{HOME}/2/0", REQUESTS.name, HOME, 2)
    letter = DeadLetterRecord(*place, "governance", "unsigned_request", "why", "how", "", 0, START)
    event = cloud_event(DEADLETTER, letter.id, None, START, msgspec.json.encode(letter), key=b"k")
    await publish(old, DEADLETTER, [event])
    await archive_all(old, warehouse, 6)

    await restore(new.model_copy(update={"governance": governance}))

    records = await on_log(new, REQUESTS)
    registry = registry_of(key, tenants=("demo",))
    verifier = Verifier(registry, RING, Vouching(MASTER.subkey(Purpose.VOUCHERS)), governance.clock_skew_seconds)
    entrance = GuardedEntrance(IntakeSettings(), verifier, registry, required=True)
    much_later = time.time() + 60
    outcomes = [outcome for record in records for outcome in entrance.read(record, much_later)]
    assert [outcome.request.id for outcome in outcomes if isinstance(outcome, Ok)] == ["request-2", "request-3"]
    assert [one.problem.code for one in outcomes if isinstance(one, DeadLetter)] == ["clock_skew"]


async def test_budgets_know_what_was_spent_on_earlier_logs(
    old: Settings, new: Settings, warehouse: Warehouse
) -> None:
    await publish(old, USAGE, [usage_event(number) for number in (*range(20), 3, 3)])
    await archive_all(old, warehouse, 22)

    await restore(new)
    await restore(new)

    (record,) = await on_log(new, BALANCES)
    assert (record.key, record.partition) == (b"tenant/demo", HOME)
    note = msgspec.json.decode(record.value or b"", type=Balances)
    (balance,) = note.balances
    assert (balance.kind, balance.name, note.position) == ("tenant", TENANT, 0)
    spent = {(entry.period, entry.start): entry.usd for entry in balance.spent}
    assert spent == {(period, start_of(period, START.timestamp())): 20 * COST for period in Period}


async def test_only_registered_scopes_get_their_spending_back(
    old: Settings, new: Settings, warehouse: Warehouse
) -> None:
    """Anybody may make up users; a note that held all of them would have no bound."""
    registered = {
        "demo/team/search": TeamRegistered(tenant=TENANT, team="search"),
        "demo/user/amara": UserRegistered(tenant=TENANT, user="amara", team="search"),
    }
    facts = [Publication(one.model_dump_json().encode(), key.encode()) for key, one in registered.items()]
    gone = Publication(UserRegistered(tenant=TENANT, user="gone").model_dump_json().encode(), b"demo/user/gone")
    await publish(old, GOVERNANCE, [fact("demo", "a"), *facts, gone, Publication(None, gone.key)], 0)
    users = ["amara", "gone", *(f"made-up-{number}" for number in range(5))]
    usage = [usage_event(number, user=user, team="search", key_id="k1") for number, user in enumerate(users)]
    await publish(old, USAGE, usage)
    await archive_all(old, warehouse, 12)

    await restore(new)

    (record,) = await on_log(new, BALANCES)
    note = msgspec.json.decode(record.value or b"", type=Balances)
    spent = {(one.kind, one.name): one.spent[0].usd for one in note.balances}
    assert spent == {("tenant", TENANT): 7 * COST, ("team", "search"): 7 * COST, ("user", "amara"): COST}
