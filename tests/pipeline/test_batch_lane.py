"""What the batch lane does for requests that can wait, and does not do to those that cannot."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.settings import BatchSettings, KafkaSettings, WindowSettings
from tests.memory.batches import MemoryBatches
from tests.pipeline.rig import PARTITIONS, Rig, ask, nothing_is_held, settings
from tests.pipeline.test_batch_law import all_closed, until
from tests.servers.batch_desk import BatchDesk, Conditions
from tests.unit.providers.virtual_time import clock, run

HOUR = 3600.0


def rig_with(desk: BatchDesk, **batches: Any) -> Rig:
    common = settings(
        kafka=KafkaSettings(partitions=PARTITIONS, commit_interval_seconds=5.0),
        windows=WindowSettings(batch_lane=True, bulk_seconds=0.5),
        batches=BatchSettings(poll_seconds=30.0, settle_seconds=5.0, **batches),
    )
    return Rig(common, tick_seconds=1.0, batches=lambda step: {"east": MemoryBatches(desk, step)})


def tell(
    requests: list[dict[str, Any]], seconds: float, *, turnaround: float = 600.0, **batches: Any
) -> tuple[Rig, BatchDesk]:
    """Send requests with deadlines in seconds and pauses before them; return what came of them after a while."""
    desk = BatchDesk(clock, Conditions(turnaround))
    rig = rig_with(desk, **batches)

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        for number, request in enumerate(requests):
            await asyncio.sleep(request.pop("after", 0.0))
            deadline = request.pop("deadline", None)
            if deadline is not None:
                moment = datetime.fromtimestamp(clock() + deadline, UTC).isoformat()
                request["constraints"] = {**request.get("constraints", {}), "deadline": moment}
            cluster.submit(ask(f"r{number}", **request), "acme")
        await asyncio.sleep(seconds)
        await until(lambda: all_closed(cluster), HOUR)
        await cluster.drained(HOUR)
        nothing_is_held(cluster)

    run(test())
    return rig, desk


def lanes(rig: Rig) -> dict[str, tuple[str, float]]:
    """Return lane and seconds to the result by request."""
    return {
        name: (results[0]["lane"], round(results[0]["latency_ms"] / 1000)) for name, results in rig.results().items()
    }


def test_who_can_wait_is_left_to_a_batch_and_nobody_else() -> None:
    rig, desk = tell([{"deadline": 24 * HOUR}, {}, {"deadline": HOUR}], HOUR)
    found = lanes(rig)
    assert {name: lane for name, (lane, _) in found.items()} == {"r0": "batch", "r1": "interactive", "r2": "bulk"}
    assert found["r1"][1] == 0
    assert found["r2"][1] <= 2
    assert 600 <= found["r0"][1] <= 800
    (usage,) = [usage for usage in rig.usages() if usage["request_id"] == "r0"]
    assert usage["id"] == next("/".join(pair) for pair in [(b.id, i) for b in desk.batches.values() for i in b.items])


def test_an_equal_request_without_time_does_not_wait_for_the_batch() -> None:
    same = {"prompt": "What is the same?"}
    rig, desk = tell(
        [
            {**same, "deadline": 24 * HOUR},
            {**same, "after": 5.0},  # leads instead
            {**same, "deadline": 24 * HOUR, "after": 30.0},  # the answer is there by now
        ],
        HOUR,
    )
    results = {name: found[0] for name, found in rig.results().items()}
    assert results["r1"]["status"] == "completed"
    assert results["r1"]["latency_ms"] < 1000
    assert results["r2"]["status"] == "cached"
    assert results["r0"]["lane"] == "batch"
    assert len(desk.batches) == 1


def test_equal_requests_with_time_share_one_item_of_a_batch() -> None:
    same = {"prompt": "What is the same?", "deadline": 24 * HOUR}
    rig, desk = tell([dict(same), {**same, "deadline": 24 * HOUR + 10, "after": 5.0}], HOUR)
    assert rig.statuses() == {"r0": "completed", "r1": "cached"}
    assert [len(batch.items) for batch in desk.batches.values()] == [1]


def test_those_who_already_wait_and_cannot_go_first() -> None:
    same = {"prompt": "What is the same?"}
    desk = BatchDesk(clock, Conditions(600.0))
    rig = rig_with(desk)

    async def test() -> None:
        cluster = rig.cluster()
        await cluster.join()
        far = datetime.fromtimestamp(clock() + 24 * HOUR, UTC).isoformat()
        bodies = [
            ask("r0", **same, constraints={"deadline": far}),
            ask("r1", **same),
            ask("r2", **same),
        ]
        cluster.submit(b"[" + b",".join(bodies) + b"]", "acme")  # one delivery: two wait before the lane is known
        await asyncio.sleep(10.0)
        assert {name: found[0]["status"] for name, found in rig.results().items()} == {
            "r1": "completed",
            "r2": "cached",
        }
        await asyncio.sleep(HOUR)
        await until(lambda: all_closed(cluster), HOUR)
        await cluster.drained(HOUR)
        nothing_is_held(cluster)

    run(test())
    assert rig.statuses()["r0"] == "completed"


@pytest.mark.parametrize(
    ("batches", "why"),
    [({"open_items": 1}, "there is no room"), ({"job_items": 1}, "each has a batch of its own")],
)
def test_many_requests(batches: dict[str, Any], why: str) -> None:
    rig, desk = tell([{"deadline": 24 * HOUR, "after": 2.0} for _ in range(3)], HOUR, **batches)
    assert set(rig.statuses().values()) == {"completed"}
    by_lane = [lane for lane, _ in lanes(rig).values()]
    if "open_items" in batches:
        assert sorted(by_lane) == ["batch", "bulk", "bulk"], why
    else:
        assert len(desk.batches) == 3, why


def test_a_refused_batch_has_its_requests_called() -> None:
    rig, desk = tell([{"deadline": 24 * HOUR, "prompt": "refuse me"}], HOUR)
    assert rig.statuses() == {"r0": "completed"}
    assert lanes(rig)["r0"][1] < 200
    assert desk.batches == {}


def test_a_provider_that_does_not_come_back_leads_to_calls_in_time() -> None:
    rig, desk = tell([{"deadline": 2 * HOUR}], 2 * HOUR, turnaround=40 * HOUR, expected_seconds=600.0)
    (result,) = rig.results()["r0"]
    assert result["status"] == "completed"
    assert 1.5 * HOUR < result["latency_ms"] / 1000 < 2 * HOUR
    assert [batch.stopped_at is not None for batch in desk.batches.values()] == [True]
    assert [usage["id"].count("/") for usage in rig.usages()] == [0]
