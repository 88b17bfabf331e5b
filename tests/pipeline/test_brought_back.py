"""Answers brought back travel with the completions: the cache keeps them, and nobody accounts for them."""

from __future__ import annotations

from agents.cache.bringing import Given, brought_back
from schemas.batch import Target
from schemas.effective_policy import UNRESTRICTED
from schemas.request import Request
from schemas.wire import Answer, Tokens
from streams.envelope import Publication
from streams.partitioning import home_partition
from streams.sealing.codec import written_completions
from streams.topics import COMPLETIONS
from tests.pipeline.rig import PARTITIONS, TENANTS, Rig, ask, nothing_is_held, settings
from tests.pipeline.test_takeover import next_owner
from tests.unit.providers.virtual_time import clock, run

QUESTION = "What is the capital of Chad?"


def test_they_serve_the_same_question_and_whoever_takes_over_and_are_nobodys_result() -> None:
    rig = Rig(settings())
    home = home_partition("acme", PARTITIONS)

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        request = Request(id="old", tenant="acme", prompt=QUESTION)
        given = Given(request, Answer("Paris", None, "stop"), Tokens(9, 0, 3), Target("big", "east"), clock())
        completion = brought_back(given, TENANTS[0], UNRESTRICTED, home, 0)
        assert completion is not None
        rig.broker.append(COMPLETIONS.name, home, [Publication(written_completions([completion]))])
        await cluster.drained()
        cluster.submit(ask("r0", prompt=QUESTION), "acme")
        await cluster.drained()
        await next_owner(cluster)
        cluster.submit(ask("r1", prompt=QUESTION), "acme")
        await cluster.drained()
        nothing_is_held(cluster)

    run(test())
    assert rig.statuses() == {"r0": "cached", "r1": "cached"}
    assert {result["cache"]["source_request_id"] for [result] in rig.results().values()} == {"old"}
    assert (rig.asked, rig.usages(), rig.dead_letters()) == ([], [], [])
