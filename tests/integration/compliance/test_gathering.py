"""The report's figures, asked of the real engine about events as they stand in the archive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition

from agents.governance.compliance.evidence import Evidence, gather
from agents.governance.compliance.judgements import Verdict, encryption, integrity, minimisation, processors
from agents.governance.compliance.page import page
from agents.governance.compliance.report import report
from schemas.result import Status
from schemas.settings import ProviderSettings, Settings
from schemas.wire import AuditRecord, ProblemRecord
from streams.audits import access_audit
from streams.envelope import Publication, cloud_event
from streams.outcomes import rejection_audit
from streams.sink.block import COLUMNS, Block, encode
from streams.topics import AUDIT, GOVERNANCE, REQUESTS, RESULTS, USAGE
from streams.warehouse.client import Warehouse
from tests.integration.sink.events import START, TENANT, request_body, result_event, usage_event
from tests.unit.sink.records import record

ANSWERS, OTHERS = 6, 4
UNTIL = START + timedelta(days=1)
AT_MS = int(START.timestamp() * 1000)


async def archive(warehouse: Warehouse, topic: str, events: list[Publication], partition: int = 0) -> None:
    place = TopicPartition(topic, partition)
    records = [record(n, event.value, tuple(event.headers), event.key, place) for n, event in enumerate(events)]
    for one in records:
        one.timestamp = AT_MS + one.offset
    block = Block({place: records})
    await warehouse.insert("archive_store", COLUMNS, encode("log-1", block.in_order()), {"async_insert": 0})


def audit_event(audit: AuditRecord) -> Publication:
    return cloud_event(AUDIT, audit.id, audit.tenant, audit.occurred_at, msgspec.json.encode(audit))


def enriched(event: Publication, **fields: object) -> Publication:
    """Return an event with fields that only later releases write."""
    return event._replace(value=msgspec.json.encode(msgspec.json.decode(event.value or b"") | fields))


def fact(key: str, **fields: object) -> Publication:
    return Publication(msgspec.json.encode({"tenant": TENANT, **fields}), key.encode())


@pytest.fixture
async def written(settings: Settings, warehouse: Warehouse) -> Settings:
    """Events of `demo`, and of another tenant who must not be counted."""
    results = [result_event(number) for number in range(ANSWERS)]
    results[0] = enriched(results[0], sealed={"key_id": "k"}, user="amara")
    results[1] = enriched(results[1], personal_data={"email": 2, "iban": 1}, user="noor")
    results[2] = enriched(results[2], personal_data={"email": 1})
    others = [result_event(number, tenant="other") for number in range(100, 100 + OTHERS)]
    await archive(warehouse, RESULTS.name, [*results, *others])
    bulk = b"[" + b",".join(request_body(number) for number in range(ANSWERS)) + b"]"
    signed = Publication(request_body(ANSWERS), TENANT.encode(), [("asahi-signature", b"00")])
    await archive(warehouse, REQUESTS.name, [Publication(bulk, TENANT.encode()), signed])
    await archive(warehouse, USAGE.name, [usage_event(number) for number in range(ANSWERS)])
    problem = ProblemRecord("unknown_field", "promt", "correct it")
    at = START.timestamp()
    audits = [rejection_audit(TENANT, f"r{number}", problem, at) for number in range(3)]
    audits += [
        access_audit("dead_letter_shown", "a/0/1", tenant=TENANT, reason="ticket", actor="amara", at=START),
        access_audit("result_opened", "r1", tenant=TENANT, reason=None, actor="noor", at=START),
        access_audit("data_key_destroyed", "amara", tenant=TENANT, reason="asked for", actor="noor", at=START),
        access_audit("data_key_destroyed", "x", tenant="other", reason="asked for", actor="noor", at=START),
        access_audit("result_opened", "r2", tenant=TENANT, reason="late", actor="noor", at=UNTIL),
    ]
    await archive(warehouse, AUDIT.name, [audit_event(audit) for audit in audits])
    old, new = ({"retention_days": days, "personal_data": "redact"} for days in (5, 3650))
    key = {"key_id": "k1", "user": "amara", "issued_at": "2026-11-01T00:00:00Z"}
    await archive(
        warehouse,
        GOVERNANCE.name,
        [
            fact(TENANT, reference_model="big", policy=old),
            fact(TENANT, reference_model="big", policy=new),
            fact(f"{TENANT}/key/k1", **key),
            fact(f"{TENANT}-2/key/k2", **key),
        ],
    )
    providers = {"simulated": ProviderSettings(kind="simulated", region="eu-central-1")}
    return settings.model_copy(update={"providers": providers})


async def gathered(settings: Settings, until: datetime = UNTIL) -> Evidence:
    return await gather(settings, TENANT, START - timedelta(days=1), until, UNTIL, None)


async def test_a_tenant_s_figures_are_counted_and_nobody_else_s(written: Settings) -> None:
    found = await gathered(written)
    (completed,) = found.results
    assert (completed["status"], completed["results"], completed["naming_user"]) == (Status.COMPLETED, ANSWERS, 2)
    assert (found.requests, found.without_result) == (ANSWERS + 1, 1)
    assert (found.messages, found.signed) == (2, 1)
    assert found.with_content == (ANSWERS + ANSWERS + 1, 1)
    assert found.regions == {"simulated": "eu-central-1"}
    assert {row["kind"]: row["found"] for row in found.personal_data} == {"email": 3, "iban": 1}
    assert [(row["code"], row["times"]) for row in found.rejections] == [("unknown_field", 3)]
    assert {(row["action"], row["without_reason"]) for row in found.accesses} == {
        ("dead_letter_shown", 0),
        ("result_opened", 1),
    }
    assert sum(row["times"] for row in found.erasures) == 1
    assert found.retention_days == 3650, "the newest fact holds"
    assert (found.keys.active, found.keys.without_expiry) == (1, 1)
    assert found.oldest_days == pytest.approx(1.0, abs=0.01)
    assert {row["name"] for row in found.tables} >= {"archive_store", "results_store"}


async def test_the_figures_judge_and_are_printed(written: Settings) -> None:
    found = await gathered(written)
    verdicts = [judge(found).verdict for judge in (encryption, integrity, minimisation, processors)]
    assert verdicts == [Verdict.GAP, Verdict.GAP, Verdict.EVIDENCE, Verdict.EVIDENCE]
    document: dict[str, Any] = report(found)
    assert msgspec.json.decode(msgspec.json.encode(document)) == document
    assert "eu-central-1" in page(document)


async def test_what_lies_outside_the_period_is_left_out(written: Settings) -> None:
    found = await gathered(written, until=START - timedelta(hours=1))
    assert (found.requests, found.results, found.accesses, found.rejections) == (0, [], [], [])
    assert found.oldest_days is not None, "what is still kept counts, however old"


async def test_a_tenant_of_whom_nothing_is_known(settings: Settings) -> None:
    found = await gather(settings, "nobody", START, UNTIL, UNTIL, None)
    assert (found.with_content, found.oldest_days, found.policy) == ((0, 0), None, {})
    assert encryption(found).figure == "none"


async def test_a_table_s_time_limit_is_read_from_the_table(settings: Settings, warehouse: Warehouse) -> None:
    await warehouse.command("ALTER TABLE results_store MODIFY TTL toDateTime(timestamp) + INTERVAL 30 DAY")
    found = await gather(settings, TENANT, START, UNTIL, UNTIL, None)
    limits = {row["name"]: row["ttl"] for row in found.tables}
    assert "toIntervalDay(30)" in limits["results_store"]
    assert limits["archive_store"] == ""
