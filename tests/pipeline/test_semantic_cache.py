"""Questions in other words through the whole pipeline: asked once, known to a successor, nobody else's."""

from __future__ import annotations

import asyncio
from pathlib import Path

from schemas.policy import Policy
from schemas.settings import SemanticSettings
from schemas.tenant import TenantRegistered
from tests.memory.cluster import Event
from tests.pipeline.encrypted import Scene
from tests.pipeline.rig import Rig, ask, serve, settings, until
from tests.unit.providers.virtual_time import run

QUESTION, OTHER = "What is the capital city of Chad?", "What's the capital city of Chad?"
SWAPPED = "Which city of the capital is Chad?"
ON = SemanticSettings(enabled=True)
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
