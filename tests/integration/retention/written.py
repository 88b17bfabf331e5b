"""An archive with content of several ages and owners, and the registry that limits some of it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aiokafka import TopicPartition

from agents.governance.registry import Registry
from schemas.feedback import Feedback
from schemas.governance import TeamRegistered, UserRegistered
from schemas.policy import Policy
from schemas.result import Lane, Status
from schemas.tenant import TenantRegistered
from schemas.wire import Answer, DeadLetterRecord, ProblemRecord, ResultRecord, Tokens, UsageRecord
from streams.envelope import Publication, cloud_event
from streams.signing import KEY_ID_HEADER
from streams.sink.block import COLUMNS, Block, encode
from streams.topics import AUDIT, DEADLETTER, FEEDBACK, REQUESTS, RESULTS, USAGE, Topic
from streams.warehouse.client import Warehouse
from tests.unit.governance.keys import issue
from tests.unit.sink.records import record

NOW = datetime.now(UTC).replace(microsecond=0)
LIMITED, OPEN, STRICT = "acme", "zeta", "brief"
"""Ten days for everybody; nobody's limit but one user's; one day, and older than that all of it."""
KEY = issue("k1", LIMITED, user="amara")
TEAM_KEY = issue("k2", OPEN, team="search")

_json = msgspec.json.Encoder()


def days(count: int | None) -> dict[str, Policy]:
    return {} if count is None else {"policy": Policy(retention_days=count)}


def registry() -> Registry:
    """Return who may keep what: see the tests."""
    made = Registry()
    made.register(TenantRegistered(tenant=LIMITED, reference_model="big", **days(10)))
    made.register(UserRegistered(tenant=LIMITED, user="amara", **days(5)))
    made.register(UserRegistered(tenant=LIMITED, user="noor", **days(90)))
    made.register(KEY.fact.model_copy(update=days(3)))
    made.register(TenantRegistered(tenant=OPEN, reference_model="big"))
    made.register(TeamRegistered(tenant=OPEN, team="search", **days(4)))
    made.register(TeamRegistered(tenant=OPEN, team="sales"))
    made.register(UserRegistered(tenant=OPEN, user="bo", team="search"))
    made.register(UserRegistered(tenant=OPEN, user="kim", team="sales"))
    made.register(TEAM_KEY.fact)
    made.register(TenantRegistered(tenant=STRICT, reference_model="big", **days(1)))
    return made


@dataclass
class Archive:
    """Writes events as the sink would, as old as they are to be."""

    warehouse: Warehouse
    cluster: str = "log-1"
    offsets: dict[str, int] = field(default_factory=dict)

    async def write(self, topic: Topic, events: Sequence[tuple[Publication, float]]) -> None:
        """Append events with their ages in days."""
        place = TopicPartition(topic.name, 0)
        start = self.offsets.get(topic.name, 0)
        records = []
        for number, (event, age) in enumerate(events, start):
            one = record(number, event.value, tuple(event.headers), event.key, place)
            one.timestamp = int(at(age).timestamp() * 1000)
            records.append(one)
        self.offsets[topic.name] = start + len(records)
        block = Block({place: records})
        await self.warehouse.insert(
            "archive_store", COLUMNS, encode(self.cluster, block.in_order()), {"async_insert": 0}
        )


def at(age: float) -> datetime:
    return NOW - timedelta(days=age)


def body(request_id: str, tenant: str, user: str | None = None, **fields: Any) -> bytes:
    """Return a request whose prompt has its own id in it."""
    said = {
        "id": request_id,
        "tenant": tenant,
        "prompt": f"question of {request_id} ü",
        "tags": {"job": "n"},
        **fields,
    }
    return _json.encode(said | ({} if user is None else {"user": user}))


def sent(*bodies: bytes, tenant: str, key_id: str | None = None, bulk: bool | None = None) -> Publication:
    headers = [] if key_id is None else [(KEY_ID_HEADER, key_id.encode())]
    many = len(bodies) > 1 if bulk is None else bulk
    return Publication(b"[" + b", ".join(bodies) + b"]" if many else bodies[0], tenant.encode(), headers)


def answered(
    request_id: str, tenant: str, age: float, user: str | None = None, *, failed: bool = False
) -> Publication:
    result = ResultRecord(
        id=request_id,
        status=Status.FAILED if failed else Status.COMPLETED,
        cost_usd="0.000000000000123457",
        received_at=at(age),
        completed_at=at(age),
        tenant=tenant,
        user=user,
        output=None if failed else Answer(f"answer to {request_id} ß", None, "stop"),
        error=ProblemRecord("provider_bad_request", f"it says: complaint of {request_id}", "r") if failed else None,
        usage=Tokens(100, 40, 20, 5),
        lane=Lane.BULK,
        latency_ms=5.25,
        tags={"job": "n"},
    )
    return cloud_event(RESULTS, request_id, tenant, result.completed_at, _json.encode(result))


def paid(request_id: str, tenant: str, age: float) -> Publication:
    usage = UsageRecord(
        f"call-{request_id}", request_id, tenant, "m", "p", Lane.BULK, Tokens(1, 0, 2), "0.25", "l", 1.0, at(age)
    )
    return cloud_event(USAGE, usage.id, tenant, at(age), _json.encode(usage))


def letter(number: int, value: bytes, key: str | None, age: float, source: str = REQUESTS.name) -> Publication:
    dead = DeadLetterRecord(
        id=f"{source}/0/{number}/0",
        source_topic=source,
        source_partition=0,
        source_offset=number,
        stage="governance",
        code="internal_error",
        reason="why",
        remedy="how",
        value_base64=b64encode(value).decode(),
        size=len(value),
        occurred_at=at(age),
        key=key,
        traceback=f"ValueError: quoted of {number}",
    )
    return cloud_event(DEADLETTER, dead.id, None, at(age), _json.encode(dead), key=f"{source}/0".encode())


def graded(request_id: str, tenant: str, age: float) -> Publication:
    given = Feedback(
        id=f"g-{request_id}", request_id=request_id, tenant=tenant, grade=1, comment=f"remark on {request_id}"
    )
    return cloud_event(FEEDBACK, given.id, tenant, at(age), given.model_dump_json().encode())


async def write_all(archive: Archive) -> None:
    """Write requests of every owner and age, with what follows from them."""
    singles = [
        ("limited-old", LIMITED, None, 11.0),
        ("limited-young", LIMITED, None, 9.0),
        ("limited-noor", LIMITED, "noor", 11.0),
        ("amara-old", LIMITED, "amara", 6.0),
        ("amara-young", LIMITED, "amara", 4.0),
        ("open-old", OPEN, None, 400.0),
        ("bo-old", OPEN, "bo", 4.5),
        ("bo-young", OPEN, "bo", 3.5),
        ("kim-old", OPEN, "kim", 400.0),
        ("strict-old", STRICT, None, 1.2),
        ("stranger-old", "nobody", None, 400.0),
    ]
    await archive.write(
        REQUESTS, [(sent(body(one, whose, user), tenant=whose), age) for one, whose, user, age in singles]
    )
    results = [(answered(one, whose, age, user), age) for one, whose, user, age in singles]
    await archive.write(USAGE, [(paid(one, whose, age), age) for one, whose, _, age in singles])
    await archive.write(FEEDBACK, [(graded(one, whose, age), age) for one, whose, _, age in singles])
    keyed = [
        (sent(body("keyed-old", LIMITED), tenant=LIMITED, key_id=KEY.fact.key_id), 3.5),
        (sent(body("team-key-old", OPEN), tenant=OPEN, key_id=TEAM_KEY.fact.key_id), 4.5),
        (sent(body("team-key-kim", OPEN, "kim"), tenant=OPEN, key_id=TEAM_KEY.fact.key_id), 4.5),
        (
            sent(body("mixed-amara", LIMITED, "amara"), body("mixed-all", LIMITED), tenant=LIMITED, key_id=None),
            7.0,
        ),
        (
            sent(
                body("array-old", LIMITED, messages=[{"role": "user", "content": "many"}]), tenant=LIMITED, bulk=True
            ),
            12.0,
        ),
        (Publication(b'{"id": "broken-old", "prompt": "question of broken', LIMITED.encode()), 12.0),
        (Publication(b'[{"id": "torn-old", "prompt": "question of torn', LIMITED.encode()), 12.0),
        (
            Publication(
                body("odd-old", LIMITED, promt="question of odd", sampling={"stop": ["halt-odd"], "seed": 3}), b"?"
            ),
            12.0,
        ),
        (Publication(b'{"prompt": "question of nobody-old"}', None), 1.5),
    ]
    await archive.write(REQUESTS, keyed)
    followed = [
        ("keyed-old", LIMITED, None, 3.5),
        ("team-key-old", OPEN, None, 4.5),
        ("team-key-kim", OPEN, "kim", 4.5),
        ("mixed-amara", LIMITED, "amara", 7.0),
        ("mixed-all", LIMITED, None, 7.0),
    ]
    results += [(answered(one, whose, age, user), age) for one, whose, user, age in followed]
    results += [
        (answered(f"failed-{how}", LIMITED, age, failed=True), age) for how, age in (("old", 12.0), ("young", 2.0))
    ]
    results.append((answered("batch-old", LIMITED, 10.5), 9.5))
    await archive.write(RESULTS, results)
    letters = [
        letter(1, body("letter-old", LIMITED), LIMITED, 12.0),
        letter(2, body("letter-young", LIMITED), LIMITED, 2.0),
        letter(3, b"question of raw-old \xff", LIMITED, 12.0),
        letter(4, b"question of lost-old \xff", None, 1.5),
        letter(5, b"\x93question of internal-old", "lane/3", 1.5, "asahi.internal.dispatch"),
        letter(6, body("letter-open", OPEN), OPEN, 400.0),
    ]
    await archive.write(
        DEADLETTER, [(one, age) for one, age in zip(letters, (12.0, 2.0, 12.0, 1.5, 1.5, 400.0), strict=True)]
    )
    await archive.write(
        AUDIT, [(Publication(b'{"id": "a", "tenant": "acme", "reason": "question of audit"}', b"acme"), 400.0)]
    )


GONE = (
    *("limited-old", "limited-noor", "amara-old", "bo-old", "strict-old", "keyed-old", "team-key-old", "mixed-amara"),
    *("array-old", "broken", "torn", "odd", "nobody-old", "letter-old", "raw-old", "lost-old", "internal-old"),
    *("batch-old", "failed-old"),
)
"""What must be found nowhere after `question of`, `answer to`, `complaint of` or `remark on`."""
THERE = (
    *("limited-young", "amara-young", "open-old", "bo-young", "kim-old", "stranger-old", "team-key-kim", "mixed-all"),
    *("letter-young", "letter-open", "failed-young", "audit"),
)
"""What must be found as before."""
SAYINGS = ("question of", "answer to", "complaint of", "remark on")
