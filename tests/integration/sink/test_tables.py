"""What analysts read of what was sent."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec

from agents.routing.surveys import with_surveys
from schemas.result import Result, Status
from schemas.settings import Settings
from schemas.wire import AuditRecord, DeadLetterRecord
from streams.envelope import RESTORED_HEADER, Publication, cloud_event
from streams.surveys import survey_event
from streams.topics import AUDIT, DEADLETTER, FEEDBACK, GOVERNANCE, REQUESTS, RESULTS, SURVEYS, USAGE
from streams.warehouse.client import Row, Warehouse
from tests.integration.sink.events import (
    BASELINE,
    COST,
    START,
    SURVEY,
    TENANT,
    bulk,
    publish,
    request_body,
    result,
    result_event,
    survey_record,
    usage_event,
)
from tests.integration.sink.running import eventually, running
from tests.integration.warehouse.databases import count


async def archived(settings: Settings, warehouse: Warehouse, events: int) -> None:
    """Run a sink until the archive holds so many events."""

    async def there() -> bool:
        return await count(warehouse, "archive") >= events

    async with running(settings):
        await eventually(there, f"{events} archived")


async def only(warehouse: Warehouse, table: str) -> Row:
    (row,) = await warehouse.rows(f"SELECT * FROM {table}")
    return row


async def test_result_is_told_in_full_and_exactly(settings: Settings, warehouse: Warehouse) -> None:
    await publish(settings, RESULTS, [result_event(7)])
    await archived(settings, warehouse, 1)
    row = await only(warehouse, "results")
    assert row["id"] == "request-7"
    assert (row["tenant"], row["status"], row["model"], row["provider"]) == (
        "demo",
        "completed",
        "small",
        "simulated",
    )
    assert (row["cost_usd"], row["baseline_cost_usd"], row["saved_usd"]) == (COST, BASELINE, BASELINE - COST)
    assert row["savings_usd"] == {"routing": BASELINE - COST}
    tokens = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
    assert [row[name] for name in tokens] == [100, 40, 20, 5]
    assert row["stages_ms"] == {"governance": 0.1, "providers": 4.9}
    assert (row["tags"], row["lane"], row["finish_reason"]) == ({"job": "nightly"}, "bulk", "stop")
    assert (row["decision_rule"], row["expected_cost_usd"], row["predicted_quality"]) == (
        "cheapest",
        Decimal("0.000001"),
        0.9,
    )
    assert row["decision_survey"] == SURVEY
    assert row["output_bytes"] == len("answer 7")
    assert row["cache_age_seconds"] is None
    assert (row["received_at"] - START.replace(tzinfo=None)).total_seconds() == 0.007
    assert row["latency_ms"] == 5.0


async def test_survey_is_told_in_full_and_once_however_often_it_came(
    settings: Settings, warehouse: Warehouse
) -> None:
    record = survey_record()
    again = msgspec.structs.replace(record, taken_at=START + timedelta(days=1))
    await publish(
        settings, SURVEYS, [survey_event(record), survey_event(again), survey_event(survey_record(tenant="zeta"))]
    )
    await archived(settings, warehouse, 3)
    row, other = await warehouse.rows("SELECT * FROM surveys ORDER BY tenant")
    assert (row["id"], row["tenant"], row["models"], other["tenant"]) == (SURVEY, "demo", "2026-11-20/ab", "zeta")
    figures = ("quality", "cost_usd", "cached_input_tokens", "output_tokens", "calls")
    assert {name: tuple(expected[figure] for figure in figures) for name, expected in row["candidates"].items()} == {
        "small": (0.9, Decimal("0.000001"), 0, None, 1.0),
        "large": (0.95, BASELINE, 7, 20, 1.5),
    }
    assert row["lost"] == {"large": "costs more", "odd": "no tools"}
    assert row["taken_at"] == START.replace(tzinfo=None)


async def test_decisions_are_made_whole_with_the_surveys_of_their_tenant(
    settings: Settings, warehouse: Warehouse
) -> None:
    await publish(settings, SURVEYS, [survey_event(survey_record())])
    await archived(settings, warehouse, 1)
    ours, theirs = (
        Result.model_validate_json(msgspec.json.encode(result(number, tenant=tenant)))
        for number, tenant in enumerate((TENANT, "zeta"))
    )
    bare = ours.model_copy(update={"decision": None})
    whole, unknown, left = await with_surveys(warehouse, [ours, theirs, bare])
    assert whole.decision is not None
    assert (set(whole.decision.candidates), set(whole.decision.lost)) == ({"small", "large"}, {"large", "odd"})
    assert (unknown, left) == (theirs, bare)


async def test_same_event_again_counts_once(settings: Settings, warehouse: Warehouse) -> None:
    await publish(settings, RESULTS, [result_event(1), result_event(2), result_event(1)])
    await publish(settings, USAGE, [usage_event(1), usage_event(1)])
    later = result_event(2, status=Status.FAILED)
    await publish(settings, RESULTS, [later])
    await archived(settings, warehouse, 6)
    results = await warehouse.rows("SELECT id, status FROM results ORDER BY id")
    assert results == [{"id": "request-1", "status": "completed"}, {"id": "request-2", "status": "completed"}]
    (spent,) = await warehouse.rows("SELECT sum(cost_usd) AS usd, count() AS calls FROM usage")
    assert spent == {"usd": COST, "calls": 1}


async def test_two_tenants_may_use_the_same_id(settings: Settings, warehouse: Warehouse) -> None:
    await publish(settings, RESULTS, [result_event(1), result_event(1, tenant="other")])
    await archived(settings, warehouse, 2)
    assert await count(warehouse, "results") == 2


async def test_bulk_message_is_a_row_per_request(settings: Settings, warehouse: Warehouse) -> None:
    await publish(
        settings, REQUESTS, [bulk(range(50)), Publication(b" \n" + request_body(50), b"demo"), bulk([3, 51])]
    )
    await archived(settings, warehouse, 3)
    assert await count(warehouse, "requests") == 52
    (row,) = await warehouse.rows("SELECT * FROM requests WHERE id = 'request-50'")
    assert (row["tenant"], row["mode"], row["cache_directive"], row["model"]) == ("demo", "autopilot", "default", "")
    assert row["body_bytes"] == len(request_body(50)) + 2
    stored = await warehouse.rows("SELECT value FROM archive ORDER BY offset")
    assert stored[0]["value"].encode() == bulk(range(50)).value


async def test_request_of_many_words(settings: Settings, warehouse: Warehouse) -> None:
    body = {
        "id": "1",
        "tenant": "demo",
        "user": "ann",
        "messages": [{"role": "user", "content": "secret"}, {"role": "assistant", "content": "x"}],
        "mode": "explicit",
        "model": "small",
        "constraints": {"min_quality": 0.8, "max_cost_usd": "0.000001", "deadline": "2026-11-24T00:00:00Z"},
        "sampling": {"max_output_tokens": 100},
        "cache": {"directive": "bypass"},
        "tags": {"a": "b"},
        "created_at": "2026-11-23T09:00:00+01:00",
    }
    await publish(settings, REQUESTS, [Publication(msgspec.json.encode(body), b"demo")])
    await archived(settings, warehouse, 1)
    row = await only(warehouse, "requests")
    assert (row["user"], row["mode"], row["model"], row["messages"]) == ("ann", "explicit", "small", 2)
    assert (row["min_quality"], row["max_cost_usd"]) == (0.8, Decimal("0.000001"))
    assert (row["max_output_tokens"], row["cache_directive"], row["tags"]) == (100, "bypass", {"a": "b"})
    assert str(row["created_at"]) == "2026-11-23 08:00:00"
    assert str(row["deadline"]) == "2026-11-24 00:00:00"
    assert "secret" not in str(row)


NONSENSE = (
    b"",
    b"no json",
    b"[",
    b"[]",
    b"[1,2]",
    b"{}",
    b'{"id":7}',
    b"\xff\xfe\x00",
    b"[" * 5000,
    b'{"id":"x","tenant":"t","constraints":7,"tags":[1],"created_at":"never"}',
    b'{"id":"y","tenant":"t","created_at":"9999-12-31T00:00:00Z"}',
    b'{"id":"z","tenant":"t","constraints":{"max_cost_usd":1e300,"min_quality":"high"}}',
    b'{"id":"\\ud800","tenant":"t"}',
)


async def test_nothing_a_producer_sends_stops_the_sink(settings: Settings, warehouse: Warehouse) -> None:
    odd = [Publication(value, b"demo") for value in NONSENSE]
    await publish(settings, REQUESTS, [*odd, bulk([1])])
    await publish(settings, RESULTS, [*odd, result_event(1)])
    await publish(settings, FEEDBACK, odd)
    await archived(settings, warehouse, 3 * len(NONSENSE) + 2)
    assert await count(warehouse, "requests", "id = 'request-1'") == 1
    assert await count(warehouse, "results", "id = 'request-1'") == 1
    assert await count(warehouse, "requests", "id IN ('x', 'y', 'z')") == 3
    assert await count(warehouse, "archive", "mapContains(headers, 'asahi_set_aside')") == 0


async def test_audits_dead_letters_feedback_and_tenants(settings: Settings, warehouse: Warehouse) -> None:
    audit = AuditRecord("a-1", "admin", "tenant.register", "demo", "allowed", "asked", START, "demo")
    letter = DeadLetterRecord(
        "bug/1", "asahi.requests", 2, -1, "intake", "bug", "why", "how", "eA==", 1, START, traceback="Trace"
    )
    grade = {"id": "f-1", "request_id": "request-1", "tenant": "demo", "grade": 0.5}
    await publish(settings, AUDIT, [cloud_event(AUDIT, audit.id, "demo", START, msgspec.json.encode(audit))])
    await publish(
        settings, DEADLETTER, [cloud_event(DEADLETTER, letter.id, None, START, msgspec.json.encode(letter), key=b"k")]
    )
    await publish(settings, FEEDBACK, [Publication(msgspec.json.encode(grade), b"demo")])
    facts = [
        Publication(b'{"tenant":"demo","reference_model":"a"}', b"demo"),
        Publication(b'{"tenant":"demo","reference_model":"b","limits":{"burst":3}}', b"demo"),
        Publication(b'{"tenant":"gone","reference_model":"a"}', b"gone"),
        Publication(b'{"tenant":"demo","team":"desk","changed_by":"noor","budgets":[]}', b"demo/team/desk"),
        Publication(b'{"tenant":"demo","team":"old"}', b"demo/team/old"),
        Publication(None, b"demo/team/old"),
        Publication(b'{"tenant":"demo","user":"amara","team":"desk"}', b"demo/user/amara"),
        Publication(
            b'{"tenant":"demo","key_id":"k0000001","user":"amara","scopes":["producer"],"secret_hash":"0",'
            b'"signing_key":"","issued_at":"2026-11-26T00:00:00Z","revoked_at":"2026-11-26T01:00:00Z"}',
            b"demo/key/k0000001",
        ),
    ]
    await publish(settings, GOVERNANCE, facts, 0)
    await archived(settings, warehouse, 11)
    row = await only(warehouse, "audit")
    assert (row["action"], row["outcome"], row["tenant"]) == ("tenant.register", "allowed", "demo")
    row = await only(warehouse, "dead_letters")
    assert (row["id"], row["source_offset"], row["code"], row["traceback"]) == ("bug/1", -1, "bug", "Trace")
    row = await only(warehouse, "feedback")
    assert (row["grade"], row["source"], row["request_id"]) == (0.5, "user", "request-1")
    tenants = await warehouse.rows("SELECT tenant, reference_model, burst FROM tenants ORDER BY tenant")
    assert tenants == [
        {"tenant": "demo", "reference_model": "b", "burst": 3},
        {"tenant": "gone", "reference_model": "a", "burst": None},
    ]
    row = await only(warehouse, "teams")
    assert (row["tenant"], row["team"], row["changed_by"], row["budgets"]) == ("demo", "desk", "noor", "[]")
    row = await only(warehouse, "users")
    assert (row["tenant"], row["user"], row["team"]) == ("demo", "amara", "desk")
    row = await only(warehouse, "api_keys")
    assert (row["key_id"], row["user"], row["scopes"], row["expires_at"]) == ("k0000001", "amara", ["producer"], None)
    assert row["revoked_at"].isoformat() == "2026-11-26T01:00:00"


async def test_restored_events_are_not_archived_again(settings: Settings, warehouse: Warehouse) -> None:
    event = result_event(1)
    restored = Publication(event.value, event.key, [*event.headers, (RESTORED_HEADER, b"log-0/1/2")])
    await publish(settings, RESULTS, [restored, restored, result_event(2)])
    await archived(settings, warehouse, 1)
    rows = await warehouse.rows("SELECT offset, ce_id FROM archive")
    assert rows == [{"offset": 2, "ce_id": "request-2"}]
