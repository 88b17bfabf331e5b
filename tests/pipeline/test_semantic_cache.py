"""Questions in other words through the whole pipeline: asked once, known to a successor, nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from schemas.policy import Policy
from schemas.settings import SemanticSettings
from schemas.tenant import TenantRegistered
from schemas.verdict import Verdict
from streams.envelope import Publication
from streams.partitioning import home_partition
from streams.topics import FEEDBACK, VERDICTS
from tests.memory.cluster import Cluster, Event
from tests.pipeline.encrypted import Scene
from tests.pipeline.rig import PARTITIONS, Rig, ask, serve, settings, until
from tests.unit.providers.virtual_time import run

QUESTION, OTHER = "What is the capital city of Chad?", "What's the capital city of Chad?"
SWAPPED = "Which city of the capital is Chad?"
THIRD = "What is Chad's capital city?"
ON = SemanticSettings(enabled=True, checked_share=0)
POLICY = Policy(semantic_error_bound=0.05)
TENANTS = tuple(TenantRegistered(tenant=name, reference_model="big", policy=POLICY) for name in ("acme", "zeta"))


def test_a_question_in_other_words_is_answered_once() -> None:
    rig = Rig(settings(semantic=ON), tenants=TENANTS)
    serve(
        rig,
        ask("r0", prompt=QUESTION),
        ask("r1", prompt=OTHER),
        ask("r2", prompt=SWAPPED),
        ask("r3", "zeta", prompt=OTHER),
        pause=1.0,
    )
    assert rig.statuses() == {"r0": "completed", "r1": "cached", "r2": "completed", "r3": "completed"}
    [first], [served] = rig.results()["r0"], rig.results()["r1"]
    assert served["output"] == first["output"]
    assert served["cache"].items() >= {"tier": "semantic", "source_request_id": "r0"}.items()
    assert served["cache"]["probability"] >= 0.95
    assert served["savings"] == {"cache_semantic": served["baseline"]["cost_usd"]}


def test_nobody_is_served_so_unless_asked_for() -> None:
    silent = tuple(TenantRegistered(tenant=name, reference_model="big") for name in ("acme", "zeta"))
    rig = Rig(settings(semantic=ON), tenants=silent)
    serve(rig, ask("r0", prompt=QUESTION), ask("r1", prompt=OTHER), pause=1.0)
    assert rig.statuses() == {"r0": "completed", "r1": "completed"}
    assert rig.passengers()["r0"].asked is None


def test_a_successor_knows_the_questions_of_a_worker_that_was_killed() -> None:
    rig = Rig(settings(semantic=ON), tenants=TENANTS)

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        cluster.submit(ask("r0", prompt=QUESTION), "acme")
        await until(rig.results)
        [worker] = cluster.workers
        cluster.kill(worker, Event(0, down_seconds=0.0))
        await until(lambda: cluster.workers)
        cluster.submit(ask("r1", prompt=OTHER), "acme")
        await asyncio.sleep(1.0)
        await cluster.drained()

    run(test())
    [served] = rig.results()["r1"]
    assert (served["status"], served["cache"]["source_request_id"]) == ("cached", "r0")
    assert {one.request_id for one in rig.asked} == {"r0"}


async def served_in_other_words(rig: Rig) -> Cluster:
    """Start a worker that has answered r0, and r1 with the answer to r0."""
    cluster = rig.cluster()
    await cluster.join()
    for name, prompt in (("r0", QUESTION), ("r1", OTHER)):
        cluster.submit(ask(name, prompt=prompt), "acme")
        await asyncio.sleep(1.0)
    return cluster


def grade(rig: Rig, mark: float, fields: Mapping[str, object] | None = None) -> None:
    """Grade the answer to r1."""
    event = {"id": f"g-{mark}", "request_id": "r1", "tenant": "acme", "grade": mark, **(fields or {})}
    publication = Publication(msgspec.json.encode(event), b"acme")
    rig.broker.append(FEEDBACK.name, home_partition("acme", PARTITIONS), [publication])


def test_a_grade_of_nought_takes_a_question_out_and_a_successor_knows_it() -> None:
    rig = Rig(settings(semantic=ON), tenants=TENANTS)

    async def test() -> None:
        cluster = await served_in_other_words(rig)
        grade(rig, 0.0)
        await cluster.drained()
        cluster.submit(ask("r2", prompt=THIRD, cache={"directive": "only"}), "acme")
        await cluster.drained()
        [worker] = cluster.workers
        cluster.kill(worker, Event(0, down_seconds=0.0))
        await until(lambda: cluster.workers)
        cluster.submit(ask("r3", prompt=THIRD, cache={"directive": "only"}), "acme")
        cluster.submit(ask("r4", prompt=QUESTION), "acme")
        await cluster.drained()

    run(test())
    statuses = {name: results[-1]["status"] for name, results in rig.results().items()}
    assert statuses == {"r0": "completed", "r1": "cached", "r2": "rejected", "r3": "rejected", "r4": "cached"}
    assert rig.results()["r4"][0]["cache"]["tier"] == "exact"


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"grade": 2}, "grade"), ({"nonsense": 1}, "nonsense"), ({"tenant": "zeta"}, "tenant")],
)
def test_a_grade_that_cannot_be_read_is_a_dead_letter_and_the_next_one_counts(
    fields: dict[str, object], field: str
) -> None:
    assert home_partition("acme", PARTITIONS) != home_partition("zeta", PARTITIONS)
    rig = Rig(settings(semantic=ON), tenants=TENANTS)

    async def test() -> None:
        cluster = await served_in_other_words(rig)
        grade(rig, 0.5, fields)
        grade(rig, 0.0)
        await cluster.drained()

    run(test())
    [letter] = rig.dead_letters()
    assert (letter["code"], letter["field"], letter["source_topic"]) == ("invalid_feedback", field, FEEDBACK.name)
    assert len(rig.broker.topic(VERDICTS.name)) == 1


def test_a_check_asks_a_model_and_what_it_says_is_a_verdict() -> None:
    rig = Rig(settings(semantic=SemanticSettings(enabled=True, checked_share=1.0)), tenants=TENANTS)
    serve(rig, ask("r0", prompt=QUESTION), ask("r1", prompt=OTHER), pause=1.0)
    assert rig.statuses() == {"r0": "completed", "r1": "completed"}
    [record] = rig.broker.topic(VERDICTS.name)
    verdict = msgspec.msgpack.decode(record.value or b"", type=Verdict)
    assert (verdict.id, verdict.source_request_id, verdict.by) == ("comparison/r1", "r0", "comparison")


def test_questions_of_a_tenant_that_encrypts_are_nowhere_in_plain_text(tmp_path: Path) -> None:
    scene = Scene(tmp_path, semantic=ON)
    encrypting = scene.rig.tenants[0]
    policy = encrypting.policy.model_copy(update={"semantic_error_bound": 0.05})
    scene.rig.tenants = (encrypting.model_copy(update={"policy": policy}), *scene.rig.tenants[1:])
    requests = [scene.sealed(ask("r0", prompt=QUESTION)), scene.sealed(ask("r1", prompt=OTHER))]
    serve(scene.rig, *requests, pause=1.0)
    assert scene.statuses() == {"r0": "completed", "r1": "cached"}
    assert scene.opened("r1")["cache"]["tier"] == "semantic"
    assert b"Chad" not in scene.everything()
