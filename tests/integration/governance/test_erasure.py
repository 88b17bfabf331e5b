"""Encrypted content is nowhere in plain text, and nobody opens it once its keys are destroyed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from agents.governance.encryption import places
from agents.providers.simulated import injected_failure
from schemas.settings import Settings
from streams.cli.invocation import Invocation
from streams.envelope import Publication
from streams.outbox import Outbox
from streams.partitioning import home_partition
from streams.submission.content import ContentAccess, read_sealing_facts
from streams.tail import read_tail
from streams.topics import AUDIT, REQUESTS
from streams.warehouse.client import Warehouse
from tests.integration.cli.commands import Asahi, Up, eventually, write_lines

WHY = ("--reason", "a test")
PATIENCE_SECONDS = 120.0
FAILURE_RATE = 0.3
ENOUGH_ATTEMPTS = 10
DOOMED = "doomed-357383"
"""Every attempt at it fails: it was searched for, which takes longer than the tests."""
DIGEST_CHARS = 16
QUESTIONS = 8
QUARTZ, BASALT, GRANITE, CHALK = "acme-quartz", "acme-basalt", "acme-granite", "acme-chalk"
"""Two tenants that encrypt, one that encrypts by user, and one in plain text, which shows that the search finds."""
WORDS = {QUARTZ: "zebrafish", BASALT: "kingfisher", GRANITE: "hummingbird", CHALK: "nightingale"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    assert all(injected_failure(DOOMED, attempt, FAILURE_RATE) for attempt in range(1, ENOUGH_ATTEMPTS + 1))
    provider = {"simulated": {"kind": "simulated", "failure_rate": FAILURE_RATE}}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ASAHI_PROVIDERS", orjson.dumps(provider).decode())
        up = Up(tmp_path_factory.mktemp("stack") / "data")
    up.wait_for("Ctrl-C stops it")
    yield up
    assert up.stop() == 0, up.said()


@pytest.fixture
def asahi(running: Up, capsys: pytest.CaptureFixture[str]) -> Asahi:
    return Asahi(running.data_dir, capsys)


def reached(running: Up) -> Settings:
    return Invocation(running.data_dir).attached()


def asked(tenant: str, round_: str) -> list[dict[str, Any]]:
    """Return requests whose prompts are the same in every round; one of them fails."""
    users = ({"user": "ann"}, {"user": "bob"}) if tenant == GRANITE else ({}, {})
    lines = [
        {
            "id": f"{round_}-{number}",
            "tenant": tenant,
            "prompt": f"Tell me of the {WORDS[tenant]} number {number} of {users[number % 2].get('user', 'all')}.",
            **users[number % 2],
        }
        for number in range(QUESTIONS)
    ]
    last = {"id": DOOMED, "tenant": tenant, "prompt": f"The doomed {WORDS[tenant]}.", **users[0]}
    return [*lines, last | {"mode": "explicit", "model": "gpt-4-turbo"}]


def submit(asahi: Asahi, folder: Path, tenant: str, round_: str) -> list[dict[str, Any]]:
    source = write_lines(folder / f"{tenant}-{round_}.jsonl", asked(tenant, round_))
    output = folder / f"{tenant}-{round_}.out"
    said = asahi("submit", str(source), "-o", str(output), "--json")
    assert said.code == 0, said.err
    return [orjson.loads(line) for line in output.read_bytes().splitlines()]


async def conflict(settings: Settings, tenant: str) -> None:
    """Send another content under an id that has been used: it becomes a dead letter."""
    content = ContentAccess(settings.kafka, await read_sealing_facts(settings.kafka), None, "a test")
    user = {"user": "ann"} if tenant == GRANITE else {}
    request = {"id": "one-0", "tenant": tenant, "prompt": f"Another {WORDS[tenant]} under the same id.", **user}
    async with Outbox(settings.kafka) as outbox:
        value = content.sealed(tenant, orjson.dumps(request))
        partition = home_partition(tenant, settings.kafka.partitions)
        await outbox.publish(REQUESTS.name, partition, [Publication(value, tenant.encode())])


async def found(settings: Settings, needles: list[str]) -> dict[str, set[str]]:
    """Return in which places each text stands."""
    seen: dict[str, set[str]] = {needle: set() for needle in needles}

    def look(place: str, items: list[bytes]) -> None:
        for needle in needles:
            if any(needle.encode() in item for item in items):
                seen[needle].add(place)

    async for topic, values in places.topics(settings.kafka):
        look(topic.name, values)
    async with Warehouse(settings.clickhouse) as warehouse:
        async for column, values in places.tables(warehouse):
            look(column, values)
    for path, chunk in places.files(settings.embedded.data_dir):
        look(str(path), [chunk])
    return seen


async def actions(settings: Settings, tenant: str) -> list[str]:
    starts = {(AUDIT.name, partition): 0 for partition in range(settings.kafka.partitions)}
    told = []
    async for records in read_tail(settings.kafka, starts):
        told += [orjson.loads(record.value or b"") for record in records]
    return [audit["action"] for audit in told if audit.get("tenant") == tenant]


def rows(running: Up, sql: str) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        async with Warehouse(reached(running).clickhouse) as warehouse:
            return await warehouse.rows(sql)

    return asyncio.run(ask())


def test_content_is_nowhere_in_plain_text_and_erased_content_opens_nowhere(
    asahi: Asahi, running: Up, tmp_path: Path
) -> None:
    settings = reached(running)
    for tenant, mode in ((QUARTZ, "tenant"), (BASALT, "tenant"), (GRANITE, "user"), (CHALK, "off")):
        said = asahi(
            *("governance", "tenants", "set", tenant, "--set", "reference_model=gpt-4-turbo"),
            *("--set", f"policy.encryption={mode!r}", *WHY),
        )
        assert (said.code, "not enforced" in said.err) == (0, False), said.err
    for user in ("ann", "bob"):
        assert asahi("governance", "users", "set", user, "--tenant", GRANITE, *WHY).code == 0

    first = {tenant: submit(asahi, tmp_path, tenant, "one") for tenant in WORDS}
    second = {tenant: submit(asahi, tmp_path, tenant, "two") for tenant in WORDS}
    for tenant in WORDS:
        asyncio.run(conflict(settings, tenant))
        assert [row["status"] for row in first[tenant]] == ["completed"] * QUESTIONS + ["failed"], first[tenant]
        assert [row["status"] for row in second[tenant][:-1]] == ["cached"] * QUESTIONS
        assert "simulated" in first[tenant][-1]["error"]["message"]
    eventually(lambda: rows(running, "SELECT count() AS n FROM dead_letters")[0]["n"] == len(WORDS), PATIENCE_SECONDS)
    expected = len(WORDS) * (2 * QUESTIONS + 1)
    eventually(lambda: rows(running, "SELECT count() AS n FROM results")[0]["n"] >= expected, PATIENCE_SECONDS)

    answers = {tenant: first[tenant][0]["output"]["content"][:DIGEST_CHARS] for tenant in WORDS}
    needles = [*WORDS.values(), *answers.values()]
    seen = asyncio.run(found(settings, needles))
    assert {needle for needle in needles if seen[needle]} == {WORDS[CHALK], answers[CHALK]}, seen
    assert {"asahi.requests", "asahi.internal.dispatch", "asahi.deadletter", "archive_store.value"} <= seen[
        WORDS[CHALK]
    ]
    assert {"asahi.results", "asahi.internal.completions", "archive_store.value"} <= seen[answers[CHALK]]

    shown = asahi("result", "one-0", "--tenant", QUARTZ, "--reason", "before")
    assert shown.json["output"]["content"] == first[QUARTZ][0]["output"]["content"]

    probes = ("--probe", WORDS[QUARTZ], "--probe", answers[QUARTZ])
    erased = asahi("governance", "erase", "--tenant", QUARTZ, *probes, "--yes", "--json", *WHY)
    assert erased.code == 0, erased.err
    report = erased.json
    assert (report["proven"], len(report["keys"]), report["workers"]) == (True, 1, {"know": 1, "there": 1})
    sealed = {place["place"] for place in report["searched"] if place["sealed"]}
    assert {"topic asahi.requests", "topic asahi.results", "topic asahi.internal.dispatch"} <= sealed
    assert {"topic asahi.internal.completions", "topic asahi.deadletter", "table archive_store.value"} <= sealed

    gone = asahi("result", "one-0", "--tenant", QUARTZ)
    assert gone.code == 1
    assert "destroyed" in gone.err
    again = asahi("infer", "--prompt", "Anything", "--tenant", QUARTZ)
    assert again.code == 2
    assert "data-keys make" in again.err
    kept = asahi("result", "one-0", "--tenant", BASALT).json
    assert kept["output"]["content"] == first[BASALT][0]["output"]["content"]

    ann = asahi("governance", "erase", "--tenant", GRANITE, "--user", "ann", "--yes", "--json", *WHY)
    assert (ann.code, ann.json["proven"], len(ann.json["keys"])) == (0, True, 1), ann.err
    assert asahi("result", "one-0", "--tenant", GRANITE).code == 1
    kept = asahi("result", "one-1", "--tenant", GRANITE).json
    assert kept["output"]["content"] == first[GRANITE][1]["output"]["content"]
    assert submit(asahi, tmp_path, BASALT, "three")[0]["status"] == "cached"

    seen = asyncio.run(found(settings, needles))
    assert {needle for needle in needles if seen[needle]} == {WORDS[CHALK], answers[CHALK]}, seen
    told = asyncio.run(actions(settings, QUARTZ))
    assert {"data_key_issued", "results_opened", "result_opened", "data_key_destroyed"} <= set(told)
